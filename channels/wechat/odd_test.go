package wechat_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guodu/channels"
	"guodu/channels/channeltest"
	"guodu/channels/wechat"
)

// What decides: only these may refuse a message that is authentic.
func decisiveOfPayments() []string {
	return []string{"appid", "mchid", "out_trade_no", "transaction_id", "trade_state", "amount", "amount.total", "amount.currency"}
}

func decisiveOfRefunds(state string) []string {
	return []string{"out_trade_no", "out_refund_no", state, "amount", "amount.refund"}
}

// What is read for people: these change nothing but themselves.
func forPeople() []string {
	return []string{"success_time", "attach", "payer", "payer.openid", "refund_id"}
}

// production is a transaction as WeChat Pay sends it, with all that nobody reads.
func production() object {
	return paid().with("bank_type", "ICBC_CREDIT").with("device_id", "").with("wechatpay_contribute", "100").
		with("scene_info", object{"device_id": "013467007045764"}).with("goods_tag", "WXG").with("payer", object{"openid": openID, "sub_openid": ""}).
		with("promotion_detail", []object{{
			"coupon_id": 109519, "name": "单品惠-6", "scope": "SINGLE", "type": "CASH", "amount": 500, "stock_id": "931386", "wechatpay_contribute": "100",
			"merchant_contribute": 0, "other_contribute": "0", "currency": "CNY", "goods_detail": []object{{"goods_id": "M1006", "quantity": 1, "unit_price": 100}},
		}})
}

// given is a refund as WeChat Pay sends it.
func given(state string) object {
	return object{
		"mchid": mchID, "transaction_id": "4200001234202609011234567890", "out_trade_no": orderNo, "refund_id": "50000000382019052709732678859",
		"out_refund_no": "R1", state: "SUCCESS", "success_time": "2026-09-01T12:30:00+08:00", "user_received_account": "招商银行信用卡0403",
		"channel": "ORIGINAL", "create_time": "2026-09-01T12:29:00+08:00", "funds_account": "AVAILABLE", "promotion_detail": []object{},
		"amount": object{
			"total": 5000, "refund": 1500, "payer_total": 4500, "payer_refund": 1350, "settlement_refund": 1500, "settlement_total": 5000,
			"discount_refund": 0, "currency": "CNY", "from": []object{{"account": "AVAILABLE", "amount": 1500}}, "refund_fee": "0",
		},
	}
}

// outcome is what one message came to.
type outcome struct {
	payment channels.Payment
	refund  channels.RefundStatus
	err     error
}

func (o outcome) isCase() bool {
	return o.payment.Misdirected+o.refund.Misdirected != "" || o.payment.State == channels.Paid && o.payment.Currency != "CNY"
}

func (o outcome) same(other outcome) bool {
	return cmp.Equal(o.payment, other.payment, cmp.Comparer(samePayer)) && cmp.Equal(o.refund, other.refund) && o.err == nil && other.err == nil
}

// way is one of the ways in which WeChat Pay tells of a payment or a refund.
type way struct {
	name     string
	message  object
	decisive []string
	open     func(t *testing.T) (read func(plain []byte) outcome)
}

// noticed is the way of a callback.
func noticed(event string, parse func(ch *wechat.Channel, header http.Header, body []byte) outcome) func(*testing.T) func([]byte) outcome {
	return func(t *testing.T) func([]byte) outcome {
		ch := mustNew(t, config())
		return func(plain []byte) outcome {
			body := notice(plain).with("event_type", event).bytes()
			return parse(ch, headers(body, noon()), body)
		}
	}
}

// asked is the way of an answer.
func asked(ask func(ch *wechat.Channel) outcome) func(*testing.T) func([]byte) outcome {
	return func(t *testing.T) func([]byte) outcome {
		var answer string
		ch := against(t, func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, answer) })
		return func(plain []byte) outcome {
			answer = string(plain)
			return ask(ch)
		}
	}
}

