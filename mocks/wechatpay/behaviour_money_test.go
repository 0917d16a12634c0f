package wechatpay_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guodu/mocks/wechatpay"
)

func (b *bench) refundStatus(no string) string {
	b.t.Helper()
	r := b.call(http.MethodGet, refundURL+"/"+no, "")
	b.want(r, http.StatusOK, "")
	var out struct{ Status string }
	if err := json.Unmarshal(r.body, &out); err != nil {
		b.t.Fatal(err)
	}
	return out.Status
}

func TestB27RefundsAreAcceptedFirstAndDoneLater(t *testing.T) { t.Parallel(); checkRefunds(t) }

func checkRefunds(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	b.prepay(orderForm("BEHAVE27"))
	b.want(b.refund(refundForm("BEHAVE27", "R27", 100)), http.StatusBadRequest, "INVALID_REQUEST") // not paid
	b.paid(orderForm("BEHAVE27"))
	r := b.refund(refundForm("BEHAVE27", "R27", 100))
	b.want(r, http.StatusOK, "")
	if !strings.Contains(string(r.body), `"status":"PROCESSING"`) || strings.Contains(string(r.body), "success_time") {
		t.Errorf("accepted: %s", r.body)
	}
	b.want(b.refund(refundForm("BEHAVE27", "R27", 100)), http.StatusOK, "") // the same one
	b.want(b.refund(refundForm("BEHAVE27", "R27", 101)), http.StatusBadRequest, "INVALID_REQUEST")
	b.want(b.refund(refundForm("BEHAVE27", "R27B", 100)), http.StatusTooManyRequests, "FREQUENCY_LIMITED")
	b.clock.Advance(time.Minute)
	if got := b.refundStatus("R27"); got != "SUCCESS" {
		t.Errorf("a minute later it is %s", got)
	}
	if r = b.call(http.MethodGet, queryURL("BEHAVE27"), ""); !strings.Contains(string(r.body), `"trade_state":"REFUND"`) {
		t.Errorf("the order is %s", r.body)
	}
	b.want(b.refund(refundForm("BEHAVE27", "R27B", 4901)), http.StatusBadRequest, "INVALID_REQUEST") // more than is left
	b.want(b.refund(refundForm("BEHAVE27", "R27B", 1).with("amount", form{"refund": 1, "total": 4999, "currency": "CNY"})),
		http.StatusBadRequest, "INVALID_REQUEST")
	for kind, end := range map[wechatpay.FaultKind]string{wechatpay.FaultAbnormal: "ABNORMAL", wechatpay.FaultClosed: "CLOSED"} {
		b.fail(wechatpay.PlaceRefundEnd, kind, 1)
		b.want(b.refund(refundForm("BEHAVE27", "R27"+end, 10)), http.StatusOK, "")
		b.clock.Advance(time.Minute)
		if got := b.refundStatus("R27" + end); got != end {
			t.Errorf("%s: it ended %s", kind, got)
		}
	}
	b.want(b.call(http.MethodGet, refundURL+"/R99", ""), http.StatusNotFound, "RESOURCE_NOT_EXISTS")
	b.clock.Advance(366 * 24 * time.Hour)
	b.want(b.refund(refundForm("BEHAVE27", "R27C", 1)), http.StatusBadRequest, "INVALID_REQUEST") // a year is over
}

func TestTheFiftyFirstRefundIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.paid(orderForm("FIFTY001"))
	for i := range 51 {
		r := b.refund(refundForm("FIFTY001", fmt.Sprintf("FIFTY%d", i), 1))
		if want := map[bool]int{true: 200, false: 400}[i < 50]; r.status != want {
			t.Fatalf("refund %d: %d %s", i, r.status, r.body)
		}
		b.clock.Advance(time.Minute)
	}
	if book := b.sim.Book(); book.RefundedFen != 50 || len(book.Refunds) != 50 {
		t.Errorf("the book has %d fen in %d refunds", book.RefundedFen, len(book.Refunds))
	}
}

