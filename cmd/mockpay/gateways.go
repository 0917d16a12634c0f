package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
	"guodu/mocks/wechatpay"
)

// gateways are the two simulators with their one merchant, and the help page.
type gateways struct {
	merchant merchant
	wechat   *wechatpay.Sim
	alipay   *alipay.Sim
	calm     bool
	help     string // its address
	server   *http.Server
}

// open starts everything, or nothing.
func open(ctx context.Context, s serve, log *slog.Logger) (*gateways, error) {
	m, err := openMerchant(s.State, s.Seed)
	if err != nil {
		return nil, err
	}
	g := &gateways{merchant: m, calm: s.Calm}
	for _, step := range []func(context.Context, serve, *slog.Logger) error{g.openWeChat, g.openAlipay, g.play, g.serveHelp, g.keep} {
		err = step(ctx, s, log)
		if err != nil {
			return nil, errors.Join(err, g.close())
		}
	}
	return g, nil
}

func (g *gateways) keep(_ context.Context, s serve, _ *slog.Logger) error {
	return g.merchant.keep(s.State)
}

// beside is a simulator's own state file.
func beside(state, name string) string {
	if state == "" {
		return ""
	}
	return state + "." + name
}

// taken adds the way out to what goes wrong most often: a port is in use.
func taken(err error, flag string) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w (--%s 127.0.0.1:0 takes a free port)", err, flag)
	}
	return err
}

func (g *gateways) openWeChat(ctx context.Context, s serve, log *slog.Logger) error {
	m := &g.merchant.WeChat
	key, err := parsePublic(m.MerchantPublicKeyPEM)
	if err != nil {
		return fmt.Errorf("merchant's key for WeChat Pay: %w", err)
	}
	g.wechat, err = wechatpay.New(wechatpay.Options{
		MchID: m.MchID, AppID: m.AppID, AppSecret: m.AppSecret, APIv3Key: m.APIv3Key, MerchantSerial: m.MerchantSerial, MerchantPublicKey: key,
		DefaultPerson: s.Person, AllowLoopbackNotify: true, AutoDeliver: true, Rude: !s.Calm, StateFile: beside(s.State, "wechatpay"),
		Listen: s.WeChat, Seed: g.merchant.Seed, Logger: log,
	})
	if err != nil {
		return err
	}
	m.Base, err = g.wechat.Start(ctx)
	if err != nil {
		return taken(err, "wechat")
	}
	m.PlatformPublicKeyID, m.PlatformPublicKey = g.wechat.PublicKeyID(), string(g.wechat.PublicKeyPEM())
	m.PayerOpenID = wechatpay.OpenID(m.AppID, s.Person)
	return nil
}

func (g *gateways) openAlipay(ctx context.Context, s serve, log *slog.Logger) error {
	m := &g.merchant.Alipay
	key, err := parsePublic(m.AppPublicKey)
	if err != nil {
		return fmt.Errorf("merchant's key for Alipay: %w", err)
	}
	g.alipay, err = alipay.New(alipay.Options{
		AppID: m.AppID, SellerID: m.SellerID, MerchantPublicKey: key,
		DefaultPerson: s.Person, AllowLoopbackNotify: true, AutoDeliver: true, Rude: !s.Calm, StateFile: beside(s.State, "alipay"),
		Listen: s.Alipay, Seed: g.merchant.Seed, Logger: log,
	})
	if err != nil {
		return err
	}
	base, err := g.alipay.Start(ctx)
	if err != nil {
		return taken(err, "alipay")
	}
	m.Gateway, m.AuthorizeBase = base+"/gateway.do", base
	m.AlipayPublicKey, m.BuyerID = string(g.alipay.PublicKeyPEM()), g.alipay.Buyer(s.Person)
	return nil
}

// play plays the scenarios that are asked for, each on the simulator that has
// it: few names are on both.
func (g *gateways) play(_ context.Context, s serve, _ *slog.Logger) error {
	for _, name := range s.Scenario {
		here, there := g.wechat.Play(name), g.alipay.Play(name)
		switch {
		case here == nil || there == nil:
		case errors.Is(here, sim.ErrUnknownScenario) && errors.Is(there, sim.ErrUnknownScenario):
			return fmt.Errorf("there is no scenario %q (mockpay scenarios lists them)", name)
		default:
			return errors.Join(here, there)
		}
	}
	return nil
}

// serveHelp starts the help page.
func (g *gateways) serveHelp(ctx context.Context, s serve, log *slog.Logger) error {
	host, _, err := net.SplitHostPort(s.Help)
	if err == nil && !sim.LoopbackHost(host) {
		err = sim.ErrNotLoopback
	}
	if err != nil {
		return fmt.Errorf("start help page at %s: %w", s.Help, err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Help)
	if err != nil {
		return taken(fmt.Errorf("start help page: %w", err), "index")
	}
	g.help = "http://" + listener.Addr().String()
	g.server = &http.Server{
		Handler: g.routes(), ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() { _ = g.server.Serve(listener) }() // ends with close
	return nil
}

// close ends everything.
// Errors: what of the state could not be kept.
func (g *gateways) close() error {
	var errs []error
	if g.server != nil {
		errs = append(errs, g.server.Close())
	}
	if g.wechat != nil {
		errs = append(errs, g.wechat.Close())
	}
	if g.alipay != nil {
		errs = append(errs, g.alipay.Close())
	}
	return errors.Join(errs...)
}

// announce prints what runs where, and a configuration to copy.
func (g *gateways) announce(out io.Writer) {
	m := g.merchant
	weather := "rude: now and then callbacks are lost or doubled and answers do not arrive (--calm: never)"
	if g.calm {
		weather = "calm: nothing goes wrong unless it is asked for"
	}
	fmt.Fprintf(out, `WeChat Pay and Alipay for tests. Nothing here moves money.

help        %s/
WeChat Pay  %s/_sim/
Alipay      %s/_sim/
seed        %d (--seed repeats a run)
weather     %s

A merchant's configuration, keys included: %s/merchant.json
For guodu's hub.yaml, with the keys from there in files:

%s
Ctrl-C ends it
`, g.help, m.WeChat.Base, m.Alipay.AuthorizeBase, m.Seed, weather, g.help, m.yaml())
}

// yaml is the configuration in guodu's own form.
func (m merchant) yaml() string {
	return fmt.Sprintf(`environment: test
wechat:
  app_id: %s
  app_secret_file: app.secret            # wechat.app_secret
  mch_id: "%s"
  merchant_serial: "%s"
  merchant_key_file: merchant.pem        # wechat.merchant_private_key
  public_key_id: %s
  public_key_file: wechatpay.pem         # wechat.platform_public_key
  api_v3_key_file: api-v3.key            # wechat.api_v3_key
  api_base: %s
  oauth_base: %s
  authorize_base: %s
alipay:
  app_id: "%s"
  seller_id: "%s"
  app_key_file: alipay-app.pem           # alipay.app_private_key
  public_key_file: alipay.pem            # alipay.alipay_public_key
  gateway: %s
  authorize_base: %s
`, m.WeChat.AppID, m.WeChat.MchID, m.WeChat.MerchantSerial, m.WeChat.PlatformPublicKeyID, m.WeChat.Base, m.WeChat.Base, m.WeChat.Base,
		m.Alipay.AppID, m.Alipay.SellerID, m.Alipay.Gateway, m.Alipay.AuthorizeBase)
}
