package wechatpay_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"guodu/mocks/sim/simtest"
	"guodu/mocks/wechatpay"
)

func TestB34RequestsAreTakenAsProductionTakesThem(t *testing.T) {
	t.Parallel()
	checkLiveRequests(t)
}

func checkLiveRequests(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	b.prepay(orderForm("LIVE0001").with("limit_pay", []string{"no_credit"}).with("time_expire", "2026-03-02T10:30:00Z"))
	b.want(b.call(http.MethodPost, prepayURL, orderForm("LIVE0002").with("limit_pay", "no_credit").json(t)), http.StatusBadRequest, "PARAM_ERROR")
	b.want(b.call(http.MethodPost, prepayURL, orderForm("LIVE0003").with("limit_pay", []int{1}).json(t)), http.StatusBadRequest, "PARAM_ERROR")
	id := b.prepay(orderForm("LIVE0004").with("time_expire", "2026-03-02T10:30:00Z"))
	b.clock.Advance(29 * time.Minute)
	if _, err := b.sim.Pay(t.Context(), b.payRequest(id)); err != nil {
		t.Errorf("a minute before Z's time: %v", err)
	}
	b = lacking(t, without, func(o *wechatpay.Options) { o.Profile.OffsetsOnly = true })
	b.want(b.call(http.MethodPost, prepayURL, orderForm("LIVE0005").with("time_expire", "2026-03-02T10:30:00Z").json(t)), http.StatusBadRequest, "PARAM_ERROR")
}

func TestB35FieldsThatDecideNothingVary(t *testing.T) {
	t.Parallel()
	checkVariedFields(t)
}

// decides wants the fields that decide to be what they always are, the times to
// be that moment.
func decides(t testing.TB, what string, got map[string]any, want map[string]any) {
	t.Helper()
	for path, value := range want {
		var at any = got
		for _, name := range strings.Split(path, ".") {
			inner, _ := at.(map[string]any)
			at = inner[name]
		}
		if at != value {
			t.Errorf("%s: %s is %v, want %v", what, path, at, value)
		}
	}
}

// isMoment wants a time in one of the ways in which it is written.
func isMoment(t testing.TB, what string, got any, want time.Time) {
	t.Helper()
	text, _ := got.(string)
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05-0700"} {
		if at, err := time.Parse(layout, text); err == nil && at.Equal(want) {
			return
		}
	}
	t.Errorf("%s: the time is %v, want %v", what, got, want)
}

