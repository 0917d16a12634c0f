package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"guodu/internal/fen"
	"guodu/transition"
	"guodu/transition/recharge"
)

// used is a quota of which so much counts now. It is tomorrow's, so that it does
// so past a midnight that comes during the test.
func used(reserved fen.Fen) transition.Quota {
	return transition.Quota{Day: time.Now().In(transition.Beijing()).AddDate(0, 0, 1).Format("20060102"), Reserved: reserved}
}

// put changes the holder's account.
func (w *world) put(change func(*transition.Account)) {
	a := w.accounts[account]
	change(&a)
	w.accounts[account] = a
}

// amountMax is what the amount field allows, and whether there is one.
func (p page) amountMax() (most string, found bool) {
	p.each("input", func(attribute func(string) string, _ *html.Node) {
		if attribute("id") == "amount" {
			most, found = attribute("max"), true
		}
	})
	return most, found
}

// quick are the amounts that can be chosen, and those that are greyed out.
func (p page) quick() (links, grey []string) {
	p.each("nav", func(_ func(string) string, nav *html.Node) {
		for n := range nav.ChildNodes() {
			switch n.Data {
			case "a":
				links = append(links, n.FirstChild.Data)
			case "span":
				grey = append(grey, n.FirstChild.Data)
			}
		}
	})
	return links, grey
}

func TestTheRechargeFormShowsBalanceAndLimits(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.put(func(a *transition.Account) {
		a.Arrears = 55
		a.Quota = used(87_655)
	})
	b := w.holder()
	got := b.open("/h5/wechat/recharge")
	got.want(http.StatusOK, string(account), "12.34 元", "0.55 元", ">500.00<", "每日 1000.00", ">123.45<", "上限 2000.00", ">1987.66<", "现在最多可充值 123.45 元")
	if most, _ := got.amountMax(); most != "123.45" {
		t.Errorf("the field takes at most %q, want 123.45", most)
	}
	links, grey := got.quick()
	if strings.Join(links, " ") != "20元 50元 100元" || strings.Join(grey, " ") != "200元 300元 500元" {
		t.Errorf("the amounts to choose are %v, and grey %v", links, grey)
	}
	b.open("/h5/wechat/recharge?lang=en").want(http.StatusOK, "Left today", "At most 123.45 yuan now")
}

func TestAnAmountAboveTheLimitOfOneOrderIsNotEvenOffered(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.orders.limits.Order = 10_000
	links, grey := w.holder().open("/h5/wechat/recharge").quick()
	if strings.Join(links, " ") != "20元 50元 100元" || len(grey) > 0 {
		t.Errorf("the amounts to choose are %v, and grey %v", links, grey)
	}
}

func TestAChosenAmountIsFilledInAndAnythingElseIsNot(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	b.open("/h5/wechat/card")
	for address, want := range map[string]string{
		"?amount=50": "50.00", "?amount=0.5": "0.50", "": "", "?amount=0": "", "?amount=-5": "", "?amount=1e2": "", "?amount=%22%3E%3Cb%3E": "",
	} {
		got := b.open("/h5/wechat/recharge" + address)
		got.want(http.StatusOK)
		if _, values := got.form(); values.Get("amount") != want {
			t.Errorf("%q fills in %q, want %q", address, values.Get("amount"), want)
		}
	}
	if len(w.orders.wishes) > 0 {
		t.Errorf("an address made orders: %+v", w.orders.wishes)
	}
}

func TestALimitThatLeavesNothingIsSaidBeforePaying(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	for name, tc := range map[string]struct {
		account transition.Account
		status  int
		text    string
	}{
		"day":     {transition.Account{Open: true, Quota: used(100_000)}, http.StatusOK, "今日限额已用完"},
		"balance": {transition.Account{Open: true, Pending: 200_000}, http.StatusOK, "请先在食堂POS机刷卡领取"},
		"closed":  {transition.Account{}, http.StatusForbidden, "已销户"},
	} {
		w.put(func(a *transition.Account) { *a = tc.account })
		got := b.open("/h5/wechat/recharge")
		got.want(tc.status, tc.text)
		if _, found := got.amountMax(); found || strings.Contains(got.body, "<form") {
			t.Errorf("%s: there is still a form:\n%s", name, got.body)
		}
	}
}

func TestAnUnpaidOrderIsShownAndGoneOnWith(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	open := transition.UnpaidOrder{
		No: transition.NewOrderNo(account, time.Now()), Channel: "wechat", Amount: 100_000, Payer: payer("zhang").ID, Expires: time.Now().Add(time.Minute),
	}
	until := open.Expires.In(transition.Beijing()).Format("15:04")
	for name, tc := range map[string]struct {
		change func(*transition.UnpaidOrder)
		texts  []string
		button bool
	}{
		"this payer's":     {func(*transition.UnpaidOrder) {}, []string{"微信支付 <b>1000.00</b> 元", until + " 前支付", "仍占用今日限额", "今日限额已用完"}, true},
		"of another app":   {func(o *transition.UnpaidOrder) { o.Channel = "alipay" }, []string{"支付宝 <b>1000.00</b> 元", until + " 前支付"}, false},
		"of somebody else": {func(o *transition.UnpaidOrder) { o.Payer = "oSomebody" }, []string{"微信支付", until + " 前支付"}, false},
		"its time is over": {func(o *transition.UnpaidOrder) { o.Expires = time.Now().Add(-time.Second) }, []string{"已过支付时间", "仍占用今日限额"}, false},
		"there is not any": {func(o *transition.UnpaidOrder) { *o = transition.UnpaidOrder{} }, []string{"今日限额已用完"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w.put(func(a *transition.Account) {
				a.Quota = used(100_000)
				a.Unpaid = open
				tc.change(&a.Unpaid)
			})
			got := b.open("/h5/wechat/recharge")
			got.want(http.StatusOK, tc.texts...)
			if strings.Contains(got.body, "<form") != tc.button {
				t.Errorf("a button is %t on\n%s", !tc.button, got.body)
			}
			if strings.Contains(got.body, open.Payer) {
				t.Error("the payer's id is on the page")
			}
			if !tc.button {
				return
			}
			w.orders.wishes = nil
			w.orders.create = func(wish recharge.Wish) (recharge.Ready, error) { return ready(open.No, wish.Amount, nil), nil }
			b.submit(got).want(http.StatusOK, "支付 1000.00 元", string(open.No))
			if wish := w.orders.wishes[0]; wish.Amount != fen.Fen(100_000) || wish.Key == "" || wish.Payer.ID != open.Payer {
				t.Errorf("the wish is %+v", wish)
			}
		})
	}
}
