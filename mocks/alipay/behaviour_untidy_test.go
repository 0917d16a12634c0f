package alipay_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
	"guodu/mocks/sim/simtest"
)

func TestRequestsAreTakenAsProductionTakesThem(t *testing.T) {
	t.Parallel()
	checkSpelling(t)
}

func checkSpelling(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	for i, format := range []string{"json", "Json", "JSON", ""} {
		f := createForm(orderForm(fmt.Sprint("SPELL-", i)))
		f["biz_content"] = strings.Replace(f["biz_content"], "{", `{"limit_pay":["no_credit"],"enable_pay_channels":"balance",`, 1)
		b.wantCode(b.post(f.with("format", format)), "10000", "")
	}
	b.wantCode(b.post(createForm(orderForm("SPELL-5")).with("format", "xml")), "40002", "isv.invalid-format")
	b.wantCode(b.post(createForm(orderForm("SPELL/6"))), "40004", "ACQ.INVALID_PARAMETER")
}

func TestNoticeHeaderIsAsSeenInProduction(t *testing.T) {
	t.Parallel()
	checkNoticeHeader(t)
}

func checkNoticeHeader(t testing.TB, without ...int) {
	for name, c := range map[string]struct {
		change func(*alipay.Options)
		want   string
	}{
		"default": {untidy, "application/x-www-form-urlencoded; text/html; charset="},
		"tidy":    {func(o *alipay.Options) { o.Profile.TidyHeader = true }, "application/x-www-form-urlencoded; charset="},
	} {
		b := lacking(t, without, c.change)
		in := b.inbox(http.StatusOK, "success")
		b.paid("HEAD_1", in.URL)
		_, err := b.sim.Deliver(t.Context(), "HEAD_1", 1)
		if err != nil {
			t.Fatal(err)
		}
		p := in.all()[0]
		if p.contentType != c.want+p.fields().Get("charset") || !b.verified(p.fields()) {
			t.Errorf("%s: Content-Type is %q", name, p.contentType)
		}
	}
}

func TestFieldsThatDecideNothingVary(t *testing.T) {
	t.Parallel()
	checkVaried(t)
}

// checkVaried looks at many messages: the fields that decide are always right,
// and each of the others comes in more than one way.
func checkVaried(t testing.TB, without ...int) {
	b := lacking(t, without, func(o *alipay.Options) {
		untidy(o)
		o.AutoDeliver, o.Profile.NotifyRefunds = true, true
	})
	in := b.inbox(http.StatusOK, "success")
	var notices, queries, refunds, refundQueries simtest.Shapes
	const orders = 24
	for i := range orders {
		no, request := fmt.Sprint("VARY-", i), fmt.Sprint("R", i)
		b.paid(no, in.URL)
		r := b.query(no)
		queries.Add(t, r.open(t).node)
		shown := b.wantCode(r, "10000", "")
		for name, want := range map[string]string{"out_trade_no": no, "trade_status": "TRADE_SUCCESS", "total_amount": "50.00",
			"trade_no": b.order(no).TradeNO, "send_pay_date": stamp, "buyer_user_id": alipay.BuyerID(person)} {
			if shown[name] != want {
				t.Errorf("query of %s: %s is %v, want %s", no, name, shown[name], want)
			}
		}
		f := refundForm(no, request, "20.00")
		f["biz_content"] = strings.Replace(f["biz_content"], "{", `{"query_options":["refund_detail_item_list"],`, 1)
		r = b.post(f)
		refunds.Add(t, r.open(t).node)
		made := b.wantCode(r, "10000", "")
		if made["fund_change"] != "Y" || made["refund_fee"] != "20.00" || made["out_trade_no"] != no || made["gmt_refund_pay"] != stamp {
			t.Errorf("refund of %s is %v", no, made)
		}
		f = refundQuery(no, request)
		f["biz_content"] = strings.Replace(f["biz_content"], "{", `{"query_options":["refund_detail_item_list"],`, 1)
		r = b.post(f)
		refundQueries.Add(t, r.open(t).node)
		asked := b.wantCode(r, "10000", "")
		if asked["refund_status"] != "REFUND_SUCCESS" || asked["refund_amount"] != "20.00" || asked["out_request_no"] != request || asked["total_amount"] != "50.00" {
			t.Errorf("refund query of %s is %v", no, asked)
		}
	}
	b.clock.Settle()
	refunded := 0
	for _, p := range in.all() {
		v := p.fields()
		var fields sim.Object
		for _, pair := range strings.Split(p.body, "&") {
			name, _, _ := strings.Cut(pair, "=")
			text, _ := json.Marshal(v.Get(name))
			fields = append(fields, sim.Member{Name: name, Value: text})
		}
		notices.Add(t, fields.Text())
		for name, list := range v {
			if len(list) != 1 || list[0] == "" {
				t.Errorf("%s is %q", name, list)
			}
		}
		if !b.verified(v) {
			t.Errorf("the signature of %v does not hold", v)
		}
		no := v.Get("out_trade_no")
		wantFields(t, v, map[string]string{
			"trade_no": b.order(no).TradeNO, "trade_status": "TRADE_SUCCESS", "total_amount": "50.00", "app_id": appID, "seller_id": sellerID,
			"gmt_payment": stamp, "sign_type": "RSA2", "buyer_id": alipay.BuyerID(person), "notify_type": "trade_status_sync",
		})
		if v.Has("refund_fee") {
			refunded++
			wantFields(t, v, map[string]string{"refund_fee": "20.00", "out_biz_no": "R" + strings.TrimPrefix(no, "VARY-"), "gmt_refund": stamp + ".750"})
		}
	}
	if len(in.all()) != 2*orders || refunded != orders {
		t.Errorf("%d notices, %d of refunds", len(in.all()), refunded)
	}
	notices.Want(t, "notices", "fund_bill_list", "voucher_detail_list", "point_amount", "receipt_amount", "buyer_pay_amount", "invoice_amount",
		"seller_email", "buyer_logon_id", "gmt_create", "auth_app_id", "version", "mdiscount_amount", "hb_fq_pay_info", "merchant_ext")
	queries.Want(t, "queries", "fund_bill_list", "voucher_detail_list", "point_amount", "receipt_amount", "buyer_pay_amount", "invoice_amount",
		"buyer_user_type", "store_id", "ext_infos", "mdiscount_amount")
	refunds.Want(t, "refunds", "refund_detail_item_list", "send_back_fee", "buyer_logon_id", "refund_royaltys", "present_refund_buyer_amount", "refund_settlement_id")
	refundQueries.Want(t, "refund queries", "refund_detail_item_list", "send_back_fee", "refund_royaltys", "present_refund_buyer_amount", "refund_settlement_id")
}