// bill asks for a bill and returns the link.
func (b *bench) bill(path string) (hash, link string) {
	b.t.Helper()
	r := b.call(http.MethodGet, path, "")
	b.want(r, http.StatusOK, "")
	var out struct {
		HashType    string `json:"hash_type"`
		HashValue   string `json:"hash_value"`
		DownloadURL string `json:"download_url"`
	}
	err := json.Unmarshal(r.body, &out)
	if err != nil || out.HashType != "SHA1" {
		b.t.Fatalf("%s, %v", r.body, err)
	}
	u, err := url.Parse(out.DownloadURL)
	if err != nil {
		b.t.Fatal(err)
	}
	return out.HashValue, u.RequestURI()
}

// download fetches a bill and checks its hash.
func (b *bench) download(path string) string {
	b.t.Helper()
	hash, link := b.bill(path)
	r := b.call(http.MethodGet, link, "")
	if r.status != http.StatusOK || r.header.Get("Wechatpay-Signature") != "" {
		b.t.Fatalf("download: %d %v", r.status, r.header)
	}
	text := r.body
	if strings.Contains(path, "GZIP") {
		zip, err := gzip.NewReader(bytes.NewReader(r.body))
		if err != nil {
			b.t.Fatal(err)
		}
		text, err = io.ReadAll(zip)
		if err != nil {
			b.t.Fatal(err)
		}
	}
	sum := sha1.Sum(text)
	if hex.EncodeToString(sum[:]) != hash {
		b.t.Errorf("%s: the hash is %s", path, hash)
	}
	return string(text)
}

const tradeBillURL, flowBillURL = "/v3/bill/tradebill?bill_date=", "/v3/bill/fundflowbill?bill_date="

func TestB28BillsComeTheNextMorning(t *testing.T) { t.Parallel(); checkBills(t) }

func checkBills(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	b.clock.Advance(5*time.Hour + 59*time.Minute + 59*time.Second) // 23:59:59 in Beijing
	b.paid(orderForm("BEHAVE28").with("attach", `{"a":1,"b":"x,y"}`))
	refusals := func(code string, paths ...string) {
		t.Helper()
		for _, path := range paths {
			b.want(b.call(http.MethodGet, path, ""), http.StatusBadRequest, code)
		}
	}
	refusals("INVALID_REQUEST", tradeBillURL+"2026-03-02", tradeBillURL+"2026-3-1", flowBillURL+"2025-11-01", flowBillURL+"2026-03-03")
	b.clock.Advance(time.Second + 10*time.Hour - time.Second)
	refusals("STATEMENT_CREATING", tradeBillURL+"2026-03-02", flowBillURL+"2026-03-02")
	b.clock.Advance(time.Second)
	refusals("NO_STATEMENT_EXIST", tradeBillURL+"2026-03-01", tradeBillURL+"2026-03-02&bill_type=REFUND", flowBillURL+"2026-03-02&account_type=FEES")
	refusals("PARAM_ERROR", tradeBillURL+"2026-03-02&bill_type=ANY", flowBillURL+"2026-03-02&account_type=X", tradeBillURL+"2026-03-02&tar_type=ZIP")
	plain := b.download(tradeBillURL + "2026-03-02&bill_type=ALL")
	if zipped := b.download(tradeBillURL + "2026-03-02&bill_type=ALL&tar_type=GZIP"); zipped != plain {
		t.Errorf("compressed it is %q", zipped)
	}
	if !strings.HasPrefix(plain, "\uFEFF交易时间,") || !strings.Contains(plain, "`2026-03-02 23:59:59,`") || !strings.Contains(plain, "\r\n`1,`50.00,") {
		t.Errorf("the bill is %q", plain)
	}
	_, link := b.bill(tradeBillURL + "2026-03-02")
	req := b.request(http.MethodGet, link, "")
	req.Header.Del("Authorization")
	if r := b.do(req); r.status != http.StatusUnauthorized {
		t.Errorf("a download without a signature: %d", r.status)
	}
	for _, want := range []int{200, 400} { // a link works once
		if r := b.call(http.MethodGet, link, ""); r.status != want {
			t.Errorf("download: %d, want %d", r.status, want)
		}
	}
	_, link = b.bill(flowBillURL + "2026-03-02")
	b.clock.Advance(30 * time.Second)
	if r := b.call(http.MethodGet, link, ""); r.status != http.StatusBadRequest {
		t.Errorf("a link of 30 s: %d", r.status)
	}
}

