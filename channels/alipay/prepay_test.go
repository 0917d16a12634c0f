package alipay_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guodu/channels"
)

func prepayRequest() channels.PrepayRequest {
	return channels.PrepayRequest{
		OrderNo: orderNo, Amount: 5000, Description: "校园卡充值 <50元>", Attach: account,
		PayerID: userID, PayerKind: "user_id", NotifyURL: "https://card.example.edu.cn/notify/alipay",
		// A zone and a fraction that must not reach the wire.
		Expires: time.Date(2026, 9, 1, 4, 30, 0, 999, time.UTC),
	}
}

// content is biz_content, after a look at the rest of the request.
func content(t *testing.T, form url.Values, method string) map[string]any {
	t.Helper()
	for name, want := range map[string]string{
		"app_id": appID, "method": method, "charset": "utf-8", "sign_type": "RSA2", "version": "1.0", "format": "JSON",
	} {
		if form.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, form.Get(name), want)
		}
	}
	stamp, err := time.ParseInLocation(time.DateTime, form.Get("timestamp"), time.FixedZone("", 8*3600))
	if age := time.Since(stamp); err != nil || age < -time.Minute || age > time.Minute {
		t.Errorf("timestamp %q is not now in Beijing", form.Get("timestamp"))
	}
	signature, err := base64.StdEncoding.DecodeString(form.Get("sign"))
	sum := sha256.Sum256([]byte(canonical(form, "sign")))
	if err != nil || rsa.VerifyPKCS1v15(&appKey().PublicKey, crypto.SHA256, sum[:], signature) != nil {
		t.Error("the request's signature does not verify")
	}
	var biz map[string]any
	if text := form.Get("biz_content"); text != "" {
		err = json.Unmarshal([]byte(text), &biz)
		if err != nil {
			t.Errorf("biz_content: %v", err)
		}
	}
	return biz
}

