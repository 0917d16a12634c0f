package app_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"guodu/channels"
	"guodu/cmd/demo/world"
	"guodu/cmd/hub/app"
	"guodu/idempotency"
	"guodu/internal/redistest"
	"guodu/mocks/wechatpay"
	"guodu/transition/recharge"
)

// counter is a hub that tells people, serving in this process.
type counter struct {
	t     *testing.T
	ctx   context.Context
	world *world.World
	hub   *app.Hub
	payer channels.Payer
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	w, err := world.New(ctx, world.Options{
		Dir: t.TempDir(), PublicURL: "http://" + listener.Addr().String(), Messages: true, Seed: 1, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	config, err := app.Load(w.ConfigFile)
	if err != nil {
		t.Fatal(err)
	}
	config.Redis.Addrs = []string{redistest.Start(t).Addr()}
	config.Ephemeral.Addrs = []string{redistest.Start(t, redistest.Ephemeral).Addr()}
	hub, err := app.New(ctx, config, app.Options{Log: log, Begin: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Furnish(ctx, hub); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- hub.ServeOn(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		hub.Close()
		w.Close()
	})
	id := wechatpay.OpenID(w.WeChatAppID(), world.Person)
	return &counter{t: t, ctx: ctx, world: w, hub: hub, payer: channels.Payer{Kind: "openid", ID: id}}
}

// callback is how long the first callback of a new order takes.
func (c *counter) callback(n int) time.Duration {
	c.t.Helper()
	made, err := c.hub.Orders().Create(c.ctx, recharge.Wish{
		Account: world.AccountNo, Channel: "wechat", Amount: 100, Payer: c.payer, Key: idempotency.Key("key-" + strconv.Itoa(1e6+n)),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	p := made.Prepay.Params
	_, err = c.world.WeChat.Pay(c.ctx, wechatpay.PayRequest{
		AppID: p["appId"], TimeStamp: p["timeStamp"], NonceStr: p["nonceStr"], Package: p["package"], SignType: p["signType"],
		PaySign: p["paySign"], Openid: c.payer.ID,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	begin := time.Now()
	delivered, err := c.world.WeChat.Deliver(c.ctx, string(made.Order), 1)
	took := time.Since(begin)
	if err != nil || delivered[0].Status != http.StatusNoContent {
		c.t.Fatalf("callback: %+v, %v", delivered, err)
	}
	return took
}

// TestAMessageUpstreamThatHangsMakesNoCallbackSlower has an upstream that answers
// and one that hangs in turn, with every worker of the hub caught in it.
func TestAMessageUpstreamThatHangsMakesNoCallbackSlower(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	const rounds = 60
	var answering, hanging []time.Duration
	for n := range rounds {
		answering = append(answering, c.callback(2*n))
		err := c.world.WeChat.Fail(wechatpay.EndpointTemplate, wechatpay.Fault{Kind: wechatpay.FaultHangBefore, Times: 1000})
		if err != nil {
			t.Fatal(err)
		}
		hanging = append(hanging, c.callback(2*n+1))
		c.world.WeChat.ClearFaults()
	}
	usual, worst := median(answering), slices.Max(hanging)
	ratio := float64(median(hanging)) / float64(usual)
	if ratio > 2 || worst > 3*time.Second {
		t.Errorf("a callback takes %v while messages hang (worst %v), and %v else", median(hanging), worst, usual)
	}
	t.Logf("result: %d callbacks: median %v while messages hang, %v else, ratio %.2f, worst %v", 2*rounds, median(hanging), usual, ratio, worst)
}

func median(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