func TestB29BillsCanDisagree(t *testing.T) { t.Parallel(); checkWrongBills(t) }

func checkWrongBills(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	b.paid(orderForm("BEHAVE29A"))
	b.paid(orderForm("BEHAVE29B"))
	b.clock.Advance(24 * time.Hour)
	for endpoint, path := range map[string]string{
		wechatpay.EndpointTradeBill: tradeBillURL + "2026-03-02&bill_type=ALL", wechatpay.EndpointFundFlowBill: flowBillURL + "2026-03-02",
	} {
		right := b.download(path)
		for kind, rows := range map[wechatpay.FaultKind]int{wechatpay.FaultRowMissing: -1, wechatpay.FaultRowExtra: 1, wechatpay.FaultRowAmount: 0} {
			b.fail(endpoint, kind, 1)
			wrong := b.download(path)
			if more := strings.Count(wrong, "\r\n") - strings.Count(right, "\r\n"); wrong == right || more != rows {
				t.Errorf("%s %s: %d rows more, differs: %v", endpoint, kind, more, wrong != right)
			}
		}
	}
}

func TestB30CertificatesComeEncryptedAndOverlap(t *testing.T) { t.Parallel(); checkCertificates(t) }

func checkCertificates(t testing.TB, without ...int) {
	public := lacking(t, without, nil)
	public.want(public.call(http.MethodGet, "/v3/certificates", ""), http.StatusNotFound, "RESOURCE_NOT_EXISTS")
	b := lacking(t, without, func(o *wechatpay.Options) { o.Profile.Keys = wechatpay.KeysCertificate })
	announced, err := b.sim.AnnounceCertificate()
	if err != nil {
		t.Fatal(err)
	}
	r := b.call(http.MethodGet, "/v3/certificates", "")
	key, serial := b.certificateKey()
	if r.status != http.StatusOK || !holds(key, r.header, r.body) || serial == announced {
		t.Fatalf("%d %s, signed by %s", r.status, r.body, r.header.Get("Wechatpay-Serial"))
	}
	var out struct {
		Data []struct {
			Serial  string `json:"serial_no"`
			Encrypt struct {
				Nonce      string `json:"nonce"`
				Associated string `json:"associated_data"`
				Ciphertext string `json:"ciphertext"`
			} `json:"encrypt_certificate"`
		} `json:"data"`
	}
	if err = json.Unmarshal(r.body, &out); err != nil || len(out.Data) != 2 {
		t.Fatalf("%s, %v", r.body, err)
	}
	for i, each := range out.Data {
		block, _ := aes.NewCipher([]byte(apiV3Key))
		aead, _ := cipher.NewGCM(block)
		sealed, _ := base64.StdEncoding.DecodeString(each.Encrypt.Ciphertext)
		plain, err := aead.Open(nil, []byte(each.Encrypt.Nonce), sealed, []byte(each.Encrypt.Associated))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := pem.Decode(plain)
		certificate, err := x509.ParseCertificate(body.Bytes)
		if err != nil || fmt.Sprintf("%X", certificate.SerialNumber) != each.Serial || each.Serial != []string{serial, announced}[i] {
			t.Errorf("certificate %d is %s, %v", i, each.Serial, err)
		}
	}
	b.sim.UseNewCertificate()
	if _, now := b.certificateKey(); now != announced {
		t.Errorf("%s signs, want %s", now, announced)
	}
}

