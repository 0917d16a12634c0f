package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"guodu/channels"
	"guodu/cmd/hub/app"
	"guodu/idempotency"
	"guodu/internal/fen"
	"guodu/transition"
	"guodu/transition/recharge"
)

type try struct {
	Channel string `required:"" enum:"wechat,alipay" help:"By which channel: wechat or alipay."`
	Account string `required:"" help:"The account to credit; it must have been imported." placeholder:"NUMBER"`
	Payer   string `required:"" help:"Who pays: the openid at WeChat, the user id (2088…) or open id at Alipay." placeholder:"ID"`
	Pay     string `help:"Pay at this cashier of a simulator at once (environment test), such as http://127.0.0.1:9001/_sim/cashier of mockpay." placeholder:"URL"`

	Patience time.Duration `help:"How long to wait for a callback before saying what to look at." default:"60s"`
	Within   time.Duration `help:"How long to wait for the payment, and for the refund, at most." default:"15m"`
	Every    time.Duration `hidden:"" default:"1s" help:"How often the books are read."`
}

// Help is what hub try --help says beside its flags.
func (try) Help() string {
	return "Makes an order of 0.01 yuan, says how to pay it, waits for the callback, and gives the money back. Each step is said in words. " +
		"It works beside a running hub, which hears the callback and asks the channel. The exit status is 1 if a step fails, and the last line names it."
}

// tried is the amount of the first payment.
const tried fen.Fen = 1

// tryWhy and tryBy are kept with the refund.
const (
	tryWhy = "hub try"
	tryBy  = "hub-try"
)

// attempt is a payment that is being tried.
type attempt struct {
	try
	r    run
	hub  *app.Hub
	no   transition.OrderNo
	step int
}

// errStep says which step failed.
type errStep struct {
	step string
	err  error
}

func (e errStep) Error() string { return "try: step " + e.step + " failed: " + e.err.Error() }

// Unwrap does not show that somebody has ended the command: the payment may go on, so
// that is a failure too.
func (e errStep) Unwrap() error {
	if errors.Is(e.err, context.Canceled) {
		return nil
	}
	return e.err
}

// Run makes the payment and takes it back.
func (c try) Run(r run) error {
	if c.Pay != "" && r.config.Production() {
		return fmt.Errorf("--pay %s: a simulator's cashier is for environment test, and this is production", c.Pay)
	}
	account, err := transition.ParseAccountNo(c.Account)
	if err != nil {
		return fmt.Errorf("--account %q: %w", c.Account, err)
	}
	if !app.Runs(r.ctx, r.config) {
		if len(r.config.Redis.Addrs) == 0 {
			return errors.New("no hub runs here: start it first (hub --config FILE serve)")
		}
		fmt.Fprintln(r.out, "no hub is seen on this machine; one must run somewhere on the same Redis, or no callback is heard")
	}
	if !r.log.Enabled(r.ctx, slog.LevelDebug) { // the steps say what the log would
		r.log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	return r.beside(func(hub *app.Hub) error {
		a := &attempt{try: c, r: r, hub: hub}
		return a.run(account)
	})
}

func (a *attempt) run(account transition.AccountNo) error {
	ready, err := a.order(account)
	if err != nil {
		return errStep{"order", err}
	}
	a.no = ready.Order
	if err := a.pay(ready); err != nil {
		return errStep{"pay", err}
	}
	o, err := a.credited()
	if err != nil {
		return errStep{"credit", err}
	}
	silent := a.heard(o)
	if err := a.refund(o); err != nil {
		return errStep{"refund", err}
	}
	how := "callback"
	if silent != nil {
		how = "query"
	}
	fmt.Fprintf(a.r.out, "tried: %s yuan paid by %s, credited by %s, refunded\n", tried.Yuan(), a.Channel, how)
	if silent != nil {
		return errStep{"callback", silent}
	}
	return nil
}

// say is a step in words.
func (a *attempt) say(name, format string, args ...any) {
	a.step++
	fmt.Fprintf(a.r.out, "%d  %-9s %s\n", a.step, name, fmt.Sprintf(format, args...))
}

// more goes on with what a step has to say.
func (a *attempt) more(format string, args ...any) {
	fmt.Fprintf(a.r.out, "             %s\n", strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "\n             "))
}

