package alipay_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/smartwalle/alipay/v3"

	"guodu/mocks/alipay"
)

func TestRequestSignatureFollowsTheRequestRule(t *testing.T) {
	t.Parallel()
	checkRequestSignature(t)
}

func checkRequestSignature(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	f := common("alipay.trade.query", form{"out_trade_no": "RULE 1/+%&="}).with("notify_url", "")
	b.wantCode(b.send(f.with("sign", b.sign(f.message()))), "40004", "ACQ.TRADE_NOT_EXIST")
	for _, wrong := range []string{f.without("sign_type").message(), f.encode(), f.message() + "&notify_url="} {
		b.wantCode(b.send(f.with("sign", b.sign(wrong))), "40002", "isv.invalid-signature")
	}
}

func TestMethodAndAppComeBeforeTheSignature(t *testing.T) {
	t.Parallel()
	checkOrderOfChecks(t)
}

func checkOrderOfChecks(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	f := common("alipay.trade.query", form{"out_trade_no": "ORDER_1"})
	b.wantCode(b.send(f.with("method", "alipay.trade.none").without("app_id")), "40002", "isv.invalid-method")
	b.wantCode(b.send(f.with("app_id", "2021000000000000")), "40002", "isv.invalid-app-id")
	b.wantCode(b.send(f.without("app_id")), "40001", "isv.missing-app-id")
	b.wantCode(b.send(f), "40001", "isv.missing-signature")
	b.wantCode(b.send(f.with("sign", "AA==").without("timestamp")), "40002", "isv.invalid-signature")
}

func TestGatewayErrorsAreUnsignedPages(t *testing.T) {
	t.Parallel()
	checkGatewayErrors(t)
}

func checkGatewayErrors(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	f := common("alipay.trade.query", form{"out_trade_no": "ERR_1"})
	r := b.send(f)
	b.wantCode(r, "40001", "isv.missing-signature") // status 200 and no sign are in here
	if r.header.Get("Content-Type") != "text/html;charset=utf-8" {
		t.Errorf("content type is %s", r.header.Get("Content-Type"))
	}
	b.wantCode(b.post(f), "40004", "ACQ.TRADE_NOT_EXIST") // signed
	b = lacking(t, without, func(o *alipay.Options) { o.Profile.UnsignedBusinessErrors = true })
	if e := b.post(f).open(t); e.sign != "" || e.fields(t)["sub_code"] != "ACQ.TRADE_NOT_EXIST" {
		t.Errorf("answer is %+v", e)
	}
}

func TestAnswerIsSignedOverItsRawBytes(t *testing.T) {
	t.Parallel()
	checkRawSignature(t)
}

func checkRawSignature(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	r := b.query("RAW_1")
	e := r.open(t)
	if !b.signedBy(string(e.node), e.sign) || !strings.Contains(string(e.node), `https:\/\/open.alipay.com\/api`) {
		t.Fatalf("answer is %s", r.body)
	}
	sorted := string(e.node[:strings.Index(string(e.node), `"msg"`)])
	if !strings.HasPrefix(sorted, `{"code"`) || b.signedBy(strings.ReplaceAll(string(e.node), `\/`, "/"), e.sign) {
		t.Errorf("the signature does not mind the bytes of %s", e.node)
	}
	client := b.sdk()
	b.fail(alipay.EndpointCreate, alipay.FaultFlipped, 1)
	got, err := client.TradeCreate(t.Context(), sdkCreate("RAW_1", nowhere))
	if err == nil {
		t.Errorf("a flipped byte passed: %+v", got)
	}
}

func certified(o *alipay.Options) { o.Certificates = true }

