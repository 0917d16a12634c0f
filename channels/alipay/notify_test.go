package alipay_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guodu/channels"
	"guodu/channels/alipay"
	"guodu/internal/fen"
)

// fields is a notice before it is signed.
type fields map[string]string

// with changes a field; "-" takes it out.
func (f fields) with(name, value string) fields {
	changed := maps.Clone(f)
	changed[name] = value
	if value == "-" {
		delete(changed, name)
	}
	return changed
}

// told is a notice of a payment of which somebody else paid a part.
func told() fields {
	return fields{
		"notify_time": "2026-09-01 12:00:01", "notify_type": "trade_status_sync", "notify_id": "2026090100222120159015860515341853",
		"app_id": appID, "auth_app_id": appID, "charset": "utf-8", "version": "1.0",
		"trade_no": tradeNo, "out_trade_no": orderNo, "trade_status": "TRADE_SUCCESS", "total_amount": "50.00",
		"receipt_amount": "45.00", "buyer_pay_amount": "45.00", "invoice_amount": "45.00", "point_amount": "0.00",
		"buyer_id": userID, "buyer_logon_id": "152****6706", "seller_id": sellerID, "seller_email": "xud***@126.com",
		"subject": "校园卡充值 + 100%", "gmt_create": "2026-09-01 11:59:50", "gmt_payment": "2026-09-01 11:59:58",
		"fund_bill_list": `[{"amount":"45.00","fundChannel":"ALIPAYACCOUNT"}]`, "passback_params": account,
	}
}

// timedOut is a notice of a trade that nobody paid, with the zero that real ones
// have been seen with.
func timedOut() fields {
	return told().with("trade_status", "TRADE_CLOSED").with("gmt_payment", "-").with("fund_bill_list", "-").
		with("receipt_amount", "0.00").with("buyer_pay_amount", "-").with("invoice_amount", "-").
		with("gmt_close", noonText).with("refund_fee", "0.00")
}

func (f fields) values() url.Values {
	values := url.Values{}
	for name, value := range f {
		values.Set(name, value)
	}
	return values
}

// signed is the form with a signature like Alipay's: sign_type stays out.
func (f fields) signed() url.Values {
	values := f.values()
	values.Set("sign", sign(alipayKey(), canonical(values)))
	values.Set("sign_type", "RSA2")
	return values
}

func form() http.Header {
	return http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}, "Cookie": {"session=do-not-log-me"}}
}

func wantTold() channels.Payment {
	p := wantPaid()
	p.Attach = account
	return p
}

