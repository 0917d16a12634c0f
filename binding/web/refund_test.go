package web_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"guodu/transition"
	"guodu/transition/recharge"
)

// credited puts a paid order of 50.00 into the world.
func (w *world) credited() transition.OrderNo {
	w.t.Helper()
	no := transition.NewOrderNo(account, time.Now())
	w.orders.known[no] = transition.Order{
		No: no, State: transition.OrderCredited, Account: account, Amount: 5000, Refunded: 1000,
		Channel: "wechat", PayerKind: "openid", Payer: payer("zhang").ID,
		Credited: time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC),
	}
	return no
}

func TestAHolderGivesPendingMoneyOfAnOrderBack(t *testing.T) {
	t.Parallel()
	w := start(t)
	no := w.credited()
	var wishes []recharge.RefundWish
	w.orders.refund = func(wish recharge.RefundWish) (transition.RefundOrder, error) {
		wishes = append(wishes, wish)
		return transition.RefundOrder{No: transition.NewRefundNo(account, time.Now()), Amount: wish.Amount, State: transition.RefundHeld}, nil
	}
	b := w.holder()
	b.open("/h5/wechat/card").want(http.StatusOK, `href="/h5/wechat/refunds"`)
	form := b.open("/h5/wechat/refunds")
	form.want(http.StatusOK, "微信支付 50.00 元", "11-23 12:00", `value="12.34"`) // no more than is pending
	b.submit(form, "amount", " 10.5 ").want(http.StatusOK, "退款已受理", "10.50 元")
	b.submit(form, "amount", "10.5").want(http.StatusOK) // a double tap: the same key
	if len(wishes) != 2 || wishes[0] != wishes[1] {
		t.Fatalf("the wishes are %+v", wishes)
	}
	want := recharge.RefundWish{Account: account, Order: no, Amount: 1050, Key: wishes[0].Key, By: "holder", Why: "asked for on the page"}
	if wishes[0] != want || wishes[0].Key == "" {
		t.Errorf("the wish is %+v, want %+v", wishes[0], want)
	}
	for state, text := range map[transition.RefundState]string{
		transition.RefundSettled: "退款成功", transition.RefundReturned: "渠道没有退款",
	} {
		w.orders.refund = func(wish recharge.RefundWish) (transition.RefundOrder, error) {
			return transition.RefundOrder{Amount: wish.Amount, State: state}, nil
		}
		b.submit(b.open("/h5/wechat/refunds"), "amount", "1").want(http.StatusOK, text)
	}
}

func TestWhatCannotGoBackIsSaid(t *testing.T) {
	t.Parallel()
	w := start(t)
	no := w.credited()
	b := w.holder()
	for _, tc := range []struct {
		name   string
		fill   []string
		err    error
		status int
		text   string
	}{
		{"no amount", []string{"amount", ""}, nil, http.StatusBadRequest, "请输入正确的金额"},
		{"no number", []string{"amount", "1e2"}, nil, http.StatusBadRequest, "请输入正确的金额"},
		{"nothing", []string{"amount", "0.00"}, nil, http.StatusBadRequest, "请输入正确的金额"},
		{"bad order", []string{"order", "x"}, nil, http.StatusBadRequest, "页面已过期"},
		{"bad key", []string{"key", "x"}, nil, http.StatusBadRequest, "页面已过期"},
		{"too much", nil, &transition.RefundLimitError{Limit: "pending", Left: 700}, http.StatusUnprocessableEntity, "最多可退7.00元"},
		{"too often", nil, &transition.RefundLimitError{Limit: "count", Left: 50}, http.StatusUnprocessableEntity, "次数已达上限"},
		{"card in doubt", nil, transition.ErrDoubt, http.StatusForbidden, "到卡务中心核对"},
		{"frozen", nil, transition.ErrFrozen, http.StatusForbidden, "账户已冻结"},
		{"another's order", nil, transition.ErrNoOrder, http.StatusNotFound, "没有找到可以退款的订单"},
		{"used key", nil, transition.ErrIdempotency, http.StatusConflict, "页面已过期"},
		{"unknown", nil, transition.ErrUnknownOutcome, http.StatusServiceUnavailable, "不要重复提交"},
	} {
		w.orders.refund = func(wish recharge.RefundWish) (transition.RefundOrder, error) {
			if tc.err == nil {
				t.Errorf("%s: %+v was asked for", tc.name, wish)
			}
			return transition.RefundOrder{}, errors.Join(tc.err)
		}
		got := b.submit(b.open("/h5/wechat/refunds"), tc.fill...)
		got.want(tc.status, tc.text)
	}
	delete(w.orders.known, no)
	b.open("/h5/wechat/refunds").want(http.StatusOK, "现在没有可以退的钱")
	if form := b.open("/h5/wechat/refunds"); strings.Contains(form.body, "<form") {
		t.Errorf("there is a form for nothing:\n%s", form.body)
	}
}
