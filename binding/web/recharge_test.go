package web_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"guodu/binding/web"
	"guodu/channels"
	"guodu/internal/redisx"
	"guodu/transition"
	"guodu/transition/recharge"
)

// holder is a browser whose person is bound.
func (w *world) holder() *browser {
	w.t.Helper()
	w.bind("zhang", account)
	return w.browser("zhang")
}

func TestOutsideTheAppThePayButtonLeadsToTheChannelsPage(t *testing.T) {
	t.Parallel()
	w := start(t)
	const address = "https://openapi.example.com/gateway.do?a=1&b=2"
	no := transition.NewOrderNo(account, time.Now())
	var outside []bool
	w.orders.create = func(wish recharge.Wish) (recharge.Ready, error) {
		outside = append(outside, wish.Outside)
		return ready(no, wish.Amount, map[string]string{"url": address}), nil
	}
	b := w.holder()
	got := b.submit(b.open("/h5/wechat/recharge"), "amount", "5")
	got.want(http.StatusOK)
	link := ""
	got.each("a", func(attribute func(string) string, _ *html.Node) {
		if attribute("id") == "pay" {
			link = attribute("href")
		}
	})
	if link != address || strings.Contains(got.body, "<script") {
		t.Errorf("the button leads to %q, want %q, and no script:\n%s", link, address, got.body)
	}
	b.agent = "Mozilla/5.0 MicroMessenger/8.0.50"
	b.submit(b.open("/h5/wechat/recharge"), "amount", "5")
	if diff := cmp.Diff([]bool{true, false}, outside); diff != "" {
		t.Errorf("outside the app (-want +got):\n%s", diff)
	}
}

func TestAnAmountBecomesAnOrderAndASheet(t *testing.T) {
	t.Parallel()
	w := start(t)
	// What a sheet holds is the channel's to say; none of it may leave the block.
	params := map[string]string{
		"appId": appID, "package": "prepay_id=x", "paySign": "a+b/c==", "nonceStr": `</script><script>alert("1")</script>`, "signType": "\u2028<!--&'",
	}
	no := transition.NewOrderNo(account, time.Now())
	w.orders.create = func(wish recharge.Wish) (recharge.Ready, error) { return ready(no, wish.Amount, params), nil }
	b := w.holder()
	form := b.open("/h5/wechat/recharge")
	_, values := form.form()
	got := b.submit(form, "amount", " 33.33 ")
	got.want(http.StatusOK, "支付 33.33 元", "/h5/wechat/orders/"+string(no), `src="/h5/static/pay.js"`)
	var sheet map[string]string
	scripts := 0
	got.each("script", func(attribute func(string) string, n *html.Node) {
		scripts++
		if attribute("id") == "params" {
			if err := json.Unmarshal([]byte(n.FirstChild.Data), &sheet); err != nil {
				t.Error(err)
			}
		}
	})
	if diff := cmp.Diff(params, sheet); diff != "" || scripts != 2 {
		t.Errorf("%d scripts, the sheet differs (-want +got):\n%s\n%s", scripts, diff, got.body)
	}
	wish := w.orders.wishes[0]
	if wish.Account != account || wish.Channel != "wechat" || wish.Amount != 3333 || string(wish.Key) != values.Get("key") ||
		wish.Payer.ID != payer("zhang").ID || wish.Payer.Kind != "openid" {
		t.Errorf("the wish is %+v", wish)
	}
}

func TestABadAmountMakesNoOrder(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	form := b.open("/h5/wechat/recharge")
	for _, amount := range []string{"0", "0.00", "1e2", "0.001", "-5", "２0", "", "+5", "5,0", "1 0", "0x10", "NaN", "99999999999999", `"><b>`} {
		b.submit(form, "amount", amount).want(http.StatusBadRequest, "请输入正确的金额")
	}
	for _, key := range []string{"", "short", "{p00}:a:1", strings.Repeat("k", 65)} {
		b.submit(form, "amount", "5", "key", key).want(http.StatusBadRequest, "页面已过期")
	}
	if len(w.orders.wishes) != 0 {
		t.Errorf("orders were made: %+v", w.orders.wishes)
	}
}