func TestParseNotifyReadsPayments(t *testing.T) {
	ch := mustNew(t, config())
	changed := func(change func(*channels.Payment)) channels.Payment {
		p := wantTold()
		change(&p)
		return p
	}
	misdirected := func(what string) channels.Payment {
		return changed(func(p *channels.Payment) { p.Misdirected = what })
	}
	refunded := changed(func(p *channels.Payment) { p.Refunded = true })
	refundedBy := func(no string, sum fen.Fen) channels.Payment {
		return changed(func(p *channels.Payment) {
			p.Refunded, p.RefundedTotal = true, sum
			switch {
			case no != "":
				p.RefundNos = []string{no}
			case sum > 0:
				p.RefundNos = []string{orderNo}
			}
		})
	}
	undated := changed(func(p *channels.Payment) { p.Refunded, p.SuccessTime = true, time.Time{} })
	undatedPart := undated
	undatedPart.RefundNos, undatedPart.RefundedTotal = []string{"R2"}, 1500
	unnamed := changed(func(p *channels.Payment) { p.Payer = channels.Payer{} })
	unpaid := channels.Payment{
		Channel: "alipay", Merchant: merchant, OrderNo: orderNo, State: channels.Unpaid, Payer: wantTold().Payer, Attach: account,
	}
	part := told().with("gmt_refund", "2026-09-01 12:30:00.123").with("refund_fee", "15.00").with("out_biz_no", "R2")
	for _, tc := range []struct {
		name string
		body fields
		want channels.Payment
	}{
		{"paid", told(), wantTold()},
		{"paid, with more fields than known", told().with("x", "1"), wantTold()},
		{"paid, and not to be refunded any more", told().with("trade_status", "TRADE_FINISHED"), wantTold()},
		{"paid by an open_id", told().with("buyer_id", "-").with("buyer_open_id", openID),
			changed(func(p *channels.Payment) { p.Payer = channels.Payer{Kind: "open_id", ID: openID} })},
		{"paid by nobody named", told().with("buyer_id", "-"), unnamed},
		{"paid by somebody of another form", told().with("buyer_id", "<script>"), unnamed},
		{"paid by an open_id of another form", told().with("buyer_id", "-").with("buyer_open_id", "a b"), unnamed},
		{"paid at no time", told().with("gmt_payment", "-"), changed(func(p *channels.Payment) { p.SuccessTime = time.Time{} })},
		{"paid at a time of another form", told().with("gmt_payment", "20260901115958"), changed(func(p *channels.Payment) { p.SuccessTime = time.Time{} })},
		{"paid by another shop's number", told().with("out_trade_no", "A-1"), changed(func(p *channels.Payment) { p.OrderNo = "A-1" })},
		{"paid, nothing passed back", told().with("passback_params", "-"), changed(func(p *channels.Payment) { p.Attach = "" })},
		{"paid, something odd passed back", told().with("passback_params", "a%20b%26c%3Dd%2520%2B%E4%B8%AD"),
			changed(func(p *channels.Payment) { p.Attach = "a b&c=d%20+中" })},
		{"paid years ago", told().with("notify_time", "2019-09-01 12:00:01"), wantTold()},
		{"paid to another app", told().with("app_id", "2021000000000002"), misdirected("appid")},
		{"paid to another seller", told().with("seller_id", "2088000000000002"), misdirected("mchid")},
		{"paid to no seller named", told().with("seller_id", "-"), misdirected("mchid")},
		{"paid to others altogether", told().with("seller_id", "1").with("app_id", "-"), misdirected("appid,mchid")},
		{"refunded in part, the second time", part, refundedBy("R2", 1500)},
		{"refunded, only the sum", told().with("refund_fee", "0.01"), refundedBy("", 1)},
		{"refunded, only the time", told().with("gmt_refund", noonText), refunded},
		{"refunded, only the number", told().with("out_biz_no", "R1"), refundedBy("R1", 0)},
		{"refunded, by a number of another form", told().with("out_biz_no", "a/b"), refunded},
		{"refunded nothing", told().with("refund_fee", "0.00"), wantTold()},
		{"refunded in full", part.with("trade_status", "TRADE_CLOSED").with("refund_fee", "50.00").with("gmt_close", noonText), refundedBy("R2", 5000)},
		{"refunded in full, without saying so", told().with("trade_status", "TRADE_CLOSED"), refunded},
		{"refunded in full, without the payment's time", part.with("trade_status", "TRADE_CLOSED").with("gmt_payment", "-"), undatedPart},
		{"closed, with an amount that came", timedOut().with("receipt_amount", "50.00"), undated},
		{"closed, with nothing to be seen of a payment", timedOut(), unpaid},
		{"closed, with nothing to be seen at all", timedOut().with("receipt_amount", "-").with("refund_fee", "-"), unpaid},
		{"waiting", told().with("trade_status", "WAIT_BUYER_PAY").with("gmt_payment", "-"), unpaid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ch.ParseNotify(context.Background(), form(), []byte(tc.body.signed().Encode()))
			if err != nil {
				t.Fatalf("ParseNotify: %v", err)
			}
			if diff := cmp.Diff(tc.want, got, cmp.Comparer(samePayer)); diff != "" {
				t.Errorf("ParseNotify differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseNotifyReadsAnyCharset(t *testing.T) {
	ch := mustNew(t, config())
	gbk := "\xd0\xa3\xd4\xb0\xbf\xa8"
	for charset, subject := range map[string]string{
		"GBK": gbk, "gbk": "x", "UTF-8": "校园卡", "GB2312": gbk, "GB18030": gbk, "UTF8": "校园卡", "utf-16": "x", "": "校园卡", "-": gbk,
	} {
		body := told().with("charset", charset).with("subject", subject).signed().Encode()
		got, err := ch.ParseNotify(context.Background(), form(), []byte(body))
		if err != nil || got.Amount != 5000 {
			t.Errorf("%s: ParseNotify = %+v, %v", charset, got, err)
		}
	}
}

// TestParseNotifyReadsTheMediaTypeAlone: production has sent the first one.
func TestParseNotifyReadsTheMediaTypeAlone(t *testing.T) {
	ch := mustNew(t, config())
	for _, parameters := range []string{
		", text/html", " charset=utf-8", "; text/html; charset=utf-8", ";;charset=utf-8", "; charset=", "; ;=", ";", " ; charset=\"GBK", "; charset=x; charset=y", "",
	} {
		for _, kind := range []string{"application/x-www-form-urlencoded", "Application/X-WWW-Form-URLEncoded", " application/x-www-form-urlencoded"} {
			header := http.Header{"Content-Type": {kind + parameters}}
			got, err := ch.ParseNotify(context.Background(), header, []byte(told().signed().Encode()))
			if err != nil || got.Amount != 5000 {
				t.Errorf("%q: ParseNotify = %+v, %v", kind+parameters, got, err)
			}
		}
	}
}

// TestAFieldThatDecidesTakesInNoNeighbour: one notice of a foreign order would be
// two payments, under two order numbers, if a neighbour that nobody reads could
// move into the number.
func TestAFieldThatDecidesTakesInNoNeighbour(t *testing.T) {
	ch := mustNew(t, config())
	whole := told().with("passback_params", "-").with("trans_currency", "CNY").signed()
	names := slices.Sorted(maps.Keys(whole))
	tried := 0
	for i, name := range names[:len(names)-1] {
		next := names[i+1]
		if name == "sign" || name == "sign_type" || next == "sign" || next == "sign_type" || !slices.Contains(decisiveOfNotices(), name) {
			continue
		}
		forged := maps.Clone(whole)
		forged.Set(name, whole.Get(name)+"&"+next+"="+whole.Get(next))
		forged.Del(next)
		if canonical(forged) != canonical(whole) {
			continue
		}
		tried++
		_, err := ch.ParseNotify(context.Background(), form(), []byte(forged.Encode()))
		mustBe(t, err, channels.ErrMalformed)
	}
	if tried < 5 {
		t.Errorf("only %d fields could take in a neighbour", tried)
	}
}

// TestAFieldThatHidesAnotherIsRefused: the text that is signed is the same with a
// field inside the value, or the name, of the one before it.
func TestAFieldThatHidesAnotherIsRefused(t *testing.T) {
	ch := mustNew(t, config())
	whole := told().with("gmt_refund", noonText).with("refund_fee", "15.00").with("out_biz_no", "R2").signed()
	names := slices.Sorted(maps.Keys(whole))
	hidden := 0
	for i, name := range names {
		before := ""
		for _, n := range names[:i] {
			if n != "sign" && n != "sign_type" {
				before = n
			}
		}
		if before == "" || name == "sign" || name == "sign_type" {
			continue
		}
		value, inName := maps.Clone(whole), maps.Clone(whole)
		value.Set(before, whole.Get(before)+"&"+name+"="+whole.Get(name))
		value.Del(name)
		inName.Del(name)
		inName.Del(before)
		inName.Set(before+"="+whole.Get(before)+"&"+name, whole.Get(name))
		for how, forged := range map[string]url.Values{"value": value, "name": inName} {
			if canonical(forged) != canonical(whole) {
				continue // the order of names shows it
			}
			got, err := ch.ParseNotify(context.Background(), form(), []byte(forged.Encode()))
			isRead := func(name string) bool { return slices.Contains(append(decisiveOfNotices(), forPeople()...), name) }
			switch {
			case how == "name" || isRead(name):
				hidden++
				mustBe(t, err, channels.ErrMalformed)
				if !errors.Is(err, channels.ErrUnproven) {
					t.Errorf("%s in the %s of %s: %v", name, how, before, err)
				}
			case !isRead(before) && (err != nil || got.RefundedTotal != 1500):
				t.Errorf("%s, which nobody reads, in the %s of %s: %+v, %v", name, how, before, got, err)
			}
		}
	}
	if hidden < 30 {
		t.Errorf("only %d fields could be hidden", hidden)
	}
}

func TestParseNotifyRefusesWhatIsNotAuthentic(t *testing.T) {
	ch := mustNew(t, config())
	good := told().signed()
	changed := func(name, value string) url.Values {
		values := maps.Clone(good)
		values.Set(name, value)
		return values
	}
	without := func(name string) url.Values {
		values := maps.Clone(good)
		values.Del(name)
		return values
	}
	// certified is signed properly, and the name of a certificate is not under
	// the signature.
	certified := changed("alipay_cert_sn", "0123456789abcdef")
	all := told().with("sign_type", "RSA2").values()
	all.Set("sign", sign(alipayKey(), canonical(all)))
	ours := changed("sign", sign(appKey(), canonical(told().values())))
	for name, values := range map[string]url.Values{
		"no signature":                    without("sign"),
		"empty signature":                 changed("sign", ""),
		"no sign_type":                    without("sign_type"),
		"older sign_type":                 changed("sign_type", "RSA"),
		"sign_type in small letters":      changed("sign_type", "rsa2"),
		"signature that is not base64":    changed("sign", "!!!!"),
		"signature cut short":             changed("sign", good.Get("sign")[4:]),
		"signature too long":              changed("sign", strings.Repeat("A", 1028)),
		"signature of an empty text":      changed("sign", sign(alipayKey(), "")),
		"signature of our own key":        ours,
		"signature with sign_type inside": all,
		"another amount":                  changed("total_amount", "500.00"),
		"another order":                   changed("out_trade_no", "260901a7K3M9QX3"),
		"another state":                   changed("trade_status", "TRADE_FINISHED"),
		"one field more":                  changed("memo", "x"),
		"one empty field more":            changed("memo", ""),
		"one field less":                  without("subject"),
		"a certificate's name":            certified,
		"an empty certificate's name":     changed("alipay_cert_sn", ""),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ch.ParseNotify(context.Background(), form(), []byte(values.Encode()))
			mustBe(t, err, channels.ErrNotice)
			mustBeNothing(t, got)
		})
	}
}

// A notice must never make the hub call anybody, whatever it names.
func TestParseNotifyCallsNobody(t *testing.T) {
	seen := &watcher{}
	cfg := config()
	cfg.Transport = seen
	ch := mustNew(t, cfg)
	values := told().signed()
	values.Set("alipay_cert_sn", "0123456789abcdef")
	_, err := ch.ParseNotify(context.Background(), form(), []byte(values.Encode()))
	mustBe(t, err, channels.ErrNotice)
	if seen.seen != nil {
		t.Errorf("it called %s", seen.seen.URL)
	}
}

func TestParseNotifyRefusesWhatIsNoForm(t *testing.T) {
	ch := mustNew(t, config())
	good := told().signed().Encode()
	kind := func(kinds ...string) http.Header { return http.Header{"Content-Type": kinds} }
	for _, tc := range []struct {
		name   string
		header http.Header
		body   string
	}{
		{"no content type", nil, good},
		{"two content types", kind("application/x-www-form-urlencoded", "application/x-www-form-urlencoded"), good},
		{"JSON", kind("application/json"), good},
		{"multipart", kind("multipart/form-data; boundary=x"), good},
		{"broken escape", form(), good + "&memo=%zz"},
		{"semicolon", form(), good + ";a=b"},
		{"amount twice, the other one first", form(), "total_amount=500.00&" + good},
		{"amount twice, the other one last", form(), good + "&total_amount=500.00"},
		{"signature twice", form(), good + "&sign=x"},
		{"sign_type twice", form(), good + "&sign_type=RSA2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ch.ParseNotify(context.Background(), tc.header, []byte(tc.body))
			mustBe(t, err, channels.ErrMalformed)
			mustBeNothing(t, got)
		})
	}
}

func TestParseNotifyRefusesWhatCannotBeRead(t *testing.T) {
	ch := mustNew(t, config())
	for name, body := range map[string]fields{
		"no order":                     told().with("out_trade_no", "-"),
		"no state":                     told().with("trade_status", "-"),
		"state of another kind":        told().with("trade_status", "TRADE_PENDING"),
		"no trade number":              told().with("trade_no", "-"),
		"long trade number":            told().with("trade_no", strings.Repeat("2", 65)),
		"no amount":                    told().with("total_amount", "-"),
		"amount of nothing":            told().with("total_amount", "0.00"),
		"amount below nothing":         told().with("total_amount", "-50.00"),
		"amount in powers":             told().with("total_amount", "5e1"),
		"amount with a third decimal":  told().with("total_amount", "50.001"),
		"amount with blanks":           told().with("total_amount", " 50.00"),
		"amount out of range":          told().with("total_amount", "10000000000.01"),
		"refund that cannot be read":   told().with("refund_fee", "some"),
		"closed, amount not readable":  timedOut().with("receipt_amount", "some"),
		"closed and refunded, no sum":  told().with("trade_status", "TRADE_CLOSED").with("total_amount", "-"),
		"a signature over other names": {"a": "b", "charset": "utf-8", "notify_type": "trade_status_sync"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ch.ParseNotify(context.Background(), form(), []byte(body.signed().Encode()))
			mustBe(t, err, channels.ErrMalformed)
			mustBeNothing(t, got)
			if strings.Contains(err.Error(), "panicked") {
				t.Errorf("only the last resort caught it: %v", err)
			}
		})
	}
}

