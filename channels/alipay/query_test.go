package alipay_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guodu/channels"
)

func TestQueryReadsStates(t *testing.T) {
	payer := channels.Payer{Kind: "user_id", ID: userID}
	closed := channels.Payment{Channel: "alipay", Merchant: merchant, OrderNo: orderNo, State: channels.Closed, Payer: payer}
	open := channels.Payment{Channel: "alipay", Merchant: merchant, OrderNo: orderNo, State: channels.Unpaid, Payer: payer}
	changed := func(change func(*channels.Payment)) channels.Payment {
		p := wantPaid()
		change(&p)
		return p
	}
	refunded := changed(func(p *channels.Payment) { p.Refunded = true })
	undated := changed(func(p *channels.Payment) { p.Refunded, p.SuccessTime = true, time.Time{} })
	for _, tc := range []struct {
		name   string
		answer object
		want   channels.Payment
	}{
		{"paid, in part by somebody else", paid(), wantPaid()},
		{"paid, and not to be refunded any more", paid().with("trade_status", "TRADE_FINISHED"), wantPaid()},
		{"paid, with nothing but zeros beside", queried("TRADE_SUCCESS").with("send_pay_date", "2026-09-01 11:59:58"), wantPaid()},
		{"paid at a time with a fraction", paid().with("send_pay_date", "2026-09-01 11:59:58.250"),
			changed(func(p *channels.Payment) { p.SuccessTime = p.SuccessTime.Add(250 * time.Millisecond) })},
		{"paid at no time", paid().with("send_pay_date", nil), changed(func(p *channels.Payment) { p.SuccessTime = time.Time{} })},
		{"paid by an open_id", paid().with("buyer_user_id", nil).with("buyer_open_id", openID),
			changed(func(p *channels.Payment) { p.Payer = channels.Payer{Kind: "open_id", ID: openID} })},
		{"paid by somebody with both ids", paid().with("buyer_open_id", openID), wantPaid()},
		{"paid by nobody named", paid().with("buyer_user_id", nil), changed(func(p *channels.Payment) { p.Payer = channels.Payer{} })},
		{"paid in another currency", paid().with("trans_currency", "USD"), changed(func(p *channels.Payment) { p.Currency = "USD" })},
		{"paid, and told what went along", paid().with("passback_params", "a%20b%2B"), changed(func(p *channels.Payment) { p.Attach = "a b+" })},
		{"paid, with an amount beside that cannot be read", paid().with("point_amount", "?"), wantPaid()},
		{"not paid", queried("WAIT_BUYER_PAY"), open},
		{"closed unpaid", queried("TRADE_CLOSED"), closed},
		{"closed unpaid, with an empty list", queried("TRADE_CLOSED").with("fund_bill_list", []string{}), closed},
		{"closed unpaid, with a blank in the list", queried("TRADE_CLOSED").with("fund_bill_list", json.RawMessage("[ ]")), closed},
		{"closed unpaid, with a list in a text", queried("TRADE_CLOSED").with("fund_bill_list", "[]"), closed},
		{"closed unpaid, with a fund of nothing", queried("TRADE_CLOSED").with("fund_bill_list", []object{{"amount": "0.00"}}), closed},
		{"closed, with funds in a text", queried("TRADE_CLOSED").with("fund_bill_list", `[{"amount":"50.00"}]`), undated},
		{"closed after a full refund", queried("TRADE_CLOSED").with("send_pay_date", "2026-09-01 11:59:58"), refunded},
		{"closed, with an amount that came", queried("TRADE_CLOSED").with("receipt_amount", "0.01"), undated},
		{"closed, with a list of funds", queried("TRADE_CLOSED").with("fund_bill_list", []object{{"amount": "50.00"}}), undated},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ch := against(t, func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				biz := content(t, r.PostForm, "alipay.trade.query")
				if biz["out_trade_no"] != orderNo || r.PostForm.Has("notify_url") {
					t.Errorf("asked %v", r.PostForm)
				}
				say(tc.answer.String())(w, r)
			})
			got, err := ch.Query(context.Background(), orderNo)
			if err != nil {
				t.Fatalf("Query: %v", err)
			}
			if diff := cmp.Diff(tc.want, got, cmp.Comparer(samePayer)); diff != "" {
				t.Errorf("Query differs (-want +got):\n%s", diff)
			}
		})
	}
}

func queryErr(ch channels.Channel) error {
	_, err := ch.Query(context.Background(), orderNo)
	return err
}

