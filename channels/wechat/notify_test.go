package wechat_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guodu/channels"
	"guodu/channels/wechat"
)

func TestParseNotifyReadsPayments(t *testing.T) {
	ch := mustNew(t, config())
	misdirected := func(what string) channels.Payment {
		p := wantPaid()
		p.Misdirected = what
		return p
	}
	refunded, abroad := wantPaid(), wantPaid()
	refunded.Refunded = true
	abroad.Currency = "USD"
	undated, foreign := wantPaid(), wantPaid()
	undated.SuccessTime, foreign.OrderNo = time.Time{}, "{p01}:x"
	for _, tc := range []struct {
		name string
		body object
		want channels.Payment
	}{
		{"paid", notice(paid().bytes()), wantPaid()},
		{"paid, with more fields than known", notice(paid().with("scene_info", object{"device_id": "1"}).bytes()).with("x", 1), wantPaid()},
		{"paid, nothing associated", notice(nil).with("resource", bare(paid().bytes())), wantPaid()},
		{"paid to another app", notice(paid().with("appid", "wx2421b1c4370ec43b").bytes()), misdirected("appid")},
		{"paid to another merchant", notice(paid().with("mchid", "1900000110").bytes()), misdirected("mchid")},
		{"paid to others altogether", notice(paid().with("mchid", "1").with("appid", "1").bytes()), misdirected("appid,mchid")},
		{"paid in another currency", notice(paid().with("amount", object{"total": 5000, "currency": "USD"}).bytes()), abroad},
		{"paid at no time", notice(paid().with("success_time", nil).bytes()), undated},
		{"paid at a time of another form", notice(paid().with("success_time", "20260901115958").bytes()), undated},
		{"paid by another shop's number", notice(paid().with("out_trade_no", "{p01}:x").bytes()), foreign},
		{"refunded", notice(paid().with("trade_state", "REFUND").bytes()), refunded},
		{"not paid", notice(unpaid("NOTPAY").bytes()), channels.Payment{Channel: "wechat", Merchant: merchant, OrderNo: orderNo, State: channels.Unpaid}},
		{"closed", notice(unpaid("CLOSED").bytes()), channels.Payment{Channel: "wechat", Merchant: merchant, OrderNo: orderNo, State: channels.Closed}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			body := tc.body.bytes()
			got, err := ch.ParseNotify(context.Background(), headers(body, noon()), body)
			if err != nil {
				t.Fatalf("ParseNotify: %v", err)
			}
			if diff := cmp.Diff(tc.want, got, cmp.Comparer(samePayer)); diff != "" {
				t.Errorf("ParseNotify differs (-want +got):\n%s", diff)
			}
		})
	}
}

// bare is a resource with nothing associated; some real ones are.
func bare(plain []byte) object {
	ciphertext, nonce := seal(plain, "")
	return object{"algorithm": "AEAD_AES_256_GCM", "ciphertext": ciphertext, "nonce": nonce}
}

func TestParseNotifyTakesABodyAsItWasSigned(t *testing.T) {
	ch := mustNew(t, config())
	body := append([]byte("{ \n"), notice(paid().bytes()).bytes()[1:]...)
	got, err := ch.ParseNotify(context.Background(), headers(body, noon()), body)
	if err != nil || got.Amount != 5000 {
		t.Fatalf("ParseNotify = %v, %v", got, err)
	}
}

func TestParseNotifyNamesEventsThatAreNotOurs(t *testing.T) {
	ch := mustNew(t, config())
	for _, event := range []string{
		"REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED", "PAYSCORE.USER_PAID",
		"transaction.success", "TRANSACTION.SUCCESS ", "COUPON.USE",
	} {
		t.Run(event, func(t *testing.T) {
			body := notice(paid().bytes()).with("event_type", event).bytes()
			got, err := ch.ParseNotify(context.Background(), headers(body, noon()), body)
			mustBe(t, err, channels.ErrNotOurs)
			mustBeNothing(t, got)
			if !strings.Contains(err.Error(), strconv.Quote(event)) {
				t.Errorf("the error does not name the event: %v", err)
			}
		})
	}
}