func TestAFormIsOneWishHoweverOftenItIsSent(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	form := b.open("/h5/wechat/recharge")
	for range 2 {
		b.submit(form, "amount", "5").want(http.StatusOK, "支付 5.00 元")
	}
	b.submit(b.open("/h5/wechat/recharge"), "amount", "5").want(http.StatusOK)
	keys := w.orders.wishes
	if len(keys) != 3 || keys[0].Key != keys[1].Key || keys[0].Key == keys[2].Key {
		t.Errorf("the wishes are %+v", keys)
	}
}

func TestWhyThereIsNoOrder(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	for _, tc := range []struct {
		name   string
		err    error
		status int
		text   string
		form   bool // may be filled again, as another wish
	}{
		{"above the order's limit", &transition.LimitError{Limit: "order", Left: 50_000}, 422, "超出单笔限额，目前最多可充值500.00元", true},
		{"above the day's limit", &transition.LimitError{Limit: "day", Left: 123}, 422, "超出今日限额，目前最多可充值1.23元", true},
		{"day used up", &transition.LimitError{Limit: "day"}, 422, "已达今日限额，请明天再试", true},
		{"balance full", &transition.LimitError{Limit: "balance"}, 422, "已达过渡余额上限，请先在食堂POS机刷卡领取", true},
		{"key of another wish", transition.ErrIdempotency, 409, "页面已过期", true},
		{"order closed", channels.ErrOrderClosed, 409, "订单已关闭，请重新提交", true},
		{"account closed", transition.ErrAccountClosed, 403, "已销户", false},
		{"account gone", transition.ErrNoAccount, 404, "没有找到您的一卡通账户", false},
		{"channel refuses", channels.ErrRefused, 502, "款项未扣", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			form := b.open("/h5/wechat/recharge")
			w.orders.create = func(recharge.Wish) (recharge.Ready, error) {
				return recharge.Ready{}, fmt.Errorf("order: %w", tc.err)
			}
			got := b.submit(form, "amount", "5")
			got.want(tc.status, tc.text)
			if !tc.form {
				return
			}
			_, before := form.form()
			_, after := got.form()
			if after.Get("amount") != "5.00" || after.Get("key") == before.Get("key") {
				t.Errorf("the form holds %v after %v", after, before)
			}
		})
	}
}

// TestARefusedAmountGivesBackItsOwnOrderOnly sends one key with two amounts at once: the
// one that is refused must not free the place of the one that is made.
func TestARefusedAmountGivesBackItsOwnOrderOnly(t *testing.T) {
	t.Parallel()
	w := start(t, func(config *web.Config) { config.Prepays = 2 })
	b := w.holder()
	form := b.open("/h5/wechat/recharge")
	works := w.orders.create
	w.orders.create = func(wish recharge.Wish) (recharge.Ready, error) {
		if wish.Amount < 50_000 {
			return works(wish)
		}
		b.submit(form, "amount", "5").want(http.StatusOK) // comes in between, and is made
		return recharge.Ready{}, &transition.LimitError{Limit: "order", Left: 50_000}
	}
	b.submit(form, "amount", "501").want(http.StatusUnprocessableEntity)
	w.orders.create = works
	b.submit(b.open("/h5/wechat/recharge"), "amount", "6").want(http.StatusOK)
	b.submit(b.open("/h5/wechat/recharge"), "amount", "7").want(http.StatusTooManyRequests)
}

// TestAnUnknownOutcomeIsRetriedAsTheSameWish presses the one button of the page.
func TestAnUnknownOutcomeIsRetriedAsTheSameWish(t *testing.T) {
	t.Parallel()
	for _, unknown := range []error{channels.ErrUnknownOutcome, redisx.ErrUnknownOutcome, redisx.ErrUnavailable, errors.New("other")} {
		w := start(t)
		b := w.holder()
		calls := 0
		works := w.orders.create
		w.orders.create = func(wish recharge.Wish) (recharge.Ready, error) {
			calls++
			if calls < 3 {
				return recharge.Ready{}, fmt.Errorf("order: %w", unknown)
			}
			return works(wish)
		}
		got := b.submit(b.open("/h5/wechat/recharge"), "amount", "33.3")
		for range 2 {
			got.want(http.StatusServiceUnavailable, "不会重复扣款", "再试一次", "33.30 元")
			got = b.submit(got)
		}
		got.want(http.StatusOK, "支付 33.30 元")
		first := w.orders.wishes[0]
		for _, wish := range w.orders.wishes {
			if wish != first || wish.Amount != 3330 {
				t.Errorf("the wishes are %+v", w.orders.wishes)
			}
		}
		if !strings.Contains(w.log.String(), unknown.Error()) {
			t.Errorf("the log says nothing of %v", unknown)
		}
	}
}