// alipayKind tells the two kinds of id at Alipay apart by their form.
func alipayKind(id string) string {
	if regexp.MustCompile(`^2088\d{12}$`).MatchString(id) {
		return "user_id"
	}
	return "open_id"
}

// order makes the order, of an account whose money can go back at once.
func (a *attempt) order(account transition.AccountNo) (recharge.Ready, error) {
	is, err := a.hub.Books().Account(a.r.ctx, account)
	switch {
	case err != nil:
		return recharge.Ready{}, err
	case !is.Open:
		return recharge.Ready{}, fmt.Errorf("account %s is closed; take another", account)
	case is.Arrears > 0 || is.Clawback > 0:
		return recharge.Ready{}, fmt.Errorf("account %s owes %s yuan, which the payment would pay, so that it could not be given back; take another",
			account, (is.Arrears + is.Clawback).Yuan())
	case len(is.Freeze) > 0:
		return recharge.Ready{}, fmt.Errorf("account %s is frozen (%s), and nothing of it can be given back; take another", account, is.Freeze[0].Name)
	}
	payer := channels.Payer{Kind: "openid", ID: a.Payer}
	if a.Channel == "alipay" {
		payer.Kind = alipayKind(a.Payer)
	}
	ready, err := a.hub.Orders().Create(a.r.ctx, recharge.Wish{
		Account: account, Channel: a.Channel, Amount: tried, Payer: payer, Key: idempotency.NewKey(), Outside: a.Pay == "",
	})
	if err != nil {
		return ready, err
	}
	a.say("order", "%s of %s yuan for account %s is made, to be paid by %s", ready.Order, ready.Amount.Yuan(), account, payer.Hint())
	return ready, nil
}

// pay says how to pay the order, or pays it at a simulator's cashier.
func (a *attempt) pay(ready recharge.Ready) error {
	if a.Pay != "" {
		return a.payAt(ready.Prepay.Params)
	}
	if page := ready.Prepay.Params["url"]; page != "" {
		a.say("pay", "open this address in any browser, log in as the payer, and pay:")
		a.more("%s", page)
		return nil
	}
	a.say("pay", "in the channel's app, as the payer (who has bound account %s there):", a.Account)
	a.more("open %s/h5/%s/recharge, which shows this order, and go on with it", a.r.config.PublicURL, a.Channel)
	params, err := json.Marshal(ready.Prepay.Params)
	if err != nil {
		return err
	}
	a.more("A page of your own hands this to the app: %s", params)
	return nil
}