func TestParseNotifyRefusesWhatCannotBeRead(t *testing.T) {
	ch := mustNew(t, config())
	good := notice(paid().bytes())
	inside := func(key string, value any) object {
		return good.with("resource", good["resource"].(object).with(key, value))
	}
	content := func(key string, value any) object { return notice(paid().with(key, value).bytes()) }
	for _, tc := range []struct {
		name string
		body []byte
	}{
		{"empty body", nil},
		{"not JSON", []byte("<xml>")},
		{"null", []byte("null")},
		{"a list", []byte("[]")},
		{"more after the notice", append(good.bytes(), '{')},
		{"no event type", good.with("event_type", nil).bytes()},
		{"event type that is a number", good.with("event_type", 1).bytes()},
		{"no resource", good.with("resource", nil).bytes()},
		{"resource that is a text", good.with("resource", "x").bytes()},
		{"empty resource", good.with("resource", object{}).bytes()},
		{"other algorithm", inside("algorithm", "AEAD_AES_128_GCM").bytes()},
		{"no nonce", inside("nonce", nil).bytes()},
		{"nonce of 11 bytes", inside("nonce", "12345678901").bytes()},
		{"nonce of 13 bytes", inside("nonce", "1234567890123").bytes()},
		{"nonce of 12 characters and 36 bytes", inside("nonce", strings.Repeat("字", 12)).bytes()},
		{"other nonce", inside("nonce", "000000000000").bytes()},
		{"other associated data", inside("associated_data", "refund").bytes()},
		{"no ciphertext", inside("ciphertext", nil).bytes()},
		{"ciphertext that is not base64", inside("ciphertext", "!").bytes()},
		{"ciphertext shorter than its tag", inside("ciphertext", "AAAA").bytes()},
		{"ciphertext of another key", inside("ciphertext", base64.StdEncoding.EncodeToString(make([]byte, 64))).bytes()},
		{"content that is not JSON", notice([]byte("{")).bytes()},
		{"content that is empty", notice(nil).bytes()},
		{"content that is null", notice([]byte("null")).bytes()},
		{"content that is a list", notice([]byte("[]")).bytes()},
		{"no order", content("out_trade_no", nil).bytes()},
		{"no state", content("trade_state", nil).bytes()},
		{"state of another kind", content("trade_state", "SETTLED").bytes()},
		{"no transaction number", content("transaction_id", nil).bytes()},
		{"long transaction number", content("transaction_id", strings.Repeat("4", 33)).bytes()},
		{"no amount", content("amount", nil).bytes()},
		{"no total", content("amount", object{"payer_total": 5000, "currency": "CNY"}).bytes()},
		{"total of nothing", content("amount", object{"total": 0}).bytes()},
		{"total below nothing", content("amount", object{"total": -1}).bytes()},
		{"total with a fraction", content("amount", object{"total": 0.5}).bytes()},
		{"total as text", content("amount", object{"total": "5000"}).bytes()},
		{"total beyond 64 bits", content("amount", object{"total": json.Number("9223372036854775808")}).bytes()},
		{"total out of range", content("amount", object{"total": json.Number("1000000000001")}).bytes()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ch.ParseNotify(context.Background(), headers(tc.body, noon()), tc.body)
			mustBe(t, err, channels.ErrMalformed)
			mustBeNothing(t, got)
			if strings.Contains(err.Error(), "panicked") {
				t.Errorf("only the last resort caught it: %v", err)
			}
		})
	}
}

func TestParseNotifyBoundsTheBody(t *testing.T) {
	ch := mustNew(t, config())
	body := notice(paid().bytes()).bytes()
	full := append(body, bytes.Repeat([]byte(" "), wechat.NoticeBytes-len(body))...)
	_, err := ch.ParseNotify(context.Background(), headers(full, noon()), full)
	if err != nil {
		t.Errorf("a body of the full length: %v", err)
	}
	full = append(full, ' ')
	_, err = ch.ParseNotify(context.Background(), headers(full, noon()), full)
	mustBe(t, err, channels.ErrTooLarge)
}

func mustBeNothing(t *testing.T, got channels.Payment) {
	t.Helper()
	if !cmp.Equal(got, channels.Payment{}, cmp.Comparer(samePayer)) {
		t.Errorf("a payment beside the error: %+v", got)
	}
}
