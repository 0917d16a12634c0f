package wechatpay_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"guodu/mocks/wechatpay"
)

// wrongForms are prepay requests with one thing wrong, and the field that the
// answer has to name.
func wrongForms() map[string]struct {
	form  form
	field string
} {
	good := orderForm("FORM0001")
	total := func(v any) form { return good.with("amount", form{"total": v}) }
	return map[string]struct {
		form  form
		field string
	}{
		"appid missing":               {good.without("appid"), "/appid"},
		"mchid missing":               {good.without("mchid"), "/mchid"},
		"description missing":         {good.without("description"), "/description"},
		"description empty":           {good.with("description", ""), "/description"},
		"description of 128":          {good.with("description", strings.Repeat("饭", 128)), "/description"},
		"out_trade_no missing":        {good.without("out_trade_no"), "/out_trade_no"},
		"out_trade_no of 5":           {good.with("out_trade_no", "12345"), "/out_trade_no"},
		"out_trade_no of 33":          {good.with("out_trade_no", strings.Repeat("1", 33)), "/out_trade_no"},
		"out_trade_no with a dot":     {good.with("out_trade_no", "123456.7"), "/out_trade_no"},
		"out_trade_no with @":         {good.with("out_trade_no", "123456@7"), "/out_trade_no"},
		"attach of 129":               {good.with("attach", strings.Repeat("饭", 129)), "/attach"},
		"notify_url missing":          {good.without("notify_url"), "/notify_url"},
		"notify_url of 256":           {good.with("notify_url", notifyURL+strings.Repeat("a", 256)), "/notify_url"},
		"notify_url with query":       {good.with("notify_url", notifyURL+"?a=1"), "/notify_url"},
		"notify_url with empty query": {good.with("notify_url", notifyURL+"?"), "/notify_url"},
		"notify_url without path":     {good.with("notify_url", "https://pay.example.edu"), "/notify_url"},
		"notify_url of ftp":           {good.with("notify_url", "ftp://pay.example.edu/n"), "/notify_url"},
		"notify_url private":          {good.with("notify_url", "http://10.0.0.1/n"), "/notify_url"},
		"notify_url one label":        {good.with("notify_url", "http://hub/n"), "/notify_url"},
		"time_expire no zone":         {good.with("time_expire", "2026-03-02T10:30:00"), "/time_expire"},
		"amount missing":              {good.without("amount"), "/amount"},
		"amount a number":             {good.with("amount", 1), "/amount"},
		"total missing":               {good.with("amount", form{"currency": "CNY"}), "/amount/total"},
		"total zero":                  {total(0), "/amount/total"},
		"total negative":              {total(-1), "/amount/total"},
		"total a text":                {total("5000"), "/amount/total"},
		"total a fraction":            {total(1.5), "/amount/total"},
		"total 1e3":                   {total(json.RawMessage("1e3")), "/amount/total"},
		"total beyond 64 bits":        {total(json.RawMessage("9223372036854775808")), "/amount/total"},
		"currency USD":                {good.with("amount", form{"total": 1, "currency": "USD"}), "/amount/currency"},
		"payer missing":               {good.without("payer"), "/payer"},
		"openid missing":              {good.with("payer", form{}), "/payer/openid"},
		"extra field":                 {good.with("trade_type", "JSAPI"), "/trade_type"},
		"extra field inside":          {good.with("payer", form{"openid": "o", "sub_openid": "o"}), "/payer/sub_openid"},
		"null":                        {good.with("attach", nil), "/attach"},
		"support_fapiao a text":       {good.with("support_fapiao", "true"), "/support_fapiao"},
		"scene without ip":            {good.with("scene_info", form{"device_id": "1"}), "/scene_info/payer_client_ip"},
		"goods without quantity": {good.with("detail", form{"goods_detail": []form{
			{"merchant_goods_id": "1", "unit_price": 1}}}), "/detail/goods_detail/0/quantity"},
		"detail over 6144 bytes": {good.with("detail", form{"goods_detail": manyGoods(120)}), "/detail"},
	}
}

func manyGoods(n int) []form {
	out := make([]form, n)
	for i := range out {
		out[i] = form{"merchant_goods_id": "1", "quantity": 1, "unit_price": 1}
	}
	return out
}

func TestWrongPrepayFieldsAreNamed(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for name, c := range wrongForms() {
		t.Run(name, func(t *testing.T) {
			b := b.in(t)
			r := b.call(http.MethodPost, prepayURL, c.form.json(t))
			b.want(r, http.StatusBadRequest, "PARAM_ERROR")
			var e struct {
				Detail struct{ Field, Location string }
			}
			err := json.Unmarshal(r.body, &e)
			if err != nil || e.Detail.Field != c.field || e.Detail.Location != "body" {
				t.Fatalf("answer is %s, want the field %s", r.body, c.field)
			}
		})
	}
	if len(b.sim.Book().Orders) != 0 {
		t.Fatal("a wrong request made an order")
	}
}

