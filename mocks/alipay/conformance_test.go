package alipay_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/smartwalle/alipay/v3"

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
)

// said is what the client makes of an answer: code and sub code, in whichever
// of its two ways it tells them, or an error that is neither.
func said(told sdk.Error, err error) (string, error) {
	var refused *sdk.Error
	if errors.As(err, &refused) {
		told, err = *refused, nil
	}
	return strings.TrimSuffix(string(told.Code)+" "+told.SubCode, " "), err
}

// endpointTest is an endpoint as the client calls it. begin brings a fresh bench
// to where the call succeeds; errs are the documented errors that the rules of
// the gateway lead to, each with the way there.
type endpointTest struct {
	begin func(*shop)
	call  func(context.Context, *shop) (sdk.Error, error)
	errs  map[string]func(*shop)
	// unverified: the client does not look at the signature of this one.
	unverified bool
}

// shop is a merchant with the client: what the next call is about.
type shop struct {
	*bench
	client *sdk.Client
	create sdk.TradeCreate
	pay    sdk.TradePay
	query  sdk.TradeQuery
	close  sdk.TradeClose
	cancel sdk.TradeCancel
	refund sdk.TradeRefund
	ask    sdk.TradeFastPayRefundQuery
	bill   sdk.BillDownloadURLQuery
	token  sdk.SystemOauthToken
	cert   sdk.CertDownload
	push   map[string]any
}

const conformNo = "CONFORM_1"

func newShop(t testing.TB, change func(*alipay.Options)) *shop {
	b := setup(t, change)
	s := &shop{bench: b, create: sdkCreate(conformNo, nowhere)}
	if b.sim.AppCertPEM() != nil {
		s.client = b.sdkCertified()
	} else {
		s.client = b.sdk()
	}
	s.query.OutTradeNo, s.close.OutTradeNo, s.cancel.OutTradeNo = conformNo, conformNo, conformNo
	s.refund = sdk.TradeRefund{OutTradeNo: conformNo, RefundAmount: "23.45", OutRequestNo: "R1"}
	s.ask = sdk.TradeFastPayRefundQuery{OutTradeNo: conformNo, OutRequestNo: "R1"}
	s.bill = sdk.BillDownloadURLQuery{BillType: "trade", BillDate: "2026-03-02"}
	s.token.GrantType = "authorization_code"
	s.push = map[string]any{"template_id": alipay.DefaultTemplate, "context": map[string]any{"first": map[string]string{"value": "充值成功"}}}
	return s
}

func (s *shop) made() {
	s.t.Helper()
	_, err := s.client.TradeCreate(s.t.Context(), s.create)
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) isPaid() {
	s.t.Helper()
	s.made()
	s.bench.pay(s.order(conformNo).TradeNO)
}

func (s *shop) isRefunded() {
	s.t.Helper()
	s.isPaid()
	_, err := s.client.TradeRefund(s.t.Context(), s.refund)
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) isClosed() { s.made(); s.closeTrade(conformNo) }

func (s *shop) isFinished() { s.isPaid(); s.clock.Advance(366 * 24 * time.Hour) }

func (s *shop) later() { s.clock.Advance(24 * time.Hour) }

func (s *shop) charge() {
	s.pay = sdk.TradePay{Trade: sdkOrder(conformNo, nowhere), Scene: "bar_code", AuthCode: s.barCode(alipay.BarCodeRequest{})}
	s.pay.Subject, s.pay.ProductCode = "校园卡充值", ""
}

// refusedCharge is a charge of somebody who cannot pay.
func refusedCharge(refusal string) func(*shop) {
	return func(s *shop) { s.charge(); s.pay.AuthCode = s.barCode(alipay.BarCodeRequest{Refusal: refusal}) }
}

// fold reads the code of an answer only where there is one.
func fold[R any](r *R, err error, code func() sdk.Error) (sdk.Error, error) {
	if err != nil || r == nil {
		return sdk.Error{}, err
	}
	return code(), nil
}

// certSerial is what the last signed answer names.
func (s *shop) certSerial() string {
	s.t.Helper()
	in := newInbox(s.t, 200, "success")
	s.create.NotifyURL = in.URL
	s.isPaid()
	_, err := s.sim.Deliver(s.t.Context(), conformNo, 1)
	if err != nil {
		s.t.Fatal(err)
	}
	return in.all()[0].fields().Get("alipay_cert_sn")
}

