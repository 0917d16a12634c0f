package wechat_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"guodu/channels"
	"guodu/channels/channeltest"
	"guodu/channels/wechat"
	"guodu/mocks/wechatpay"
)

func TestConformance(t *testing.T) { channeltest.Run(t, subject) }

// subject is the adapter and its simulator in the suite's words.
func subject(t *testing.T) channeltest.Subject {
	j := newJourney(t)
	url, heard := listen(t)
	return channeltest.Subject{
		Channel:   j.channel,
		Payer:     channels.Payer{Kind: "openid", ID: wechatpay.OpenID(appID, person)},
		NotifyURL: url,
		Secrets:   []string{appSecret, apiv3Key, "Authorization", "Set-Cookie"},
		Pay:       j.payWith,
		Faults:    faults(j.sim),
		Hang: func(call channeltest.Call) error {
			return j.sim.Fail(endpoint(call), wechatpay.Fault{Kind: wechatpay.FaultHangBefore})
		},
		Asked: func(call channeltest.Call) int64 { return j.sim.Count(endpoint(call)) },
		Notice: func(ctx context.Context, no string) (channeltest.Notice, error) {
			_, err := j.sim.Deliver(ctx, no, 1)
			if err != nil {
				return channeltest.Notice{}, err
			}
			return <-heard, nil
		},
		Forged:  tampered(j.sim, wechatpay.TamperWrongSignature, heard),
		Foreign: tampered(j.sim, wechatpay.TamperEventRefund, heard),
		Heard:   func(status int, _ string) bool { return status == http.StatusOK || status == http.StatusNoContent },
		Code:    code,
		Messages: func() []string {
			var texts []string
			for _, m := range j.sim.Messages() {
				if m.Openid == wechatpay.OpenID(appID, person) {
					texts = append(texts, fmt.Sprint(m.URL, m.Data))
				}
			}
			return texts
		},
		Deaf: func(on bool) { j.sim.Follow(person, !on) },
	}
}

func endpoint(call channeltest.Call) string {
	return map[channeltest.Call]string{
		channeltest.CallPrepay: wechatpay.EndpointPrepay, channeltest.CallQuery: wechatpay.EndpointQuery,
		channeltest.CallClose: wechatpay.EndpointClose, channeltest.CallExchange: wechatpay.EndpointToken,
		channeltest.CallMessage: wechatpay.EndpointTemplate,
	}[call]
}

// faults leave resets and cut connections out: net/http repeats a GET by itself
// where an idle connection breaks, and that the adapter cannot help.
func faults(sim *wechatpay.Sim) []channeltest.Fault {
	var all []channeltest.Fault
	for _, kind := range []wechatpay.FaultKind{
		wechatpay.FaultErrorBefore, wechatpay.FaultErrorAfter, wechatpay.FaultBadGateway, wechatpay.FaultTooMany,
	} {
		all = append(all, channeltest.Fault{Name: string(kind), Set: func(call channeltest.Call) error {
			return sim.Fail(endpoint(call), wechatpay.Fault{Kind: kind})
		}})
	}
	return all
}

// listen is a merchant that says yes to everything and hands on what it heard.
func listen(t *testing.T) (string, <-chan channeltest.Notice) {
	t.Helper()
	heard := make(chan channeltest.Notice, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("callback: %v", err)
		}
		heard <- channeltest.Notice{Header: r.Header.Clone(), Body: body}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/notify/" + wechat.Name, heard
}

func tampered(sim *wechatpay.Sim, kind wechatpay.Tamper, heard <-chan channeltest.Notice) func(context.Context, string) (channeltest.Notice, error) {
	return func(ctx context.Context, no string) (channeltest.Notice, error) {
		_, err := sim.DeliverTampered(ctx, no, kind)
		if err != nil {
			return channeltest.Notice{}, err
		}
		return <-heard, nil
	}
}

func (j *journey) payWith(ctx context.Context, _ string, prepay channels.Prepay) error {
	p := prepay.Params
	_, err := j.sim.Pay(ctx, wechatpay.PayRequest{
		AppID: p["appId"], TimeStamp: p["timeStamp"], NonceStr: p["nonceStr"], Package: p["package"],
		SignType: p["signType"], PaySign: p["paySign"], Openid: wechatpay.OpenID(appID, person),
	})
	return err
}

func code(ctx context.Context, authorizeURL string) (string, error) {
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
	return back.Query().Get("code"), nil
}
