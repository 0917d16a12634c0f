package wechatpay_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"guodu/mocks/wechatpay"
)

func TestCashierRefusesWhatThePageGotWrong(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	prepayID := b.prepay(orderForm("PAY00001"))
	for name, c := range map[string]struct {
		change func(*wechatpay.PayRequest)
		resign bool
		want   error
	}{
		"bare prepay id":         {func(r *wechatpay.PayRequest) { r.Package = prepayID }, true, wechatpay.ErrCashierField},
		"empty prepay id":        {func(r *wechatpay.PayRequest) { r.Package = "prepay_id=" }, true, wechatpay.ErrCashierField},
		"MD5":                    {func(r *wechatpay.PayRequest) { r.SignType = "MD5" }, true, wechatpay.ErrCashierField},
		"milliseconds":           {func(r *wechatpay.PayRequest) { r.TimeStamp += "000" }, true, wechatpay.ErrCashierField},
		"no nonce":               {func(r *wechatpay.PayRequest) { r.NonceStr = "" }, true, wechatpay.ErrCashierField},
		"nonce of 33":            {func(r *wechatpay.PayRequest) { r.NonceStr = strings.Repeat("n", 33) }, true, wechatpay.ErrCashierField},
		"other account":          {func(r *wechatpay.PayRequest) { r.AppID = "wx2" }, true, wechatpay.ErrCashierApp},
		"nonce changed":          {func(r *wechatpay.PayRequest) { r.NonceStr = "other" }, false, wechatpay.ErrPaySign},
		"prepay id changed":      {func(r *wechatpay.PayRequest) { r.Package += "0" }, false, wechatpay.ErrPaySign},
		"no signature":           {func(r *wechatpay.PayRequest) { r.PaySign = "" }, false, wechatpay.ErrPaySign},
		"unknown prepay id":      {func(r *wechatpay.PayRequest) { r.Package += "0" }, true, wechatpay.ErrPrepayUnknown},
		"another person":         {func(r *wechatpay.PayRequest) { r.Openid = wechatpay.OpenID(appID, "lisi") }, true, wechatpay.ErrPayer},
		"openid of other appid":  {func(r *wechatpay.PayRequest) { r.Openid = wechatpay.OpenID("wx2", person) }, true, wechatpay.ErrPayer},
		"nobody":                 {func(r *wechatpay.PayRequest) { r.Openid = "" }, true, wechatpay.ErrPayer},
		"timestamp not a number": {func(r *wechatpay.PayRequest) { r.TimeStamp = "tomorrow  " }, true, wechatpay.ErrCashierField},
	} {
		req := b.payRequest(prepayID)
		c.change(&req)
		if c.resign {
			req.PaySign = b.paySign(req)
		}
		_, err := b.sim.Pay(t.Context(), req)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if b.sim.Book().PaidFen != 0 {
		t.Fatal("a refused attempt took money")
	}
}

func TestOnlyTheLastPrepayIDPays(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	old := b.prepay(orderForm("PAY00002"))
	last := b.prepay(orderForm("PAY00002"))
	_, err := b.sim.Pay(t.Context(), b.payRequest(old))
	if !errors.Is(err, wechatpay.ErrPrepayReplaced) {
		t.Fatalf("old prepay_id: %v", err)
	}
	receipt, err := b.sim.Pay(t.Context(), b.payRequest(last))
	if err != nil || receipt.TotalFen != 5000 || len(receipt.TransactionID) != 28 || !receipt.PaidAt.Equal(b.clock.Now()) {
		t.Fatalf("receipt is %+v, %v", receipt, err)
	}
}

func TestPrepayIDDiesAfterTwoHours(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	id := b.prepay(orderForm("PAY00003"))
	b.clock.Advance(2 * time.Hour)
	_, err := b.sim.Pay(t.Context(), b.payRequest(id))
	if !errors.Is(err, wechatpay.ErrPrepayExpired) {
		t.Fatalf("after two hours: %v", err)
	}
	id = b.prepay(orderForm("PAY00003"))
	b.clock.Advance(2*time.Hour - time.Second)
	_, err = b.sim.Pay(t.Context(), b.payRequest(id))
	if err != nil {
		t.Fatalf("a second before two hours: %v", err)
	}
}

func TestTimeExpireStopsPaymentButNotTheState(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for no, c := range map[string]struct {
		asked string // "" for none
		lives time.Duration
	}{
		"EXPIRE01": {"2026-03-02T18:30:00+08:00", 30 * time.Minute},
		"EXPIRE02": {"2026-03-02T18:00:10+08:00", time.Minute},         // raised
		"EXPIRE03": {"2025-01-01T00:00:00+08:00", time.Minute},         // long past: raised too
		"EXPIRE04": {"2027-03-02T18:00:00+08:00", 15 * 24 * time.Hour}, // cut
		"EXPIRE05": {"", 7 * 24 * time.Hour},
	} {
		b := setup(t, nil) // a clock of its own: times do not run back
		early, late := orderForm(no+"A"), orderForm(no+"B")
		if c.asked != "" {
			early, late = early.with("time_expire", c.asked), late.with("time_expire", c.asked)
		}
		inTime, tooLate := b.prepay(early), b.prepay(late)
		b.clock.Advance(c.lives - time.Second)
		if c.lives > time.Hour { // the first ones are dead by now
			inTime, tooLate = b.prepay(early), b.prepay(late)
		}
		_, err := b.sim.Pay(t.Context(), b.payRequest(inTime))
		if err != nil {
			t.Errorf("%s a second before its end: %v", no, err)
		}
		b.clock.Advance(time.Second)
		_, err = b.sim.Pay(t.Context(), b.payRequest(tooLate))
		if !errors.Is(err, wechatpay.ErrOrderExpired) {
			t.Errorf("%s at its end: %v", no, err)
		}
	}
	id := b.prepay(orderForm("EXPIRE06").with("time_expire", "2026-03-02T18:30:00+08:00"))
	b.clock.Advance(time.Hour)
	_, err := b.sim.Pay(t.Context(), b.payRequest(id))
	r := b.call(http.MethodGet, queryURL("EXPIRE06"), "")
	if !errors.Is(err, wechatpay.ErrOrderExpired) || !strings.Contains(string(r.body), "NOTPAY") {
		t.Fatalf("expired order: %v, %s", err, r.body)
	}
}

func TestOfManyTapsOnePays(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	req := b.payRequest(b.prepay(orderForm("PAY00004")))
	errs := make([]error, 20)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = b.sim.Pay(context.Background(), req) })
	}
	wg.Wait()
	paid := 0
	for _, err := range errs {
		switch {
		case err == nil:
			paid++
		case !errors.Is(err, wechatpay.ErrOrderPaid):
			t.Errorf("a later tap: %v", err)
		}
	}
	if paid != 1 || b.sim.Book().PaidFen != 5000 || b.sim.Count("paid") != 1 {
		t.Fatalf("%d taps paid, book has %d fen", paid, b.sim.Book().PaidFen)
	}
}

