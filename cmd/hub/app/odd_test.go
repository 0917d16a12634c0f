package app_test

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"guodu/channels"
	"guodu/channels/alipay"
	"guodu/channels/wechat"
	"guodu/internal/fen"
	"guodu/notify"
	"guodu/transition"
	"guodu/transition/recharge"
	"guodu/transition/transitiontest"
)

const (
	oddApp    = "wx8888888888888888"
	oddMch    = "1900000109"
	oddKeyID  = "PUB_KEY_ID_0000000000000024101100397200000006"
	oddAPIv3  = "0123456789abcdefghijklmnopqrstuv"
	oddAliApp = "2021000000000009"
	oddSeller = "2088000000000009"
)

const (
	oddAccount transition.AccountNo = "A1"
)

// platform is both channels, written by hand: it signs whatever a test gives it.
// The simulators could not send it all.
type platform struct {
	t       *testing.T
	ours    *rsa.PrivateKey // of merchant and app
	theirs  *rsa.PrivateKey // of WeChat Pay and Alipay
	answer  func(r *http.Request) []byte
	bench   transitiontest.Bench
	service *recharge.Service
	set     channels.Set
	payment map[string]http.Handler
	refund  http.Handler
	n       int
}

func newPlatform(t *testing.T) *platform {
	t.Helper()
	p := &platform{t: t, ours: rsaKey(t), theirs: rsaKey(t), bench: transitiontest.New(t, nil), payment: map[string]http.Handler{}}
	p.bench.Account(t, oddAccount, 0)
	upstream := httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(upstream.Close)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(p.ours)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(&p.theirs.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	private, public := pemBlock("PRIVATE KEY", pkcs8), pemBlock("PUBLIC KEY", spki)
	wx, err := wechat.New(wechat.Config{
		AppID: oddApp, AppSecret: "secret", MchID: oddMch, MerchantSerial: "1DDE55AD", MerchantKeyPEM: private, PublicKeyID: oddKeyID,
		PublicKeyPEM: public, APIv3Key: []byte(oddAPIv3), APIBase: upstream.URL, OAuthBase: upstream.URL,
	})
	if err != nil {
		t.Fatal(err)
	}
	ali, err := alipay.New(alipay.Config{
		AppID: oddAliApp, SellerID: oddSeller, AppKeyPEM: private, AlipayPublicKeyPEM: public, Gateway: upstream.URL + "/gateway.do",
	})
	if err != nil {
		t.Fatal(err)
	}
	p.set = channels.Set{"wechat": {Current: wx}, "alipay": {Current: ali}}
	p.service = recharge.New(recharge.Config{
		Ledger: p.bench.Store, Channels: p.set, NotifyURL: func(string) string { return "https://card.example.edu/notify" }, Description: "充值",
		Limits: transition.Limits{Order: fen.Max, Day: fen.Max, Balance: fen.Max}, Log: slog.New(slog.DiscardHandler),
	})
	config := notify.HandlerConfig{Channel: "x", Log: slog.New(slog.DiscardHandler)}
	for name := range p.set {
		n, _ := p.set.Notifier(name)
		p.payment[name] = notify.NewHandler(config, n, p.service)
	}
	p.refund = notify.NewRefundHandler(config, wx, p.service)
	return p
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func rsaKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (p *platform) sign(text string) string {
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, p.theirs, crypto.SHA256, sum[:])
	if err != nil {
		p.t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

func (p *platform) stamp(header http.Header, body []byte) {
	now, nonce := strconv.FormatInt(time.Now().Unix(), 10), rand.Text()
	header.Set("Wechatpay-Timestamp", now)
	header.Set("Wechatpay-Nonce", nonce)
	header.Set("Wechatpay-Serial", oddKeyID)
	header.Set("Wechatpay-Signature", p.sign(now+"\n"+nonce+"\n"+string(body)+"\n"))
}

// serve answers what the hub asks, signed as each channel does.
func (p *platform) serve(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	body := p.answer(r)
	if method := r.PostFormValue("method"); method != "" {
		node := strings.ReplaceAll(method, ".", "_") + "_response"
		_, _ = fmt.Fprintf(w, `{"%s":%s,"sign":"%s"}`, node, body, p.sign(string(body)))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	p.stamp(w.Header(), body)
	_, _ = w.Write(body)
}

// order makes an order of 50.00 yuan.
func (p *platform) order(channel string) transition.OrderNo {
	p.t.Helper()
	p.n++
	merchant := map[string]string{"wechat": oddMch + "/" + oddApp, "alipay": oddSeller + "/" + oddAliApp}[channel]
	no, _, err := p.bench.CreateOrder(p.t.Context(), transition.NewOrder{
		No: transition.NewOrderNo(oddAccount, time.Now()), Account: oddAccount, Amount: 5000, Channel: channel, Merchant: merchant,
		PayerKind: "openid", Payer: fmt.Sprintf("o%d", p.n), Request: json.RawMessage(`{}`), Expires: time.Now().Add(time.Hour),
		FirstDue: time.Now().Add(time.Hour), Limits: transition.Limits{Order: fen.Max, Day: fen.Max, Balance: fen.Max},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return no
}

// notice is a callback of WeChat Pay's.
func (p *platform) notice(event string, content message) *http.Request {
	block, err := aes.NewCipher([]byte(oddAPIv3))
	if err != nil {
		p.t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		p.t.Fatal(err)
	}
	nonce := rand.Text()[:12]
	body := message{
		"id": "EV-1", "create_time": "2026-12-01T12:00:00+08:00", "resource_type": "encrypt-resource", "event_type": event, "summary": []int{},
		"resource": message{"algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": "transaction", "original_type": nil,
			"ciphertext": base64.StdEncoding.EncodeToString(aead.Seal(nil, []byte(nonce), content.bytes(), []byte("transaction")))},
	}.bytes()
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	p.stamp(r.Header, body)
	return r
}

// form is a notice of Alipay's.
func (p *platform) form(contentType string, fields map[string]string) *http.Request {
	var pairs []string
	values := url.Values{"sign_type": {"RSA2"}}
	for name, value := range fields {
		pairs = append(pairs, name+"="+value)
		values.Set(name, value)
	}
	slices.Sort(pairs)
	values.Set("sign", p.sign(strings.Join(pairs, "&")))
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", contentType)
	return r
}

// message is a JSON object.
type message map[string]any

func (m message) bytes() []byte {
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return text
}

func (m message) with(other message) message {
	all := maps.Clone(m)
	for name, value := range other {
		if value == "-" {
			delete(all, name)
			continue
		}
		all[name] = value
	}
	return all
}

func wxPaid(no transition.OrderNo) message {
	return message{
		"appid": oddApp, "mchid": oddMch, "out_trade_no": no, "transaction_id": "42" + string(no), "trade_type": "JSAPI", "trade_state": "SUCCESS",
		"trade_state_desc": "支付成功", "bank_type": "OTHERS", "attach": oddAccount, "success_time": "2026-12-01T11:59:58+08:00",
		"payer": message{"openid": "oPayer"}, "amount": message{"total": 5000, "payer_total": 5000, "currency": "CNY", "payer_currency": "CNY"},
	}
}

func wxRefund(no transition.OrderNo, refund, state string) message {
	return message{
		"mchid": oddMch, "transaction_id": "42" + string(no), "out_trade_no": no, "refund_id": "5030", "out_refund_no": refund, state: "SUCCESS",
		"success_time": "2026-12-01T12:59:58+08:00", "user_received_account": "零钱", "channel": "ORIGINAL", "create_time": "2026-12-01T12:59:00+08:00",
		"amount": message{"total": 5000, "refund": 1500, "payer_total": 5000, "payer_refund": 1500, "currency": "CNY"},
	}
}

// oddWeChat is what payments and refunds of WeChat Pay have come with, and worse.
func oddWeChat() map[string]message {
	amount := func(more message) message {
		return message{"amount": message{"total": 5000, "refund": 1500, "currency": "CNY"}.with(more)}
	}
	return map[string]message{
		"a coupon by number":            {"promotion_detail": []message{{"coupon_id": 109519, "wechatpay_contribute": "100", "amount": "500"}}},
		"promotion_detail as an object": {"promotion_detail": message{"coupon_id": nil}},
		"promotion_detail as a text":    {"promotion_detail": "[]", "goods_detail": 1, "bank_type": []int{1}, "scene_info": ""},
		"payer_total as text":           amount(message{"payer_total": "4500", "discount_refund": "0", "from": message{}}),
		"no payer_total":                amount(nil),
		"an offset without colon":       {"success_time": "2026-12-01T11:59:58+0800", "create_time": "yesterday"},
		"a time in Z":                   {"success_time": "2026-12-01T03:59:58Z"},
		"no time":                       {"success_time": "-", "create_time": "-"},
		"a time of no form":             {"success_time": 1796102819},
		"no payer":                      {"payer": nil, "attach": "-"},
		"a payer of no form":            {"payer": []string{"oPayer"}, "attach": 7},
		"fields that nobody knows":      {"": "", "x": message{"y": []any{1e300, nil, "\u0000"}}, "OUT_TRADE_NO": "other", "Amount": 1},
	}
}

func TestOddButAuthenticMessagesOfWeChatPaySettle(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	settled := 0
	for name, odd := range oddWeChat() {
		no := p.order("wechat")
		p.mustAccept("payment's notice, "+name, p.payment["wechat"], p.notice("TRANSACTION.SUCCESS", wxPaid(no).with(odd)))
		p.mustBeCredited(name, no)
		p.mustAccept("refund's notice, "+name, p.refund, p.notice("REFUND.SUCCESS", wxRefund(no, "console-1", "refund_status").with(odd)))
		p.mustBeRefunded(name, no, 1500)

		no = p.order("wechat")
		p.answer = func(*http.Request) []byte { return wxPaid(no).with(odd).bytes() }
		p.mustSettle(name, "wechat", no)
		p.answer = func(r *http.Request) []byte {
			if r.Method == http.MethodPost {
				var asked struct {
					No string `json:"out_refund_no"`
				}
				_ = json.NewDecoder(r.Body).Decode(&asked)
				return wxRefund(no, asked.No, "status").with(odd).with(message{"status": "PROCESSING"}).bytes()
			}
			return wxRefund(no, r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:], "status").with(odd).bytes()
		}
		p.mustRefund(name, no)
		settled += 5 // notice, query; refund's notice, answer and query
	}
	t.Logf("%d odd messages of WeChat Pay settled", settled)
}

func aliPaid(no transition.OrderNo) map[string]string {
	return map[string]string{
		"notify_type": "trade_status_sync", "notify_id": "1", "notify_time": "2026-12-01 12:00:00", "app_id": oddAliApp, "auth_app_id": oddAliApp,
		"seller_id": oddSeller, "charset": "utf-8", "version": "1.0", "out_trade_no": string(no), "trade_no": "20" + string(no),
		"trade_status": "TRADE_SUCCESS", "total_amount": "50.00", "receipt_amount": "50.00", "gmt_payment": "2026-12-01 11:59:58",
		"buyer_id": "2088102177846880", "passback_params": string(oddAccount), "subject": "充值",
	}
}

func TestOddButAuthenticMessagesOfAlipaySettle(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	const form = "application/x-www-form-urlencoded"
	settled := 0
	for name, odd := range map[string]struct {
		contentType string
		fields      map[string]string
		node        message
	}{
		"production's header": {form + "; text/html; charset=utf-8", nil, message{"fund_bill_list": "[]"}},
		"empty parameters":    {form + ";;charset=utf-8", nil, message{"fund_bill_list": message{}}},
		"an empty charset":    {form + "; charset=", map[string]string{"charset": ""}, message{"point_amount": 0, "invoice_amount": nil}},
		"capitals":            {"Application/X-WWW-Form-Urlencoded", map[string]string{"charset": "GBK"}, message{"MSG": 1}},
		"GB2312":              {form, map[string]string{"charset": "GB2312", "subject": "\xb3\xe4\xd6\xb5"}, message{"send_pay_date": "Tue Dec 01"}},
		"GB18030":             {form, map[string]string{"charset": "GB18030"}, message{"send_pay_date": "2026-12-01T11:59:58+0800"}},
		"UTF8":                {form, map[string]string{"charset": "UTF8"}, message{"send_pay_date": "-", "gmt_refund_pay": "2026-12-01T03:59:58Z"}},
		"no charset":          {form, map[string]string{"charset": "-"}, message{"buyer_user_id": 7, "buyer_open_id": []int{}}},
		"lists as texts":      {form, map[string]string{"fund_bill_list": "x", "voucher_detail_list": "{}"}, message{"voucher_detail_list": 1}},
		"a time of no form":   {form, map[string]string{"gmt_payment": "1796102819"}, message{"gmt_refund_pay": 1796102819}},
		"a payer of no form":  {form, map[string]string{"buyer_id": "<b>", "passback_params": "%zz"}, message{"passback_params": nil}},
		"amounts that nobody reads": {form, map[string]string{"invoice_amount": "?", "point_amount": "", "send_back_fee": "1e9"},
			message{"receipt_amount": "?", "refund_hyb_amount": 1, "send_back_fee": nil}},
		"fields that nobody knows": {form, map[string]string{"x": "a&b=c", "Out_Trade_No": "other", "empty": ""}, message{"OUT_TRADE_NO": "x", "": message{}}},
	} {
		fields := func(more map[string]string) map[string]string {
			all := map[string]string{}
			for _, from := range []map[string]string{more, odd.fields} {
				for k, v := range from {
					if all[k] = v; v == "-" {
						delete(all, k)
					}
				}
			}
			return all
		}
		node := func(m message) []byte {
			return message{"code": "10000", "msg": "Success"}.with(m).with(odd.node).bytes()
		}
		refunded := func(r *http.Request) []byte {
			var asked struct {
				Order  string `json:"out_trade_no"`
				Refund string `json:"out_request_no"`
			}
			_ = json.Unmarshal([]byte(r.PostFormValue("biz_content")), &asked)
			answer := message{"out_trade_no": asked.Order, "trade_no": "20", "out_request_no": asked.Refund, "refund_amount": "15.00"}
			if r.PostFormValue("method") == "alipay.trade.refund" {
				return node(answer.with(message{"fund_change": "N", "refund_fee": "15.00"}))
			}
			return node(answer.with(message{"refund_status": "REFUND_SUCCESS"}))
		}
		no := p.order("alipay")
		p.mustAccept("notice, "+name, p.payment["alipay"], p.form(odd.contentType, fields(aliPaid(no))))
		p.mustBeCredited(name, no)
		told := aliPaid(no)
		told["refund_fee"], told["out_biz_no"], told["gmt_refund"] = "15.00", "console-1", "2026-12-01 12:59:58.123"
		p.answer = refunded
		p.mustAccept("refund's notice, "+name, p.payment["alipay"], p.form(odd.contentType, fields(told)))
		p.mustBeRefunded(name, no, 1500)

		no = p.order("alipay")
		p.answer = func(*http.Request) []byte {
			return node(message{"out_trade_no": no, "trade_no": "20" + string(no), "trade_status": "TRADE_SUCCESS", "total_amount": "50.00"})
		}
		p.mustSettle(name, "alipay", no)
		p.answer = refunded
		p.mustRefund(name, no)
		settled += 6 // notice, query; refund's notice, its query; refund's answer and query
	}
	t.Logf("%d odd messages of Alipay settled", settled)
}

func (p *platform) mustAccept(what string, h http.Handler, r *http.Request) {
	p.t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusNoContent && w.Body.String() != "success" {
		p.t.Errorf("%s: answered %d %s", what, w.Code, w.Body)
	}
}

// mustSettle asks about an order and settles what is answered.
func (p *platform) mustSettle(what, channel string, no transition.OrderNo) {
	p.t.Helper()
	payment, err := p.set[channel].Current.Query(p.t.Context(), string(no))
	if err == nil {
		_, err = p.service.Settle(p.t.Context(), payment, "query")
	}
	if err != nil {
		p.t.Errorf("query, %s: %v", what, err)
	}
	p.mustBeCredited(what, no)
}

// mustRefund refunds a part of an order: accepted first, made when it is asked about.
func (p *platform) mustRefund(what string, no transition.OrderNo) {
	p.t.Helper()
	r, err := p.service.Refund(p.t.Context(), recharge.RefundWish{Account: oddAccount, Order: no, Amount: 1500, By: "test"})
	if err != nil || r.State != transition.RefundHeld || r.Word != string(channels.RefundProcessing) {
		p.t.Errorf("refund, %s: %+v, %v", what, r, err)
		return
	}
	if err := p.service.AskRefund(p.t.Context(), r.No); err != nil {
		p.t.Errorf("refund query, %s: %v", what, err)
	}
	p.mustBeRefunded(what, no, 1500)
}

func (p *platform) mustBeCredited(what string, no transition.OrderNo) {
	p.t.Helper()
	o, err := p.bench.Order(p.t.Context(), no)
	if err != nil || o.State != transition.OrderCredited || o.Amount != 5000 || o.Refunded != 0 {
		p.t.Errorf("%s: order is %s with %s refunded, %v", what, o.State, o.Refunded, err)
	}
}

func (p *platform) mustBeRefunded(what string, no transition.OrderNo, want fen.Fen) {
	p.t.Helper()
	o, err := p.bench.Order(p.t.Context(), no)
	if err != nil || o.Refunded != want || o.Refunding != 0 {
		p.t.Errorf("%s: %s refunded and %s under way, %v", what, o.Refunded, o.Refunding, err)
	}
}