func TestPrepaySendsASignedOrder(t *testing.T) {
	for _, tc := range []struct {
		name      string
		payer     channels.Payer
		id, other string
	}{
		{"by user_id", channels.Payer{Kind: "user_id", ID: userID}, "buyer_id", "buyer_open_id"},
		{"by open_id", channels.Payer{Kind: "open_id", ID: openID}, "buyer_open_id", "buyer_id"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var biz map[string]any
			ch := against(t, func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				if r.Method != "POST" || r.URL.RawQuery != "" || r.PostForm.Get("notify_url") != prepayRequest().NotifyURL {
					t.Errorf("sent %s %s, %v", r.Method, r.URL, r.PostForm)
				}
				biz = content(t, r.PostForm, "alipay.trade.create")
				say(created().String())(w, r)
			})
			req := prepayRequest()
			req.PayerKind, req.PayerID = tc.payer.Kind, tc.payer.ID
			prepay, err := ch.Prepay(context.Background(), req)
			if err != nil || prepay.Handle != tradeNo || len(prepay.Params) != 1 || prepay.Params["tradeNO"] != tradeNo {
				t.Fatalf("Prepay = %v, %v", prepay, err)
			}
			want := map[string]any{
				"out_trade_no": orderNo, "total_amount": "50.00", "subject": "校园卡充值 <50元>", "product_code": "JSAPI_PAY",
				"op_app_id": appID, "seller_id": sellerID, "time_expire": "2026-09-01 12:30:00", "passback_params": account,
				tc.id: tc.payer.ID,
			}
			if diff := cmp.Diff(want, biz); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPrepayEscapesAttachOnceAndLeavesAnEmptyOneOut(t *testing.T) {
	for attach, want := range map[string]any{
		"": nil, "2610001": "2610001", "a b&c=d%20+中": "a%20b%26c%3Dd%2520%2B%E4%B8%AD",
	} {
		var biz map[string]any
		ch := against(t, func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			biz = content(t, r.PostForm, "alipay.trade.create")
			say(created().String())(w, r)
		})
		req := prepayRequest()
		req.Attach = attach
		_, err := ch.Prepay(context.Background(), req)
		if err != nil || biz["passback_params"] != want {
			t.Errorf("attach %q was sent as %v, %v, want %v", attach, biz["passback_params"], err, want)
		}
	}
}

func prepayErr(ch channels.Channel) error {
	_, err := ch.Prepay(context.Background(), prepayRequest())
	return err
}

func TestPrepayOutcomes(t *testing.T) {
	outcomes(t, channels.ErrUnknownOutcome, unclear(t, created()), prepayErr)
	outcomes(t, channels.ErrUnknownOutcome, map[string]http.HandlerFunc{
		"about another order":     say(created().with("out_trade_no", "260901a7K3M9QX3").String()),
		"about no order":          say(created().with("out_trade_no", nil).String()),
		"without trade_no":        say(created().with("trade_no", nil).String()),
		"trade_no of odd form":    say(created().with("trade_no", "<script>").String()),
		"trade_no that is a list": say(created().with("trade_no", []string{}).String()),
	}, prepayErr)
	outcomes(t, channels.ErrRefused, denied(), prepayErr)
	outcomes(t, channels.ErrRefused, map[string]http.HandlerFunc{
		"other terms than before": say(failure("40004", "ACQ.CONTEXT_INCONSISTENT").String()),
		"other payer than before": say(failure("40004", "ACQ.TRADE_BUYER_NOT_MATCH").String()),
		"payer not known":         mutter(failure("40002", "isv.invalid-openid").String()),
	}, prepayErr)
	outcomes(t, channels.ErrAlreadyPaid, map[string]http.HandlerFunc{
		"paid":           say(failure("40004", "ACQ.TRADE_HAS_SUCCESS").String()),
		"paid, unsigned": mutter(failure("40004", "TRADE_HAS_SUCCESS").String()),
		"paid, finished": say(failure("40004", "aop.ACQ.TRADE_HAS_FINISHED").String()),
	}, prepayErr)
	outcomes(t, channels.ErrOrderClosed, map[string]http.HandlerFunc{
		"closed":           say(failure("40004", "ACQ.TRADE_HAS_CLOSE").String()),
		"closed, unsigned": mutter(failure("40004", "aop.ACQ.TRADE_HAS_CLOSED").String()),
	}, prepayErr)
}

func TestPrepayTellsCodesOfARefusal(t *testing.T) {
	ch := against(t, say(failure("40004", "ACQ.INVALID_PARAMETER").String()))
	err := prepayErr(ch)
	if err == nil || !strings.Contains(err.Error(), `"40004" "ACQ.INVALID_PARAMETER" "说明`) || !strings.Contains(err.Error(), orderNo) {
		t.Fatalf("Prepay = %v", err)
	}
}

func TestPrepayRefusesWhatAlipayWouldRefuse(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(*channels.PrepayRequest)
	}{
		{"no order number", func(r *channels.PrepayRequest) { r.OrderNo = "" }},
		{"long order number", func(r *channels.PrepayRequest) { r.OrderNo = strings.Repeat("1", 65) }},
		{"order number with a dash", func(r *channels.PrepayRequest) { r.OrderNo = "260901-7" }},
		{"nothing to pay", func(r *channels.PrepayRequest) { r.Amount = 0 }},
		{"negative amount", func(r *channels.PrepayRequest) { r.Amount = -1 }},
		{"amount above 100 million yuan", func(r *channels.PrepayRequest) { r.Amount = 10_000_000_001 }},
		{"no description", func(r *channels.PrepayRequest) { r.Description = "" }},
		{"long description", func(r *channels.PrepayRequest) { r.Description = strings.Repeat("充", 257) }},
		{"description with a slash", func(r *channels.PrepayRequest) { r.Description = "卡/充值" }},
		{"description with an equals sign", func(r *channels.PrepayRequest) { r.Description = "a=b" }},
		{"description that is not UTF-8", func(r *channels.PrepayRequest) { r.Description = "\xff" }},
		{"attach too long once escaped", func(r *channels.PrepayRequest) { r.Attach = strings.Repeat("充", 57) }},
		{"attach that is not UTF-8", func(r *channels.PrepayRequest) { r.Attach = "\xff" }},
		{"no payer", func(r *channels.PrepayRequest) { r.PayerID = "" }},
		{"payer of no kind", func(r *channels.PrepayRequest) { r.PayerKind = "" }},
		{"payer of another channel", func(r *channels.PrepayRequest) { r.PayerKind = "openid" }},
		{"open_id called user_id", func(r *channels.PrepayRequest) { r.PayerID = openID }},
		{"open_id of another form", func(r *channels.PrepayRequest) { r.PayerKind, r.PayerID = "open_id", "a b" }},
		{"notify URL with a query", func(r *channels.PrepayRequest) { r.NotifyURL += "?a=b" }},
		{"notify URL with an empty query", func(r *channels.PrepayRequest) { r.NotifyURL += "?" }},
		{"notify URL without a path", func(r *channels.PrepayRequest) { r.NotifyURL = "https://example.com" }},
		{"no notify URL", func(r *channels.PrepayRequest) { r.NotifyURL = "" }},
		{"no expiry", func(r *channels.PrepayRequest) { r.Expires = time.Time{} }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ch := against(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
			req := prepayRequest()
			tc.spoil(&req)
			_, err := ch.Prepay(context.Background(), req)
			mustBe(t, err, channels.ErrRefused)
		})
	}
}

