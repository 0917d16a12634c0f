package alipay

import (
	_ "embed"
	"html/template"
	"io"
	"net/http"
)

// bridgeText is AlipayJSBridge for a merchant's page outside of the app.
//
//go:embed bridge.js
var bridgeText string

var personPages = template.Must(template.New("").Parse(`{{define "top"}}<!DOCTYPE html>
<html lang="zh-CN">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>支付宝（模拟）</title></head>
<body>{{end}}
{{define "cashier"}}{{template "top"}}
<h1>模拟收银台</h1>
<p>{{.Subject}}</p>
<p>￥{{.Total}}</p>
<p>{{.State}}</p>
<form method="post" action="/_sim/cashier">
<input type="hidden" name="tradeNO" value="{{.No}}">
<p><label>付款人 <input name="person" value="{{.Person}}"></label></p>
<button>确认付款</button>
<button name="cancel" value="1">取消</button>
</form>
</body></html>{{end}}
{{define "barcode"}}{{template "top"}}
<h1>付款码（模拟）</h1>
<p>{{.Person}}</p>
<p><code>{{.Code}}</code></p>
<p>一次有效，一分钟内使用。</p>
</body></html>{{end}}
`))

func showPage(w http.ResponseWriter, name string, v any) {
	w.Header().Set("Content-Type", typeHTML+charsetUTF8)
	err := personPages.ExecuteTemplate(w, name, v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// appCashier is what a person sees in the app: GET /_sim/cashier?tradeNO=….
func (s *Sim) appCashier(w http.ResponseWriter, r *http.Request) {
	t, found := s.ledger.find(r.URL.Query().Get("tradeNO"), "", s.now())
	if !found {
		http.Error(w, ErrUnknownOrder.Error(), http.StatusNotFound)
		return
	}
	showPage(w, "cashier", struct{ No, Subject, Total, State, Person string }{
		t.No, t.Subject, yuan(t.TotalFen), string(t.State), s.personOf(r),
	})
}

// barCodePage is a person showing a payment code: GET /_sim/barcode?person=….
func (s *Sim) barCodePage(w http.ResponseWriter, r *http.Request) {
	person := r.URL.Query().Get("person")
	if person == "" {
		person = s.personOf(r)
	}
	code, err := s.ShowBarCode(BarCodeRequest{Person: person})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	showPage(w, "barcode", struct{ Person, Code string }{person, code})
}

func (s *Sim) bridgeScript(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	_, _ = io.WriteString(w, bridgeText)
}