func ways() []way {
	ctx := context.Background()
	return []way{
		{"payment's notice", production(), decisiveOfPayments(), noticed("TRANSACTION.SUCCESS", func(ch *wechat.Channel, header http.Header, body []byte) outcome {
			p, err := ch.ParseNotify(ctx, header, body)
			return outcome{payment: p, err: err}
		})},
		{"query", production(), decisiveOfPayments(), asked(func(ch *wechat.Channel) outcome {
			p, err := ch.Query(ctx, orderNo)
			return outcome{payment: p, err: err}
		})},
		{"refund's notice", given("refund_status"), append(decisiveOfRefunds("refund_status"), "mchid"), noticed("REFUND.SUCCESS",
			func(ch *wechat.Channel, header http.Header, body []byte) outcome {
				r, err := ch.ParseRefund(ctx, header, body)
				return outcome{refund: r, err: err}
			})},
		{"refund", given("status"), decisiveOfRefunds("status"), asked(func(ch *wechat.Channel) outcome {
			r, err := ch.Refund(ctx, channels.RefundRequest{OrderNo: orderNo, RefundNo: "R1", Amount: 1500, Total: 5000})
			return outcome{refund: r, err: err}
		})},
		{"refund query", given("status"), decisiveOfRefunds("status"), asked(func(ch *wechat.Channel) outcome {
			r, err := ch.QueryRefund(ctx, orderNo, "R1")
			return outcome{refund: r, err: err}
		})},
	}
}

// TestOnlyWhatDecidesMayRefuse changes every field of every message in every
// way: a field that decides makes it refused or a case, any other changes
// nothing.
func TestOnlyWhatDecidesMayRefuse(t *testing.T) {
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			read := w.open(t)
			want := read(w.message.bytes())
			if want.err != nil || want.isCase() {
				t.Fatalf("the usual message: %+v", want)
			}
			ignored, refused := 0, 0
			for _, v := range channeltest.Variants(w.message.bytes()) {
				got := read(v.Body)
				if slices.Contains(w.decisive, v.Field) {
					refused++
					if got.err == nil && !got.isCase() {
						t.Errorf("%s %s: neither refused nor a case: %+v", v.Field, v.How, got)
					}
					continue
				}
				ignored++
				if slices.Contains(forPeople(), v.Field) {
					got.payment.SuccessTime, got.payment.Attach, got.payment.Payer = want.payment.SuccessTime, want.payment.Attach, want.payment.Payer
					got.refund.Time, got.refund.ChannelNo = want.refund.Time, want.refund.ChannelNo
				}
				if !got.same(want) {
					t.Errorf("%s %s: %+v", v.Field, v.How, got)
				}
			}
			t.Logf("%d variants change nothing, %d are refused or a case", ignored, refused)
			if ignored < 100 || refused < 50 {
				t.Error("too few variants")
			}
		})
	}
}

// TestTheEnvelopeOfANoticeMayBeOdd does the same for what is around a notice.
func TestTheEnvelopeOfANoticeMayBeOdd(t *testing.T) {
	ch := mustNew(t, config())
	decisive := []string{"event_type", "resource", "resource.algorithm", "resource.ciphertext", "resource.nonce", "resource.associated_data"}
	for _, v := range channeltest.Variants(notice(production().bytes()).bytes()) {
		got, err := ch.ParseNotify(t.Context(), headers(v.Body, noon()), v.Body)
		if refused := err != nil; refused != slices.Contains(decisive, v.Field) || !refused && got.Amount != 5000 {
			t.Errorf("%s %s: %+v, %v", v.Field, v.How, got, err)
		}
	}
}