func TestB31WebAuthorizationKeepsItsRules(t *testing.T) { t.Parallel(); checkOAuth(t) }

func checkOAuth(t testing.TB, without ...int) {
	log := newWatch()
	b := lacking(t, without, func(o *wechatpay.Options) {
		o.SnapshotPersons, o.Logger = []string{"wangwu"}, slog.New(log)
	})
	code := b.code("")
	wrong := exchangeOf(code)
	wrong.Set("secret", "x")
	for _, c := range []struct {
		q    url.Values
		want int
	}{{wrong, 40125}, {exchangeOf("x"), 40029}, {exchangeOf(code), 0}, {exchangeOf(code), 40163}} {
		if got := b.exchange(c.q); got.Errcode != c.want {
			t.Errorf("exchange: %+v, want %d", got, c.want)
		}
	}
	old := b.code("")
	b.clock.Advance(5 * time.Minute)
	if got := b.exchange(exchangeOf(old)); got.Errcode != 40029 {
		t.Errorf("after five minutes: %+v", got)
	}
	if got := b.exchange(exchangeOf(b.code("wangwu"))); got.IsSnapshotuser != 1 {
		t.Errorf("snapshot: %+v", got)
	}
	link := authorizeURL("https://elsewhere.example.edu/b", "s")
	turned := strings.Replace(authorizeURL(back, "s"), "response_type=code&scope=snsapi_base", "scope=snsapi_base&response_type=code", 1)
	for says, link := range map[string]string{"10003": link, "顺序": turned} {
		if r := b.visit(link, ""); r.status != http.StatusOK || !strings.Contains(string(r.body), says) {
			t.Errorf("%s: %d %s", link, r.status, r.body)
		}
	}
	lost := b.code("")
	b.fail(wechatpay.EndpointToken, wechatpay.FaultErrorAfter, 1)
	for _, want := range []int{-1, 40163} {
		if got := b.exchange(exchangeOf(lost)); got.Errcode != want {
			t.Errorf("a lost answer: %+v, want %d", got, want)
		}
	}
	slow := b.code("")
	b.fail(wechatpay.EndpointToken, wechatpay.FaultHangAfter, 1)
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base+"/sns/oauth2/access_token?"+exchangeOf(slow).Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	gaveUp := make(chan error, 1)
	go func() {
		res, err := b.http.Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
		gaveUp <- err
	}()
	log.wait(t, "hangs")
	cancel()
	if err = <-gaveUp; err == nil {
		t.Error("the slow answer came")
	}
	if got := b.exchange(exchangeOf(slow)); got.Errcode != 40163 {
		t.Errorf("a slow answer did not use the code up: %+v", got)
	}
}

// account calls an interface of the official account.
func (b *bench) account(method, path, body string) map[string]any {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r := b.do(req)
	var out map[string]any
	err = json.Unmarshal(r.body, &out)
	if err != nil || r.status != http.StatusOK {
		b.t.Fatalf("%s: %d %s", path, r.status, r.body)
	}
	return out
}

const tokenURL = "/cgi-bin/token?grant_type=client_credential&appid=" + appID + "&secret=" + appSecret

func TestB32AccountsMessagesAndTokens(t *testing.T) { t.Parallel(); checkAccounts(t) }

