package alipay_test

import (
	"context"
	"time"

	sdk "github.com/smartwalle/alipay/v3"

	"guodu/mocks/alipay"
)

// endpointTests are all endpoints that the client has a call for, and the one
// that it sends with its general call.
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
			"40002 isv.grant-type-invalid":    func(s *shop) { s.token.GrantType = "password" },
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
			"40004 MSG_TEMPLATE_NOT_EXIST": func(s *shop) { s.push["template_id"] = "TM000001" },
			"40004 PUB.USER_NOT_FOLLOW":    func(s *shop) { s.sim.Unfollow(person) },
			"40002 isv.invalid-parameter":  func(s *shop) { s.push["context"] = "" },
		},
	},
}
