package wechat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"guodu/channels"
	"guodu/internal/fen"
)

const prepayID = "wx201410272009395522657a690389285100"

func prepayRequest() channels.PrepayRequest {
	return channels.PrepayRequest{
		OrderNo: orderNo, Amount: 5000, Description: "校园卡充值 <50元>", Attach: account,
		PayerID: openID, NotifyURL: "https://card.example.edu.cn/notify/wechat",
		// A zone and a fraction that must not reach the wire.
		Expires: time.Date(2026, 9, 1, 4, 30, 0, 999, time.UTC),
	}
}

func TestPrepaySendsASignedOrder(t *testing.T) {
	var got struct {
		method, uri, authorization, serial string
		body                               []byte
	}
	ch := against(t, func(w http.ResponseWriter, r *http.Request) {
		got.method, got.uri = r.Method, r.URL.RequestURI()
		got.authorization, got.serial = r.Header.Get("Authorization"), r.Header.Get("Wechatpay-Serial")
		got.body, _ = io.ReadAll(r.Body)
		say(w, 200, `{"prepay_id":"`+prepayID+`"}`)
	})
	_, err := ch.Prepay(context.Background(), prepayRequest())
	if err != nil {
		t.Fatalf("Prepay: %v", err)
	}
	if got.method != "POST" || got.uri != "/v3/pay/transactions/jsapi" || got.serial != publicKeyID {
		t.Errorf("sent %s %s for key %q", got.method, got.uri, got.serial)
	}
	mustBeSigned(t, got.authorization, got.method, got.uri, got.body)
	want := `{"amount":{"currency":"CNY","total":5000},"appid":"` + appID + `","attach":"` + account +
		`","description":"校园卡充值 \u003c50元\u003e","mchid":"` + mchID +
		`","notify_url":"https://card.example.edu.cn/notify/wechat","out_trade_no":"` + orderNo +
		`","payer":{"openid":"` + openID + `"},"time_expire":"2026-09-01T12:30:00+08:00"}` + "\n"
	if string(got.body) != want {
		t.Errorf("sent\n%swant\n%s", got.body, want)
	}
}

func mustBeSigned(t *testing.T, authorization, method, uri string, body []byte) {
	t.Helper()
	form := regexp.MustCompile(`^WECHATPAY2-SHA256-RSA2048 mchid="` + mchID +
		`",nonce_str="([^"]+)",timestamp="([0-9]+)",serial_no="` + serial + `",signature="([^"]+)"$`)
	part := form.FindStringSubmatch(authorization)
	if part == nil {
		t.Fatalf("Authorization is %q", authorization)
	}
	message := fmt.Sprintf("%s\n%s\n%s\n%s\n%s\n", method, uri, part[2], part[1], body)
	if !verifies(&merchantKey().PublicKey, message, part[3]) {
		t.Error("Authorization does not verify")
	}
}

func TestPrepayLeavesAnEmptyAttachOut(t *testing.T) {
	var body map[string]json.RawMessage
	ch := against(t, func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&body)
		say(w, 200, `{"prepay_id":"`+prepayID+`"}`)
	})
	req := prepayRequest()
	req.Attach = ""
	_, err := ch.Prepay(context.Background(), req)
	_, there := body["attach"]
	if err != nil || there || len(body) != 8 {
		t.Fatalf("Prepay = %v, sent %v", err, body)
	}
}

func TestPrepayGivesASignedSheet(t *testing.T) {
	ch := against(t, func(w http.ResponseWriter, _ *http.Request) {
		say(w, 200, `{"prepay_id":"`+prepayID+`"}`)
	})
	prepay, err := ch.Prepay(context.Background(), prepayRequest())
	if err != nil || prepay.Handle != prepayID {
		t.Fatalf("Prepay = %v, %v", prepay, err)
	}
	p := prepay.Params
	if len(p) != 6 || p["appId"] != appID || p["timeStamp"] != fmt.Sprint(noon().Unix()) ||
		len(p["nonceStr"]) < 16 || len(p["nonceStr"]) > 32 || p["package"] != "prepay_id="+prepayID || p["signType"] != "RSA" {
		t.Errorf("Params = %v", p)
	}
	message := p["appId"] + "\n" + p["timeStamp"] + "\n" + p["nonceStr"] + "\n" + p["package"] + "\n"
	if !verifies(&merchantKey().PublicKey, message, p["paySign"]) {
		t.Error("paySign does not verify")
	}
}

