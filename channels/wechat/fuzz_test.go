package wechat_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"guodu/channels"
	"guodu/internal/fen"
)

// How far a fuzzed input gets past the locks.
const (
	fuzzHeaders  = iota // headers and body as they come
	fuzzEnvelope        // the body is signed
	fuzzContent         // the body is encrypted, put into a notice of a payment and signed
	fuzzRefund          // the same, of a refund
	fuzzModes
)

func FuzzParseNotify(f *testing.F) {
	good := notice(paid().bytes()).bytes()
	signed := headers(good, noon())
	f.Add(uint8(fuzzHeaders), good, signed.Get("Wechatpay-Timestamp"), signed.Get("Wechatpay-Nonce"), signed.Get("Wechatpay-Serial"), signed.Get("Wechatpay-Signature"))
	f.Add(uint8(fuzzHeaders), []byte("junk"), "1788235200", "n", publicKeyID, "AAAA")
	f.Add(uint8(fuzzHeaders), []byte{}, "-1", "a\nb", "", "WECHATPAY/SIGNTEST/x")
	for _, body := range []string{
		string(good), `{}`, `null`, `[]`, `{"event_type":"REFUND.SUCCESS"}`, `{"event_type":"TRANSACTION.SUCCESS"}`,
		`{"event_type":"TRANSACTION.SUCCESS","resource":{"algorithm":"AEAD_AES_256_GCM","nonce":"short","ciphertext":"AAAA"}}`,
		`{"event_type":"TRANSACTION.SUCCESS","resource":{"algorithm":"AEAD_AES_256_GCM","nonce":"123456789012","ciphertext":""}}`,
		strings.Repeat("[", 20000),
	} {
		f.Add(uint8(fuzzEnvelope), []byte(body), "", "", "", "")
	}
	for _, plain := range []string{
		string(paid().bytes()), string(unpaid("CLOSED").bytes()), `{}`, `null`, `{"amount":null,"payer":null,"trade_state":"SUCCESS"}`,
		`{"out_trade_no":"260901a7K3M9QX2","trade_state":"REFUND","amount":{"total":-1}}`,
	} {
		f.Add(uint8(fuzzContent), []byte(plain), "", "", "", "")
	}
	ch := mustNew(f, config())
	f.Fuzz(func(t *testing.T, mode uint8, body []byte, timestamp, nonce, serial, signature string) {
		header := http.Header{
			"Wechatpay-Timestamp": {timestamp}, "Wechatpay-Nonce": {nonce},
			"Wechatpay-Serial": {serial}, "Wechatpay-Signature": {signature},
		}
		plain := body
		switch mode % fuzzModes {
		case fuzzContent:
			body = notice(plain).bytes()
		case fuzzRefund:
			body = notice(plain).with("event_type", "REFUND.SUCCESS").bytes()
		}
		if mode%fuzzModes != fuzzHeaders {
			header = headers(body, noon())
		}
		got, err := ch.ParseNotify(context.Background(), header, body)
		mustBeSane(t, got, err)
		refund, refundErr := ch.ParseRefund(context.Background(), header, body)
		mustBeSaneRefund(t, refund, refundErr)
		switch forged := errors.Is(err, channels.ErrNotice) || errors.Is(err, channels.ErrTooLarge); {
		case mode%fuzzModes == fuzzHeaders && !forged && !verifies(&platformKey().PublicKey, timestamp+"\n"+nonce+"\n"+string(body)+"\n", signature):
			t.Fatalf("what nobody signed is not called forged: %+v, %v", got, err)
		case mode%fuzzModes != fuzzHeaders && errors.Is(err, channels.ErrNotice):
			t.Fatalf("a properly signed notice is called forged: %v", err)
		case mode%fuzzModes == fuzzContent && (refundErr == nil || err == nil && got.State == channels.Paid):
			mustBeSaid(t, plain, got, refundErr)
		case mode%fuzzModes == fuzzRefund && err == nil:
			t.Fatalf("a refund's notice is read as a payment: %+v", got)
		}
	})
}

// mustBeSaid wants each value of a payment that would be credited to stand in the
// plaintext, as a reader of its own finds it.
func mustBeSaid(t *testing.T, plain []byte, got channels.Payment, refundErr error) {
	t.Helper()
	if refundErr == nil {
		t.Fatal("a payment's notice is read as a refund")
	}
	values := map[string]bool{}
	decoder := json.NewDecoder(bytes.NewReader(plain))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err != nil {
			break
		}
		values[fmt.Sprint(token)] = true
	}
	want := []string{got.OrderNo, got.TransactionID, strconv.FormatInt(int64(got.Amount), 10)}
	if got.Misdirected == "" {
		want = append(want, appID, mchID)
	}
	if got.Currency != "" {
		want = append(want, got.Currency)
	}
	for _, value := range want {
		if !values[value] {
			t.Fatalf("%q is in the payment and not in what was said:\n%s\n%+v", value, plain, got)
		}
	}
	if !values["SUCCESS"] && !values["REFUND"] || got.Refunded && !values["REFUND"] {
		t.Fatalf("paid or refunded, and nothing said so:\n%s\n%+v", plain, got)
	}
}

// mustBeSaneRefund is mustBeSane for a refund.
func mustBeSaneRefund(t *testing.T, got channels.RefundStatus, err error) {
	t.Helper()
	if err != nil {
		mustBeSane(t, channels.Payment{OrderNo: got.OrderNo}, err)
		return
	}
	if got.Channel != "wechat" || got.OrderNo == "" || got.No == "" || got.Amount <= 0 || got.Amount > fen.Max || got.State == "" {
		t.Fatalf("ParseRefund = %+v", got)
	}
}

// mustBeSane is what holds for any input: one known error and nothing, or a
// payment that can be worked with.
func mustBeSane(t *testing.T, got channels.Payment, err error) {
	t.Helper()
	if err != nil {
		known := errors.Is(err, channels.ErrNotice) || errors.Is(err, channels.ErrMalformed) ||
			errors.Is(err, channels.ErrNotOurs) || errors.Is(err, channels.ErrTooLarge)
		if !known || strings.Contains(err.Error(), "panicked") || got.OrderNo != "" {
			t.Fatalf("ParseNotify = %+v, %v", got, err)
		}
		return
	}
	if got.Channel != "wechat" || got.OrderNo == "" {
		t.Fatalf("ParseNotify = %+v", got)
	}
	if got.State == channels.Paid && (got.Amount <= 0 || got.Amount > fen.Max || got.TransactionID == "") {
		t.Fatalf("paid without money: %+v", got)
	}
	if got.State != channels.Paid && got.Amount != 0 {
		t.Fatalf("money without being paid: %+v", got)
	}
}

func BenchmarkParseNotify(b *testing.B) {
	ch := mustNew(b, config())
	body := notice(paid().bytes()).bytes()
	header := headers(body, noon())
	forged := header.Clone()
	forged.Set("Wechatpay-Timestamp", "1788220800")
	ctx := context.Background()
	for _, bc := range []struct {
		name   string
		header http.Header
		want   error
	}{{"paid", header, nil}, {"too old", forged, channels.ErrNotice}} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := ch.ParseNotify(ctx, bc.header, body)
				if !errors.Is(err, bc.want) {
					b.Fatal(err)
				}
			}
		})
	}
}
