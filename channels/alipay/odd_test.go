package alipay_test

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guodu/channels"
	"guodu/channels/alipay"
	"guodu/channels/channeltest"
)

// What decides of a notice: only these may refuse one that is authentic. The
// amounts decide of a closed trade alone.
func decisiveOfNotices() []string {
	return []string{
		"notify_type", "app_id", "seller_id", "out_trade_no", "trade_no", "trade_status", "total_amount", "trans_currency",
		"refund_fee", "out_biz_no", "gmt_refund", "receipt_amount", "buyer_pay_amount",
	}
}

// What is read for people: these change nothing but themselves.
func forPeople() []string {
	return []string{
		"gmt_payment", "buyer_id", "buyer_open_id", "passback_params",
		"send_pay_date", "buyer_user_id", "gmt_refund_pay",
	}
}

// unlikely is what fields that nobody reads have been seen with, and worse.
func unlikely() []string {
	return []string{
		"", "null", "[]", "{}", `[{"amount":1e400}]`, "0", "-1", "true", "校园卡", "\xd0\xa3\xd4\xb0", "a&b=c", "a&&=", "%zz", "+ +", "\r\n", "<script>", strings.Repeat("x", 8192),
	}
}

// production is a notice as Alipay sends it, with all that nobody reads.
func production() fields {
	f := told()
	maps.Copy(f, fields{
		"buyer_logon_id": "152****6706", "seller_email": "xud***@126.com", "notify_id": "2026090100222120159015860515341853", "version": "1.0",
		"trans_currency": "CNY", "settle_currency": "CNY", "discount_amount": "0.00", "mdiscount_amount": "0.00", "send_back_fee": "0.00",
		"voucher_detail_list": `[{"amount":"0.20","merchantContribute":"0.00","name":"券","otherContribute":"0.20","type":"ALIPAY_DISCOUNT_VOUCHER","memo":"x"}]`,
		"body":                "a & b = c", "merchant_app_id": "", "biz_settle_mode": "", "enterprise_pay_info": "{}",
	})
	return f
}

// TestOnlyWhatDecidesMayRefuseANotice changes every field of a notice in every
// way: a field that decides makes it refused or a case, any other changes
// nothing.
func TestOnlyWhatDecidesMayRefuseANotice(t *testing.T) {
	ch := mustNew(t, config())
	read := func(f fields) (channels.Payment, error) {
		return ch.ParseNotify(context.Background(), form(), []byte(f.signed().Encode()))
	}
	for name, notice := range map[string]fields{
		"paid":     production(),
		"refunded": production().with("gmt_refund", noonText).with("refund_fee", "15.00").with("out_biz_no", "R2"),
	} {
		t.Run(name, func(t *testing.T) {
			want, err := read(notice)
			if err != nil || want.Misdirected != "" {
				t.Fatalf("the usual notice: %+v, %v", want, err)
			}
			ignored, refused := 0, 0
			for field := range notice {
				variants := map[string]fields{
					"absent":      notice.with(field, "-"),
					"in capitals": notice.with(field, "-").with(strings.ToUpper(field), notice[field]),
				}
				for _, value := range unlikely() {
					variants["as "+value] = notice.with(field, value)
				}
				for how, variant := range variants {
					got, err := read(variant)
					if slices.Contains(decisiveOfNotices(), field) {
						refused++
						unsafe := err == nil && got.Misdirected == "" && got.State == channels.Paid && got.Currency == "CNY"
						switch {
						case !unsafe:
						// A refund that is told in other words is a refund still, or was told by the
						// other two fields; another order is another order.
						case strings.HasPrefix(name, "refunded") && got.Refunded, name == "paid" && !got.Refunded && got.RefundedTotal == 0 && silent(field):
						case field == "out_trade_no" && got.OrderNo == variant[field] && got.OrderNo != "":
						case field == "trade_no" && got.TransactionID == variant[field]:
						case field == "trans_currency" && variant[field] == "":
						default:
							t.Errorf("%s %.40q: neither refused nor a case: %+v", field, how, got)
						}
						continue
					}
					ignored++
					if slices.Contains(forPeople(), field) {
						got.SuccessTime, got.Payer, got.Attach = want.SuccessTime, want.Payer, want.Attach
					}
					if err != nil || !cmp.Equal(got, want, cmp.Comparer(samePayer)) {
						t.Errorf("%s %.40q: %+v, %v", field, how, got, err)
					}
				}
			}
			t.Logf("%d variants change nothing, %d are refused or a case", ignored, refused)
			if ignored < 300 || refused < 100 {
				t.Error("too few variants")
			}
		})
	}
}

