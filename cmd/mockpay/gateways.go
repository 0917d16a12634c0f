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
	"guodu/mocks/portal"
	"guodu/mocks/sim"
	"guodu/mocks/wechatpay"
)

// gateways are the simulators with their one merchant, and the help page.
type gateways struct {
	merchant merchant
	wechat   *wechatpay.Sim
	alipay   *alipay.Sim
	portal   *portal.Portal
	calm     bool
	hub      string // the folder of hub.yaml, or ""
	tail     *tail  // nil: nothing is shown
	help     string // its address
	server   *http.Server
}

// open starts everything, or nothing.
func open(ctx context.Context, s serve, log *slog.Logger, t *tail) (*gateways, error) {
	m, err := openMerchant(s)
	if err != nil {
		return nil, err
	}
	g := &gateways{merchant: m, calm: s.Calm, tail: t}
	for _, step := range []func(context.Context, serve, *slog.Logger) error{
		g.prepare, g.openWeChat, g.openAlipay, g.openPortal, g.play, g.serveHelp, g.keep,
	} {
		err = step(ctx, s, log)
		if err != nil {
			return nil, errors.Join(err, g.close())
		}
	}
	return g, nil
}

// prepare makes the folder of hub.yaml: the state is kept in there.
func (g *gateways) prepare(_ context.Context, s serve, _ *slog.Logger) error {
	if s.Hub == "" {
		return nil
	}
	g.hub = s.Hub
	return hubFolder(s.Hub)
}

func (g *gateways) keep(_ context.Context, s serve, _ *slog.Logger) error {
	err := g.merchant.keep(s.stateFile())
	if err == nil && g.hub != "" {
		err = g.merchant.writeHub(g.hub)
	}
	return err
}

// openPortal starts the university's login.
func (g *gateways) openPortal(ctx context.Context, s serve, log *slog.Logger) error {
	m := &g.merchant.Portal
	var who []portal.Person
	for _, p := range m.People {
		who = append(who, portal.Person(p))
	}
	var err error
	g.portal, err = portal.New(portal.Options{ClientSecret: m.ClientSecret, People: who, Listen: s.Portal, Logger: log, Watch: g.tail.portal()})
	if err != nil {
		return err
	}
	m.Base, err = g.portal.Start(ctx)
	if err != nil {
		return taken(err, "portal")
	}
	return nil
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
	profile := wechatpay.Profile{}
	if s.Tidy {
		profile = wechatpay.Profile{TidyFields: true, OffsetsOnly: true, BillInOrder: true, BillFourSums: true}
	}
	key, err := parsePublic(m.MerchantPublicKeyPEM)
	if err != nil {
		return fmt.Errorf("merchant's key for WeChat Pay: %w", err)
	}
	g.wechat, err = wechatpay.New(wechatpay.Options{
		MchID: m.MchID, AppID: m.AppID, AppSecret: m.AppSecret, APIv3Key: m.APIv3Key, MerchantSerial: m.MerchantSerial, MerchantPublicKey: key,
		DefaultPerson: s.Person, AllowLoopbackNotify: true, AutoDeliver: true, Rude: !s.Calm, StateFile: beside(s.stateFile(), "wechatpay"),
		Listen: s.WeChat, Seed: g.merchant.Seed, Logger: log, Profile: profile, Watch: g.tail.of("wechat"),
	})
	if err != nil {
		return err
	}
	m.Base, err = g.wechat.Start(ctx)
	if err != nil {
		return taken(err, "wechat")
	}
	m.APIv3Key = g.wechat.APIv3Key() // one that was replaced stays so
	m.PlatformPublicKeyID, m.PlatformPublicKey = g.wechat.PublicKeyID(), string(g.wechat.PublicKeyPEM())
	m.PayerOpenID = wechatpay.OpenID(m.AppID, s.Person)
	return nil
}

func (g *gateways) openAlipay(ctx context.Context, s serve, log *slog.Logger) error {
	m := &g.merchant.Alipay
	profile := alipay.Profile{}
	if s.Tidy {
		profile = alipay.Profile{TidyHeader: true, TidyFields: true, NoDashes: true, NoTemplateCode: "PUB.MSG_TEMPLATE_NOT_EXIST"}
	}
	key, err := parsePublic(m.AppPublicKey)
	if err != nil {
		return fmt.Errorf("merchant's key for Alipay: %w", err)
	}
	g.alipay, err = alipay.New(alipay.Options{
		AppID: m.AppID, SellerID: m.SellerID, MerchantPublicKey: key,
		DefaultPerson: s.Person, AllowLoopbackNotify: true, AutoDeliver: true, Rude: !s.Calm, StateFile: beside(s.stateFile(), "alipay"),
		Listen: s.Alipay, Seed: g.merchant.Seed, Logger: log, Profile: profile, Watch: g.tail.of("alipay"),
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
		Handler: sim.Loopback(g.routes()), ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
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
	if g.portal != nil {
		errs = append(errs, g.portal.Close())
	}
	return errors.Join(errs...)
}

// announce prints what runs where, and a configuration to copy.
func (g *gateways) announce(out io.Writer) {
	m := &g.merchant
	weather := "rude: now and then callbacks are lost or doubled and answers do not arrive (--calm: never)"
	if g.calm {
		weather = "calm: nothing goes wrong unless it is asked for"
	}
	fmt.Fprintf(out, `WeChat Pay, Alipay and a university's login for tests. Nothing here moves money.

help        %s/
WeChat Pay  %s/_sim/
Alipay      %s/_sim/
portal      %s
seed        %d (--seed repeats a run)
weather     %s

`, g.help, m.WeChat.Base, m.Alipay.AuthorizeBase, m.Portal.Base, m.Seed, weather)
	fmt.Fprintln(out, "Who can log in at the portal, with which password and account:")
	for _, p := range m.Portal.People {
		fmt.Fprintf(out, "  %-10s %-12s %s %s\n", p.Username, p.Password, p.AccountNo, p.Name)
	}
	fmt.Fprintf(out, "\nA merchant's configuration, keys included: %s/merchant.json\n", g.help)
	if g.hub == "" {
		fmt.Fprintf(out, "For guodu, a whole hub.yaml (mockpay --hub DIR writes it, with the keys from there in files):\n\n%s\n%s\n", m.yaml(""), lastWords)
		return
	}
	fmt.Fprintf(out, `For guodu, hub.yaml and all that it names are in %[1]s:

    hub --config %[1]s/hub.yaml serve
    hub --config %[1]s/hub.yaml accounts import %[1]s/accounts.csv

%[2]s
`, g.hub, lastWords)
}

// lastWords end what is printed before anything happens.
const lastWords = "Ctrl-C ends it"