func checkAccounts(t testing.TB, without ...int) {
	b := lacking(t, without, func(o *wechatpay.Options) { o.Strangers, o.Templates = []string{"lisi"}, []string{"T1"} })
	if wechatpay.OpenID(appID, person) == wechatpay.OpenID("wx2", person) {
		t.Error("two accounts know a person by one openid")
	}
	token := func() string { s, _ := b.account(http.MethodGet, tokenURL, "")["access_token"].(string); return s }
	message := func(who, template string) string {
		return form{"touser": who, "template_id": template, "data": form{"thing1": form{"value": "x"}}}.json(t)
	}
	send := func(path, token, body string, want float64) {
		t.Helper()
		if got := b.account(http.MethodPost, path+"?access_token="+token, body); got["errcode"] != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	const template, subscribe = "/cgi-bin/message/template/send", "/cgi-bin/message/subscribe/bizsend"
	old := token()
	now := token()
	us, stranger := wechatpay.OpenID(appID, person), wechatpay.OpenID(appID, "lisi")
	send(template, old, message(us, "T1"), 0) // the old one lives on for a while
	b.clock.Advance(5 * time.Minute)
	send(template, old, message(us, "T1"), 40001)
	send(template, now, message(us, "T1"), 0)
	send(template, now, message(stranger, "T1"), 43004)
	send(template, now, message(us, "T2"), 40037)
	send(template, now, message("o123", "T1"), 40003)
	send(template, now, form{"touser": us, "template_id": "T1", "data": form{"thing1": form{"value": ""}}}.json(t), 47003)
	send(template, now, form{"touser": us, "template_id": "T1", "data": form{"thing1": form{"value": strings.Repeat("一", 21)}}}.json(t), 47003)
	again := form{"touser": us, "template_id": "T1", "client_msg_id": "m1", "data": form{"thing1": form{"value": "x"}}}.json(t)
	send(template, now, again, 0)
	send(template, now, again, 0)
	b.fail(wechatpay.EndpointTemplate, "refuse-45009", 1)
	send(template, now, again, 45009)
	send(subscribe, now, message(us, "T1"), 43101)
	b.sim.Subscribe(person, "T1", 1)
	send(subscribe, now, message(us, "T1"), 0)
	send(subscribe, now, message(us, "T1"), 43101)
	b.clock.Advance(2 * time.Hour)
	send(template, now, message(us, "T1"), 42001)
	if got := len(b.sim.Messages()); got != 4 {
		t.Errorf("%d messages were sent", got)
	}
}

func TestB33TheWorldSurvivesARestart(t *testing.T) { t.Parallel(); checkPersistence(t) }

func checkPersistence(t testing.TB, without ...int) {
	file := filepath.Join(t.TempDir(), "state")
	world := func(o *wechatpay.Options) { o.StateFile, o.AutoDeliver = file, true }
	before := lacking(t, without, world)
	d := newDiary(before, func(int) int { return 500 })
	before.paid(orderForm("BEHAVE33").with("notify_url", d.URL+"/n"))
	before.clock.Settle()
	before.want(before.refund(refundForm("BEHAVE33", "R33", 100)), http.StatusOK, "")
	code := before.code("")
	before.clock.Advance(30 * time.Second)
	// before is not closed: it was killed.
	after := lacking(t, without, world)
	if after.sim.PublicKeyID() != before.sim.PublicKeyID() {
		t.Fatal("it has other keys")
	}
	came := len(d.times())
	after.clock.Advance(72 * time.Hour)
	if got := len(d.times()); came != 3 || got != 16 {
		t.Errorf("%d callbacks before the restart, %d with those after", came, got)
	}
	if got := after.refundStatus("R33"); got != "SUCCESS" {
		t.Errorf("the refund is %s", got)
	}
	book, old := after.sim.Book(), before.sim.Book()
	if book.PaidFen != 5000 || book.RefundedFen != 100 || book.Orders[0].TransactionID != old.Orders[0].TransactionID {
		t.Errorf("the book is %+v, and was %+v", book, old)
	}
	if got := after.exchange(exchangeOf(code)); got.Errcode != 40029 {
		t.Errorf("a code of before, long over: %+v", got)
	}
	if again := after.paid(orderForm("BEHAVE33B")); again.TransactionID == old.Orders[0].TransactionID {
		t.Error("a number came twice")
	}
	if text := after.download(tradeBillURL + "2026-03-02"); !strings.Contains(text, "`BEHAVE33,") {
		t.Errorf("the bill is %s", text)
	}
}