// silent says whether a field of a paid notice decides nothing there: the amounts
// of a trade that is not closed.
func silent(field string) bool {
	return field == "receipt_amount" || field == "buyer_pay_amount"
}

// unsaid says whether a variant has a field as if Alipay had not said it.
func unsaid(v channeltest.Variant) bool {
	return slices.Contains([]string{"absent", "null", "empty", "in capitals"}, v.How)
}

// outcome is what one answer came to.
type outcome struct {
	payment channels.Payment
	refund  channels.RefundStatus
	err     error
}

// TestOnlyWhatDecidesMayRefuseAnAnswer does the same for answers.
func TestOnlyWhatDecidesMayRefuseAnAnswer(t *testing.T) {
	ctx := context.Background()
	query := func(ch *alipay.Channel) outcome {
		p, err := ch.Query(ctx, orderNo)
		return outcome{payment: p, err: err}
	}
	untidy := paid().with("msg", "Success").with("store_name", "").with("discount_amount", "0.00").with("mdiscount_amount", "0.00").
		with("trans_currency", "CNY").with("voucher_detail_list", []object{{"id": "1", "amount": "0.20"}}).with("hb_fq_pay_info", object{"user_install_num": "3"}).
		with("passback_params", account)
	for _, w := range []struct {
		name     string
		node     object
		decisive []string
		ask      func(ch *alipay.Channel) outcome
	}{
		{"query", untidy, []string{"code", "out_trade_no", "trade_no", "trade_status", "total_amount", "trans_currency"}, query},
		{"query of a trade that was given back", untidy.with("trade_status", "TRADE_CLOSED"), []string{
			"code", "out_trade_no", "trade_no", "trade_status", "total_amount", "trans_currency", "send_pay_date", "buyer_pay_amount", "receipt_amount",
			"invoice_amount", "point_amount",
		}, query},
		{"refund", created().with("buyer_logon_id", "1").with("fund_change", "Y").with("refund_fee", "15.00").with("gmt_refund_pay", noonText).
			with("refund_detail_item_list", []object{{"fund_channel": "PCREDIT", "amount": "15.00"}}).with("refund_hyb_amount", "0").with("send_back_fee", "1.8"),
			[]string{"code", "out_trade_no", "fund_change", "refund_fee"},
			func(ch *alipay.Channel) outcome {
				r, err := ch.Refund(ctx, channels.RefundRequest{OrderNo: orderNo, RefundNo: "R1", Amount: 1500, Total: 5000})
				return outcome{refund: r, err: err}
			}},
		{"refund query", created().with("out_request_no", "R1").with("refund_amount", "15.00").with("refund_status", "REFUND_SUCCESS").
			with("gmt_refund_pay", noonText).with("total_amount", "50.00").with("refund_reason", "退款").with("refund_royaltys", []object{{"refund_amount": 10}}).
			with("refund_charge_info_list", object{}),
			[]string{"code", "out_trade_no", "out_request_no", "refund_amount", "refund_status"},
			func(ch *alipay.Channel) outcome {
				r, err := ch.QueryRefund(ctx, orderNo, "R1")
				return outcome{refund: r, err: err}
			}},
	} {
		t.Run(w.name, func(t *testing.T) {
			var node string
			ch := against(t, func(rw http.ResponseWriter, r *http.Request) { say(node)(rw, r) })
			read := func(text string) outcome {
				node = text
				return w.ask(ch)
			}
			want := read(w.node.String())
			if want.err != nil {
				t.Fatalf("the usual answer: %+v", want)
			}
			ignored, refused := 0, 0
			for _, v := range channeltest.Variants([]byte(w.node.String())) {
				got := read(string(v.Body))
				if slices.Contains(w.decisive, v.Field) {
					refused++
					safe := got.err != nil || want.refund.State == channels.RefundMade && got.refund.State == channels.RefundProcessing ||
						want.payment.Refunded && got.payment.Refunded
					assumed := v.Field == "trans_currency" && got.payment.Currency == "CNY" && unsaid(v)
					if !safe && !assumed {
						t.Errorf("%s %s: neither refused nor asked again: %+v", v.Field, v.How, got)
					}
					continue
				}
				ignored++
				if slices.Contains(forPeople(), v.Field) {
					got.payment.SuccessTime, got.payment.Payer, got.payment.Attach = want.payment.SuccessTime, want.payment.Payer, want.payment.Attach
					got.refund.Time = want.refund.Time
				}
				if got.err != nil || !cmp.Equal(got.payment, want.payment, cmp.Comparer(samePayer)) || !cmp.Equal(got.refund, want.refund) {
					t.Errorf("%s %s: %+v", v.Field, v.How, got)
				}
			}
			t.Logf("%d variants change nothing, %d are refused or asked again", ignored, refused)
			if ignored < 50 || refused < 50 {
				t.Error("too few variants")
			}
		})
	}
}

