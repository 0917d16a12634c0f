package web_test

import (
	"context"

	"log/slog"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"guodu/binding"
	"guodu/binding/identity/guard"
	"guodu/binding/web"
	"guodu/channels"
	"guodu/idempotency"
	"guodu/internal/fen"
	"guodu/internal/limit"
	"guodu/transition"
	"guodu/transition/recharge"
	"guodu/transition/transitiontest"
)

// In a seed, these stand for what only a run knows.
const (
	fresh  = "fresh"  // an idempotency key that was never used
	mine   = "mine"   // an order of the holder
	others = "other"  // an order of another account
	token  = "token"  // the session's CSRF token
	right  = "right"  // the right password
	first  = "first"  // the earlier order of a pair
	second = "second" // the later one
)

// amountMost is the limit of one order while forms are fuzzed; no other limit
// stands in the way.
const amountMost fen.Fen = 50_000

// willing is a channel that makes every order and every refund.
type willing struct{}

func (willing) Name() string     { return "wechat" }
func (willing) Merchant() string { return "1/a" }

func (willing) Prepay(_ context.Context, r channels.PrepayRequest) (channels.Prepay, error) {
	return channels.Prepay{Handle: r.OrderNo, Params: map[string]string{"package": r.OrderNo}}, nil
}

func (willing) Query(context.Context, string) (channels.Payment, error) {
	return channels.Payment{}, channels.ErrUnknownOutcome
}

func (willing) Close(context.Context, string) error { return channels.ErrUnknownOutcome }

func (willing) RefundPause() time.Duration { return 0 }

func (willing) Refund(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
	return channels.RefundStatus{Channel: "wechat", Merchant: "1/a", OrderNo: r.OrderNo, No: r.RefundNo, State: channels.RefundMade, Amount: r.Amount}, nil
}

func (willing) QueryRefund(context.Context, string, string) (channels.RefundStatus, error) {
	return channels.RefundStatus{}, channels.ErrUnknownOutcome
}

// gate knows one password of everybody.
type gate struct{}

func (gate) Login(_ context.Context, user, word string) (binding.Person, error) {
	people := map[string]string{"zhangsan": string(account), "guest": "2026999999", "odd": "not an account"}
	if people[user] == "" || word != right {
		return binding.Person{}, binding.ErrCredentials
	}
	return binding.Person{AccountNo: people[user], Name: "<b>张三</b>"}, nil
}

// target is the pages over the real life of an order and real books, with a
// bound holder whose browser posts.
type target struct {
	*world
	bench   transitiontest.Bench
	service *recharge.Service
	browser *browser
	csrf    string
	shapes  map[string]bool // of pages, as harmless forms make them
}

func newTarget(f *testing.F) *target {
	f.Helper()
	bench := transitiontest.New(f, nil)
	bench.Account(f, account, 0)
	bench.Account(f, other, 0)
	service := recharge.New(recharge.Config{
		Ledger: bench.Store, Channels: channels.Set{"wechat": {Current: willing{}}}, Log: slog.New(slog.DiscardHandler),
		NotifyURL: func(string) string { return "https://card.example.edu/notify" }, Description: "校园卡充值",
		Limits: transition.Limits{Order: amountMost, Day: fen.Max, Balance: fen.Max},
	})
	w := start(f, func(c *web.Config) {
		c.Orders, c.Accounts, c.Log, c.Prepays = service, bench.Store, slog.New(slog.DiscardHandler), 1_000_000
		c.Identity = guard.New(gate{}, limit.New(c.Ephemeral, "", nil), guard.DefaultRates(), nil)
	})
	tg := &target{world: w, bench: bench, service: service, shapes: map[string]bool{}}
	tg.browser = w.holder()
	_, values := tg.browser.open("/h5/wechat/card").form()
	tg.csrf = values.Get("csrf")
	tg.giveBack(tg.stored(tg.order(account, 100, time.Now()))) // the books may not be empty at the end
	return tg
}

// in is the target while one input is tried: what fails fails t.
func (tg target) in(t *testing.T) *target {
	w, b := *tg.world, *tg.browser
	w.t, b.t, b.w = t, t, &w
	tg.world, tg.browser = &w, &b
	return &tg
}

