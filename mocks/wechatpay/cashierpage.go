package wechatpay

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"guodu/mocks/sim"
)

//go:embed cashier.html
var cashierText string

//go:embed bridge.js
var bridgeText []byte

var cashierTemplate = template.Must(template.New("cashier").Parse(cashierText))

// cashierPage is what the payer sees: GET /_sim/cashier with the page's six
// fields. Its buttons tell the page that has opened it what became of it.
func (s *Sim) cashierPage(c *sim.Call) answer {
	q := c.Request.URL.Query()
	req := PayRequest{
		AppID: q.Get("appId"), TimeStamp: q.Get("timeStamp"), NonceStr: q.Get("nonceStr"), Package: q.Get("package"),
		SignType: q.Get("signType"), PaySign: q.Get("paySign"),
	}
	person := s.personOf(c.Request)
	var view struct {
		Person, Merchant, Description, Yuan, Wrong string
		Request                                    PayRequest
	}
	view.Person, view.Merchant, view.Request = person, s.opts.MchID, req
	prepayID, err := s.checkPay(req)
	o, known := s.orders.findByPrepay(prepayID)
	switch {
	case err != nil:
		view.Wrong = err.Error()
	case !known:
		view.Wrong = ErrPrepayUnknown.Error()
	default:
		c.Order = o.OutTradeNo
		view.Description, view.Yuan = o.Description, yuan(o.TotalFen)
	}
	var out bytes.Buffer
	err = cashierTemplate.Execute(&out, view)
	if err != nil {
		return page(http.StatusInternalServerError, "<h1>500 Internal Server Error</h1>")
	}
	return answer{status: http.StatusOK, kind: typeHTML, body: out.Bytes()}
}

// bridgeScript gives a page outside of WeChat a WeixinJSBridge that opens the
// cashier page: <script src=".../_sim/bridge.js">.
func (s *Sim) bridgeScript(*sim.Call) answer {
	return answer{status: http.StatusOK, kind: "text/javascript; charset=utf-8", body: bridgeText}
}

// choosePerson says who looks at the pages from now on: GET /_sim/person?name=.
func (s *Sim) choosePerson(c *sim.Call) answer {
	name := c.Request.URL.Query().Get("name")
	if name == "" || len(name) > maxPersonBytes || strings.ContainsAny(name, "; ,\"\\") {
		return page(http.StatusBadRequest, "<h3>name: 1 to 64 bytes, no blanks</h3>")
	}
	cookie := http.Cookie{Name: personCookie, Value: url.QueryEscape(name), Path: "/"}
	a := page(http.StatusOK, "<h3>you are "+template.HTMLEscapeString(name)+"</h3>")
	a.cookie = cookie.String()
	return a
}