// TestAClosedTradeIsUnpaidOnlyWhereEverythingSaysSo: a field of an odd type must
// not turn a payment that was given back into none.
func TestAClosedTradeIsUnpaidOnlyWhereEverythingSaysSo(t *testing.T) {
	var node string
	ch := against(t, func(rw http.ResponseWriter, r *http.Request) { say(node)(rw, r) })
	given := queried("TRADE_CLOSED").with("send_pay_date", "2026-09-01 11:59:58")
	for _, v := range channeltest.Variants([]byte(given.String())) {
		node = string(v.Body)
		got, err := ch.Query(context.Background(), orderNo)
		silentDate := v.Field == "send_pay_date" && unsaid(v)
		if err == nil && got.State == channels.Closed && !silentDate {
			t.Errorf("%s %s: closed as unpaid", v.Field, v.How)
		}
	}
}

// TestATimeMayHaveAnyForm: none of them decides.
func TestATimeMayHaveAnyForm(t *testing.T) {
	ch := mustNew(t, config())
	for text, want := range map[string]time.Time{
		"2026-09-01 11:59:58":          time.Date(2026, 9, 1, 3, 59, 58, 0, time.UTC),
		"2026-09-01 11:59:58.250":      time.Date(2026, 9, 1, 3, 59, 58, 250e6, time.UTC),
		"2026-09-01T11:59:58+08:00":    time.Date(2026, 9, 1, 3, 59, 58, 0, time.UTC),
		"2026-09-01T11:59:58+0800":     time.Date(2026, 9, 1, 3, 59, 58, 0, time.UTC),
		"2026-09-01T03:59:58Z":         time.Date(2026, 9, 1, 3, 59, 58, 0, time.UTC),
		"2026-09-01 03:59:58Z":         time.Date(2026, 9, 1, 3, 59, 58, 0, time.UTC),
		"Tue Sep 01 11:59:58 CST 2026": {},
		"1788235198000":                {},
	} {
		got, err := ch.ParseNotify(context.Background(), form(), []byte(told().with("gmt_payment", text).signed().Encode()))
		if err != nil || got.Amount != 5000 || !got.SuccessTime.Equal(want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}
