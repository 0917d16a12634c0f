package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"guodu/idempotency"
	"guodu/transition"
	"guodu/transition/recharge"
)

// paidTwice puts a pair of 50.00 into the world that zhang paid.
func (w *world) paidTwice() recharge.Pair {
	w.t.Helper()
	leg := func(second int) transition.Order {
		o := transition.Order{
			No: transition.NewOrderNo(account, time.Now()), Account: account, State: transition.OrderCredited, Amount: 5000,
			Channel: "wechat", PayerKind: "openid", Payer: payer("zhang").ID, PaidAt: time.Date(2026, 11, 23, 4, 0, second, 0, time.UTC),
		}
		w.orders.known[o.No] = o
		return o
	}
	pair := recharge.Pair{First: leg(5), Second: leg(45)}
	w.orders.pairs = append(w.orders.pairs, pair)
	return pair
}

// button is the form that posts to an action, if the page has it.
func (p page) button(action string) (values map[string]string, found bool) {
	p.each("form", func(attribute func(string) string, form *html.Node) {
		if attribute("action") != action {
			return
		}
		values, found = map[string]string{}, true
		page{t: p.t, root: form}.each("input", func(attribute func(string) string, _ *html.Node) {
			values[attribute("name")] = attribute("value")
		})
	})
	return values, found
}

func TestTwoPaymentsInAMinuteAreShownWithOneButton(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	pair := w.paidTwice()
	pages := []string{"card", "orders/" + string(pair.First.No), "orders/" + string(pair.Second.No)}
	for _, name := range pages {
		got := b.open("/h5/wechat/" + name)
		got.want(http.StatusOK, "您在一分钟内支付了两笔", "微信支付 <b>50.00</b> 元", "11-23 12:00:05", "11-23 12:00:45")
		values, _ := got.button("/h5/wechat/doubles")
		if values["order"] != string(pair.Second.No) || values["key"] == "" || strings.Count(got.body, "退回这一笔") != 1 {
			t.Errorf("%s: the button posts %v, want the later order %s", name, values, pair.Second.No)
		}
	}
	b.open("/h5/wechat/card?lang=en").want(http.StatusOK, "You paid twice within a minute", "Give this one back", "WeChat Pay <b>50.00</b> yuan")
}

func TestPagesWithoutADoublePaymentSayNothingOfOne(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	pair := w.paidTwice()
	single := w.credited()
	b.open("/h5/wechat/orders/"+string(single)).want(http.StatusOK, "充值成功")
	silent := []string{"orders/" + string(single)}
	waiting := pair.First
	waiting.State = transition.OrderPrepared
	for name, pairs := range map[string][]recharge.Pair{"none": {}, "not to be read": nil} {
		w.orders.pairs = pairs
		for _, address := range append(silent, "card", "orders/"+string(pair.Second.No)) {
			got := b.open("/h5/wechat/" + address)
			got.want(http.StatusOK)
			if _, found := got.button("/h5/wechat/doubles"); found {
				t.Errorf("%s: %s shows a pair:\n%s", name, address, got.body)
			}
		}
	}
	w.orders.pairs = []recharge.Pair{pair}
	w.orders.known[waiting.No] = waiting
	for _, address := range append(silent, "orders/"+string(waiting.No)) {
		if _, found := b.open("/h5/wechat/" + address).button("/h5/wechat/doubles"); found {
			t.Errorf("%s shows a pair that it is not in, or before it was paid", address)
		}
	}
}

func TestTheButtonGivesTheLaterPaymentBackInOneStep(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	pair := w.paidTwice()
	var keys []idempotency.Key
	w.orders.double = func(owner transition.AccountNo, no transition.OrderNo, key idempotency.Key) (transition.RefundOrder, error) {
		if owner != account || no != pair.Second.No {
			t.Errorf("asked to give %s of %s back", no, owner)
		}
		keys = append(keys, key)
		return transition.RefundOrder{Amount: 5000, State: transition.RefundHeld}, nil
	}
	form := b.open("/h5/wechat/orders/" + string(pair.Second.No))
	for range 2 {
		b.submit(form).want(http.StatusOK, "退款已受理", "50.00 元")
	}
	if len(keys) != 2 || keys[0] != keys[1] || slices.Contains(keys, "") {
		t.Errorf("two clicks have the keys %v, want one", keys)
	}
}

func TestWhyADoublePaymentDoesNotGoBack(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	pair := w.paidTwice()
	form := b.open("/h5/wechat/orders/" + string(pair.Second.No))
	for _, tc := range []struct {
		name   string
		fill   []string
		err    error
		status int
		text   string
	}{
		{"no token", []string{"csrf", ""}, nil, http.StatusForbidden, "页面已过期"},
		{"bad key", []string{"key", "x"}, nil, http.StatusBadRequest, "页面已过期"},
		{"bad order", []string{"order", "x"}, nil, http.StatusBadRequest, "页面已过期"},
		{"no pair any more", nil, recharge.ErrNotDouble, http.StatusConflict, "可能已经退款，或者钱已写入卡中"},
		{"used key", nil, transition.ErrIdempotency, http.StatusConflict, "页面已过期"},
		{"another's order", nil, transition.ErrNoOrder, http.StatusNotFound, "没有找到可以退款的订单"},
		{"card in doubt", nil, transition.ErrDoubt, http.StatusForbidden, "到卡务中心核对"},
		{"unknown", nil, transition.ErrUnknownOutcome, http.StatusServiceUnavailable, "不要重复提交"},
	} {
		w.orders.double = func(transition.AccountNo, transition.OrderNo, idempotency.Key) (transition.RefundOrder, error) {
			if tc.err == nil {
				t.Errorf("%s: it was asked for", tc.name)
			}
			return transition.RefundOrder{}, tc.err
		}
		b.submit(form, tc.fill...).want(tc.status, tc.text)
	}
}
