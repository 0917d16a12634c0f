package alipay_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"guodu/channels"
	"guodu/channels/alipay"
	"guodu/channels/channeltest"
	simulator "guodu/mocks/alipay"
)

const person = "zhangsan"

// journey is the adapter between a running simulator and a merchant's callback
// address, which says success to everything and puts what it hears into heard.
type journey struct {
	sim     *simulator.Sim
	channel *alipay.Channel
	notify  string
	heard   chan channeltest.Notice
}

func newJourney(t *testing.T, options func(*simulator.Options)) *journey {
	t.Helper()
	opts := simulator.Options{
		AppID: appID, SellerID: sellerID, MerchantPublicKey: &appKey().PublicKey,
		DefaultPerson: person, AllowLoopbackNotify: true, Profile: simulator.Profile{TimestampWindow: time.Minute},
	}
	if options != nil {
		options(&opts)
	}
	sim, err := simulator.New(opts)
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
	cfg.AlipayPublicKeyPEM = sim.PublicKeyPEM()
	cfg.Gateway, cfg.AuthorizeBase = base+"/gateway.do", base
	cfg.Messages = messages()
	cfg.Clock, cfg.Transport, cfg.Timeout = time.Now, transport, 10*time.Second
	j := &journey{sim: sim, channel: mustNew(t, cfg), heard: make(chan channeltest.Notice, 1)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("callback: %v", err)
		}
		j.heard <- channeltest.Notice{Header: r.Header.Clone(), Body: body}
		_, _ = io.WriteString(w, "success")
	}))
	t.Cleanup(server.Close)
	j.notify = server.URL + "/notify/alipay"
	return j
}

func (j *journey) payer() channels.Payer {
	id := j.sim.Buyer(person)
	if len(id) == len(userID) {
		return channels.Payer{Kind: "user_id", ID: id}
	}
	return channels.Payer{Kind: "open_id", ID: id}
}

// pay pays in the app or, where there is a page, on the page.
func (j *journey) pay(ctx context.Context, _ string, prepay channels.Prepay) error {
	no := prepay.Params["tradeNO"]
	if page := prepay.Params["url"]; page != "" {
		var err error
		no, err = j.sim.OpenWap(ctx, page, j.sim.Buyer(person))
		if err != nil {
			return err
		}
	}
	_, err := j.sim.Pay(ctx, simulator.PayRequest{TradeNO: no, BuyerID: j.sim.Buyer(person)})
	return err
}

func (j *journey) notice(ctx context.Context, no string) (channeltest.Notice, error) {
	_, err := j.sim.Deliver(ctx, no, 1)
	if err != nil {
		return channeltest.Notice{}, err
	}
	return <-j.heard, nil
}

func (j *journey) tampered(ctx context.Context, no string, kind simulator.Tamper) (channeltest.Notice, error) {
	_, err := j.sim.DeliverTampered(ctx, no, kind)
	if err != nil {
		return channeltest.Notice{}, err
	}
	return <-j.heard, nil
}

// code is what the browser brings back from the authorization page.
func (j *journey) code(ctx context.Context, authorizeURL string) (string, error) {
	browser := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, authorizeURL, nil)
	if err != nil {
		return "", err
	}
	resp, err := browser.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	back, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		return "", err
	}
	return back.Query().Get(alipay.CodeParameter), nil
}