// order is one of the owner that was paid at a time; the holder paid those of the
// account.
func (tg *target) order(owner transition.AccountNo, amount fen.Fen, at time.Time) transition.OrderNo {
	tg.t.Helper()
	payer := channels.Payer{Kind: "openid", ID: "oPayer" + string(idempotency.NewKey())}
	if owner == account {
		payer.ID = holderID()
	}
	made, err := tg.service.Create(context.Background(), recharge.Wish{Account: owner, Channel: "wechat", Amount: amount, Payer: payer})
	if err != nil {
		tg.t.Fatal(err)
	}
	_, err = tg.service.Settle(context.Background(), channels.Payment{
		Channel: "wechat", Merchant: "1/a", OrderNo: string(made.Order), TransactionID: string(made.Order), State: channels.Paid, Amount: amount,
		Currency: "CNY", Payer: payer, Attach: string(owner), SuccessTime: at,
	}, "callback")
	if err != nil {
		tg.t.Fatal(err)
	}
	return made.Order
}

func (tg *target) stored(no transition.OrderNo) transition.Order {
	tg.t.Helper()
	o, err := tg.bench.Order(context.Background(), no)
	if err != nil {
		tg.t.Fatal(err)
	}
	return o
}

func (tg *target) account() transition.Account {
	tg.t.Helper()
	a, err := tg.bench.Store.Account(context.Background(), account)
	if err != nil {
		tg.t.Fatal(err)
	}
	return a
}

// send posts fields, with more after them as it is, and follows nothing.
func (tg *target) send(page string, fields url.Values, more string) page {
	tg.t.Helper()
	body := fields.Encode()
	if more != "" {
		body += "&" + more
	}
	got := tg.browser.send(tg.browser.request(http.MethodPost, "/h5/wechat/"+page, strings.NewReader(body)))
	if got.status >= http.StatusInternalServerError {
		tg.t.Fatalf("%q to %s is %d:\n%s", body, page, got.status, got.body)
	}
	return got
}

// learn takes the shape of a page whose input is harmless.
func (tg *target) learn(p page) { tg.shapes[p.shape()] = true }

// wantShape fails if an input left its place in the page: then there would be
// elements or attributes that no harmless input makes.
func (tg *target) wantShape(p page) {
	tg.t.Helper()
	if !tg.shapes[p.shape()] {
		tg.t.Fatalf("%s is %d, of a shape that no harmless input makes:\n%s", p.at, p.status, p.body)
	}
}

// shape is the page's elements and their attributes, without any text and without
// the mark of a chosen amount.
func (p page) shape() string {
	var b strings.Builder
	p.each("", func(_ func(string) string, n *html.Node) {
		b.WriteString(n.Data)
		for _, a := range n.Attr {
			if a.Key != "aria-current" {
				b.WriteString(" " + a.Key)
			}
		}
		b.WriteString("\n")
	})
	return b.String()
}

var plainYuan = regexp.MustCompile(`^[0-9]+(\.[0-9]{1,2})?$`)

// canonical is an amount that a form may move, read in another way than the
// pages do: blanks around it do not count, and it has at most 16 characters.
func canonical(text string) (amount fen.Fen, ok bool) {
	text = strings.TrimSpace(text)
	if !plainYuan.MatchString(text) || len(text) > 16 {
		return 0, false
	}
	yuan, _ := new(big.Rat).SetString(text)
	cents := yuan.Mul(yuan, big.NewRat(100, 1)).Num().Int64()
	return fen.Fen(cents), cents > 0
}

// key is a key as a seed gives it, and whether an order must come of it.
func key(text string) (string, bool) {
	if text == fresh {
		return string(idempotency.NewKey()), true
	}
	return text, false
}

// parses says whether a body with this at its end is a form at all.
func parses(more string) bool {
	_, err := url.ParseQuery(more)
	return err == nil
}

