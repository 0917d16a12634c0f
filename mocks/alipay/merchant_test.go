package alipay_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"guodu/mocks/alipay"
)

const stamp = "2026-03-02 18:00:00"

// reply is an answer with its body read.
type reply struct {
	status int
	header http.Header
	body   string
}

// envelope is what the gateway's answer looks like from outside.
type envelope struct {
	head string
	node json.RawMessage
	sign string
}

func (r reply) open(t testing.TB) envelope {
	t.Helper()
	var raw map[string]json.RawMessage
	err := json.Unmarshal([]byte(r.body), &raw)
	if err != nil {
		t.Fatalf("answer %q: %v", r.body, err)
	}
	var e envelope
	for name, value := range raw {
		if name == "sign" {
			e.sign = strings.Trim(string(value), `"`)
		} else {
			e.head, e.node = name, value
		}
	}
	return e
}

func (e envelope) fields(t testing.TB) map[string]any {
	t.Helper()
	var out map[string]any
	err := json.Unmarshal(e.node, &out)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// signedBy checks an RSA2 signature of Alipay's with nothing but the published
// key.
func (b *bench) signedBy(message, signature string) bool {
	b.t.Helper()
	der, err := base64.StdEncoding.DecodeString(b.sim.PublicKeyBase64())
	if err != nil {
		b.t.Fatal(err)
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		b.t.Fatal(err)
	}
	sig, err := base64.StdEncoding.DecodeString(signature)
	sum := sha256.Sum256([]byte(message))
	return err == nil && rsa.VerifyPKCS1v15(key.(*rsa.PublicKey), crypto.SHA256, sum[:], sig) == nil
}

// form is a request or a biz_content that can be changed before it is sent.
type form map[string]string

func (f form) with(name, value string) form {
	out := maps.Clone(f)
	out[name] = value
	return out
}

func (f form) without(names ...string) form {
	out := maps.Clone(f)
	for _, name := range names {
		delete(out, name)
	}
	return out
}

func (f form) json() string {
	out, _ := json.Marshal(f)
	return string(out)
}

func (f form) encode() string {
	out := url.Values{}
	for name, value := range f {
		out.Set(name, value)
	}
	return out.Encode()
}

// common is a request without its signature.
func common(method string, biz form) form {
	return form{
		"app_id": appID, "method": method, "format": "JSON", "charset": "utf-8", "sign_type": "RSA2",
		"timestamp": stamp, "version": "1.0", "biz_content": biz.json(),
	}
}

// message is the string to sign of a request: sign_type in, empty values out.
func (f form) message() string {
	var pairs []string
	for name, value := range f {
		if value != "" && name != "sign" {
			pairs = append(pairs, name+"="+value)
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

func (b *bench) sign(message string) string {
	b.t.Helper()
	sum := sha256.Sum256([]byte(message))
	sig, err := rsa.SignPKCS1v15(nil, b.key, crypto.SHA256, sum[:])
	if err != nil {
		b.t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(sig)
}

func (b *bench) signed(f form) form { return f.with("sign", b.sign(f.message())) }

// try sends a form in the body; it may break.
func (b *bench) try(ctx context.Context, f form) (reply, error) {
	b.t.Helper()
	return b.exchange(ctx, http.MethodPost, b.base+"/gateway.do", f.encode())
}

// leave makes a call and goes away once the simulator has counted that it keeps
// the caller waiting. The error is the caller's own then; nil is an answer.
func (b *bench) leave(counter string, f form) error {
	b.t.Helper()
	ctx, leave := context.WithCancel(b.t.Context())
	defer leave()
	before, signed, ended := b.sim.Count(counter), b.signed(f), make(chan error, 1)
	go func() {
		_, err := b.try(ctx, signed)
		ended <- err
	}()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-look.C:
			if b.sim.Count(counter) > before {
				leave()
			}
		}
	}
}

func (b *bench) exchange(ctx context.Context, method, target, body string) (reply, error) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=utf-8")
	return b.do(req)
}

func (b *bench) do(req *http.Request) (reply, error) {
	res, err := b.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(body)}, err
}

// post sends a form, signed as it should be.
func (b *bench) post(f form) reply { b.t.Helper(); return b.send(b.signed(f)) }

// send sends a form as it is.
func (b *bench) send(f form) reply {
	b.t.Helper()
	r, err := b.try(b.t.Context(), f)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *bench) get(target string) reply {
	b.t.Helper()
	r, err := b.exchange(b.t.Context(), http.MethodGet, target, "")
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// wantCode checks code and sub_code ("" for none) and that the answer is signed
// just when it should be. It returns the node.
func (b *bench) wantCode(r reply, code, subCode string) map[string]any {
	b.t.Helper()
	e := r.open(b.t)
	node := e.fields(b.t)
	sub, _ := node["sub_code"].(string)
	if r.status != http.StatusOK || node["code"] != code || sub != subCode {
		b.t.Fatalf("answer is %d %s, want %s %q", r.status, r.body, code, subCode)
	}
	wantSign := code == "10000" || code == "10003" || code == "40004"
	if (e.sign != "") != wantSign || wantSign && !b.signedBy(string(e.node), e.sign) {
		b.t.Fatalf("signature of %s: %q", r.body, e.sign)
	}
	return node
}

// orderForm is the biz_content of an order that create takes.
func orderForm(no string) form {
	return form{
		"out_trade_no": no, "total_amount": "50.00", "subject": "校园卡充值", "product_code": "JSAPI_PAY",
		"buyer_id": alipay.BuyerID(person), "op_app_id": appID, "passback_params": "account%3D1001",
	}
}

func createForm(biz form) form { return common("alipay.trade.create", biz).with("notify_url", nowhere) }

// create makes a trade and returns its number.
func (b *bench) create(biz form) string {
	b.t.Helper()
	node := b.wantCode(b.post(createForm(biz)), "10000", "")
	return node["trade_no"].(string)
}

// createTo makes a trade whose notifies go to an address.
func (b *bench) createTo(no, notifyURL string) string {
	b.t.Helper()
	node := b.wantCode(b.post(createForm(orderForm(no)).with("notify_url", notifyURL)), "10000", "")
	return node["trade_no"].(string)
}

func (b *bench) pay(tradeNO string) alipay.Receipt {
	b.t.Helper()
	receipt, err := b.sim.Pay(b.t.Context(), alipay.PayRequest{TradeNO: tradeNO, BuyerID: b.sim.Buyer(person)})
	if err != nil {
		b.t.Fatal(err)
	}
	return receipt
}

func (b *bench) query(no string) reply {
	b.t.Helper()
	return b.post(common("alipay.trade.query", form{"out_trade_no": no}))
}

func (b *bench) closeTrade(no string) reply {
	b.t.Helper()
	return b.post(common("alipay.trade.close", form{"out_trade_no": no}))
}

func (b *bench) order(no string) alipay.BookOrder {
	b.t.Helper()
	o, found := b.sim.Book().Order(no)
	if !found {
		b.t.Fatalf("%s is not in the book", no)
	}
	return o
}

// seconds cuts a time as the wire does.
func seconds(t time.Time) time.Time { return t.Truncate(time.Second) }
