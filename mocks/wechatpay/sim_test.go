package wechatpay_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"guodu/mocks/wechatpay"
)

func TestNewRefusesBadOptions(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*wechatpay.Options){
		"no merchant":     func(o *wechatpay.Options) { o.MchID = "" },
		"no account":      func(o *wechatpay.Options) { o.AppID = "" },
		"no secret":       func(o *wechatpay.Options) { o.AppSecret = "" },
		"no serial":       func(o *wechatpay.Options) { o.MerchantSerial = "" },
		"no public key":   func(o *wechatpay.Options) { o.MerchantPublicKey = nil },
		"key of 16 bytes": func(o *wechatpay.Options) { o.APIv3Key = apiV3Key[:16] },
		"overlong appid":  func(o *wechatpay.Options) { o.AppID = strings.Repeat("x", 33) },
	} {
		opts := options()
		spoil(&opts)
		_, err := wechatpay.New(opts)
		if !errors.Is(err, wechatpay.ErrOptions) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeyIDIsMarkedAndOfOneKey(t *testing.T) {
	t.Parallel()
	a, b := setup(t, nil), setup(t, nil)
	id := a.sim.PublicKeyID()
	if !strings.HasPrefix(id, wechatpay.SimulatorKeyIDPrefix) || !regexp.MustCompile(`^PUB_KEY_ID_0[0-9]{33}$`).MatchString(id) {
		t.Errorf("key id is %s", id)
	}
	if id == b.sim.PublicKeyID() || bytes.Equal(a.sim.PublicKeyPEM(), b.sim.PublicKeyPEM()) {
		t.Error("two simulators share a key")
	}
	if !regexp.MustCompile(`^[0-9A-F]{40}$`).MatchString(merchantKey().Serial) {
		t.Errorf("merchant serial is %s", merchantKey().Serial)
	}
}

func TestSameSeedGivesSameIDs(t *testing.T) {
	t.Parallel()
	a, b := setup(t, nil), setup(t, nil)
	c := setup(t, func(o *wechatpay.Options) { o.Seed = 0 })
	if x, y := a.paid(orderForm("SEED0001")), b.paid(orderForm("SEED0001")); x.TransactionID != y.TransactionID {
		t.Errorf("one seed gave %s and %s", x.TransactionID, y.TransactionID)
	}
	if c.sim.Seed() == 0 || a.sim.Seed() != 7 {
		t.Errorf("seeds are %d and %d", c.sim.Seed(), a.sim.Seed())
	}
}

func TestStartListensOnLoopbackOnceAndNotAfterClose(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	if !strings.HasPrefix(b.base, "http://127.0.0.1:") {
		t.Errorf("base is %s", b.base)
	}
	_, err := b.sim.Start(t.Context())
	if !errors.Is(err, wechatpay.ErrStarted) {
		t.Errorf("second start: %v", err)
	}
	for range 2 {
		err = b.sim.Close()
		if err != nil {
			t.Errorf("close: %v", err)
		}
	}
	_, err = b.sim.Start(t.Context())
	if !errors.Is(err, wechatpay.ErrClosed) {
		t.Errorf("start after close: %v", err)
	}
}

func TestEndOfContextStopsTheServer(t *testing.T) {
	t.Parallel()
	sim, err := wechatpay.New(options())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	base, err := sim.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: sim\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	_, err = http.ReadResponse(bufio.NewReader(conn), nil) // now the server knows the connection
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	err = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, conn)
	if err != nil {
		t.Fatalf("the connection did not end in peace: %v", err)
	}
}

func TestSignedAnswersCarryThePlatformsHeaders(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	r := b.call(http.MethodPost, prepayURL, orderForm("HEAD0001").json(t))
	for name, want := range map[string]string{
		"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-cache, must-revalidate",
		"X-Content-Type-Options": "nosniff", "Content-Language": "zh-CN",
		"Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048", "Wechatpay-Serial": b.sim.PublicKeyID(),
	} {
		if got := r.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if !regexp.MustCompile(`^08[0-9A-F]+-0$`).MatchString(r.header.Get("Request-ID")) {
		t.Errorf("Request-ID is %q", r.header.Get("Request-ID"))
	}
	r = b.call(http.MethodGet, queryURL("HEAD0009"), "")
	if !strings.HasSuffix(r.header.Get("Request-ID"), "-268512771") {
		t.Errorf("Request-ID of an unknown order is %q", r.header.Get("Request-ID"))
	}
}

func TestBookAddsUp(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.prepay(orderForm("BOOK0001"))
	receipt := b.paid(orderForm("BOOK0002"))
	b.paid(orderForm("BOOK0003").with("amount", form{"total": 1}))
	b.prepay(orderForm("BOOK0004"))
	b.call(http.MethodPost, closeURL("BOOK0004"), closeBody)
	book := b.sim.Book()
	if book.PaidFen != 5001 || book.RefundedFen != 0 || len(book.Orders) != 4 || book.Orders[0].OutTradeNo != "BOOK0001" {
		t.Fatalf("book is %+v", book)
	}
	got, ok := book.Order("BOOK0002")
	want := wechatpay.BookOrder{
		OutTradeNo: "BOOK0002", TransactionID: receipt.TransactionID, TotalFen: 5000, State: wechatpay.StateSuccess,
		PaidAt: receipt.PaidAt, Openid: wechatpay.OpenID(appID, person), Attach: "order=BOOK0002",
	}
	if !ok || got != want {
		t.Errorf("order is %+v, want %+v", got, want)
	}
	if o, _ := book.Order("BOOK0004"); o.State != wechatpay.StateClosed || !o.PaidAt.IsZero() {
		t.Errorf("closed order is %+v", o)
	}
	if _, ok := book.Order("BOOK0009"); ok {
		t.Error("an order that was never made is in the book")
	}
	if book.Counts["prepay"] != 4 || book.Counts["prepay.200"] != 4 || book.Counts["paid"] != 2 || book.Counts["close.204"] != 1 {
		t.Errorf("counts are %v", book.Counts)
	}
}

// page is a log that can be read while it is written.
type page struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.Write(b)
}

func (p *page) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.String()
}

func TestLogHoldsNoPersonAndNoSecret(t *testing.T) {
	t.Parallel()
	log := &page{}
	b := setup(t, func(o *wechatpay.Options) {
		o.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	b.paid(orderForm("LOG00001"))
	b.exchange(exchangeOf(b.code("")))
	out := log.String()
	if !strings.Contains(out, "endpoint=prepay status=200") {
		t.Fatalf("log is %s", out)
	}
	for _, secret := range []string{wechatpay.OpenID(appID, person), appSecret, apiV3Key, "Authorization"} {
		if strings.Contains(out, secret) {
			t.Errorf("log holds %s", secret)
		}
	}
}