func FuzzRechargeForm(f *testing.F) {
	base := newTarget(f)
	for _, amount := range []string{"x", "5", "20", "999999"} {
		base.learn(base.send("recharge", url.Values{"csrf": {base.csrf}, "key": {"seed-" + amount + "-key"}, "amount": {amount}}, ""))
		base.closeUnpaid()
	}
	base.learn(base.send("recharge", url.Values{"csrf": {base.csrf}, "key": {"seed-5-key"}, "amount": {"6"}}, "")) // a used key
	base.learn(base.send("recharge", url.Values{"csrf": {base.csrf}, "key": {""}, "amount": {"6"}}, ""))
	base.learn(base.send("recharge", url.Values{"csrf": {base.csrf}}, "%zz"))
	f.Fuzz(func(t *testing.T, amount, wish, more string) {
		tg := base.in(t)
		before := tg.account()
		wish, isFresh := key(wish)
		got := tg.send("recharge", url.Values{"csrf": {tg.csrf}, "key": {wish}, "amount": {amount}}, more)
		tg.wantShape(got)
		after := tg.account()
		want, ok := canonical(amount)
		ok = ok && want <= amountMost
		if after.Seq != before.Seq || after.Pending != before.Pending {
			t.Fatalf("%q moved money: %+v, before %+v", amount, after, before)
		}
		made := after.Unpaid.No != ""
		if made && (!ok || after.Unpaid.Amount != want || after.Quota.Reserved != reserved(before, after)+want) {
			t.Fatalf("%q makes an order of %s fen: %+v, before %+v", amount, after.Unpaid.Amount, after, before)
		}
		if !made && (ok && isFresh && parses(more) || after.Quota != before.Quota) {
			t.Fatalf("%q makes no order; %+v, before %+v:\n%s", amount, after, before, got.body)
		}
		tg.closeUnpaid()
	})
}

// reserved is what counted of the quota before, even if midnight was in between.
func reserved(before, after transition.Account) fen.Fen {
	if before.Quota.Day != after.Quota.Day {
		return 0
	}
	return before.Quota.Reserved
}

// closeUnpaid ends the unpaid order, so that the next input is a new wish.
func (tg *target) closeUnpaid() {
	tg.t.Helper()
	no := tg.account().Unpaid.No
	if no == "" {
		return
	}
	_, err := tg.service.Settle(context.Background(), channels.Payment{Channel: "wechat", Merchant: "1/a", OrderNo: string(no), State: channels.Closed}, "query")
	if err != nil {
		tg.t.Fatal(err)
	}
}

func FuzzRefundForm(f *testing.F) {
	base := newTarget(f)
	own, foreign := base.order(account, 5000, time.Now()), base.order(other, 5000, time.Now())
	base.learnRefunds(own)
	f.Fuzz(func(t *testing.T, amount, order, wish, more string) {
		tg := base.in(t)
		before := tg.stored(own)
		wish, isFresh := key(wish)
		name := map[string]transition.OrderNo{mine: own, others: foreign}[order]
		if name != "" {
			order = string(name)
		}
		got := tg.send("refunds", url.Values{"csrf": {tg.csrf}, "key": {wish}, "order": {order}, "amount": {amount}}, more)
		tg.wantShape(got)
		want, ok := canonical(amount)
		ok = ok && want <= before.Left() && name == own
		after := tg.stored(own)
		if moved := after.Refunded - before.Refunded; moved != 0 && (!ok || moved != want) || moved == 0 && ok && isFresh && parses(more) {
			t.Fatalf("%q of %s gives %s fen back:\n%s", amount, order, moved, got.body)
		}
		if left := tg.stored(foreign).Left(); left != 5000 {
			t.Fatalf("another account's order has %s fen left", left)
		}
		if after.Refunded > 0 {
			tg.giveBack(after)
			own = tg.order(account, 5000, time.Now())
		}
	})
}

// giveBack refunds what an order has left, so that the next one is alone.
func (tg *target) giveBack(o transition.Order) {
	tg.t.Helper()
	if o.Left() == 0 {
		return
	}
	_, err := tg.service.Refund(context.Background(), recharge.RefundWish{Account: account, Order: o.No, Amount: o.Left(), By: "test"})
	if err != nil {
		tg.t.Fatal(err)
	}
}

