package wechat_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guodu/channels"
)

func TestQueryReadsStates(t *testing.T) {
	closed := channels.Payment{Channel: "wechat", Merchant: merchant, OrderNo: orderNo, State: channels.Closed}
	open := channels.Payment{Channel: "wechat", Merchant: merchant, OrderNo: orderNo, State: channels.Unpaid}
	refunded, elsewhere, other, yuan := wantPaid(), wantPaid(), wantPaid(), wantPaid()
	refunded.Refunded = true
	elsewhere.Misdirected = "mchid"
	other.Misdirected = "appid,mchid"
	yuan.Currency = "USD"
	silent, undated := wantPaid(), wantPaid()
	undated.SuccessTime = time.Time{}
	silent.Payer, silent.Attach = channels.Payer{}, ""
	for _, tc := range []struct {
		name   string
		answer object
		want   channels.Payment
	}{
		{"paid, with coupons", paid(), wantPaid()},
		{"paid and refunded", paid().with("trade_state", "REFUND"), refunded},
		{"paid, of an unknown payer", paid().with("payer", nil).with("attach", nil), silent},
		{"paid at no time", paid().with("success_time", "yesterday"), undated},
		{"paid to another merchant", paid().with("mchid", "1900000110"), elsewhere},
		{"paid to nobody named", paid().with("mchid", nil).with("appid", nil), other},
		{"paid in another currency", paid().with("amount", object{"total": 5000, "currency": "USD"}), yuan},
		{"not paid", unpaid("NOTPAY"), open},
		{"not paid, with part of an amount", unpaid("NOTPAY").with("amount", object{"total": 5000}), open},
		{"paying", unpaid("USERPAYING"), open},
		{"failed to pay", unpaid("PAYERROR"), open},
		{"closed", unpaid("CLOSED"), closed},
		{"revoked", unpaid("REVOKED"), closed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var asked string
			ch := against(t, func(w http.ResponseWriter, r *http.Request) {
				asked = r.Method + " " + r.URL.RequestURI()
				mustBeSigned(t, r.Header.Get("Authorization"), r.Method, r.URL.RequestURI(), nil)
				say(w, 200, string(tc.answer.bytes()))
			})
			got, err := ch.Query(context.Background(), orderNo)
			if err != nil {
				t.Fatalf("Query: %v", err)
			}
			if diff := cmp.Diff(tc.want, got, cmp.Comparer(samePayer)); diff != "" {
				t.Errorf("Query differs (-want +got):\n%s", diff)
			}
			if asked != "GET /v3/pay/transactions/out-trade-no/"+orderNo+"?mchid="+mchID {
				t.Errorf("asked %s", asked)
			}
		})
	}
}

// cmp would compare payers by their text form, which is only a hint.
func samePayer(a, b channels.Payer) bool { return a.Kind == b.Kind && a.ID == b.ID }

func TestQueryOutcomes(t *testing.T) {
	answer := func(o object) http.HandlerFunc { return signedAnswer(200, string(o.bytes())) }
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
		want   error
	}{
		{"not known", errorAnswer(404, "ORDER_NOT_EXIST"), channels.ErrOrderNotFound},
		{"not known, in older words", errorAnswer(404, "ORDERNOTEXIST"), channels.ErrOrderNotFound},
		{"merchant not known", errorAnswer(404, "MCH_NOT_EXISTS"), channels.ErrRefused},
		{"proxy's 404", htmlAnswer(404), channels.ErrUnknownOutcome},
		{"bad parameter", errorAnswer(400, "PARAM_ERROR"), channels.ErrRefused},
		{"limited", errorAnswer(429, "FREQUENCY_LIMITED"), channels.ErrUnknownOutcome},
		{"their error", errorAnswer(500, "SYSTEM_ERROR"), channels.ErrUnknownOutcome},
		{"proxy's page", htmlAnswer(502), channels.ErrUnknownOutcome},
		{"unsigned", unsignedAnswer(string(paid().bytes())), channels.ErrUnknownOutcome},
		{"badly signed", badlySignedAnswer(string(paid().bytes())), channels.ErrUnknownOutcome},
		{"about another order", answer(paid().with("out_trade_no", "260901a7K3M9QX3")), channels.ErrUnknownOutcome},
		{"about no order", answer(paid().with("out_trade_no", nil)), channels.ErrUnknownOutcome},
		{"state of another kind", answer(unpaid("SETTLED")), channels.ErrUnknownOutcome},
		{"no state", answer(unpaid("").with("trade_state", nil)), channels.ErrUnknownOutcome},
		{"paid without amount", answer(paid().with("amount", nil)), channels.ErrUnknownOutcome},
		{"paid without total", answer(paid().with("amount", object{"payer_total": 1})), channels.ErrUnknownOutcome},
		{"paid nothing", answer(paid().with("amount", object{"total": 0})), channels.ErrUnknownOutcome},
		{"paid less than nothing", answer(paid().with("amount", object{"total": -5000})), channels.ErrUnknownOutcome},
		{"paid a fraction", answer(paid().with("amount", object{"total": 1.5})), channels.ErrUnknownOutcome},
		{"paid a text", answer(paid().with("amount", object{"total": "5000"})), channels.ErrUnknownOutcome},
		{"paid too much", answer(paid().with("amount", object{"total": 1e12 + 1})), channels.ErrUnknownOutcome},
		{"paid without number", answer(paid().with("transaction_id", nil)), channels.ErrUnknownOutcome},
		{"empty object", signedAnswer(200, "{}"), channels.ErrUnknownOutcome},
		{"null", signedAnswer(200, "null"), channels.ErrUnknownOutcome},
		{"no content", signedAnswer(204, ""), channels.ErrUnknownOutcome},
		{"breaks off", breakOff, channels.ErrUnknownOutcome},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := against(t, tc.answer).Query(context.Background(), orderNo)
			mustBe(t, err, tc.want)
			if !cmp.Equal(got, channels.Payment{}, cmp.Comparer(samePayer)) {
				t.Errorf("Query = %+v beside an error", got)
			}
		})
	}
}