// TestATimeMayHaveAnyOffset: production has sent all three.
func TestATimeMayHaveAnyOffset(t *testing.T) {
	for _, text := range []string{"2026-09-01T11:59:58+08:00", "2026-09-01T11:59:58+0800", "2026-09-01T03:59:58Z", "2026-09-01T11:59:58.123+08:00"} {
		for _, w := range ways() {
			got := w.open(t)(w.message.with("success_time", text).bytes())
			at := got.payment.SuccessTime
			if at.IsZero() {
				at = got.refund.Time
			}
			if got.err != nil || !at.Truncate(time.Second).Equal(time.Date(2026, 9, 1, 3, 59, 58, 0, time.UTC)) {
				t.Errorf("%s at %s: %v, %v", w.name, text, at, got.err)
			}
		}
	}
}

// TestAnAPIv3KeyIsReplacedUnderWay: what was sealed with the old key is sent
// again for a day.
func TestAnAPIv3KeyIsReplacedUnderWay(t *testing.T) {
	newer := wechat.APIv3Key{Key: []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"), Source: "new.key"}
	older := wechat.APIv3Key{Key: []byte(apiv3Key), Source: "old.key"}
	public := []wechat.PublicKey{{ID: publicKeyID, PEM: spki(&platformKey().PublicKey)}}
	body := notice(paid().bytes()).bytes()
	ch := mustNew(t, config())
	opens := func(keys ...wechat.APIv3Key) error {
		if err := ch.SetKeys(wechat.Keys{Public: public, APIv3: keys}); err != nil {
			t.Fatal(err)
		}
		_, err := ch.ParseNotify(t.Context(), headers(body, noon()), body)
		return err
	}
	if err := opens(newer, older); err != nil {
		t.Errorf("with both keys: %v", err)
	}
	if err := opens(); err != nil {
		t.Errorf("with the keys in use: %v", err)
	}
	mustBe(t, opens(newer), channels.ErrMalformed)
	newer.Key = newer.Key[:31]
	err := ch.SetKeys(wechat.Keys{Public: public, APIv3: []wechat.APIv3Key{older, newer}})
	if err == nil || !strings.Contains(err.Error(), "new.key") || !strings.Contains(err.Error(), "32 bytes") {
		t.Errorf("a key that is too short: %v", err)
	}
	err = ch.SetKeys(wechat.Keys{Public: public, APIv3: []wechat.APIv3Key{older, older, older, older, older}})
	if err == nil {
		t.Error("five keys are tried on each callback")
	}
}

// TestAProbeIsToldApartFromAForgery: WeChat Pay sends it to see whether signatures
// are checked.
func TestAProbeIsToldApartFromAForgery(t *testing.T) {
	ch := mustNew(t, config())
	body := notice(paid().bytes()).bytes()
	header := headers(body, noon())
	header.Set("Wechatpay-Signature", "WECHATPAY/SIGNTEST/"+header.Get("Wechatpay-Signature"))
	_, err := ch.ParseNotify(t.Context(), header, body)
	mustBe(t, err, channels.ErrNotice)
	if !errors.Is(err, channels.ErrProbe) || channels.Authentic(err) {
		t.Errorf("a probe is %v", err)
	}
	header.Set("Wechatpay-Signature", strings.Repeat("A", 344))
	if _, err = ch.ParseNotify(t.Context(), header, body); errors.Is(err, channels.ErrProbe) {
		t.Errorf("a forgery is %v", err)
	}
}

// TestARefundThatContradictsItsEventIsRefused: believing either could be wrong.
func TestARefundThatContradictsItsEventIsRefused(t *testing.T) {
	ch := mustNew(t, config())
	for event, fits := range map[string]string{"REFUND.SUCCESS": "SUCCESS", "REFUND.CLOSED": "CLOSED", "REFUND.ABNORMAL": "ABNORMAL"} {
		for _, state := range []string{"SUCCESS", "CLOSED", "ABNORMAL", "PROCESSING"} {
			body := notice(given("refund_status").with("refund_status", state).bytes()).with("event_type", event).bytes()
			_, err := ch.ParseRefund(t.Context(), headers(body, noon()), body)
			if state == fits {
				if err != nil {
					t.Errorf("%s about %s: %v", event, state, err)
				}
				continue
			}
			mustBe(t, err, channels.ErrMalformed)
		}
	}
}
