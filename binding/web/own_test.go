package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"guodu/binding"
	"guodu/binding/web"
	"guodu/idempotency"
	"guodu/transition"
	"guodu/transition/recharge"
)

// TestAnotherPayerOfTheAccountSeesAndGivesBackNothing: a parent who is bound to the
// account as well paid the orders, or somebody on another channel or of another kind.
func TestAnotherPayerOfTheAccountSeesAndGivesBackNothing(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]binding.Payer{
		"another person":  payer("mother"),
		"another channel": {Channel: "alipay", Kind: "openid", ID: payer("zhang").ID},
		"another kind":    {Channel: "wechat", Kind: "unionid", ID: payer("zhang").ID},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			b := w.holder()
			pair := w.paidTwice()
			single := w.credited()
			seen := b.open("/h5/wechat/refunds")
			seen.want(http.StatusOK, string(single), string(pair.Second.No))
			card := b.open("/h5/wechat/card")
			card.want(http.StatusOK, "您在一分钟内支付了两笔")
			for no, o := range w.orders.known {
				o.Channel, o.PayerKind, o.Payer = of.Channel, of.Kind, of.ID
				w.orders.known[no] = o
			}
			w.orders.pairs = []recharge.Pair{{First: w.orders.known[pair.First.No], Second: w.orders.known[pair.Second.No]}}
			for _, page := range []string{"card", "refunds"} {
				got := b.open("/h5/wechat/" + page)
				for no := range w.orders.known {
					if got.want(http.StatusOK); strings.Contains(got.body, string(no)) || strings.Contains(got.body, "50.00") {
						t.Errorf("%s shows what another paid:\n%s", page, got.body)
					}
				}
			}
			for no := range w.orders.known {
				b.open("/h5/wechat/orders/"+string(no)).want(http.StatusNotFound, "没有找到这个订单")
			}
			w.orders.refund = func(wish recharge.RefundWish) (transition.RefundOrder, error) {
				t.Errorf("%+v was asked for", wish)
				return transition.RefundOrder{}, nil
			}
			w.orders.double = func(transition.AccountNo, transition.OrderNo, idempotency.Key) (transition.RefundOrder, error) {
				t.Error("a double payment was given back")
				return transition.RefundOrder{}, nil
			}
			_, values := card.form()
			form := url.Values{"csrf": {values.Get("csrf")}, "key": {string(idempotency.NewKey())}, "amount": {"1"}, "order": {string(pair.Second.No)}}
			for _, page := range []string{"refunds", "doubles"} {
				b.post("/h5/wechat/"+page, form).want(http.StatusNotFound, "没有找到可以退款的订单")
			}
			// A pair of which the holder paid one half only is none of theirs.
			mixed := w.orders.pairs[0]
			mixed.First.Channel, mixed.First.PayerKind, mixed.First.Payer = "wechat", "openid", payer("zhang").ID
			w.orders.pairs = []recharge.Pair{mixed}
			if _, found := b.open("/h5/wechat/card").button("/h5/wechat/doubles"); found {
				t.Error("half a pair is shown")
			}
		})
	}
}

func TestAnHourHasTwentyOrdersOfAPayer(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	form := b.open("/h5/wechat/recharge")
	for range 20 {
		b.submit(b.open("/h5/wechat/recharge"), "amount", "5").want(http.StatusOK, "确认支付")
	}
	got := b.submit(form, "amount", "5")
	got.want(http.StatusTooManyRequests, "您提交的订单过多，请在60分钟后再试")
	if got.header.Get("Retry-After") == "" || len(w.orders.wishes) != 20 {
		t.Errorf("%d orders, Retry-After %q", len(w.orders.wishes), got.header.Get("Retry-After"))
	}
	w.bind("mother", account)
	mother := w.browser("mother")
	mother.submit(mother.open("/h5/wechat/recharge"), "amount", "5").want(http.StatusOK, "确认支付")
}

func TestARepeatedWishAndWhatTheBooksRefuseAreNoOrders(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *web.Config) { c.Prepays = 2 })
	b := w.holder()
	form := b.open("/h5/wechat/recharge")
	for range 5 {
		b.submit(form, "amount", "5").want(http.StatusOK, "确认支付")
	}
	made := w.orders.create
	w.orders.create = func(recharge.Wish) (recharge.Ready, error) {
		return recharge.Ready{}, &transition.LimitError{Limit: "day", Left: 100}
	}
	for range 5 {
		b.submit(b.open("/h5/wechat/recharge"), "amount", "5").want(http.StatusUnprocessableEntity, "超出今日限额")
	}
	w.orders.create = made
	b.submit(b.open("/h5/wechat/recharge"), "amount", "5").want(http.StatusOK, "确认支付")
	b.submit(b.open("/h5/wechat/recharge"), "amount", "5").want(http.StatusTooManyRequests)
	b.submit(form, "amount", "5").want(http.StatusOK, "确认支付")
}
