package alipay_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
)

func TestNewRefusesBadOptions(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*alipay.Options){
		"no app":          func(o *alipay.Options) { o.AppID = "" },
		"overlong app":    func(o *alipay.Options) { o.AppID = strings.Repeat("2", 33) },
		"no seller":       func(o *alipay.Options) { o.SellerID = "" },
		"seller of 17":    func(o *alipay.Options) { o.SellerID += "0" },
		"no public key":   func(o *alipay.Options) { o.MerchantPublicKey = nil },
		"no behaviour":    func(o *alipay.Options) { o.Without = []int{40} },
		"real key":        func(o *alipay.Options) { o.PlatformKey, _ = rsa.GenerateKey(rand.Reader, 2048) },
		"overlong person": func(o *alipay.Options) { o.DefaultPerson = strings.Repeat("x", 65) },
		"negative window": func(o *alipay.Options) { o.Profile.TimestampWindow = -1 },
	} {
		opts := options()
		spoil(&opts)
		_, err := alipay.New(opts)
		if !errors.Is(err, alipay.ErrOptions) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPersonsHaveLastingIDs(t *testing.T) {
	t.Parallel()
	if !regexp.MustCompile(`^2088[0-9]{12}$`).MatchString(alipay.BuyerID(person)) || len(alipay.OpenID(appID, person)) != 47 {
		t.Errorf("ids are %s and %s", alipay.BuyerID(person), alipay.OpenID(appID, person))
	}
	seen := map[string]bool{}
	for _, who := range []string{person, "lisi", "wangwu", ""} {
		for _, id := range []string{alipay.BuyerID(who), alipay.OpenID(appID, who), alipay.OpenID("2021000000000000", who)} {
			if seen[id] {
				t.Errorf("%s is used twice", id)
			}
			seen[id] = true
		}
	}
	if alipay.BuyerID(person) != "2088935144047297" {
		t.Errorf("the id of %s is %s: persons in stored data change", person, alipay.BuyerID(person))
	}
}

func TestSameSeedGivesSameIDsAndKeysNever(t *testing.T) {
	t.Parallel()
	fresh := func(o *alipay.Options) { o.PlatformKey = nil }
	a, b := setup(t, fresh), setup(t, fresh)
	if x, y := a.create(orderForm("SEED_1")), b.create(orderForm("SEED_1")); x != y {
		t.Errorf("one seed gave %s and %s", x, y)
	}
	if bytes.Equal(a.sim.PublicKeyPEM(), b.sim.PublicKeyPEM()) {
		t.Error("two simulators share a key")
	}
	c := setup(t, func(o *alipay.Options) { o.Seed = 0 })
	if a.sim.Seed() != 7 || c.sim.Seed() == 0 {
		t.Errorf("seeds are %d and %d", a.sim.Seed(), c.sim.Seed())
	}
}

func TestStartListensOnLoopbackOnceAndNotAfterClose(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	if !strings.HasPrefix(b.base, "http://127.0.0.1:") {
		t.Errorf("base is %s", b.base)
	}
	_, err := b.sim.Start(t.Context())
	if !errors.Is(err, sim.ErrStarted) {
		t.Errorf("second start: %v", err)
	}
	for range 2 {
		err = b.sim.Close()
		if err != nil {
			t.Errorf("close: %v", err)
		}
	}
	_, err = b.sim.Start(t.Context())
	if !errors.Is(err, sim.ErrClosed) {
		t.Errorf("start after close: %v", err)
	}
	idle, err := alipay.New(options())
	if err != nil {
		t.Fatal(err)
	}
	err = idle.Close()
	if err != nil {
		t.Errorf("close of one that never started: %v", err)
	}
}

func TestStartRefusesAddressesOfTheWorld(t *testing.T) {
	t.Parallel()
	opts := options()
	opts.PlatformKey = platformKey()
	for address, want := range map[string]error{"0.0.0.0:0": sim.ErrNotLoopback, "example.edu:0": sim.ErrNotLoopback, "127.0.0.1:0": nil} {
		opts.Listen = address
		s, err := alipay.New(opts)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Start(t.Context())
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", address, err, want)
		}
		err = s.Close()
		if err != nil {
			t.Error(err)
		}
	}
}

func TestHandlerServesWithoutAPort(t *testing.T) {
	t.Parallel()
	sim, err := alipay.New(options())
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	sim.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/gateway.do", nil))
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "isv.missing-method") {
		t.Errorf("answer is %d %s", w.Code, w.Body)
	}
}

func TestEndOfContextStopsTheServer(t *testing.T) {
	t.Parallel()
	sim, err := alipay.New(options())
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
	cancel()
	err = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.Read(make([]byte, 1))
	var late net.Error
	if err == nil || errors.As(err, &late) && late.Timeout() {
		t.Fatalf("the connection lives on: %v", err)
	}
}

func TestBookAddsUp(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.create(orderForm("BOOK_1"))
	receipt := b.pay(b.create(orderForm("BOOK_2")))
	b.pay(b.create(orderForm("BOOK_3").with("total_amount", "0.01")))
	b.create(orderForm("BOOK_4"))
	b.closeTrade("BOOK_4")
	book := b.sim.Book()
	if book.PaidFen != 5001 || book.RefundedFen != 0 || len(book.Orders) != 4 || book.Orders[0].OutTradeNo != "BOOK_1" {
		t.Fatalf("book is %+v", book)
	}
	want := alipay.BookOrder{
		OutTradeNo: "BOOK_2", TradeNO: receipt.TradeNO, TotalFen: 5000, State: alipay.StateSuccess, PaidAt: receipt.PaidAt,
		BuyerID: alipay.BuyerID(person), PassbackParams: "account%3D1001",
	}
	if got := b.order("BOOK_2"); got != want {
		t.Errorf("order is %+v, want %+v", got, want)
	}
	if got := b.order("BOOK_4"); got.State != alipay.StateClosed || !got.PaidAt.IsZero() {
		t.Errorf("closed order is %+v", got)
	}
	if book.Counts["create"] != 4 || book.Counts["create.10000"] != 4 || book.Counts["paid"] != 2 || book.Counts["close.10000"] != 1 {
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

func TestLogHoldsNoPersonAndNoCode(t *testing.T) {
	t.Parallel()
	log := &page{}
	b := setup(t, func(o *alipay.Options) {
		o.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	b.pay(b.create(orderForm("LOG_1")))
	code := b.code("")
	b.post(tokenForm(code))
	log.mu.Lock()
	out := log.buf.String()
	log.mu.Unlock()
	if !strings.Contains(out, "endpoint=create status=200 code=10000") {
		t.Fatalf("log is %s", out)
	}
	for _, secret := range []string{alipay.BuyerID(person), person, code, "biz_content"} {
		if strings.Contains(out, secret) {
			t.Errorf("log holds %s", secret)
		}
	}
}