func TestPrepayOutcomes(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
		want   error
	}{
		{"paid", errorAnswer(400, "ORDER_PAID"), channels.ErrAlreadyPaid},
		{"paid, in older words", errorAnswer(400, "ORDERPAID"), channels.ErrAlreadyPaid},
		{"number used", errorAnswer(403, "OUT_TRADE_NO_USED"), channels.ErrAlreadyPaid},
		{"closed", errorAnswer(400, "ORDER_CLOSED"), channels.ErrOrderClosed},
		{"bad parameter", errorAnswer(400, "PARAM_ERROR"), channels.ErrRefused},
		{"other parameters than before", errorAnswer(400, "INVALID_REQUEST"), channels.ErrRefused},
		{"our signature refused", errorAnswer(401, "SIGN_ERROR"), channels.ErrRefused},
		{"no right", errorAnswer(403, "NO_AUTH"), channels.ErrRefused},
		{"limited", errorAnswer(429, "FREQUENCY_LIMITED"), channels.ErrUnknownOutcome},
		{"limited, with an odd status", errorAnswer(403, "RATELIMIT_EXCEEDED"), channels.ErrUnknownOutcome},
		{"their error", errorAnswer(500, "SYSTEM_ERROR"), channels.ErrUnknownOutcome},
		{"their error that names a state", errorAnswer(500, "ORDER_CLOSED"), channels.ErrUnknownOutcome},
		{"refused without a code", errorAnswer(400, ""), channels.ErrUnknownOutcome},
		{"redirect with a code", errorAnswer(302, "PARAM_ERROR"), channels.ErrUnknownOutcome},
		{"proxy's page", htmlAnswer(502), channels.ErrUnknownOutcome},
		{"proxy's 403", htmlAnswer(403), channels.ErrUnknownOutcome},
		{"unsigned", unsignedAnswer(`{"prepay_id":"x"}`), channels.ErrUnknownOutcome},
		{"badly signed", badlySignedAnswer(`{"prepay_id":"x"}`), channels.ErrUnknownOutcome},
		{"signed long ago", oldAnswer(`{"prepay_id":"x"}`), channels.ErrUnknownOutcome},
		{"signed without prepay_id", signedAnswer(200, `{}`), channels.ErrUnknownOutcome},
		{"signed null", signedAnswer(200, `null`), channels.ErrUnknownOutcome},
		{"signed and not JSON", signedAnswer(200, `<html>`), channels.ErrUnknownOutcome},
		{"signed with a long prepay_id", signedAnswer(200, `{"prepay_id":"`+strings.Repeat("x", 65)+`"}`), channels.ErrUnknownOutcome},
		{"breaks off", breakOff, channels.ErrUnknownOutcome},
		{"endless", endless, channels.ErrUnknownOutcome},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := against(t, tc.answer).Prepay(context.Background(), prepayRequest())
			mustBe(t, err, tc.want)
		})
	}
}

func TestPrepayTellsCodeAndMessageOfARefusal(t *testing.T) {
	ch := against(t, errorAnswer(400, "PARAM_ERROR"))
	_, err := ch.Prepay(context.Background(), prepayRequest())
	if err == nil || !strings.Contains(err.Error(), `HTTP 400 "PARAM_ERROR" "说明"`) || !strings.Contains(err.Error(), orderNo) {
		t.Fatalf("Prepay = %v", err)
	}
}

func TestPrepayRefusesWhatWeChatWouldRefuse(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(*channels.PrepayRequest)
	}{
		{"short order number", func(r *channels.PrepayRequest) { r.OrderNo = "12345" }},
		{"long order number", func(r *channels.PrepayRequest) { r.OrderNo = strings.Repeat("1", 33) }},
		{"order number with a slash", func(r *channels.PrepayRequest) { r.OrderNo = "260901/7" }},
		{"nothing to pay", func(r *channels.PrepayRequest) { r.Amount = 0 }},
		{"negative amount", func(r *channels.PrepayRequest) { r.Amount = -1 }},
		{"amount out of range", func(r *channels.PrepayRequest) { r.Amount = fen.Max + 1 }},
		{"no description", func(r *channels.PrepayRequest) { r.Description = "" }},
		{"long description", func(r *channels.PrepayRequest) { r.Description = strings.Repeat("充", 128) }},
		{"description that is not UTF-8", func(r *channels.PrepayRequest) { r.Description = "\xff" }},
		{"long attach", func(r *channels.PrepayRequest) { r.Attach = strings.Repeat("a", 129) }},
		{"no payer", func(r *channels.PrepayRequest) { r.PayerID = "" }},
		{"notify URL with a query", func(r *channels.PrepayRequest) { r.NotifyURL += "?a=b" }},
		{"notify URL with an empty query", func(r *channels.PrepayRequest) { r.NotifyURL += "?" }},
		{"notify URL without a path", func(r *channels.PrepayRequest) { r.NotifyURL = "https://example.com" }},
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

func TestPrepayTakesTextsOfFullLength(t *testing.T) {
	ch := against(t, signedAnswer(200, `{"prepay_id":"x"}`))
	req := prepayRequest()
	req.Description, req.Attach = strings.Repeat("充", 127), strings.Repeat("充", 128)
	_, err := ch.Prepay(context.Background(), req)
	if err != nil {
		t.Fatalf("Prepay: %v", err)
	}
}

func TestPrepayEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	ch := against(t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		hang(w, r)
	})
	_, err := ch.Prepay(ctx, prepayRequest())
	mustBe(t, err, channels.ErrUnknownOutcome)
}

// mustBe wants exactly one of the sentinels, and a text that shows neither the
// answer's headers nor the payer.
func mustBe(t *testing.T, err, want error) {
	t.Helper()
	for _, sentinel := range []error{
		channels.ErrUnknownOutcome, channels.ErrRefused, channels.ErrOrderNotFound, channels.ErrAlreadyPaid,
		channels.ErrOrderClosed, channels.ErrNotice, channels.ErrMalformed, channels.ErrTooLarge,
		channels.ErrNotOurs, channels.ErrCode, channels.ErrVirtualPayer,
		channels.ErrNotReached, channels.ErrSetup, channels.ErrNotNow, channels.ErrRefundNotFound,
	} {
		if errors.Is(err, sentinel) != errors.Is(want, sentinel) {
			t.Fatalf("error is %v, want %v and nothing else", err, want)
		}
	}
	for _, leak := range []string{"do-not-log-me", "Set-Cookie", "Authorization", openID, appSecret, "http://"} {
		if strings.Contains(err.Error(), leak) {
			t.Errorf("%q is in %v", leak, err)
		}
	}
	if len(err.Error()) > 1000 {
		t.Errorf("the error has %d bytes", len(err.Error()))
	}
}