// learnRefunds takes the shapes of what refunds answer, without touching the order.
func (tg *target) learnRefunds(own transition.OrderNo) {
	tg.t.Helper()
	spare := tg.order(account, 700, time.Now())
	for _, fields := range []url.Values{
		{"amount": {"7"}, "key": {"seed-key-1"}, "order": {string(spare)}},
		{"amount": {"1"}, "key": {"seed-key-2"}, "order": {string(spare)}},
		{"amount": {"x"}}, {"amount": {"1"}, "key": {""}}, {"amount": {"51"}, "key": {"seed-key-3"}, "order": {string(own)}},
		{"amount": {"1"}, "key": {"seed-key-4"}, "order": {string(transition.NewOrderNo(other, time.Now()))}},
	} {
		fields.Set("csrf", tg.csrf)
		tg.learn(tg.send("refunds", fields, ""))
	}
	tg.learn(tg.send("refunds", url.Values{}, "%zz"))
}

func FuzzDoubleForm(f *testing.F) {
	base := newTarget(f)
	at := time.Now().Add(-10_000 * time.Hour)
	pair := func(tg *target) map[string]transition.OrderNo {
		at = at.Add(time.Hour)
		return map[string]transition.OrderNo{first: tg.order(account, 1000, at), second: tg.order(account, 1000, at)}
	}
	orders := pair(base)
	foreign := base.order(other, 1000, at)
	for _, fields := range []url.Values{
		{"key": {"seed-key-1"}, "order": {string(pair(base)[second])}}, {"key": {""}},
		{"key": {"seed-key-2"}, "order": {string(orders[first])}}, {"key": {"seed-key-3"}, "order": {string(foreign)}},
	} {
		fields.Set("csrf", base.csrf)
		base.learn(base.send("doubles", fields, ""))
	}
	orders = pair(base)
	f.Fuzz(func(t *testing.T, order, wish, more string) {
		tg := base.in(t)
		wish, isFresh := key(wish)
		name, no := order, orders[order]
		if order == others {
			no = foreign
		}
		if no != "" {
			order = string(no)
		}
		before := tg.account()
		got := tg.send("doubles", url.Values{"csrf": {tg.csrf}, "key": {wish}, "order": {order}}, more)
		tg.wantShape(got)
		back := before.Pending - tg.account().Pending
		if back != 0 && (name != second || back != 1000) || back == 0 && name == second && isFresh && parses(more) {
			t.Fatalf("%q gives %s fen back:\n%s", order, back, got.body)
		}
		if left := tg.stored(foreign).Left(); left != 1000 {
			t.Fatalf("another account's order has %s fen left", left)
		}
		if back != 0 {
			orders = pair(tg)
		}
	})
}

func FuzzBindForm(f *testing.F) {
	base := newTarget(f)
	base.browser = base.world.browser("new")
	for _, fields := range []url.Values{
		{}, {"username": {"zhangsan"}, "password": {"x"}}, {"username": {"zhangsan"}, "password": {right}}, {"username": {"guest"}, "password": {right}},
	} {
		fields.Set("csrf", base.token("bind"))
		base.learn(base.send("bind", fields, ""))
		base.forget(f)
	}
	base.learn(base.send("bind", url.Values{}, "%zz"))
	f.Fuzz(func(t *testing.T, user, word, more string) {
		tg := base.in(t)
		got := tg.send("bind", url.Values{"csrf": {tg.token("bind")}, "username": {user}, "password": {word}}, more)
		tg.wantShape(got)
		got.each("input", func(attribute func(string) string, _ *html.Node) {
			if attribute("name") == "password" && attribute("value") != "" {
				t.Errorf("the password %q is on the page", word)
			}
		})
		want := transition.AccountNo("")
		if strings.TrimSpace(user) == "zhangsan" && word == right && parses(more) {
			want = account
		}
		tg.wantBound("new", want)
		tg.forget(t)
	})
}

// token is the session's CSRF token of now, as a page has it.
func (tg *target) token(page string) string {
	tg.t.Helper()
	_, values := tg.browser.open("/h5/wechat/" + page).form()
	return values.Get("csrf")
}