func TestParseNotifyNamesKindsThatAreNotOurs(t *testing.T) {
	ch := mustNew(t, config())
	_, err := ch.ParseNotify(context.Background(), form(), []byte(fields{}.signed().Encode()))
	mustBe(t, err, channels.ErrNotOurs) // nothing but a signature
	for _, kind := range []string{"dut_user_sign", "trade_status_sync ", "TRADE_STATUS_SYNC", "-"} {
		got, err := ch.ParseNotify(context.Background(), form(), []byte(told().with("notify_type", kind).signed().Encode()))
		mustBe(t, err, channels.ErrNotOurs)
		mustBeNothing(t, got)
	}
}

func TestParseNotifyBoundsTheBody(t *testing.T) {
	ch := mustNew(t, config())
	size := len(told().with("body", "").signed().Encode())
	// The signature's own escapes vary by a few bytes from one to the next.
	full := told().with("body", strings.Repeat("x", alipay.NoticeBytes-size-200)).signed().Encode()
	_, err := ch.ParseNotify(context.Background(), form(), []byte(full))
	if err != nil {
		t.Errorf("a body of %d bytes: %v", len(full), err)
	}
	_, err = ch.ParseNotify(context.Background(), form(), bytes.Repeat([]byte("x"), alipay.NoticeBytes))
	mustBe(t, err, channels.ErrNotice)
	_, err = ch.ParseNotify(context.Background(), nil, bytes.Repeat([]byte("x"), alipay.NoticeBytes+1))
	mustBe(t, err, channels.ErrTooLarge)
}

func mustBeNothing(t *testing.T, got channels.Payment) {
	t.Helper()
	if !cmp.Equal(got, channels.Payment{}, cmp.Comparer(samePayer)) {
		t.Errorf("a payment beside the error: %+v", got)
	}
}