// mode is the options that an endpoint wants.
func mode(endpoint string) func(*alipay.Options) {
	if endpoint == alipay.EndpointCertificate {
		return certified
	}
	return nil
}

func TestClientPassesEveryEndpoint(t *testing.T) {
	t.Parallel()
	for name, e := range endpointTests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, mode(name))
			e.begin(s)
			got, err := said(e.call(t.Context(), s))
			if err != nil || got != "10000" {
				t.Errorf("it says %s, %v", got, err)
			}
		})
	}
}

func TestClientSeesEveryDocumentedError(t *testing.T) {
	t.Parallel()
	for name, e := range endpointTests {
		for want, begin := range e.errs {
			t.Run(name+" "+want, func(t *testing.T) {
				t.Parallel()
				s := newShop(t, mode(name))
				begin(s)
				got, err := said(e.call(t.Context(), s))
				if err != nil || got != want {
					t.Errorf("it says %s, %v", got, err)
				}
			})
		}
	}
}

// The errors that no rule leads to are asked for by name.
func TestClientSeesEveryErrorThatIsAskedFor(t *testing.T) {
	t.Parallel()
	for name, e := range endpointTests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, mode(name))
			e.begin(s)
			asked := 0
			for _, kind := range s.sim.Faults().Places()[name] {
				want, known := askedCode(kind)
				if !known {
					continue
				}
				asked++
				s.fail(name, kind, 1)
				got, err := said(e.call(t.Context(), s))
				if err != nil || got != want {
					t.Errorf("%s: it says %s, %v, want %s", kind, got, err, want)
				}
			}
			if asked < 16 {
				t.Errorf("%d errors", asked)
			}
		})
	}
}

// askedCode is what a fault of an answer says.
func askedCode(kind sim.FaultKind) (string, bool) {
	common := map[sim.FaultKind]string{
		sim.FaultErrorBefore: "20000 isp.unknow-error", sim.FaultTooMany: "40005 isv.app-call-limited",
		alipay.FaultSystemErrorBefore: "40004 ACQ.SYSTEM_ERROR",
	}
	general := map[sim.FaultKind]string{
		"aop.unknow-error": "20000", "aop.ACQ.SYSTEM_ERROR": "20000", "aop.invalid-auth-token": "20001", "aop.auth-token-time-out": "20001",
		"aop.invalid-app-auth-token-no-api": "20001", "isv.missing-signature-key": "40001", "isv.not-online-app": "40002",
		"isv.app-cert-expired": "40002", "isv.missing-signature-config": "40003", "isv.invalid-auth-relations": "40003",
		"isv.method-call-limited": "40005", "isv.insufficient-isv-permissions": "40006", "isv.insufficient-user-permissions": "40006",
	}
	code, known := common[kind]
	switch {
	case known:
		return code, true
	case general[kind] != "":
		return general[kind] + " " + string(kind), true
	case strings.ContainsAny(string(kind), "._ABCDEFGHIJKLMNOPQRSTUVWXYZ"):
		return "40004 " + string(kind), true
	}
	return "", false
}

func TestClientRefusesEveryAnswerWithOneFlippedByteOrNoSign(t *testing.T) {
	t.Parallel()
	for name, e := range endpointTests {
		if e.unverified {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, kind := range []sim.FaultKind{alipay.FaultFlipped, alipay.FaultUnsigned} {
				s := newShop(t, mode(name))
				e.begin(s)
				s.fail(name, kind, 1)
				_, err := e.call(t.Context(), s)
				if err == nil {
					t.Errorf("%s: the client takes it", kind)
				}
			}
		})
	}
}

func TestClientKnowsEveryEndpointOfTheGateway(t *testing.T) {
	t.Parallel()
	var missing []string
	notCalls := []string{ // pages and the simulator's own
		alipay.EndpointWapPay, alipay.EndpointBillFile, alipay.EndpointAuthorize, alipay.EndpointConsent, alipay.EndpointCashier,
		alipay.EndpointWapCashier, alipay.EndpointBarCode, alipay.EndpointNotifyVerify, alipay.PlaceNotify, alipay.PlaceCounter,
	}
	for place := range setup(t, nil).sim.Faults().Places() {
		_, tested := endpointTests[place]
		if !tested && !slices.Contains(notCalls, place) {
			missing = append(missing, place)
		}
	}
	if len(missing) != 0 {
		t.Errorf("no conformance run of %v", missing)
	}
}