func TestPrepayPageSignsAnAddress(t *testing.T) {
	cfg := config()
	cfg.Gateway = "https://openapi.example.com/gateway.do"
	req := prepayRequest()
	req.ReturnURL = "https://card.example.edu.cn/h5/paid?x=1"
	req.PayerID, req.PayerKind = "", ""
	prepay, err := mustNew(t, cfg).PrepayPage(context.Background(), req)
	if err != nil || prepay.Handle != "" || len(prepay.Params) != 1 {
		t.Fatalf("PrepayPage = %v, %v", prepay, err)
	}
	address, err := url.Parse(prepay.Params["url"])
	if err != nil || address.Scheme+"://"+address.Host+address.Path != cfg.Gateway {
		t.Fatalf("the page is at %s", prepay.Params["url"])
	}
	form := address.Query()
	if form.Get("notify_url") != req.NotifyURL || form.Get("return_url") != req.ReturnURL {
		t.Errorf("the page has %v", form)
	}
	want := map[string]any{
		"out_trade_no": orderNo, "total_amount": "50.00", "subject": "校园卡充值 <50元>", "product_code": "QUICK_WAP_WAY",
		"seller_id": sellerID, "time_expire": "2026-09-01 12:30:00", "passback_params": account,
	}
	if diff := cmp.Diff(want, content(t, form, "alipay.trade.wap.pay")); diff != "" {
		t.Errorf("the page has (-want +got):\n%s", diff)
	}
}

func TestPrepayPageRefusesToReturnAnywhere(t *testing.T) {
	for _, address := range []string{"/h5/paid", "http://card.example.edu/paid", "https://example.com/#paid", "https://example.com/" + strings.Repeat("x", 256)} {
		req := prepayRequest()
		req.ReturnURL = address
		_, err := mustNew(t, config()).PrepayPage(context.Background(), req)
		mustBe(t, err, channels.ErrRefused)
	}
}

func TestPrepayPageRefusesAnOrderThatIsOver(t *testing.T) {
	req := prepayRequest()
	for _, expires := range []time.Time{noon(), noon().Add(-time.Hour), {}} {
		req.Expires = expires
		_, err := mustNew(t, config()).PrepayPage(context.Background(), req)
		mustBe(t, err, channels.ErrRefused)
	}
}