func TestQueryOutcomes(t *testing.T) {
	outcomes(t, channels.ErrUnknownOutcome, unclear(t, paid()), queryErr)
	outcomes(t, channels.ErrRefused, denied(), queryErr)
	outcomes(t, channels.ErrOrderNotFound, map[string]http.HandlerFunc{
		"not known":                 say(failure("40004", "ACQ.TRADE_NOT_EXIST").with("receipt_amount", "0.00").String()),
		"not known, unsigned":       mutter(failure("40004", "ACQ.TRADE_NOT_EXIST").String()),
		"not known, in other words": mutter(failure("40004", "TRADE_NOT_EXIST").String()),
		"not known, further behind": say(failure("40004", "aop.ACQ.TRADE_NOT_EXIST").String()),
	}, queryErr)
	unreadable := map[string]http.HandlerFunc{}
	for name, node := range map[string]object{
		"about another order":               paid().with("out_trade_no", "260901a7K3M9QX3"),
		"about no order":                    paid().with("out_trade_no", nil),
		"state of another kind":             queried("TRADE_PENDING"),
		"no state":                          queried(""),
		"paid without amount":               paid().with("total_amount", nil),
		"paid nothing":                      paid().with("total_amount", "0.00"),
		"paid less than nothing":            paid().with("total_amount", "-50.00"),
		"paid in parts of a fen":            paid().with("total_amount", "50.001"),
		"paid in powers":                    paid().with("total_amount", "5e1"),
		"paid a number":                     paid().with("total_amount", 50.00),
		"paid without number":               paid().with("trade_no", nil),
		"paid with a number of odd form":    paid().with("trade_no", "2026 0901"),
		"closed, and nothing more":          created().with("trade_status", "TRADE_CLOSED").with("total_amount", "50.00"),
		"closed, with a list of no form":    queried("TRADE_CLOSED").with("fund_bill_list", object{}),
		"closed, with a fund of no form":    queried("TRADE_CLOSED").with("fund_bill_list", []object{{}}),
		"closed at a time of no form":       queried("TRADE_CLOSED").with("send_pay_date", "0000-00-00 00:00:00"),
		"closed, with an unreadable amount": queried("TRADE_CLOSED").with("receipt_amount", "?"),
		"closed after it was paid nothing":  queried("TRADE_CLOSED").with("send_pay_date", noonText).with("total_amount", "0.00"),
	} {
		unreadable[name] = say(node.String())
	}
	outcomes(t, channels.ErrUnknownOutcome, unreadable, queryErr)
}

func TestQueryBelievesNoneOfTwoCodes(t *testing.T) {
	node := `{"code":"40004","sub_code":"ACQ.TRADE_NOT_EXIST",` + paid().String()[1:]
	_, err := against(t, say(node)).Query(context.Background(), orderNo)
	mustBe(t, err, channels.ErrUnknownOutcome)
}

func closeErr(ch channels.Channel) error { return ch.Close(context.Background(), orderNo) }

// shut answers a close, and the query that may follow it.
func shut(closing, query object) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("method") == "alipay.trade.query" {
			say(query.String())(w, r)
			return
		}
		say(closing.String())(w, r)
	}
}

func TestCloseOutcomes(t *testing.T) {
	illegal := failure("40004", "ACQ.REASON_ILLEGAL_STATUS")
	outcomes(t, channels.ErrUnknownOutcome, unclear(t, created()), closeErr)
	outcomes(t, channels.ErrUnknownOutcome, map[string]http.HandlerFunc{
		"about another order":            say(created().with("out_trade_no", "x").String()),
		"about no order":                 say(success().String()),
		"not open, and said to be":       shut(illegal, queried("WAIT_BUYER_PAY")),
		"not open, and nobody knows why": shut(illegal, failure("20000", "isp.unknow-error")),
		"not open, and closed somehow":   shut(illegal, created().with("trade_status", "TRADE_CLOSED")),
	}, closeErr)
	outcomes(t, channels.ErrRefused, denied(), closeErr)
	outcomes(t, channels.ErrOrderNotFound, map[string]http.HandlerFunc{
		"not known":           say(failure("40004", "ACQ.TRADE_NOT_EXIST").String()),
		"not known, unsigned": mutter(failure("40004", "ACQ.TRADE_NOT_EXIST").String()),
	}, closeErr)
	outcomes(t, channels.ErrAlreadyPaid, map[string]http.HandlerFunc{
		"paid":                           say(failure("40004", "ACQ.TRADE_HAS_SUCCESS").String()),
		"not open, since paid":           shut(illegal, paid()),
		"not open, since refunded":       shut(failure("40004", "ACQ.TRADE_STATUS_ERROR"), queried("TRADE_CLOSED").with("send_pay_date", noonText)),
		"not open, since finished":       shut(failure("40004", "ACQ.REASON_TRADE_STATUS_INVALID"), paid().with("trade_status", "TRADE_FINISHED")),
		"said to be closed, but is paid": shut(failure("40004", "ACQ.TRADE_HAS_CLOSE"), paid()),
	}, closeErr)
}

func TestCloseIsProvedBySignedWords(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"closed":         say(created().String()),
		"closed already": shut(failure("40004", "ACQ.REASON_ILLEGAL_STATUS"), queried("TRADE_CLOSED")),
		"closed before":  shut(failure("40004", "ACQ.TRADE_HAS_CLOSE"), queried("TRADE_CLOSED")),
	} {
		t.Run(name, func(t *testing.T) {
			err := closeErr(against(t, func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				biz := content(t, r.PostForm, r.PostForm.Get("method"))
				if biz["out_trade_no"] != orderNo {
					t.Errorf("asked %v", biz)
				}
				answer(w, r)
			}))
			if err != nil {
				t.Fatalf("Close: %v", err)
			}
		})
	}
}

func TestOrderNumbersOfAnotherFormAreNotSent(t *testing.T) {
	ch := against(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	for _, no := range []string{"", "../../v3/x", "260901 a", "订单号一二三四"} {
		_, err := ch.Query(context.Background(), no)
		mustBe(t, err, channels.ErrRefused)
		mustBe(t, ch.Close(context.Background(), no), channels.ErrRefused)
	}
	mustBe(t, ch.Close(context.Background(), "260901-a"), channels.ErrRefused)
}

// TestOrdersOfOtherShopsCanBeAskedAbout: a merchant may have more shops than this
// one, and production takes numbers that the document forbids.
func TestOrdersOfOtherShopsCanBeAskedAbout(t *testing.T) {
	for _, no := range []string{"A-1", "shop#7.b", "1"} {
		got, err := against(t, say(paid().with("out_trade_no", no).String())).Query(context.Background(), no)
		if err != nil || got.OrderNo != no || got.State != channels.Paid {
			t.Errorf("Query(%s) = %+v, %v", no, got, err)
		}
	}
}
