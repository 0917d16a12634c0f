package alipay_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"guodu/channels"
	"guodu/internal/fen"
)

// FuzzParseNotify tries bodies as they come and, where they are a form, with a
// signature of Alipay's as well.
func FuzzParseNotify(f *testing.F) {
	good := told().signed().Encode()
	for _, body := range []string{
		good, good + "&total_amount=500.00", "total_amount=500.00&" + good, good + ";a=b", good + "&memo=%zz", "",
		"sign=AAAA&sign_type=RSA2", "sign=&sign_type=RSA2", "=&=&=", "%00=%ff", strings.Repeat("&", 1000), strings.Repeat("a=b&", 1000),
		"charset=utf-8&notify_type=trade_status_sync", "{}", "null", "<xml>", "alipay_cert_sn=x&sign=AAAA&sign_type=RSA2",
		told().with("total_amount", "1e2").values().Encode(), told().with("refund_fee", "0.01").values().Encode(),
		timedOut().values().Encode(), told().with("trade_status", "TRADE_CLOSED").values().Encode(),
		told().with("passback_params", "%25zz").values().Encode(), told().with("gmt_payment", "0000-00-00 00:00:00").values().Encode(),
	} {
		f.Add("application/x-www-form-urlencoded; charset=utf-8", body)
	}
	f.Add("application/json", good)
	f.Add("application/x-www-form-urlencoded; ;=", good)
	f.Add("", "")
	ch := mustNew(f, config())
	f.Fuzz(func(t *testing.T, kind, body string) {
		got, err := ch.ParseNotify(context.Background(), http.Header{"Content-Type": {kind}}, []byte(body))
		mustBeSane(t, got, err)
		if values, formErr := url.ParseQuery(body); (formErr != nil || values.Get("sign") == "") &&
			!errors.Is(err, channels.ErrNotice) && !errors.Is(err, channels.ErrTooLarge) && !errors.Is(err, channels.ErrUnproven) {
			t.Fatalf("what nobody signed counts as proven: %+v, %v", got, err)
		}
		values, parseErr := url.ParseQuery(body)
		if parseErr != nil || len(body) > 16<<10 {
			return
		}
		unsigned := fields{}
		for name := range values {
			if name != "sign" && name != "sign_type" && name != "alipay_cert_sn" {
				unsigned[name] = values.Get(name)
			}
		}
		got, err = ch.ParseNotify(context.Background(), form(), []byte(unsigned.signed().Encode()))
		mustBeSane(t, got, err)
		if errors.Is(err, channels.ErrNotice) && !ambiguous(unsigned) {
			t.Errorf("a properly signed notice is called forged: %v", err)
		}
		if err == nil && got.State == channels.Paid {
			mustBeSaid(t, unsigned, got)
		}
	})
}

// mustBeSaid wants a payment that would be credited to be what the notice says.
func mustBeSaid(t *testing.T, f fields, got channels.Payment) {
	t.Helper()
	amount, err := fen.Parse(f["total_amount"])
	ours := f["app_id"] == appID && f["seller_id"] == sellerID
	currency := f["trans_currency"] == "" && got.Currency == "CNY" || strings.HasPrefix(got.Currency, "CNY") == strings.HasPrefix(f["trans_currency"], "CNY")
	state := f["trade_status"] == "TRADE_SUCCESS" || f["trade_status"] == "TRADE_FINISHED" || f["trade_status"] == "TRADE_CLOSED" && got.Refunded
	if err != nil || amount != got.Amount || (got.Misdirected == "") != ours || !currency || !state ||
		f["out_trade_no"] != got.OrderNo || f["trade_no"] != got.TransactionID || f["notify_type"] != "trade_status_sync" {
		t.Fatalf("the notice %v is read as %+v", f, got)
	}
}

// ambiguous says whether names are sorted differently with "=" behind them, as
// those of no real notice are.
func ambiguous(f fields) bool {
	for name := range f {
		for other := range f {
			if name != other && strings.HasPrefix(other, name) && other[len(name)] < '=' {
				return true
			}
		}
	}
	return false
}

// mustBeSane is what holds for any input: one known error and nothing, or a
// payment that can be worked with.
func mustBeSane(t *testing.T, got channels.Payment, err error) {
	t.Helper()
	if err != nil {
		known := errors.Is(err, channels.ErrNotice) || errors.Is(err, channels.ErrMalformed) ||
			errors.Is(err, channels.ErrNotOurs) || errors.Is(err, channels.ErrTooLarge)
		if !known || strings.Contains(err.Error(), "panicked") || strings.Contains(err.Error(), "\n") || got.OrderNo != "" {
			t.Fatalf("ParseNotify = %+v, %v", got, err)
		}
		return
	}
	if got.Channel != "alipay" || got.OrderNo == "" || len(got.Refunds) > 0 {
		t.Fatalf("ParseNotify = %+v", got)
	}
	if got.State == channels.Closed {
		t.Fatalf("a notice proves nothing closed: %+v", got)
	}
	if got.State == channels.Paid && (got.Amount <= 0 || got.Amount > fen.Max || got.TransactionID == "" || got.Currency == "") {
		t.Fatalf("paid without money: %+v", got)
	}
	if got.State != channels.Paid && (got.Amount != 0 || got.Refunded) {
		t.Fatalf("money without being paid: %+v", got)
	}
}

func BenchmarkParseNotify(b *testing.B) {
	ch := mustNew(b, config())
	ctx := context.Background()
	for name, body := range map[string]string{"paid": told().signed().Encode(), "unsigned": told().values().Encode()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := ch.ParseNotify(ctx, form(), []byte(body))
				if (err == nil) != (name == "paid") {
					b.Fatal(err)
				}
			}
		})
	}
}