func (r reply) object(t testing.TB) map[string]any {
	t.Helper()
	var out map[string]any
	err := json.Unmarshal(r.body, &out)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func checkVariedFields(t testing.TB, without ...int) {
	b := lacking(t, without, untidy)
	in := newInbox(t, http.StatusOK)
	var notices, envelopes, refundNotices, queries, refunds, refundQueries simtest.Shapes
	const orders = 32
	for i := range orders {
		no, refundNo := fmt.Sprintf("VARY%04d", i), fmt.Sprint("R", i)
		if err := b.sim.Fail(wechatpay.PlacePayment, wechatpay.Fault{Kind: wechatpay.FaultCoupon, Amount: 100}); err != nil {
			t.Fatal(err)
		}
		receipt := b.paid(orderForm(no).with("notify_url", in.URL+"/n"))
		if _, err := b.sim.Deliver(t.Context(), no, 1); err != nil {
			t.Fatal(err)
		}
		decided := map[string]any{
			"out_trade_no": no, "transaction_id": receipt.TransactionID, "trade_state": "SUCCESS", "amount.total": 5000.0, "amount.currency": "CNY",
			"appid": appID, "mchid": mchID, "payer.openid": wechatpay.OpenID(appID, person), "attach": "order=" + no, "trade_type": "JSAPI",
		}
		p := in.all()[2*i]
		envelopes.Add(t, p.body)
		decides(t, "notice", opened(t, b, p, &notices), decided)
		r := b.call(http.MethodGet, queryURL(no), "")
		b.want(r, http.StatusOK, "")
		queries.Add(t, r.body)
		decides(t, "query", r.object(t), decided)
		isMoment(t, "query", r.object(t)["success_time"], morning())

		back := map[string]any{
			"out_trade_no": no, "transaction_id": receipt.TransactionID, "out_refund_no": refundNo, "status": "PROCESSING",
			"amount.total": 5000.0, "amount.refund": 300.0, "amount.currency": "CNY",
		}
		r = b.refund(refundForm(no, refundNo, 300).with("notify_url", in.URL+"/r"))
		b.want(r, http.StatusOK, "")
		refunds.Add(t, r.body)
		decides(t, "refund", r.object(t), back)
		b.sim.FinishRefunds()
		r = b.call(http.MethodGet, refundURL+"/"+refundNo, "")
		b.want(r, http.StatusOK, "")
		refundQueries.Add(t, r.body)
		back["status"] = "SUCCESS"
		decides(t, "refund query", r.object(t), back)
		isMoment(t, "refund query", r.object(t)["success_time"], morning())
		if _, err := b.sim.DeliverRefund(t.Context(), refundNo, 1); err != nil {
			t.Fatal(err)
		}
		content := opened(t, b, in.all()[2*i+1], &refundNotices)
		delete(back, "status")
		delete(back, "amount.currency")
		back["refund_status"], back["mchid"] = "SUCCESS", mchID
		decides(t, "refund notice", content, back)
		isMoment(t, "refund notice", content["success_time"], morning())
	}
	payment := []string{"promotion_detail", "goods_detail", "bank_type", "trade_state_desc", "amount.payer_total", "amount.payer_currency",
		"amount.settlement_rate", "success_time", "scene_info", "cash_coupon"}
	notices.Want(t, "notices", payment...)
	queries.Want(t, "queries", payment...)
	refund := []string{"promotion_detail", "channel", "user_received_account", "funds_account", "create_time", "amount.from",
		"amount.payer_total", "amount.payer_refund", "amount.settlement_refund", "amount.settlement_total", "amount.discount_refund", "amount.refund_fee", "reason"}
	refunds.Want(t, "refunds", refund...)
	refundQueries.Want(t, "refund queries", append(refund, "success_time")...)
	refundNotices.Want(t, "refund notices", "user_received_account", "success_time", "amount.payer_total", "amount.payer_refund", "promotion_detail")
	envelopes.Want(t, "envelopes", "summary", "create_time", "notify_version")
	for what, s := range map[string]*simtest.Shapes{"notices": &notices, "queries": &queries} {
		for field, want := range map[string][]string{
			"success_time":       {"time ending in +08:00", "time ending in +0800", "time ending in Z"},
			"promotion_detail":   {"[]interface {}", "map[string]interface {}", "absent"},
			"amount.payer_total": {"float64", "text of float64", "absent"},
		} {
			for _, way := range want {
				if !slices.Contains(s.Ways(field), way) {
					t.Errorf("%s: %s is never %s: %v", what, field, way, s.Ways(field))
				}
			}
		}
	}
}

// opened verifies and decrypts a notice and notes its shape.
func opened(t testing.TB, b *bench, p parcel, shapes *simtest.Shapes) map[string]any {
	t.Helper()
	err := b.verify(p.header, p.body)
	if err != nil {
		t.Errorf("a notice: %v", err)
	}
	n := p.read(t)
	content, err := n.open()
	if err != nil {
		t.Fatal(err)
	}
	plain, err := n.plaintext()
	if err != nil {
		t.Fatal(err)
	}
	shapes.Add(t, plain)
	return content
}

func TestARepeatedNoticeHasTheShapeOfTheFirst(t *testing.T) {
	t.Parallel()
	b := setup(t, untidy)
	in := newInbox(t, http.StatusOK)
	b.paid(orderForm("SHAPE001").with("notify_url", in.URL+"/n"))
	if _, err := b.sim.Deliver(t.Context(), "SHAPE001", 2); err != nil {
		t.Fatal(err)
	}
	first, err := in.all()[0].read(t).plaintext()
	if err != nil {
		t.Fatal(err)
	}
	again, err := in.all()[1].read(t).plaintext()
	if err != nil || string(first) != string(again) {
		t.Errorf("%s\nbecame\n%s, %v", first, again, err)
	}
}

func TestB36BillsAreAsSeenInProduction(t *testing.T) {
	t.Parallel()
	checkLiveBills(t)
}

func checkLiveBills(t testing.TB, without ...int) {
	ordered := func(list []map[string]string) bool {
		return slices.IsSortedFunc(list, func(a, b map[string]string) int { return strings.Compare(a["交易时间"], b["交易时间"]) })
	}
	for name, c := range map[string]struct {
		change func(*wechatpay.Options)
		tidy   bool
		sums   int
	}{
		"default":   {nil, false, 7},
		"in order":  {func(o *wechatpay.Options) { o.Profile.BillInOrder = true }, true, 7},
		"four sums": {func(o *wechatpay.Options) { o.Profile.BillFourSums = true }, false, 4},
	} {
		b := dayOfTrade(t, func(o *wechatpay.Options) {
			o.Without = without
			if c.change != nil {
				c.change(o)
			}
		})
		all, sums := rows(t, b.download(tradeBillURL+"2026-03-02&bill_type=ALL"))
		if ordered(all) != c.tidy || len(all) != 8 || len(sums) != 7 {
			t.Errorf("%s: %d rows, in order: %v; %d sums", name, len(all), ordered(all), len(sums))
		}
		_, sums = rows(t, b.download(tradeBillURL+"2026-03-02&bill_type=SUCCESS"))
		if len(sums) != c.sums {
			t.Errorf("%s: a SUCCESS bill has %d sums", name, len(sums))
		}
	}
}

func TestFundFlowRowsAreAsSeenInProduction(t *testing.T) {
	t.Parallel()
	b := dayOfTrade(t, nil)
	list, _ := rows(t, b.download(flowBillURL+"2026-03-02"))
	paid, back := 0, 0
	for _, r := range list {
		if len(r["资金流水单号"]) != 28 {
			t.Errorf("a number is %s", r["资金流水单号"])
		}
		switch r["业务名称"] {
		case "交易":
			paid++
			if r["资金流水单号"] != r["微信支付业务单号"] || !strings.HasPrefix(r["备注"], "结算总金额 "+r["收支金额(元)"]+" 元;含手续费 ") {
				t.Errorf("a payment is %v", r)
			}
		case "退款":
			back++
			if !strings.HasPrefix(r["备注"], "退款总金额"+r["收支金额(元)"]+"元;含手续费") || r["资金流水单号"][:5] != "42000" {
				t.Errorf("a refund is %v", r)
			}
		default:
			if !strings.HasPrefix(r["资金流水单号"], mchID+"20260302") {
				t.Errorf("a fee is %v", r)
			}
		}
	}
	if paid != 4 || back == 0 {
		t.Errorf("%d payments and %d refunds in %v", paid, back, list)
	}
}
