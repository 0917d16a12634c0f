package alipay_test

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

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
)

const (
	appID    = "2021000123456789"
	sellerID = "2088102146225135"
	person   = "zhangsan"
	nowhere  = "http://127.0.0.1:1/notify"
)

// merchantKey is made once: RSA keys are slow to come by.
var merchantKey = sync.OnceValue(func() alipay.MerchantKey {
	key, err := alipay.GenerateMerchantKey()
	if err != nil {
		panic(err)
	}
	return key
})

// start is 18:00:00.75 in Beijing.
var start = time.Date(2026, 3, 2, 10, 0, 0, 750_000_000, time.UTC)

// platformKey is shared by simulators of tests that do not mind.
var platformKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := alipay.GeneratePlatformKey()
	if err != nil {
		panic(err)
	}
	return key
})

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
	deadline := time.After(10 * time.Second)
	for {
		select {
		case line := <-w.lines:
			if strings.Contains(line, text) {
				return
			}
		case <-deadline:
			t.Fatalf("the log never said %q", text)
		}
	}
}

// bench is a running simulator with a merchant in front of it.
type bench struct {
	t     testing.TB
	sim   *alipay.Sim
	base  string
	key   *rsa.PrivateKey
	clock *sim.Clock
	http  *http.Client
}

// options are of a tidy simulator: most tests here are of documented shapes. The
// SDK's types are as strict as the documents, so its tests need that, too: it
// takes no amount that is a number and no list that is a text, and Go's
// ParseForm gives up at text/html among the parameters of a Content-Type.
func options() alipay.Options {
	return alipay.Options{
		Profile: alipay.Profile{TidyHeader: true, TidyFields: true},
		AppID:   appID, SellerID: sellerID, MerchantPublicKey: merchantKey().PublicKey,
		DefaultPerson: person, AllowLoopbackNotify: true, Seed: 7,
	}
}

func setup(t testing.TB, change func(*alipay.Options)) *bench {
	t.Helper()
	block, _ := pem.Decode(merchantKey().PrivateKeyPEM)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, clock: sim.NewClock(start), key: key.(*rsa.PrivateKey)}
	opts := options()
	opts.Clock, opts.PlatformKey = b.clock, platformKey()
	if change != nil {
		change(&opts)
	}
	b.sim, err = alipay.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	b.base, err = b.sim.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	b.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		err := b.sim.Close()
		if err != nil {
			t.Error(err)
		}
	})
	return b
}

func openID(o *alipay.Options) { o.UseOpenID = true }

// untidy is the simulator as it is without any options.
func untidy(o *alipay.Options) { o.Profile.TidyHeader, o.Profile.TidyFields = false, false }