func TestPayAndCloseHaveOneWinner(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for i := range 20 {
		no := "RACE00" + string(rune('A'+i))
		req := b.payRequest(b.prepay(orderForm(no)))
		closing := b.request(http.MethodPost, closeURL(no), closeBody)
		var payErr error
		var wg sync.WaitGroup
		wg.Go(func() { _, payErr = b.sim.Pay(context.Background(), req) })
		r := b.do(closing)
		wg.Wait()
		switch {
		case payErr == nil && r.code() == "ORDER_PAID":
		case errors.Is(payErr, wechatpay.ErrOrderClosed) && r.status == http.StatusNoContent:
		default:
			t.Fatalf("%s: pay %v, close %d %s", no, payErr, r.status, r.body)
		}
	}
}

func TestPayKeepsToItsContext(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	req := b.payRequest(b.prepay(orderForm("PAY00005")))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.sim.Pay(ctx, req)
	if !errors.Is(err, context.Canceled) || b.sim.Book().PaidFen != 0 {
		t.Fatalf("pay: %v", err)
	}
}

// bridge posts to the cashier as a page would, and returns err_msg.
func (b *bench) bridge(body, cookie string) string {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.base+"/_sim/cashier", strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if cookie != "" {
		req.AddCookie(&http.Cookie{Name: "sim_person", Value: cookie})
	}
	r := b.do(req)
	var out struct {
		ErrMsg  string `json:"err_msg"`
		ErrDesc string `json:"err_desc"`
	}
	err = json.Unmarshal(r.body, &out)
	if err != nil || r.status != http.StatusOK || (out.ErrDesc == "") != strings.HasSuffix(out.ErrMsg, ":ok") {
		b.t.Fatalf("cashier: %d %s", r.status, r.body)
	}
	return out.ErrMsg
}

func TestPagePaysThroughTheCashier(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	const ok, fail = "get_brand_wcpay_request:ok", "get_brand_wcpay_request:fail"
	page := func(no, person string) string {
		req := b.payRequest(b.prepay(orderForm(no)))
		return form{
			"appId": req.AppID, "timeStamp": req.TimeStamp, "nonceStr": req.NonceStr, "package": req.Package,
			"signType": req.SignType, "paySign": req.PaySign, "person": person,
		}.json(t)
	}
	for _, c := range []struct{ no, person, cookie, want string }{
		{"PAGE0001", person, "", ok},
		{"PAGE0002", "lisi", "", fail},
		{"PAGE0003", "", "", ok}, // the default person
		{"PAGE0004", "", "lisi", fail},
		{"PAGE0005", person, "lisi", ok},
	} {
		if got := b.bridge(page(c.no, c.person), c.cookie); got != c.want {
			t.Errorf("%s: %s, want %s", c.no, got, c.want)
		}
	}
	if got := b.bridge("<xml/>", ""); got != fail {
		t.Errorf("not JSON: %s", got)
	}
	if b.sim.Book().PaidFen != 15000 {
		t.Fatalf("book has %d fen, want 15000", b.sim.Book().PaidFen)
	}
}
