package recharge_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"guodu/channels"
	"guodu/channels/wechat"
	"guodu/internal/fen"
	"guodu/mocks/wechatpay"
	"guodu/transition"
	"guodu/transition/recharge"
	"guodu/transition/transitiontest"
)

// middlebox stands between the hub and WeChat Pay: while on, it hands requests
// for refunds on and answers for WeChat, without a signature, as all of
// WeChat's errors are.
type middlebox struct {
	next http.RoundTripper
	on   atomic.Bool
}

func (m *middlebox) RoundTrip(r *http.Request) (*http.Response, error) {
	if !m.on.Load() || !strings.Contains(r.URL.Path, "/refund/domestic/") {
		return m.next.RoundTrip(r)
	}
	if r.Method == http.MethodPost {
		resp, err := m.next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		_ = resp.Body.Close()
	}
	body := `{"code":"RESOURCE_NOT_EXISTS","message":"no such route"}`
	return &http.Response{
		StatusCode: http.StatusNotFound, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(bytes.NewReader([]byte(body))), ContentLength: int64(len(body)),
	}, nil
}

// WeChat Pay accepts the refund, and two unsigned answers within a millisecond say
// that there is no such thing: the money stays held.
func TestTwoUnsignedAnswersGiveNothingBack(t *testing.T) {
	ctx := context.Background()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	const mchID, appID, secret, serial = "1900000109", "wx8888888888888888", "b1946ac92492d2347c6235b4d2611184", "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C"
	const apiv3 = "0123456789abcdefghijklmnopqrstuv"
	sim, err := wechatpay.New(wechatpay.Options{
		MchID: mchID, AppID: appID, AppSecret: secret, APIv3Key: apiv3, MerchantSerial: serial,
		MerchantPublicKey: &key.PublicKey, DefaultPerson: "zhangsan", AllowLoopbackNotify: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	base, err := sim.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	box := &middlebox{next: &http.Transport{DisableKeepAlives: true}}
	channel, err := wechat.New(wechat.Config{
		AppID: appID, AppSecret: secret, MchID: mchID, MerchantSerial: serial, MerchantKeyPEM: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		PublicKeyID: sim.PublicKeyID(), PublicKeyPEM: sim.PublicKeyPEM(), APIv3Key: []byte(apiv3),
		APIBase: base, OAuthBase: base, AuthorizeBase: base, Transport: box, Clock: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	hole := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(hole.Close)
	bench := transitiontest.New(t, nil)
	bench.Account(t, account, 0)
	hub := recharge.New(recharge.Config{
		Ledger: bench.Store, Channels: channels.Set{"wechat": {Current: channel}}, Description: "校园卡充值",
		NotifyURL: func(string) string { return hole.URL + "/notify/wechat" },
		Limits:    transition.Limits{Order: 50_000, Day: 200_000, Balance: 500_000}, Log: slog.New(slog.DiscardHandler),
	})
	openID := wechatpay.OpenID(appID, "zhangsan")
	made, err := hub.Create(ctx, recharge.Wish{Account: account, Channel: "wechat", Amount: 5000, Payer: channels.Payer{Kind: "openid", ID: openID}})
	if err != nil {
		t.Fatal(err)
	}
	p := made.Prepay.Params
	_, err = sim.Pay(ctx, wechatpay.PayRequest{
		AppID: p["appId"], TimeStamp: p["timeStamp"], NonceStr: p["nonceStr"], Package: p["package"], SignType: p["signType"], PaySign: p["paySign"], Openid: openID,
	})
	if err != nil {
		t.Fatal(err)
	}
	payment, err := channel.Query(ctx, string(made.Order))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := hub.Settle(ctx, payment, "query"); err != nil || out != channels.OutcomeCredited {
		t.Fatal(out, err)
	}
	box.on.Store(true)
	r, err := hub.Refund(ctx, recharge.RefundWish{Account: account, Order: made.Order, Amount: 5000, Key: "refund-0001", By: "holder"})
	if err != nil {
		t.Fatal(err)
	}
	box.on.Store(false)
	if r.State == transition.RefundHeld {
		return
	}
	tap := func(id string, l int64, b fen.Fen) transition.Outcome {
		got, err := bench.Tap(ctx, transition.Reading{Terminal: "T1", TapID: id, UID: "04A1", CardNo: "7A1", Version: "1", L: l, B: b},
			transition.Nonce{KeyID: "T1", Value: id}, transition.TapTimes{NotAfter: time.Minute, Deadline: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		return got.Outcome
	}
	tap("tap-0001", 3, 1200)
	tap("tap-0002", 4, 6200)
	sim.FinishRefunds()
	status, err := channel.QueryRefund(ctx, string(made.Order), string(r.No))
	if err != nil {
		t.Fatal(err)
	}
	books, err := bench.Verify(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Errorf("the refund is %s; 5000 are on the card (loaded %s), WeChat says %s of %s, the books say refunded %s and Verify is content",
		r.State, -books.Tot["loaded"], status.State, status.Amount, -books.Tot["refunded"])
}
