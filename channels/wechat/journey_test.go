package wechat_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"guodu/channels"
	"guodu/channels/wechat"
	"guodu/mocks/wechatpay"
)

const person = "zhangsan"

// parsed is what ParseNotify made of one callback.
type parsed struct {
	payment channels.Payment
	err     error
}

// journey is the adapter between a running simulator and a merchant's callback
// address, which puts what it hears into heard.
type journey struct {
	sim     *wechatpay.Sim
	channel *wechat.Channel
	notify  string
	heard   chan parsed
	expires time.Time // of every order: a repeat that differs is refused
}

func newJourney(t *testing.T) *journey {
	t.Helper()
	sim, err := wechatpay.New(wechatpay.Options{
		MchID: mchID, AppID: appID, AppSecret: appSecret, APIv3Key: apiv3Key, MerchantSerial: serial,
		MerchantPublicKey: &merchantKey().PublicKey, DefaultPerson: person, AllowLoopbackNotify: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	base, err := sim.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	cfg := config()
	cfg.PublicKeyID, cfg.PublicKeyPEM = sim.PublicKeyID(), sim.PublicKeyPEM()
	cfg.APIBase, cfg.OAuthBase, cfg.AuthorizeBase = base, base, base
	cfg.Messages = messages()
	cfg.Clock, cfg.Transport, cfg.Timeout = time.Now, transport, 10*time.Second
	j := &journey{sim: sim, channel: mustNew(t, cfg), heard: make(chan parsed, 16), expires: time.Now().Add(time.Hour)}
	server := httptest.NewServer(http.HandlerFunc(j.serveNotify))
	t.Cleanup(server.Close)
	j.notify = server.URL + "/notify/wechat"
	return j
}

// serveNotify answers as an edge would.
func (j *journey) serveNotify(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, wechat.NoticeBytes+1))
	if err != nil {
		j.heard <- parsed{err: err}
		return
	}
	payment, err := j.channel.ParseNotify(r.Context(), r.Header, body)
	j.heard <- parsed{payment, err}
	_, _ = io.Copy(io.Discard, r.Body) // or the sender would miss the answer
	j.channel.Answer(w, verdictOf(err))
}

func verdictOf(err error) channels.Verdict {
	switch {
	case err == nil:
		return channels.Accepted
	case errors.Is(err, channels.ErrNotice):
		return channels.NotAuthentic
	case errors.Is(err, channels.ErrTooLarge):
		return channels.TooLarge
	}
	return channels.Unreadable
}

func (j *journey) request(no string) channels.PrepayRequest {
	req := prepayRequest()
	req.OrderNo, req.NotifyURL = no, j.notify
	req.PayerID, req.Expires = wechatpay.OpenID(appID, person), j.expires
	return req
}

// prepay makes an order and pay pays it with the sheet that the page got.
func (j *journey) prepay(t *testing.T, no string) channels.Prepay {
	t.Helper()
	prepay, err := j.channel.Prepay(t.Context(), j.request(no))
	if err != nil {
		t.Fatalf("Prepay: %v", err)
	}
	return prepay
}

func (j *journey) pay(t *testing.T, no string) wechatpay.Receipt {
	t.Helper()
	p := j.prepay(t, no).Params
	receipt, err := j.sim.Pay(t.Context(), wechatpay.PayRequest{
		AppID: p["appId"], TimeStamp: p["timeStamp"], NonceStr: p["nonceStr"], Package: p["package"],
		SignType: p["signType"], PaySign: p["paySign"], Openid: wechatpay.OpenID(appID, person),
	})
	if err != nil {
		t.Fatalf("Pay: %v", err)
	}
	return receipt
}

func (j *journey) mustBeIn(t *testing.T, no string, want channels.State) channels.Payment {
	t.Helper()
	got, err := j.channel.Query(t.Context(), no)
	if err != nil || got.State != want || got.OrderNo != no {
		t.Fatalf("Query = %+v, %v, want %s", got, err, want)
	}
	return got
}

// code is what the browser brings back from the authorization page.
func (j *journey) code(t *testing.T) string {
	t.Helper()
	browser := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := browser.Get(j.channel.AuthorizeURL("state1", j.notify+"?next=1"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	back, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || back.Query().Get("state") != "state1" || back.Query().Get("code") == "" {
		t.Fatalf("authorization led to %q, %v", resp.Header.Get("Location"), err)
	}
	return back.Query().Get("code")
}