func TestBrokenJSONIsParamError(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, body := range []string{"{", "[]", "null", `"x"`, "{} {}", "{\"a\":\"\xff\"}"} {
		b.want(b.call(http.MethodPost, prepayURL, body), http.StatusBadRequest, "PARAM_ERROR")
	}
	b.want(b.call(http.MethodPost, prepayURL, ""), http.StatusBadRequest, "PARAM_ERROR")
	whole := orderForm("BROKEN01").json(t)
	for _, body := range []string{whole + "{}", whole + "x", strings.Replace(whole, "recharge", "re\xffcharge", 1)} {
		b.want(b.call(http.MethodPost, prepayURL, body), http.StatusBadRequest, "PARAM_ERROR")
	}
	b.want(b.call(http.MethodPost, prepayURL, whole), http.StatusOK, "")
}

func TestLengthsCountCharactersAndEveryDocumentedFieldPasses(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	f := orderForm("Aa0_-|*")
	f["description"], f["attach"] = strings.Repeat("饭", 127), strings.Repeat("饭", 128)
	f["time_expire"], f["goods_tag"], f["support_fapiao"] = "2026-03-02T19:00:00+08:00", "WXG", true
	f["amount"] = form{"total": 1}
	f["settle_info"] = form{"profit_sharing": false}
	f["scene_info"] = form{"payer_client_ip": "10.0.0.1", "device_id": "1", "store_info": form{"id": "1"}}
	f["detail"] = form{"cost_price": 1, "invoice_id": "1", "goods_detail": manyGoods(2)}
	b.prepay(f)
}

func TestPartiesThatDoNotBelongTogetherAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	good := orderForm("PARTY001")
	for name, c := range map[string]struct {
		form   form
		status int
		code   string
	}{
		"other merchant":         {good.with("mchid", "1900000108"), 400, "PARAM_ERROR"},
		"other account":          {good.with("appid", "wxfedcba9876543210"), 400, "APPID_MCHID_NOT_MATCH"},
		"openid of another":      {good.with("payer", form{"openid": wechatpay.OpenID("wx2", person)}), 500, "OPENID_MISMATCH"},
		"openid out of thin air": {good.with("payer", form{"openid": "o" + strings.Repeat("x", 27)}), 400, "PARAM_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			b := b.in(t)
			b.want(b.call(http.MethodPost, prepayURL, c.form.json(t)), c.status, c.code)
		})
	}
}

func TestRepeatedPrepay(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	f := orderForm("AGAIN001")
	first := b.prepay(f)
	if second := b.prepay(f); second == first {
		t.Fatal("the same prepay_id came twice")
	}
	for name, other := range map[string]form{
		"other amount": f.with("amount", form{"total": 5001, "currency": "CNY"}),
		"other attach": f.with("attach", "x"),
		"other payer":  f.with("payer", form{"openid": wechatpay.OpenID(appID, "lisi")}),
		"other expiry": f.with("time_expire", "2026-03-02T19:00:00+08:00"),
	} {
		t.Run(name, func(t *testing.T) {
			b := b.in(t)
			b.want(b.call(http.MethodPost, prepayURL, other.json(t)), http.StatusBadRequest, "INVALID_REQUEST")
		})
	}
	b.paid(f)
	b.want(b.call(http.MethodPost, prepayURL, f.json(t)), http.StatusBadRequest, "ORDER_PAID")
	g := orderForm("AGAIN002")
	b.prepay(g)
	b.want(b.call(http.MethodPost, closeURL("AGAIN002"), closeBody), http.StatusNoContent, "")
	b.want(b.call(http.MethodPost, prepayURL, g.json(t)), http.StatusBadRequest, "ORDER_CLOSED")
}

func TestRepeatWithTheFieldsInAnotherOrderIsTheSame(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	f := orderForm("AGAIN003")
	b.prepay(f)
	turned := strings.Replace(strings.TrimSpace(f.json(t)), "{", `{ "goods_tag":"", `, 1)
	b.want(b.call(http.MethodPost, prepayURL, turned), http.StatusBadRequest, "INVALID_REQUEST")
	last := strings.Replace(f.without("appid").json(t), "{", `{ "appid" : "`+appID+`",`, 1)
	b.want(b.call(http.MethodPost, prepayURL, last), http.StatusOK, "")
}

func TestLoopbackNotifyHasToBeAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *wechatpay.Options) { o.AllowLoopbackNotify = false })
	for _, u := range []string{notifyURL, "http://localhost/n", "http://[::1]/n", "http://a.localhost/n"} {
		b.want(b.call(http.MethodPost, prepayURL, orderForm("LOOP0001").with("notify_url", u).json(t)),
			http.StatusBadRequest, "PARAM_ERROR")
	}
	b.prepay(orderForm("LOOP0001").with("notify_url", "https://pay.example.edu/n"))
}

func TestPrepayAfterTheOrderExpiredIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	f := orderForm("LATE0001").with("time_expire", "2026-03-02T18:30:00+08:00")
	b.prepay(f)
	b.clock.Advance(30 * time.Minute)
	b.want(b.call(http.MethodPost, prepayURL, f.json(t)), http.StatusBadRequest, "INVALID_REQUEST")
}