func TestTheRetryButtonSurvivesALostSessionStore(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	form := b.open("/h5/wechat/recharge")
	w.orders.create = func(recharge.Wish) (recharge.Ready, error) {
		w.redis.Kill()
		return recharge.Ready{}, channels.ErrUnknownOutcome
	}
	_, values := form.form()
	got := b.submit(form, "amount", "5")
	got.want(http.StatusServiceUnavailable, "再试一次")
	if _, again := got.form(); again.Get("key") != values.Get("key") {
		t.Error("the key is another one")
	}
	b.open("/h5/wechat/card").want(http.StatusServiceUnavailable, "系统繁忙")
	w.browser("new").open("/h5/wechat/card").want(http.StatusServiceUnavailable, "系统繁忙")
}

func TestAPaidOrderLeadsToItsPage(t *testing.T) {
	t.Parallel()
	w := start(t)
	no := transition.NewOrderNo(account, time.Now())
	w.orders.known[no] = transition.Order{No: no, Account: account, State: transition.OrderCredited, Amount: 500, Channel: "wechat", PayerKind: "openid", Payer: payer("zhang").ID}
	w.orders.create = func(recharge.Wish) (recharge.Ready, error) {
		return recharge.Ready{Order: no}, fmt.Errorf("order: %w", channels.ErrAlreadyPaid)
	}
	b := w.holder()
	got := b.submit(b.open("/h5/wechat/recharge"), "amount", "5")
	got.wantAt("/h5/wechat/orders/" + string(no))
	got.want(http.StatusOK, "充值成功", "5.00 元")
}

func TestAnOrdersPageFollowsTheBooks(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	put := func(owner transition.AccountNo, state transition.OrderState) string {
		no := transition.NewOrderNo(owner, time.Now())
		w.orders.known[no] = transition.Order{No: no, Account: owner, State: state, Amount: 500, Channel: "wechat", PayerKind: "openid", Payer: payer("zhang").ID}
		return "/h5/wechat/orders/" + string(no)
	}
	for _, tc := range []struct {
		name, address string
		status        int
		text          string
		refresh       string
	}{
		{"created", put(account, transition.OrderCreated), 200, "等待支付结果", "3"},
		{"prepared", put(account, transition.OrderPrepared), 200, "等待支付结果", "3"},
		{"credited", put(account, transition.OrderCredited), 200, "充值成功", ""},
		{"closed", put(account, transition.OrderClosed), 200, "订单已关闭", ""},
		{"of another account", put(other, transition.OrderCredited), 404, "没有找到这个订单", ""},
		{"of nobody", "/h5/wechat/orders/" + string(transition.NewOrderNo(account, time.Now())), 404, "没有找到这个订单", ""},
		{"no number", "/h5/wechat/orders/%3Cscript%3E", 404, "没有找到这个订单", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := b.open(tc.address)
			got.want(tc.status, tc.text)
			if got.header.Get("Refresh") != tc.refresh {
				t.Errorf("Refresh is %q, want %q", got.header.Get("Refresh"), tc.refresh)
			}
			if strings.Contains(got.body, payer("zhang").ID) {
				t.Error("the payer's id is on the page")
			}
		})
	}
}

func TestAnAccountThatIsGoneIsSaid(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	b.open("/h5/wechat/card").want(http.StatusOK)
	delete(w.accounts, account)
	for _, name := range []string{"card", "recharge"} {
		b.open("/h5/wechat/"+name).want(http.StatusNotFound, "没有找到您的一卡通账户")
	}
}