// forget takes the binding and whatever was counted away again.
func (tg *target) forget(tb testing.TB) {
	tb.Helper()
	_ = tg.links.Unbind(context.Background(), payer("new"), string(account))
	keys, err := tg.client.Keys(context.Background(), "*:limit:*").Result()
	if err == nil && len(keys) > 0 {
		err = tg.client.Del(context.Background(), keys...).Err()
	}
	if err != nil {
		tb.Fatal(err)
	}
}

func FuzzUnbindForm(f *testing.F) {
	base := newTarget(f)
	for _, fields := range []url.Values{{}, {"csrf": {base.token("card")}}, {"fill": {strings.Repeat("x", 17<<10)}}} {
		base.learn(base.send("unbind", fields, ""))
	}
	base.learn(base.send("unbind", url.Values{}, "%zz"))
	f.Fuzz(func(t *testing.T, csrf, more string) {
		tg := base.in(t)
		if err := tg.links.Bind(context.Background(), payer("zhang"), string(account)); err != nil {
			t.Fatal(err)
		}
		now := tg.token("card")
		if csrf == token {
			csrf = now
		}
		fields := url.Values{"csrf": {csrf}}
		tg.wantShape(tg.send("unbind", fields, more))
		want := account
		if csrf == now && parses(more) && len(fields.Encode()+"&"+more) <= 16<<10 {
			want = ""
		}
		tg.wantBound("zhang", want)
	})
}

// FuzzOAuthReturn plays with the address that the channel sends a browser back
// to: STATE and CODE in it stand for the right ones.
func FuzzOAuthReturn(f *testing.F) {
	base := newTarget(f)
	base.learn(base.world.browser("nobody").step("/h5/wechat/oauth"))
	f.Fuzz(func(t *testing.T, query string) {
		tg := base.in(t)
		defer tg.forget(t)
		b := tg.world.browser("zhang")
		back, err := url.Parse(b.callback("/h5/wechat/card"))
		if err != nil {
			t.Fatal(err)
		}
		sent := back.Query()
		query = strings.NewReplacer("STATE", sent.Get("state"), "CODE", sent.Get("code")).Replace(query)
		back.RawQuery = ""
		r := b.request(http.MethodGet, back.String(), nil)
		r.URL.RawQuery = sendable(query)
		got := b.send(r)
		if got.status >= http.StatusInternalServerError {
			t.Fatalf("%q is %d:\n%s", query, got.status, got.body)
		}
		if got.status == http.StatusForbidden {
			tg.wantShape(got)
		} else if to := got.target(); !strings.HasPrefix(to, tg.base+"/h5/wechat/card") && !strings.HasPrefix(to, app.base+"/connect/oauth2/authorize?") {
			t.Fatalf("%q leads to %d %s", query, got.status, to)
		}
		read := r.URL.Query()
		code := read.Get("code")
		if code == "" {
			code = read.Get("auth_code")
		}
		known := b.step("/h5/wechat/card").status == http.StatusOK
		if want := read.Get("state") == sent.Get("state") && code == sent.Get("code"); known != want {
			t.Fatalf("%q makes the payer known: %t, want %t", query, known, want)
		}
	})
}

// sendable is a query without the bytes that no client can put on a wire.
func sendable(query string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f || r == '#' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(query, "%ff"))
}

func FuzzOrderNumber(f *testing.F) {
	base := newTarget(f)
	own, foreign := base.order(account, 5000, time.Now()), base.order(other, 5000, time.Now())
	base.learn(base.browser.step("/h5/wechat/orders/" + string(own)))
	base.learn(base.browser.step("/h5/wechat/orders/x"))
	f.Fuzz(func(t *testing.T, number string) {
		tg := base.in(t)
		if name := map[string]transition.OrderNo{mine: own, others: foreign}[number]; name != "" {
			number = string(name)
		}
		got := tg.browser.step("/h5/wechat/orders/" + url.PathEscape(number))
		tg.wantShape(got)
		want := http.StatusNotFound
		if number == string(own) {
			want = http.StatusOK
		}
		if got.status != want {
			t.Fatalf("order %q is %d, want %d:\n%s", number, got.status, want, got.body)
		}
	})
}

// holderID is how the channel knows the holder.
func holderID() string { return payer("zhang").ID }
