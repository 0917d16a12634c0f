package wechatpay_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"guodu/mocks/wechatpay"
)

// reply is an answer with its body read.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) code() string {
	var e struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(r.body, &e)
	return e.Code
}

// auth builds an Authorization header over what it is told, not over what is
// sent, so that tests can lie.
type auth struct {
	mchID, serial, nonce, method, url, body string
	unix                                    int64
}

func (b *bench) auth(method, url, body string) auth {
	return auth{
		mchID: mchID, serial: merchantKey().Serial, nonce: "0123456789abcdef0123456789abcdef",
		method: method, url: url, body: body, unix: time.Now().Unix(),
	}
}

func (b *bench) authorization(a auth) string {
	unix := strconv.FormatInt(a.unix, 10)
	sig := b.sign(strings.Join([]string{a.method, a.url, unix, a.nonce, a.body}, "\n") + "\n")
	return fmt.Sprintf(`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",signature="%s",timestamp="%s",serial_no="%s"`,
		a.mchID, a.nonce, sig, unix, a.serial)
}

func (b *bench) sign(message string) string {
	b.t.Helper()
	sum := sha256.Sum256([]byte(message))
	sig, err := rsa.SignPKCS1v15(rand.Reader, b.key, crypto.SHA256, sum[:])
	if err != nil {
		b.t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(sig)
}

func (b *bench) request(method, url, body string) *http.Request {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+url, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "test")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", b.authorization(b.auth(method, url, body)))
	return req
}

func (b *bench) do(req *http.Request) reply {
	b.t.Helper()
	res, err := b.http.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return reply{status: res.StatusCode, header: res.Header, body: body}
}

func (b *bench) call(method, url, body string) reply {
	b.t.Helper()
	return b.do(b.request(method, url, body))
}

// want checks the status and the error code ("" for none), and that the answer
// is signed.
func (b *bench) want(r reply, status int, code string) {
	b.t.Helper()
	if r.status != status || r.code() != code {
		b.t.Fatalf("answer is %d %q (%s), want %d %q", r.status, r.code(), r.body, status, code)
	}
	err := b.verify(r.header, r.body)
	if err != nil {
		b.t.Fatalf("answer %d: %v", r.status, err)
	}
}

// verify checks the platform's signature with nothing but the published key.
func (b *bench) verify(h http.Header, body []byte) error {
	block, _ := pem.Decode(b.sim.PublicKeyPEM())
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return err
	}
	if h.Get("Wechatpay-Serial") != b.sim.PublicKeyID() {
		return fmt.Errorf("serial is %q", h.Get("Wechatpay-Serial"))
	}
	sig, err := base64.StdEncoding.DecodeString(h.Get("Wechatpay-Signature"))
	if err != nil {
		return err
	}
	message := h.Get("Wechatpay-Timestamp") + "\n" + h.Get("Wechatpay-Nonce") + "\n" + string(body) + "\n"
	sum := sha256.Sum256([]byte(message))
	return rsa.VerifyPKCS1v15(key.(*rsa.PublicKey), crypto.SHA256, sum[:], sig)
}

// holds says whether a platform's signature is that of a key.
func holds(key *rsa.PublicKey, h http.Header, body []byte) bool {
	sig, err := base64.StdEncoding.DecodeString(h.Get("Wechatpay-Signature"))
	message := h.Get("Wechatpay-Timestamp") + "\n" + h.Get("Wechatpay-Nonce") + "\n" + string(body) + "\n"
	sum := sha256.Sum256([]byte(message))
	return err == nil && rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig) == nil
}

// form is a prepay request that can be changed before it is sent.
type form map[string]any

func orderForm(no string) form {
	return form{
		"appid": appID, "mchid": mchID, "description": "recharge", "out_trade_no": no,
		"notify_url": notifyURL, "attach": "order=" + no,
		"amount": form{"total": 5000, "currency": "CNY"},
		"payer":  form{"openid": wechatpay.OpenID(appID, person)},
	}
}

func (f form) with(name string, value any) form {
	out := maps.Clone(f)
	out[name] = value
	return out
}

func (f form) without(name string) form {
	out := maps.Clone(f)
	delete(out, name)
	return out
}

func (f form) json(t testing.TB) string {
	t.Helper()
	var out bytes.Buffer
	err := json.NewEncoder(&out).Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func (b *bench) prepay(f form) string {
	b.t.Helper()
	r := b.call(http.MethodPost, prepayURL, f.json(b.t))
	b.want(r, http.StatusOK, "")
	var out struct {
		PrepayID string `json:"prepay_id"`
	}
	err := json.Unmarshal(r.body, &out)
	if err != nil || out.PrepayID == "" {
		b.t.Fatalf("no prepay_id in %s", r.body)
	}
	return out.PrepayID
}

// payRequest is what an honest page hands over.
func (b *bench) payRequest(prepayID string) wechatpay.PayRequest {
	b.t.Helper()
	req := wechatpay.PayRequest{
		AppID: appID, TimeStamp: strconv.FormatInt(time.Now().Unix(), 10), NonceStr: "nonce",
		Package: "prepay_id=" + prepayID, SignType: "RSA", Openid: wechatpay.OpenID(appID, person),
	}
	req.PaySign = b.paySign(req)
	return req
}

func (b *bench) paySign(req wechatpay.PayRequest) string {
	b.t.Helper()
	return b.sign(req.AppID + "\n" + req.TimeStamp + "\n" + req.NonceStr + "\n" + req.Package + "\n")
}

// paid makes an order and pays it.
func (b *bench) paid(f form) wechatpay.Receipt {
	b.t.Helper()
	receipt, err := b.sim.Pay(context.Background(), b.payRequest(b.prepay(f)))
	if err != nil {
		b.t.Fatal(err)
	}
	return receipt
}

func queryURL(no string) string { return "/v3/pay/transactions/out-trade-no/" + no + "?mchid=" + mchID }

func closeURL(no string) string { return "/v3/pay/transactions/out-trade-no/" + no + "/close" }

const refundURL = "/v3/refund/domestic/refunds"

// refundForm asks for fen of an order of orderForm's 5000.
func refundForm(no, outRefundNo string, fen int) form {
	return form{
		"out_trade_no": no, "out_refund_no": outRefundNo, "reason": "test", "notify_url": notifyURL,
		"amount": form{"refund": fen, "total": 5000, "currency": "CNY"},
	}
}

func (b *bench) refund(f form) reply {
	b.t.Helper()
	return b.call(http.MethodPost, refundURL, f.json(b.t))
}

const closeBody = `{"mchid":"` + mchID + `"}`