func TestCloseOutcomes(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
		want   error
	}{
		{"paid", errorAnswer(400, "ORDER_PAID"), channels.ErrAlreadyPaid},
		{"not known", errorAnswer(404, "ORDER_NOT_EXIST"), channels.ErrOrderNotFound},
		{"said to be closed, without proof", errorAnswer(400, "ORDER_CLOSED"), channels.ErrUnknownOutcome},
		{"bad parameter", errorAnswer(400, "PARAM_ERROR"), channels.ErrRefused},
		{"limited", errorAnswer(429, "FREQUENCY_LIMITED"), channels.ErrUnknownOutcome},
		{"their error", errorAnswer(500, "SYSTEM_ERROR"), channels.ErrUnknownOutcome},
		{"proxy's page", htmlAnswer(502), channels.ErrUnknownOutcome},
		{"unsigned 204", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, channels.ErrUnknownOutcome},
		{"signed 200", signedAnswer(200, "{}"), channels.ErrUnknownOutcome},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			err := against(t, tc.answer).Close(context.Background(), orderNo)
			mustBe(t, err, tc.want)
		})
	}
}

func TestCloseIsProvedByASigned204(t *testing.T) {
	var asked string
	ch := against(t, func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, 100)
		n, _ := r.Body.Read(body)
		asked = r.Method + " " + r.URL.RequestURI() + " " + string(body[:n])
		say(w, 204, "")
	})
	err := ch.Close(context.Background(), orderNo)
	if err != nil {
		t.Fatalf("Close: %v", err)
	}
	want := "POST /v3/pay/transactions/out-trade-no/" + orderNo + "/close " + `{"mchid":"` + mchID + `"}` + "\n"
	if asked != want {
		t.Errorf("asked %q, want %q", asked, want)
	}
}

func TestOrderNumbersOfAnotherFormAreNotSent(t *testing.T) {
	ch := against(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	for _, no := range []string{"", "../../v3/x", "..", "260901 a", "订单号一二三四"} {
		_, err := ch.Query(context.Background(), no)
		mustBe(t, err, channels.ErrRefused)
		mustBe(t, ch.Close(context.Background(), no), channels.ErrRefused)
	}
	mustBe(t, ch.Close(context.Background(), "12345"), channels.ErrRefused)
}

// TestOrdersOfOtherShopsCanBeAskedAbout: a merchant may have more shops than
// this one, whose numbers are shorter than the documents want.
func TestOrdersOfOtherShopsCanBeAskedAbout(t *testing.T) {
	for _, no := range []string{"1", "A-1", "shop.7@b"} {
		ch := against(t, signedAnswer(200, string(paid().with("out_trade_no", no).bytes())))
		got, err := ch.Query(context.Background(), no)
		if err != nil || got.OrderNo != no || got.State != channels.Paid {
			t.Errorf("Query(%s) = %+v, %v", no, got, err)
		}
	}
}
