package wechat_test

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
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"guodu/channels"
	"guodu/channels/wechat"
)

const (
	appID       = "wx8888888888888888"
	appSecret   = "b1946ac92492d2347c6235b4d2611184"
	mchID       = "1900000109"
	serial      = "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C"
	publicKeyID = "PUB_KEY_ID_0000000000000024101100397200000006"
	apiv3Key    = "0123456789abcdefghijklmnopqrstuv"
	orderNo     = "260901a7K3M9QX2"
	openID      = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
	account     = "2610001"
	merchant    = mchID + "/" + appID
)

// Keys are made once per run: two 2048-bit keys are a second of work.
var (
	merchantKey = sync.OnceValue(newKey)
	platformKey = sync.OnceValue(newKey)
)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// noon is where the callbacks' clock stands.
func noon() time.Time { return time.Date(2026, 9, 1, 4, 0, 0, 0, time.UTC) }

func config() wechat.Config {
	return wechat.Config{
		AppID: appID, AppSecret: appSecret, MchID: mchID, MerchantSerial: serial,
		MerchantKeyPEM: pkcs8(merchantKey()),
		PublicKeyID:    publicKeyID, PublicKeyPEM: spki(&platformKey().PublicKey),
		APIv3Key: []byte(apiv3Key),
		Clock:    noon,
		// Nothing of a test may ever reach the real upstreams.
		APIBase: "http://127.0.0.1:1", OAuthBase: "http://127.0.0.1:1",
	}
}

func pkcs8(key *rsa.PrivateKey) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func spki(key *rsa.PublicKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func mustNew(tb testing.TB, cfg wechat.Config) *wechat.Channel {
	tb.Helper()
	ch, err := wechat.New(cfg)
	if err != nil {
		tb.Fatalf("New: %v", err)
	}
	return ch
}

// against is a channel whose upstreams are one handler. Its patience is long,
// so that a slow machine changes no outcome.
func against(t *testing.T, handler http.HandlerFunc) *wechat.Channel {
	t.Helper()
	return waiting(t, handler, 10*time.Second)
}

func waiting(t *testing.T, handler http.HandlerFunc, timeout time.Duration) *wechat.Channel {
	t.Helper()
	base, transport := upstreamOf(t, handler)
	cfg := config()
	cfg.APIBase, cfg.OAuthBase, cfg.Transport = base, base, transport
	cfg.Timeout = timeout
	return mustNew(t, cfg)
}

// upstreamOf serves a handler for as long as the test runs.
func upstreamOf(t *testing.T, handler http.HandlerFunc) (base string, transport *http.Transport) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	transport = &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return server.URL, transport
}

func sign(key *rsa.PrivateKey, message string) string {
	sum := sha256.Sum256([]byte(message))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

func verifies(key *rsa.PublicKey, message, signature string) bool {
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return false
	}
	sum := sha256.Sum256([]byte(message))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw) == nil
}

// headers are what WeChat Pay puts on a signed message.
func headers(body []byte, at time.Time) http.Header {
	timestamp, nonce := strconv.FormatInt(at.Unix(), 10), rand.Text()
	h := http.Header{}
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Request-ID", "08E68E97C70610CF05-268578704")
	h.Set("Wechatpay-Timestamp", timestamp)
	h.Set("Wechatpay-Nonce", nonce)
	h.Set("Wechatpay-Serial", publicKeyID)
	h.Set("Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048")
	h.Set("Wechatpay-Signature", sign(platformKey(), timestamp+"\n"+nonce+"\n"+string(body)+"\n"))
	return h
}

// say writes a signed answer. wechatpay-go knows the real clock only.
func say(w http.ResponseWriter, status int, body string) {
	for name, values := range headers([]byte(body), time.Now()) {
		w.Header()[name] = values
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// refuse writes an error answer, which WeChat does not sign.
func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Set-Cookie", "session=do-not-log-me")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"code":%q,"message":"说明"}`, code)
}

// object is JSON that a test changes before it is written.
type object map[string]any

func (o object) with(key string, value any) object {
	changed := object{}
	for k, v := range o {
		changed[k] = v
	}
	if value == nil {
		delete(changed, key)
		return changed
	}
	changed[key] = value
	return changed
}

func (o object) bytes() []byte {
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(o)
	if err != nil {
		panic(err)
	}
	return bytes.TrimSpace(buf.Bytes())
}

func paid() object {
	return object{
		"appid": appID, "mchid": mchID, "out_trade_no": orderNo,
		"transaction_id": "4200001234202609011234567890", "trade_type": "JSAPI",
		"trade_state": "SUCCESS", "trade_state_desc": "支付成功", "bank_type": "OTHERS",
		"attach": account, "success_time": "2026-09-01T11:59:58+08:00",
		"payer": object{"openid": openID},
		// Coupons: what counts is total.
		"amount":           object{"total": 5000, "payer_total": 4500, "currency": "CNY", "payer_currency": "CNY"},
		"promotion_detail": []object{{"coupon_id": "109519", "amount": 500}},
	}
}

func unpaid(state string) object {
	return object{
		"appid": appID, "mchid": mchID, "out_trade_no": orderNo,
		"trade_state": state, "trade_state_desc": "说明",
	}
}

func wantPaid() channels.Payment {
	return channels.Payment{
		Channel: "wechat", Merchant: merchant, OrderNo: orderNo, TransactionID: "4200001234202609011234567890",
		State: channels.Paid, Amount: 5000, Currency: "CNY",
		Payer: channels.Payer{Kind: "openid", ID: openID}, Attach: account,
		SuccessTime: time.Date(2026, 9, 1, 3, 59, 58, 0, time.UTC),
	}
}

// seal encrypts with the APIv3 key and a nonce of 12 characters.
func seal(plain []byte, associated string) (ciphertext, nonce string) {
	block, err := aes.NewCipher([]byte(apiv3Key))
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	nonce = rand.Text()[:12]
	return base64.StdEncoding.EncodeToString(aead.Seal(nil, []byte(nonce), plain, []byte(associated))), nonce
}

func resource(plain []byte) object {
	ciphertext, nonce := seal(plain, "transaction")
	return object{
		"original_type": "transaction", "algorithm": "AEAD_AES_256_GCM",
		"ciphertext": ciphertext, "associated_data": "transaction", "nonce": nonce,
	}
}

func notice(plain []byte) object {
	return object{
		"id": "EV-2018022511223320873", "create_time": "2026-09-01T12:00:00+08:00",
		"resource_type": "encrypt-resource", "event_type": "TRANSACTION.SUCCESS",
		"summary": "支付成功", "resource": resource(plain),
	}
}