// sdkCertified is the client in certificate mode.
func (b *bench) sdkCertified() *sdk.Client {
	b.t.Helper()
	client, err := sdk.New(appID, merchantKey().PrivateKeyBase64, true,
		sdk.WithProductionGateway(b.base+"/gateway.do"), sdk.WithHTTPClient(b.http),
		sdk.WithTimeLocation(time.FixedZone("", 8*3600)))
	if err == nil {
		err = client.LoadAppCertPublicKey(string(b.sim.AppCertPEM()))
	}
	if err == nil {
		err = client.LoadAliPayRootCert(string(b.sim.RootCertPEM()))
	}
	if err == nil {
		err = client.LoadAlipayCertPublicKey(string(b.sim.AlipayCertPEM()))
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return client
}

func TestCertificateModeNamesSerialNumbers(t *testing.T) {
	t.Parallel()
	checkCertificates(t)
}

func checkCertificates(t testing.TB, without ...int) {
	b := lacking(t, without, certified)
	f := common("alipay.trade.query", form{"out_trade_no": "CERT_1"})
	b.wantCode(b.post(f), "40002", "isv.missing-app-cert-sn")
	b.wantCode(b.post(f.with("app_cert_sn", "00")), "40002", "isv.missing-alipay-root-cert-sn")
	b.wantCode(b.post(f.with("app_cert_sn", "00").with("alipay_root_cert_sn", "00")), "40002", "isv.app-cert-not-exist")
	client := b.sdkCertified()
	created, err := client.TradeCreate(t.Context(), sdkCreate("CERT_1", nowhere))
	if err != nil || created.Code != sdk.CodeSuccess {
		t.Fatalf("create: %+v, %v", created, err)
	}
	old := string(b.sim.AlipayCertPEM())
	err = b.sim.RollCertificate()
	if err != nil || string(b.sim.AlipayCertPEM()) == old {
		t.Fatalf("roll: %v", err)
	}
	again, err := client.TradeQuery(t.Context(), sdk.TradeQuery{OutTradeNo: "CERT_1"}) // fetches the new one
	if err != nil || again.TradeNo != created.TradeNo || b.sim.Count(alipay.EndpointCertificate) != 1 {
		t.Fatalf("after the roll: %+v, %v", again, err)
	}
}

func TestParametersComeFromEverywhere(t *testing.T) {
	t.Parallel()
	checkParameters(t)
}

func checkParameters(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	f := b.signed(common("alipay.trade.query", form{"out_trade_no": "BOTH_1", "trade_no": ""}))
	inQuery := form{"charset": f["charset"], "method": f["method"], "sign": f["sign"]}
	r, err := b.exchange(t.Context(), http.MethodPost, b.base+"/gateway.do?"+inQuery.encode(), f.without("charset", "method", "sign").encode())
	if err != nil {
		t.Fatal(err)
	}
	b.wantCode(r, "40004", "ACQ.TRADE_NOT_EXIST")
	b.wantCode(b.post(common("alipay.trade.none", nil)), "40002", "isv.invalid-method")
	b.wantCode(b.post(f.with("biz_content", "{")), "40002", "isv.illegal-json")
}

func TestTimestampHasOneForm(t *testing.T) {
	t.Parallel()
	checkTimestamp(t)
}

func checkTimestamp(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	f := common("alipay.trade.query", form{"out_trade_no": "TIME_1"})
	for _, wrong := range []string{"2026-03-02T18:00:00+08:00", "20260302180000", "2026-3-2 18:00:00", "1772445600", "2026-02-30 18:00:00"} {
		b.wantCode(b.post(f.with("timestamp", wrong)), "40002", "isv.invalid-timestamp")
	}
	b.wantCode(b.post(f.without("timestamp")), "40001", "isv.missing-timestamp")
	b.wantCode(b.post(f), "40004", "ACQ.TRADE_NOT_EXIST")
}

func TestAmountsAndNumbersHaveOneForm(t *testing.T) {
	t.Parallel()
	checkAmounts(t)
}

func checkAmounts(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	good := orderForm("SUM_1")
	for _, amount := range []string{"0", "0.00", "0.001", "1e2", "-1", "+1", "1,000.00", ".5", "1.000", " 1"} {
		b.wantCode(b.post(createForm(good.with("total_amount", amount))), "40004", "ACQ.INVALID_PARAMETER")
	}
	b.wantCode(b.post(createForm(good.with("total_amount", "100000000.01"))), "40004", "ACQ.TOTAL_FEE_EXCEED")
	for _, no := range []string{strings.Repeat("a", 65), "A/1", "A 1", "编号"} {
		b.wantCode(b.post(createForm(orderForm(no))), "40004", "ACQ.INVALID_PARAMETER")
	}
	b.create(orderForm("SUM_2").with("total_amount", "100000000.00"))
	b.create(orderForm("SUM_3").with("total_amount", "0.01"))
}

func TestCreateRepeatsOnlyTheSameOrder(t *testing.T) {
	t.Parallel()
	checkRepeatedCreate(t)
}

func checkRepeatedCreate(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	good := orderForm("SAME_1")
	no := b.create(good)
	if again := b.create(good); again != no {
		t.Errorf("repeat gave %s, want %s", again, no)
	}
	b.wantCode(b.post(createForm(good.with("total_amount", "50.01"))), "40004", "ACQ.CONTEXT_INCONSISTENT")
	b.wantCode(b.post(createForm(good.with("subject", "其他"))), "40004", "ACQ.CONTEXT_INCONSISTENT")
	b.wantCode(b.post(createForm(good.with("buyer_id", alipay.BuyerID("lisi")))), "40004", "ACQ.TRADE_BUYER_NOT_MATCH")
	b.pay(no)
	b.wantCode(b.post(createForm(good)), "40004", "ACQ.TRADE_HAS_SUCCESS")
	b.create(orderForm("SAME_2"))
	b.closeTrade("SAME_2")
	b.wantCode(b.post(createForm(orderForm("SAME_2"))), "40004", "ACQ.TRADE_HAS_CLOSE")
}

func TestWapOrderIsUnknownUntilOpened(t *testing.T) {
	t.Parallel()
	checkWapBegins(t)
}

func checkWapBegins(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	page := b.get(b.wapURL(wapForm("LATE_1")))
	node := b.wantCode(b.query("LATE_1"), "40004", "ACQ.TRADE_NOT_EXIST")
	for _, name := range []string{"buyer_pay_amount", "invoice_amount", "point_amount", "receipt_amount"} {
		if node[name] != "0.00" {
			t.Errorf("%s is %v", name, node[name])
		}
	}
	b.wantCode(b.closeTrade("LATE_1"), "40004", "ACQ.TRADE_NOT_EXIST")
	b.submit(page, "login")
	b.wantCode(b.query("LATE_1"), "10000", "")
}

func TestUnpaidTradeEndsAtItsTime(t *testing.T) {
	t.Parallel()
	checkExpiry(t)
}

func checkExpiry(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	no := b.create(orderForm("END_1").with("timeout_express", "1m"))
	b.create(orderForm("END_2").with("time_expire", "2026-03-02 18:01:00").with("timeout_express", "1d"))
	b.clock.Advance(time.Minute)
	for _, order := range []string{"END_1", "END_2"} {
		if node := b.wantCode(b.query(order), "10000", ""); node["trade_status"] != "TRADE_CLOSED" {
			t.Errorf("%s: %v after its time", order, node["trade_status"])
		}
	}
	_, err := b.sim.Pay(t.Context(), alipay.PayRequest{TradeNO: no, BuyerID: b.sim.Buyer(person)})
	if err == nil {
		t.Error("paid after its time")
	}
}
