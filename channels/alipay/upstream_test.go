package alipay_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"guodu/channels"
)

// The ways in which an upstream answers, beside say and mutter.

func html(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "session=do-not-log-me")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html><body>Bad Gateway</body></html>")
	}
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { write(w, body) }
}

// otherwise is say under another HTTP status.
func otherwise(status int, node string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_ = r.PostFormValue("method")
		w.WriteHeader(status)
		say(node)(w, r)
	}
}

// flipped is say with one byte changed after signing.
func flipped(node string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		changed := strings.Replace(node, "{", "{ ", 1)
		write(w, `{"`+nodeOf(r)+`":`+changed+`,"sign":"`+sign(alipayKey(), node)+`"}`)
	}
}

// impostor signs with a key that is not Alipay's.
func impostor(node string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		write(w, `{"`+nodeOf(r)+`":`+node+`,"sign":"`+sign(appKey(), node)+`"}`)
	}
}

// certified names a certificate that nobody here knows.
func certified(t *testing.T, node string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.PostFormValue("method"), "cert") {
			t.Error("it fetched the certificate")
		}
		write(w, `{"`+nodeOf(r)+`":`+node+`,"alipay_cert_sn":"0123456789abcdef","sign":"`+sign(alipayKey(), node)+`"}`)
	}
}

func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // so that the server notices the caller leave
	<-r.Context().Done()
}

func breakOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"alipay`)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// endless signs properly and sends more than anybody needs.
func endless(w http.ResponseWriter, r *http.Request) {
	say(created().with("more", strings.Repeat("x", 1<<20)).String())(w, r)
}

// unclear are answers that leave open what was done, whatever was asked. good
// is the node that would be a success.
func unclear(t *testing.T, good object) map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"unsigned success":              mutter(good.String()),
		"success of another signer":     impostor(good.String()),
		"success changed on the way":    flipped(good.String()),
		"success with a certificate":    certified(t, good.String()),
		"success with another status":   otherwise(500, good.String()),
		"their trouble":                 mutter(failure("20000", "isp.unknow-error").String()),
		"their trouble, signed":         say(failure("20000", "aop.unknow-error").String()),
		"their trouble, further behind": mutter(failure("20000", "aop.ACQ.SYSTEM_ERROR").String()),
		"their trouble as a refusal":    say(failure("40004", "ACQ.SYSTEM_ERROR").String()),
		"their trouble, in other words": say(failure("40004", "AQC.SYSTEM_ERROR").String()),
		"their trouble, with a 40004":   say(failure("40004", "isp.bill_not_exist").String()),
		"limited":                       mutter(failure("40005", "isv.app-call-limited").String()),
		"limited, with another code":    mutter(failure("40003", "isv.method-call-limited").String()),
		"in process":                    say(good.with("code", "10003").String()),
		"code of tomorrow":              say(failure("50000", "ACQ.TRADE_NOT_EXIST").String()),
		"refusal with another status":   otherwise(403, failure("40004", "ACQ.TRADE_NOT_EXIST").String()),
		"no code":                       say(`{}`),
		"null":                          say(`null`),
		"unsigned null":                 mutter(`null`),
		"null for an error":             general(`null`),
		"list":                          say(`[]`),
		"node that is a text":           say(`"x"`),
		"node of another method":        text(`{"alipay_trade_refund_response":` + good.String() + `}`),
		"signature that is a number":    text(`{"alipay_trade_query_response":{"code":"10000"},"sign":5}`),
		"signature that is null":        text(`{"alipay_trade_query_response":{"code":"10000"},"sign":null}`),
		"JSON of something else":        text(`[]`),
		"JSON null":                     text(`null`),
		"empty":                         text(``),
		"not JSON":                      text(`<html>`),
		"proxy's page":                  html(502),
		"proxy's page that looks right": html(200),
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"breaks off":                     breakOff,
		"endless":                        endless,
		"error that is not an object":    general(`"x"`),
		"general trouble":                general(failure("20000", "isp.unknow-error").String()),
		"general success, unsigned":      general(good.String()),
		"refusal of another signer":      impostor(failure("40004", "ACQ.TRADE_HAS_CLOSE").String()),
		"text where a number of it goes": say(good.with("code", 10000).String()),
	}
}

// denied are answers that say no to anything, in both of their wrappings.
func denied() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"bad parameter":             say(failure("40004", "ACQ.INVALID_PARAMETER").String()),
		"bad parameter, unsigned":   mutter(failure("40004", "ACQ.INVALID_PARAMETER").String()),
		"our signature refused":     mutter(failure("40002", "isv.invalid-signature").String()),
		"app not known":             mutter(failure("40002", "isv.invalid-app-id").String()),
		"app not known, in general": general(failure("40002", "isv.invalid-app-id").String()),
		"something missing":         mutter(failure("40001", "isv.missing-method").String()),
		"no right":                  mutter(failure("40006", "isv.insufficient-isv-permissions").String()),
		"authorization over":        mutter(failure("20001", "aop.invalid-app-auth-token").String()),
		"conditions":                say(failure("40003", "isv.missing-signature-config").String()),
	}
}

// outcomes runs one call against tables of answers.
func outcomes(t *testing.T, want error, answers map[string]http.HandlerFunc, call func(channels.Channel) error) {
	t.Helper()
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mustBe(t, call(against(t, answer)), want)
		})
	}
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
	_, err := ch.Query(context.Background(), orderNo)
	mustBe(t, err, channels.ErrUnknownOutcome)
}

type watcher struct{ seen *http.Request }

func (w *watcher) RoundTrip(req *http.Request) (*http.Response, error) {
	w.seen = req
	return nil, io.ErrUnexpectedEOF
}

func TestCallsGoToTheGatewayThatWasConfigured(t *testing.T) {
	seen := &watcher{}
	cfg := config()
	cfg.Gateway, cfg.Transport = "https://openapi-sandbox.dl.alipaydev.com/gateway.do", seen
	_, err := mustNew(t, cfg).Query(context.Background(), orderNo)
	mustBe(t, err, channels.ErrUnknownOutcome)
	if got := seen.seen.URL.String(); got != cfg.Gateway {
		t.Errorf("asked %s, want %s and nothing in the query", got, cfg.Gateway)
	}
}
