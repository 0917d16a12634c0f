package wechatpay

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"

	"guodu/mocks/sim"
)

// work is an endpoint: it looks at the request, changes the state and says what
// to answer.
type work func(*sim.Call) answer

// dialect is how one family of endpoints says that it is in trouble.
type dialect struct {
	broken  func(*Sim) answer
	tooMany func(*Sim) answer
}

var (
	apiDialect = dialect{
		broken:  func(*Sim) answer { return systemError() },
		tooMany: func(*Sim) answer { return frequencyLimited() },
	}
	tokenDialect = dialect{
		broken:  func(s *Sim) answer { return s.tokenError(-1, "system error") },
		tooMany: func(s *Sim) answer { return s.tokenError(45011, "api minute-quota reach limit, must slower") },
	}
	pageDialect = dialect{
		broken: func(*Sim) answer {
			return page(http.StatusInternalServerError, "<h1>500 Internal Server Error</h1>")
		},
		tooMany: func(*Sim) answer {
			return page(http.StatusTooManyRequests, "<h1>429 Too Many Requests</h1>")
		},
	}
)

func (s *Sim) routes() http.Handler {
	mux := http.NewServeMux()
	api := func(path, name string, do work) { mux.Handle(path, s.serve(name, apiDialect, s.authenticated(do))) }
	api("POST /v3/pay/transactions/jsapi", EndpointPrepay, s.prepay)
	api("POST /v3/pay/transactions/codepay", EndpointCodePay, s.codePay)
	api("GET /v3/pay/transactions/out-trade-no/{no}", EndpointQuery, s.queryByNo)
	api("GET /v3/pay/transactions/id/{id}", EndpointQuery, s.queryByID)
	api("POST /v3/pay/transactions/out-trade-no/{no}/close", EndpointClose, s.closeOrder)
	api("POST /v3/refund/domestic/refunds", EndpointRefund, s.refundOrder)
	api("GET /v3/refund/domestic/refunds/{no}", EndpointRefundQuery, s.queryRefund)
	api("GET /v3/bill/tradebill", EndpointTradeBill, s.tradeBill)
	api("GET /v3/bill/fundflowbill", EndpointFundFlowBill, s.fundFlowBill)
	api("GET /v3/billdownload/file", EndpointBillDownload, s.downloadBill)
	api("GET /v3/certificates", EndpointCertificates, s.listCertificates)
	api("/v3/", endpointUnknown, noSuchPath)
	account := func(path, name string, do work) { mux.Handle(path, s.serve(name, tokenDialect, do)) }
	account("/sns/oauth2/access_token", EndpointToken, s.token)
	account("GET /cgi-bin/token", EndpointAccessToken, s.accessToken)
	account("POST /cgi-bin/stable_token", EndpointAccessToken, s.stableToken)
	account("POST /cgi-bin/message/template/send", EndpointTemplate, s.sendTemplate)
	account("POST /cgi-bin/message/subscribe/bizsend", EndpointSubscribe, s.sendSubscribed)
	mux.Handle("GET /connect/oauth2/authorize", s.serve(EndpointAuthorize, pageDialect, s.authorize))
	mux.Handle("POST /_sim/cashier", sim.FromPages(s.serve(EndpointCashier, pageDialect, s.cashier)))
	mux.Handle("OPTIONS /_sim/cashier", sim.FromPages(http.HandlerFunc(sim.Preflight)))
	mux.Handle("GET /_sim/cashier", s.serve("cashier.page", pageDialect, s.cashierPage))
	mux.Handle("GET /_sim/bridge.js", s.serve("bridge", pageDialect, s.bridgeScript))
	mux.Handle("GET /_sim/person", s.serve("person", pageDialect, s.choosePerson))
	mux.Handle("POST /_sim/authcode", s.serve("authcode", pageDialect, s.showCode))
	mux.Handle("POST /_sim/apiv3-key", sim.Guarded(http.HandlerFunc(s.replaceAPIv3Key)))
	mux.Handle("/_sim/", sim.Admin(s))
	return mux
}

// serve makes one path of the kit's parts.
func (s *Sim) serve(name string, d dialect, do work) http.Handler {
	return sim.Serve(s.stand, sim.Endpoint[answer]{
		Name: name, Do: do, Wire: s.wire, Bend: bend,
		Unreadable: func(_ *sim.Call, err error) answer { return unreadable(err) },
		Say:        func(_ *sim.Call, kind FaultKind) answer { return s.say(name, d, kind) },
	})
}

func noSuchPath(*sim.Call) answer {
	return refuse(http.StatusNotFound, numberOther, "RESOURCE_NOT_EXISTS", "请求的接口不存在").answer()
}

// say answers a fault that is an answer.
func (s *Sim) say(endpoint string, d dialect, kind FaultKind) answer {
	switch kind {
	case FaultErrorBefore, FaultErrorAfter:
		return d.broken(s)
	case FaultTooMany:
		return d.tooMany(s)
	case FaultBadGateway:
		return page(http.StatusBadGateway, "<h1>502 Bad Gateway</h1>")
	case FaultGzipPage:
		return compressed(page(http.StatusBadGateway, "<h1>502 Bad Gateway</h1>"))
	}
	if r, of := accountRefusals[endpoint][kind]; of {
		return s.accountRefusal(r.Code, r.Message)
	}
	return refusalOf(endpoint, kind).answer()
}

// bend changes an answer that its reader can check.
func bend(c *sim.Call, a answer, kind FaultKind) answer {
	a.signtest = a.signed && a.status < http.StatusMultipleChoices && kind == FaultSigntest
	a.flipped = (a.signed || c.Endpoint == EndpointBillDownload) && kind == FaultFlipped
	return a
}

func page(status int, html string) answer {
	return answer{status: status, kind: typeHTML, body: []byte("<html><body>" + html + "</body></html>")}
}

func compressed(a answer) answer {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	_, _ = zip.Write(a.body) // a Buffer takes anything
	_ = zip.Close()
	a.body, a.encoding = out.Bytes(), "gzip"
	return a
}

func unreadable(err error) answer {
	status := http.StatusBadRequest
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		status = http.StatusRequestEntityTooLarge
	}
	a := refuse(status, numberParam, "PARAM_ERROR", "请求报文过大或不完整").answer()
	a.signed = false
	return a
}