// A closed trade was paid and refunded, or never paid: that shows in amounts
// which decide nothing elsewhere, so they stay as they are.
func TestAmountsOfAClosedTradeAreAlwaysTrue(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *alipay.Options) {
		untidy(o)
		o.AutoDeliver, o.Profile.NotifyClosings, o.Profile.NotifyRefunds = true, true, true
	})
	in := b.inbox(http.StatusOK, "success")
	var nodes simtest.Shapes
	for i := range 24 {
		no, paid := fmt.Sprint("ENDED-", i), i%2 == 0
		want := "0.00"
		if paid {
			want = "50.00"
			b.paid(no, in.URL)
			b.wantCode(b.post(refundForm(no, "R"+no, "50.00")), "10000", "")
		} else {
			b.createTo(no, in.URL)
			b.closeTrade(no)
		}
		node := b.wantCode(b.query(no), "10000", "")
		nodes.Add(t, b.query(no).open(t).node)
		for _, name := range []string{"buyer_pay_amount", "receipt_amount", "invoice_amount"} {
			if node[name] != want || node["trade_status"] != "TRADE_CLOSED" || node["point_amount"] != "0.00" {
				t.Errorf("paid %v: %v", paid, node)
			}
		}
	}
	if len(nodes.Ways("voucher_detail_list")) < 2 {
		t.Error("nothing varies")
	}
	b.clock.Settle()
	closed := 0
	for _, p := range in.all() {
		v := p.fields()
		if v.Get("trade_status") == "TRADE_CLOSED" && !v.Has("refund_fee") {
			closed++
			wantFields(t, v, map[string]string{"receipt_amount": "0.00", "buyer_pay_amount": "0.00", "invoice_amount": "0.00", "fund_bill_list": ""})
		}
	}
	if closed != 12 {
		t.Errorf("%d closings told", closed)
	}
}

func TestASeedRepeatsTheShapesToo(t *testing.T) {
	t.Parallel()
	bodies := map[int64]map[string]bool{7: {}, 8: {}}
	for _, seed := range []int64{7, 7, 8} {
		b := setup(t, func(o *alipay.Options) {
			untidy(o)
			o.Seed = seed
		})
		in := b.inbox(http.StatusOK, "success")
		b.paid("SEED_1", in.URL)
		for range 2 { // a repeat has the shape of the first one
			_, err := b.sim.Deliver(t.Context(), "SEED_1", 1)
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range in.all() {
			v := p.fields()
			delete(v, "sign")
			bodies[seed][v.Encode()] = true
		}
	}
	if len(bodies[7]) != 1 || len(bodies[8]) != 1 || fmt.Sprint(bodies[7]) == fmt.Sprint(bodies[8]) {
		t.Errorf("one seed has %d shapes, another %d", len(bodies[7]), len(bodies[8]))
	}
}
