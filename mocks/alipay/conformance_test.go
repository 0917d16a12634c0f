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

var endpointTests = map[string]endpointTest{
	alipay.EndpointCreate: {
		begin: func(*shop) {},
		call: func(ctx context.Context, s *shop) (sdk.Error, error) {
			r, err := s.client.TradeCreate(ctx, s.create)
			return fold(r, err, func() sdk.Error { return r.Error })
		},
		errs: map[string]func(*shop){
			"40004 ACQ.INVALID_PARAMETER":     func(s *shop) { s.create.TotalAmount = "0.001" },
			"40004 ACQ.TOTAL_FEE_EXCEED":      func(s *shop) { s.create.TotalAmount = "100000000.01" },
			"40004 ACQ.BUYER_SELLER_EQUAL":    func(s *shop) { s.create.BuyerId = sellerID },
			"40004 ACQ.TRADE_BUYER_NOT_MATCH": func(s *shop) { s.made(); s.create.BuyerId = alipay.BuyerID("lisi") },
			"40004 ACQ.CONTEXT_INCONSISTENT":  func(s *shop) { s.made(); s.create.TotalAmount = "1.00" },
			"40004 ACQ.TRADE_HAS_SUCCESS":     (*shop).isPaid,
			"40004 ACQ.TRADE_HAS_CLOSE":       (*shop).isClosed,
			"40004 ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR": func(s *shop) {
				s.create.TimeoutExpress, s.create.TimeExpire = "", "2026-03-02 18:00:00"
			},
			"40002 isv.suspected-attack":  func(s *shop) { s.create.Subject = "x&total_fee=1" },
			"40002 isv.invalid-parameter": func(s *shop) { s.create.NotifyURL = "nowhere" },
		},
	},
	alipay.EndpointPay: {
		begin: (*shop).charge,
		call: func(ctx context.Context, s *shop) (sdk.Error, error) {
			r, err := s.client.TradePay(ctx, s.pay)
			return fold(r, err, func() sdk.Error { return r.Error })
		},
		errs: map[string]func(*shop){
			"10003":                               func(s *shop) { s.charge(); s.pay.AuthCode = s.barCode(alipay.BarCodeRequest{Password: true}) },
			"40004 ACQ.INVALID_PARAMETER":         func(s *shop) { s.charge(); s.pay.AuthCode = "130000000000000000" },
			"40004 ACQ.PAYMENT_AUTH_CODE_INVALID": func(s *shop) { s.charge(); s.pay.AuthCode = "280000000000000000" },
			"40004 ACQ.TRADE_HAS_SUCCESS": func(s *shop) {
				s.charge()
				_, _ = s.client.TradePay(s.t.Context(), s.pay)
			},
			"40004 ACQ.CONTEXT_INCONSISTENT":                 func(s *shop) { s.made(); s.charge() },
			"40004 ACQ.TRADE_HAS_CLOSE":                      func(s *shop) { s.isClosed(); s.charge() },
			"40004 ACQ.TOTAL_FEE_EXCEED":                     func(s *shop) { s.charge(); s.pay.TotalAmount = "100000000.01" },
			"40004 ACQ.BUYER_BALANCE_NOT_ENOUGH":             refusedCharge("ACQ.BUYER_BALANCE_NOT_ENOUGH"),
			"40004 ACQ.BUYER_ENABLE_STATUS_FORBID":           refusedCharge("ACQ.BUYER_ENABLE_STATUS_FORBID"),
			"40004 ACQ.PAYMENT_FAIL":                         refusedCharge("ACQ.PAYMENT_FAIL"),
			"40004 ACQ.PULL_MOBILE_CASHIER_FAIL":             refusedCharge("ACQ.PULL_MOBILE_CASHIER_FAIL"),
			"40004 ACQ.MOBILE_PAYMENT_SWITCH_OFF":            refusedCharge("ACQ.MOBILE_PAYMENT_SWITCH_OFF"),
			"40004 ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR": refusedCharge("ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR"),
		},
	},
	alipay.EndpointQuery: {
		begin: (*shop).made,
		call: func(ctx context.Context, s *shop) (sdk.Error, error) {
			r, err := s.client.TradeQuery(ctx, s.query)
			return fold(r, err, func() sdk.Error { return r.Error })
		},
		errs: map[string]func(*shop){
			"40004 ACQ.TRADE_NOT_EXIST":   func(*shop) {},
			"40004 ACQ.INVALID_PARAMETER": func(s *shop) { s.query.OutTradeNo = "" },
		},
	},
	alipay.EndpointClose: {
		begin: (*shop).made,
		call: func(ctx context.Context, s *shop) (sdk.Error, error) {
			r, err := s.client.TradeClose(ctx, s.close)
			return fold(r, err, func() sdk.Error { return r.Error })
		},
		errs: map[string]func(*shop){
			"40004 ACQ.TRADE_NOT_EXIST":       func(*shop) {},
			"40004 ACQ.TRADE_STATUS_ERROR":    (*shop).isPaid,
			"40004 ACQ.REASON_ILLEGAL_STATUS": (*shop).isClosed,
			"40004 ACQ.INVALID_PARAMETER":     func(s *shop) { s.close.OutTradeNo = "" },
		},
	},
	alipay.EndpointCancel: {
		begin: (*shop).made,
		call: func(ctx context.Context, s *shop) (sdk.Error, error) {
			r, err := s.client.TradeCancel(ctx, s.cancel)
			return fold(r, err, func() sdk.Error { return r.Error })
		},
		errs: map[string]func(*shop){
			"40004 ACQ.TRADE_NOT_EXIST":             func(s *shop) { s.cancel.TradeNo = "2026" },
			"40004 ACQ.TRADE_HAS_FINISHED":          (*shop).isFinished,
			"40004 ACQ.REASON_TRADE_REFUND_FEE_ERR": (*shop).isRefunded,
			"40004 ACQ.TRADE_CANCEL_TIME_OUT":       func(s *shop) { s.isPaid(); s.later(); s.later() },
			"40004 ACQ.INVALID_PARAMETER":           func(s *shop) { s.cancel.OutTradeNo = "" },
		},
	},
	alipay.EndpointRefund: {
		begin: (*shop).isPaid,
		call: func(ctx context.Context, s *shop) (sdk.Error, error) {
			r, err := s.client.TradeRefund(ctx, s.refund)
			return fold(r, err, func() sdk.Error { return r.Error })
		},
		errs: map[string]func(*shop){
			"40004 ACQ.TRADE_NOT_EXIST":            func(*shop) {},
			"40004 ACQ.INVALID_PARAMETER":          func(s *shop) { s.isPaid(); s.refund.OutRequestNo = "" },
			"40004 ACQ.DISCORDANT_REPEAT_REQUEST":  func(s *shop) { s.isRefunded(); s.refund.RefundAmount = "1.00" },
			"40004 ACQ.TRADE_STATUS_ERROR":         (*shop).made,
			"40004 ACQ.TRADE_HAS_CLOSE":            (*shop).isClosed,
			"40004 ACQ.TRADE_HAS_FINISHED":         (*shop).isFinished,
			"40004 ACQ.REFUND_AMT_NOT_EQUAL_TOTAL": func(s *shop) { s.isPaid(); s.refund.RefundAmount = "123.46" },
			"40004 ACQ.REASON_TRADE_REFUND_FEE_ERR": func(s *shop) {
				s.isRefunded()
				s.later()
				s.refund.OutRequestNo, s.refund.RefundAmount = "R2", "100.01"
			},
			"40004 ACQ.SYSTEM_ERROR": func(s *shop) { s.isRefunded(); s.refund.OutRequestNo = "R2" },
		},
	},
	alipay.EndpointRefundQuery: {
		begin: (*shop).isRefunded,
		call: func(ctx context.Context, s *shop) (sdk.Error, error) {
			r, err := s.client.TradeFastPayRefundQuery(ctx, s.ask)
			return fold(r, err, func() sdk.Error { return r.Error })
		},
		errs: map[string]func(*shop){
			"40004 ACQ.TRADE_NOT_EXIST":   func(*shop) {},
			"40004 ACQ.INVALID_PARAMETER": func(s *shop) { s.ask.OutRequestNo = "" },
		},
	},
	alipay.EndpointBill: {
		begin: func(s *shop) { s.isPaid(); s.later() },
		call: func(ctx context.Context, s *shop) (sdk.Error, error) {
			r, err := s.client.BillDownloadURLQuery(ctx, s.bill)
			return fold(r, err, func() sdk.Error { return r.Error })
		},
		errs: map[string]func(*shop){
			"40004 INVAILID_ARGUMENTS":            func(*shop) {},
			"40004 BILL_NOT_EXIST":                func(s *shop) { s.clock.Advance(7 * time.Hour) },
			"40004 NO_BILL_DATA":                  (*shop).later,
			"40004 TYPE_NOT_SUPPORTED":            func(s *shop) { s.bill.BillType = "merchant_act" },
			"40004 BILL_DATE_BEFORE_REGISTRATION": func(s *shop) { s.bill.BillDate = "2015-01-01" },
		},
	},
	alipay.EndpointToken: {
		begin: func(s *shop) { s.token.Code = s.code("") },
		call: func(ctx context.Context, s *shop) (sdk.Error, error) {
			r, err := s.client.SystemOauthToken(ctx, s.token)
			return fold(r, err, func() sdk.Error {
				if r.AccessToken != "" && r.UserId != "" { // a success has no code
					return sdk.Error{Code: sdk.CodeSuccess}
				}
				return r.Error
			})
		},
		errs: map[string]func(*shop){
			"40002 isv.code-invalid":          func(s *shop) { s.token.Code = "0123" },
			"40002 isv.refresh-token-invalid": func(s *shop) { s.token.GrantType, s.token.RefreshToken = "refresh_token", "0123" },
			"40002 isv.invalid-parameter":     func(s *shop) { s.token.GrantType = "password" },
		},
	},
	alipay.EndpointCertificate: {
		begin: func(s *shop) { s.cert.AliPayCertSN = s.certSerial() },
		call: func(ctx context.Context, s *shop) (sdk.Error, error) {
			r, err := s.client.CertDownload(ctx, s.cert)
			return fold(r, err, func() sdk.Error { return r.Error })
		},
		errs:       map[string]func(*shop){"40002 isv.app-cert-not-exist": func(s *shop) { s.cert.AliPayCertSN = "00" }},
		unverified: true,
	},
	alipay.EndpointMessage: {
		begin: func(*shop) {},
		call: func(ctx context.Context, s *shop) (sdk.Error, error) {
			var r *sdk.Error
			err := s.client.Request(ctx, sdk.NewPayload("alipay.open.public.message.single.send").
				AddBizField("to_user_id", alipay.BuyerID(person)).AddBizField("template", s.push), &r)
			return fold(r, err, func() sdk.Error { return *r })
		},
		errs: map[string]func(*shop){
			"40004 PUB.MSG_TEMPLATE_NOT_EXIST": func(s *shop) { s.push["template_id"] = "TM000001" },
			"40004 PUB.USER_NOT_FOLLOW":        func(s *shop) { s.sim.Unfollow(person) },
			"40002 isv.invalid-parameter":      func(s *shop) { s.push["context"] = "" },
		},
	},
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
			if asked < 3 {
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
	code, known := common[kind]
	switch {
	case known:
		return code, true
	case strings.HasPrefix(string(kind), "isv."):
		return "40006 " + string(kind), true
	case strings.ContainsAny(string(kind), "._"):
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
