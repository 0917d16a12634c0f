package alipay

import (
	"html"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// cashierTemplate is the H5 cashier. The merchant's request travels within the
// form, because nothing is kept until somebody logs in.
var cashierTemplate = template.Must(template.New("cashier").Parse(`<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>支付宝收银台（模拟）</title>
</head>
<body>
<h1>模拟收银台</h1>
<p>{{.Subject}}</p>
<p>￥{{.Total}}</p>
{{if .TradeNo}}<p>交易号 {{.TradeNo}}</p>{{end}}
<form method="post" action="{{.Action}}">
<input type="hidden" name="request" value="{{.Request}}">
{{if not .TradeNo}}<button name="action" value="login">登录</button>{{end}}
<button name="action" value="pay">确认付款</button>
<button name="action" value="leave">取消</button>
</form>
</body>
</html>
`))

// cashierPage shows the order; no is the trade's number once there is one.
func (c *call) cashierPage(t terms, no string) answer {
	request := url.Values{}
	for name, value := range c.params {
		request.Set(name, value)
	}
	var out strings.Builder
	err := cashierTemplate.Execute(&out, struct{ Subject, Total, TradeNo, Action, Request string }{
		t.Subject, yuan(t.TotalFen), no, wapCashierPath, request.Encode(),
	})
	if err != nil {
		return textPage(http.StatusInternalServerError, err.Error())
	}
	return pageAnswer(http.StatusOK, charsetUTF8, out.String())
}

// errorPage is what a browser gets to see of the gateway's errors, in GBK and
// with HTTP 200.
func errorPage(r *refusal) answer {
	text := "<html><head><title>支付宝 - 错误提示</title></head><body><h3>调试错误，请回到请求来源地，重新发起请求。</h3>" +
		"<p>错误代码 " + strings.TrimPrefix(r.SubCode, "isv.") + "</p></body></html>"
	return pageAnswer(http.StatusOK, charsetGBK, text)
}

func textPage(status int, text string) answer {
	return pageAnswer(status, charsetUTF8, "<html><body><h3>"+html.EscapeString(text)+"</h3></body></html>")
}

func pageAnswer(status int, charset, text string) answer {
	return answer{status: status, kind: typeHTML + charset, body: toBytes(charset, text), label: strconv.Itoa(status)}
}
