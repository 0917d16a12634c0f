package alipay_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"guodu/channels"
	"guodu/channels/alipay"
)

const (
	appID    = "2021000000000001"
	sellerID = "2088000000000001"
	orderNo  = "260901a7K3M9QX2"
	tradeNo  = "2026090122001458860515315453"
	userID   = "2088102177846880"
	openID   = "074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5"
	merchant = sellerID + "/" + appID
	account  = "2610001"
)

// Keys are made once per run: two 2048-bit keys are a second of work.
var (
	appKey    = sync.OnceValue(newKey)
	alipayKey = sync.OnceValue(newKey)
)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// noon is where the clock stands, and noonText how Alipay writes it.
func noon() time.Time { return time.Date(2026, 9, 1, 4, 0, 0, 0, time.UTC) }

const noonText = "2026-09-01 12:00:00"

func config() alipay.Config {
	return alipay.Config{
		AppID: appID, SellerID: sellerID,
		AppKeyPEM: pkcs8(appKey()), AlipayPublicKeyPEM: spki(&alipayKey().PublicKey),
		Clock: noon,
		// Nothing of a test may ever reach the real upstreams.
		Gateway: "http://127.0.0.1:1/gateway.do",
	}
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func pkcs8(key any) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return block("PRIVATE KEY", der)
}

func spki(key any) []byte {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic(err)
	}
	return block("PUBLIC KEY", der)
}

func mustNew(tb testing.TB, cfg alipay.Config) *alipay.Channel {
	tb.Helper()
	ch, err := alipay.New(cfg)
	if err != nil {
		tb.Fatalf("New: %v", err)
	}
	return ch
}

// against is a channel whose gateway is one handler. Its patience is long, so
// that a slow machine changes no outcome.
func against(t *testing.T, handler http.HandlerFunc) *alipay.Channel {
	t.Helper()
	return waiting(t, handler, 10*time.Second)
}

func waiting(t *testing.T, handler http.HandlerFunc, timeout time.Duration) *alipay.Channel {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	cfg := config()
	cfg.Gateway, cfg.Transport, cfg.Timeout = server.URL+"/gateway.do", transport, timeout
	return mustNew(t, cfg)
}

func sign(key *rsa.PrivateKey, message string) string {
	sum := sha256.Sum256([]byte(message))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

// canonical is what is signed of a request or a notice.
func canonical(values url.Values, without ...string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(without, name) {
			pairs = append(pairs, name+"="+values.Get(name))
		}
	}
	return strings.Join(pairs, "&")
}

// object is JSON that a test changes before it is written.
type object map[string]any

func (o object) with(key string, value any) object {
	changed := maps.Clone(o)
	if value == nil {
		delete(changed, key)
		return changed
	}
	changed[key] = value
	return changed
}

func (o object) String() string {
	encoded, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return strings.ReplaceAll(string(encoded), "/", `\/`) // as Alipay does
}

// The nodes of good answers.
func success() object { return object{"code": "10000", "msg": "Success"} }

func created() object { return success().with("out_trade_no", orderNo).with("trade_no", tradeNo) }

func queried(status string) object {
	return created().with("trade_status", status).with("total_amount", "50.00").
		with("buyer_logon_id", "152****6706").with("buyer_user_id", userID).with("point_amount", "0.00").
		with("buyer_pay_amount", "0.00").with("receipt_amount", "0.00").with("invoice_amount", "0.00")
}

// paid is a query's answer about a payment; somebody else paid a part of it.
func paid() object {
	return queried("TRADE_SUCCESS").with("receipt_amount", "45.00").with("send_pay_date", "2026-09-01 11:59:58").
		with("fund_bill_list", []object{{"fund_channel": "ALIPAYACCOUNT", "amount": "45.00", "real_amount": 45}})
}

func token() object {
	return object{
		"access_token": "authbseBsecret-do-not-log-me", "user_id": userID, "expires_in": 1296000,
		"re_expires_in": "2592000", "refresh_token": "authbseRsecret-do-not-log-me",
	}
}

func failure(code, subCode string) object {
	return object{"code": code, "msg": "Failed", "sub_code": subCode, "sub_msg": "说明 ，解决方案：https://open.alipay.com/api/errCheck?traceId=1"}
}

// wantPaid is what paid comes to.
func wantPaid() channels.Payment {
	return channels.Payment{
		Channel: "alipay", Merchant: merchant, OrderNo: orderNo, TransactionID: tradeNo, State: channels.Paid, Amount: 5000, Currency: "CNY",
		Payer: channels.Payer{Kind: "user_id", ID: userID}, SuccessTime: time.Date(2026, 9, 1, 3, 59, 58, 0, time.UTC),
	}
}

// nodeOf is the name under which the gateway answers a request.
func nodeOf(r *http.Request) string {
	return strings.ReplaceAll(r.PostFormValue("method"), ".", "_") + "_response"
}

// say answers whatever was asked with a signed node.
func say(node string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		write(w, fmt.Sprintf(`{"%s":%s,"sign":"%s"}`, nodeOf(r), node, sign(alipayKey(), node)))
	}
}

// mutter is say without a signature.
func mutter(node string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { write(w, fmt.Sprintf(`{"%s":%s}`, nodeOf(r), node)) }
}

// general is an error of no method.
func general(node string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { write(w, `{"error_response":`+node+`}`) }
}

func write(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "text/html;charset=utf-8")
	w.Header().Set("Set-Cookie", "session=do-not-log-me")
	_, _ = io.WriteString(w, body)
}

// sentinels are all errors that a channel may give.
func sentinels() []error {
	return []error{
		channels.ErrUnknownOutcome, channels.ErrRefused, channels.ErrOrderNotFound, channels.ErrAlreadyPaid,
		channels.ErrOrderClosed, channels.ErrNotice, channels.ErrMalformed, channels.ErrTooLarge,
		channels.ErrNotOurs, channels.ErrCode, channels.ErrVirtualPayer,
		channels.ErrNotReached, channels.ErrSetup, channels.ErrNotNow, channels.ErrRefundNotFound,
	}
}

// mustBe wants exactly one of the sentinels, and a text that shows neither
// tokens nor headers nor the payer.
func mustBe(t *testing.T, err, want error) {
	t.Helper()
	for _, sentinel := range sentinels() {
		if errors.Is(err, sentinel) != errors.Is(want, sentinel) {
			t.Fatalf("error is %v, want %v and nothing else", err, want)
		}
	}
	for _, leak := range []string{"do-not-log-me", "Set-Cookie", userID, openID, "http://"} {
		if strings.Contains(err.Error(), leak) {
			t.Errorf("%q is in %v", leak, err)
		}
	}
	if len(err.Error()) > 1000 || strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has %d bytes or a line end", len(err.Error()))
	}
}

// cmp would compare payers by their text form, which is only a hint.
func samePayer(a, b channels.Payer) bool { return a == b }
