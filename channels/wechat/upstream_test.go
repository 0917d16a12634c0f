package wechat_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"guodu/channels"
)

// The ways in which an upstream answers.

func signedAnswer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { say(w, status, body) }
}

func errorAnswer(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { refuse(w, status, code) }
}

func htmlAnswer(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Set-Cookie", "session=do-not-log-me")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html><body>Bad Gateway</body></html>")
	}
}

func unsignedAnswer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

// badlySignedAnswer is a platform's probe.
func badlySignedAnswer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range headers([]byte(body), time.Now()) {
			w.Header()[name] = values
		}
		w.Header().Set("Wechatpay-Signature", "WECHATPAY/SIGNTEST/"+w.Header().Get("Wechatpay-Signature"))
		w.Header().Set("Set-Cookie", "session=do-not-log-me")
		_, _ = io.WriteString(w, body)
	}
}

func oldAnswer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range headers([]byte(body), time.Now().Add(-time.Hour)) {
			w.Header()[name] = values
		}
		_, _ = io.WriteString(w, body)
	}
}

func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // so that the server notices the caller leave
	<-r.Context().Done()
}

func breakOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"prepay_id":`)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// endless signs properly and sends more than anybody needs.
func endless(w http.ResponseWriter, _ *http.Request) {
	say(w, 200, `{"prepay_id":"x","more":"`+strings.Repeat("x", 1<<20)+`"}`)
}

func TestSilenceIsAnUnknownOutcome(t *testing.T) {
	ch := waiting(t, hang, 50*time.Millisecond)
	ctx := context.Background()
	_, err := ch.Prepay(ctx, prepayRequest())
	mustBe(t, err, channels.ErrUnknownOutcome)
	_, err = ch.Query(ctx, orderNo)
	mustBe(t, err, channels.ErrUnknownOutcome)
	mustBe(t, ch.Close(ctx, orderNo), channels.ErrUnknownOutcome)
	_, err = ch.Exchange(ctx, "code")
	mustBe(t, err, channels.ErrUnknownOutcome)
}

func TestNoRedirectIsFollowed(t *testing.T) {
	ch := against(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			t.Error("the redirect was followed")
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	ctx := context.Background()
	_, err := ch.Prepay(ctx, prepayRequest())
	mustBe(t, err, channels.ErrUnknownOutcome)
	_, err = ch.Query(ctx, orderNo)
	mustBe(t, err, channels.ErrUnknownOutcome)
	_, err = ch.Exchange(ctx, "code")
	mustBe(t, err, channels.ErrUnknownOutcome)
}

// A transport may not change its request: net/http reuses it.
type watcher struct{ seen *http.Request }

func (w *watcher) RoundTrip(req *http.Request) (*http.Response, error) {
	w.seen = req
	return nil, io.ErrUnexpectedEOF
}

func TestCallsGoToTheBaseThatWasConfigured(t *testing.T) {
	seen := &watcher{}
	cfg := config()
	cfg.APIBase, cfg.Transport = "https://api2.mch.weixin.qq.com", seen
	_, err := mustNew(t, cfg).Query(context.Background(), orderNo)
	mustBe(t, err, channels.ErrUnknownOutcome)
	got := seen.seen
	if got.URL.Scheme != "https" || got.URL.Host != "api2.mch.weixin.qq.com" || got.Host != "api2.mch.weixin.qq.com" {
		t.Errorf("asked %s with Host %q", got.URL, got.Host)
	}
}
