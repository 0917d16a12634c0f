package wechatpay_test

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"guodu/mocks/sim"
	"guodu/mocks/wechatpay"
)

const (
	mchID     = "1900000109"
	appID     = "wx0123456789abcdef"
	appSecret = "0123456789abcdef0123456789abcdef"
	apiV3Key  = "guodu-simulator-apiv3-key-32-byt"
	person    = "zhangsan"
	notifyURL = "http://127.0.0.1:1/notify"
	prepayURL = "/v3/pay/transactions/jsapi"
)

// merchantKey is made once: RSA keys are slow to come by.
var merchantKey = sync.OnceValue(func() wechatpay.MerchantKey {
	key, err := wechatpay.GenerateMerchantKey()
	if err != nil {
		panic(err)
	}
	return key
})

func privateKey(t testing.TB, k wechatpay.MerchantKey) *rsa.PrivateKey {
	t.Helper()
	block, rest := pem.Decode(k.PrivateKeyPEM)
	if block == nil || block.Type != "PRIVATE KEY" || len(rest) != 0 {
		t.Fatalf("merchant key is no PRIVATE KEY block")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*rsa.PrivateKey)
}

// morning is when the clocks of tests begin.
func morning() time.Time { return time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC) }

// watch is a log that tests wait on instead of sleeping.
type watch struct{ lines chan string }

func newWatch() watch { return watch{make(chan string, 1024)} }

func (w watch) Enabled(context.Context, slog.Level) bool { return true }
func (w watch) WithAttrs([]slog.Attr) slog.Handler       { return w }
func (w watch) WithGroup(string) slog.Handler            { return w }

func (w watch) Handle(_ context.Context, r slog.Record) error {
	w.lines <- r.Message
	return nil
}

// wait returns when a line with that text has been written since the last wait.
func (w watch) wait(t testing.TB, text string) {
	t.Helper()
	timeout := time.After(10 * time.Second)
	for {
		select {
		case line := <-w.lines:
			if strings.Contains(line, text) {
				return
			}
		case <-timeout:
			t.Fatalf("the log never said %q", text)
		}
	}
}

// bench is a running simulator with a merchant in front of it.
type bench struct {
	t     testing.TB
	sim   *wechatpay.Sim
	base  string
	key   *rsa.PrivateKey
	clock *sim.Clock
	http  *http.Client
}

// options are of a tidy simulator: most tests here are of documented shapes. The
// SDK's types are as strict as the documents, so its tests need that, too: it
// takes no number that is a text and no list that is an object.
func options() wechatpay.Options {
	return wechatpay.Options{
		Profile: wechatpay.Profile{TidyFields: true},
		MchID:   mchID, AppID: appID, AppSecret: appSecret, APIv3Key: apiV3Key,
		MerchantSerial: merchantKey().Serial, MerchantPublicKey: merchantKey().PublicKey,
		DefaultPerson: person, AllowLoopbackNotify: true, Seed: 7,
	}
}

func setup(t testing.TB, change func(*wechatpay.Options)) *bench {
	t.Helper()
	b := &bench{t: t, clock: sim.NewClock(morning()), key: privateKey(t, merchantKey())}
	opts := options()
	opts.Clock = b.clock
	if change != nil {
		change(&opts)
	}
	sim, err := wechatpay.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	b.sim = sim
	b.base, err = sim.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	b.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		err := sim.Close()
		if err != nil {
			t.Error(err)
		}
	})
	return b
}

// in is the same bench for a subtest.
func (b *bench) in(t testing.TB) *bench {
	sub := *b
	sub.t = t
	return &sub
}

// untidy is the simulator as it is without any options.
func untidy(o *wechatpay.Options) { o.Profile.TidyFields = false }