// payAt pays at a simulator's cashier, as the payer's page would. An answer that is
// lost is no failure: the payment may be made.
func (a *attempt) payAt(params map[string]string) error {
	a.say("pay", "at the simulator's cashier %s", a.Pay)
	body, err := json.Marshal(params)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(a.r.ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.Pay, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		a.more("no answer of the cashier (%v); the payment may be made all the same", err)
		return nil
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err == nil && res.StatusCode >= 400 && res.StatusCode < 500 {
		return fmt.Errorf("the cashier answers %d: %.200s", res.StatusCode, text)
	}
	a.more("the cashier answers %.200s", strings.TrimSpace(string(text)))
	if !bytes.Contains(text, []byte("get_brand_wcpay_request:ok")) && !bytes.Contains(text, []byte(`"9000"`)) {
		a.more("that is no yes: it may not be paid, and the books tell") // a page can be told anything
	}
	return nil
}

// credited waits until the books have the payment.
func (a *attempt) credited() (transition.Order, error) {
	var o transition.Order
	err := a.wait("the payment", a.lookAtCallbacks, func(ctx context.Context) (state string, done bool, err error) {
		o, err = a.hub.Books().Order(ctx, a.no)
		if err == nil && o.State == transition.OrderClosed {
			return "", false, fmt.Errorf("order %s was not paid in time and is closed", a.no)
		}
		return string(o.State), o.State == transition.OrderCredited, err
	})
	if err != nil {
		return o, err
	}
	a.say("credit", "paid at %s (transaction %s), and credited: learned by %s", app.Moment(o.PaidAt), o.Txn, o.Source)
	return o, nil
}

// heard waits for a callback that came after the hub had asked by itself.
// Errors: that no callback arrives.
func (a *attempt) heard(o transition.Order) error {
	const callback = "callback"
	if o.Source == callback {
		return nil
	}
	a.more("the hub had asked the channel by itself; now the callback is waited for")
	ctx, cancel := context.WithTimeout(a.r.ctx, a.Patience)
	defer cancel()
	for {
		now, err := a.hub.Books().Order(ctx, a.no)
		if err == nil && now.Duplicates > 0 {
			a.more("the callback has come as well")
			return nil
		}
		if !a.pause(ctx) {
			a.lookAtCallbacks()
			return errors.New("callbacks do not arrive: the payment was credited because the hub asked the channel, and payments take longer so")
		}
	}
}

// refund gives the money back and waits until the channel has.
func (a *attempt) refund(o transition.Order) error {
	refund, err := a.hub.Orders().Refund(a.r.ctx, recharge.RefundWish{
		Account: o.Account, Order: o.No, Amount: o.Left(), By: tryBy, Why: tryWhy,
		Key: idempotency.Key(idempotency.Fingerprint(tryWhy, string(o.No))),
	})
	if err != nil {
		return fmt.Errorf("%w (the money stays on account %s; hub refunds make %s gives it back)", err, o.Account, o.No)
	}
	a.say("refund", "%s of %s yuan is asked for", refund.No, refund.Amount.Yuan())
	err = a.wait("the refund", func() {
		a.more("channels take seconds to minutes; the hub goes on asking: hub refunds list %s", o.No)
	}, func(ctx context.Context) (state string, done bool, err error) {
		refund, err = a.hub.Books().Refund(ctx, refund.No)
		if err == nil && refund.State == transition.RefundReturned {
			return "", false, fmt.Errorf("the channel did not make refund %s (%s); its money is back on account %s", refund.No, refund.Word, o.Account)
		}
		return strings.TrimSpace(string(refund.State) + " " + refund.Word), refund.State == transition.RefundSettled, err
	})
	if err != nil {
		return err
	}
	a.say("refunded", "%s yuan went back to the payer", refund.Amount.Yuan())
	return nil
}

// lookAtCallbacks says what to look at when no callback comes.
func (a *attempt) lookAtCallbacks() {
	a.more(`no callback after %s. If it was paid, look at:
hub doctor            whether %s/notify/%s leads to a hub
hub notices           what came, and with --refused what was refused
the hub's log         why a callback or an answer of the channel is not believed
hub trace %s
docs/troubleshooting/no-callback.md`, a.Patience, a.r.config.PublicURL, a.Channel, a.no)
}

// wait reads the books again and again. It shows each new state, says once what to
// look at, and gives up in the end.
func (a *attempt) wait(what string, advise func(), read func(context.Context) (state string, done bool, err error)) error {
	ctx, cancel := context.WithTimeout(a.r.ctx, a.Within)
	defer cancel()
	began, shown, advised, told := time.Now(), "", false, time.Now()
	for {
		state, done, err := read(ctx)
		if done || err != nil && ctx.Err() == nil {
			return err
		}
		if err == nil { // otherwise the time ran out while it was read
			waited := time.Since(began)
			every := progressEvery
			if advised {
				every = progressLater
			}
			if state != shown || time.Since(told) >= every {
				a.more("waiting for %s, %s so far: %s", what, waited.Truncate(time.Second), state)
				shown, told = state, time.Now()
			}
			if waited >= a.Patience && !advised {
				advise()
				advised = true
			}
		}
		if !a.pause(ctx) {
			if a.r.ctx.Err() != nil {
				return fmt.Errorf("you ended it while it waited for %s (%w); hub trace %s tells how it goes on", what, a.r.ctx.Err(), a.no)
			}
			return fmt.Errorf("%s did not come within %s; hub trace %s tells more", what, a.Within, a.no)
		}
	}
}

// The time between two lines that say that nothing is new, at first and later.
const (
	progressEvery = 10 * time.Second
	progressLater = time.Minute
)

// pause waits for the next look; false when ctx ends.
func (a *attempt) pause(ctx context.Context) bool {
	timer := time.NewTimer(a.Every)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
