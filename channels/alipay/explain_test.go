package alipay_test

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"

	"guodu/channels"
)

func TestExplainSaysThatAGoodNoticeIsGood(t *testing.T) {
	for _, part := range mustNew(t, config()).Explain(form(), []byte(told().signed().Encode())) {
		if !part.Good {
			t.Errorf("%s: %s", part.Name, part.Text)
		}
	}
}

// over is a notice whose signature is over another text than it should be.
func over(content string) url.Values {
	values := told().values()
	values.Set("sign", sign(alipayKey(), content))
	values.Set("sign_type", "RSA2")
	return values
}

func TestExplainNamesThePartThatIsWrong(t *testing.T) {
	good := told().signed()
	changed := func(name, value string) url.Values {
		values := told().signed()
		values.Set(name, value)
		return values
	}
	typed := told().with("sign_type", "RSA2").values()
	var raw []string
	for name, values := range told().values() {
		raw = append(raw, name+"="+url.QueryEscape(values[0]))
	}
	slices.Sort(raw)
	gbk, err := simplifiedchinese.GBK.NewEncoder().String(canonical(told().values()))
	if err != nil {
		t.Fatal(err)
	}
	twice := url.Values{}
	for name, values := range good {
		twice.Set(name, url.QueryEscape(values[0]))
	}
	plus := good
	for i := 0; !strings.Contains(plus.Get("sign"), "+"); i++ {
		plus = told().with("notify_id", strconv.Itoa(i)).signed()
	}
	plus.Set("sign", strings.ReplaceAll(plus.Get("sign"), "+", " "))
	for name, c := range map[string]struct {
		header http.Header
		body   string
		part   string
		text   string
	}{
		"JSON":                     {http.Header{"Content-Type": {"application/json"}}, good.Encode(), "headers", "application/json"},
		"no form":                  {form(), "%zz", "body", "not a form"},
		"a field twice":            {form(), good.Encode() + "&trade_no=1", "body", "more than once: trade_no"},
		"no sign":                  {form(), told().values().Encode(), "body", "none of them is sign"},
		"another sign_type":        {form(), changed("sign_type", "RSA").Encode(), "sign_type", "RSA2"},
		"certificate mode":         {form(), changed("alipay_cert_sn", "abc").Encode(), "key", "certificate mode"},
		"another app":              {form(), changed("app_id", "2021000000000009").Encode(), "app_id", "2021000000000009"},
		"no base64":                {form(), changed("sign", "%%%").Encode(), "signature", "not base64"},
		"+ became blank":           {form(), plus.Encode(), "signature", "decoded the form twice"},
		"with sign_type":           {form(), over(canonical(typed, "sign")).Encode(), "sign_type", "life account"},
		"not decoded":              {form(), over(strings.Join(raw, "&")).Encode(), "body", "as they were encoded"},
		"encoded twice":            {form(), withSign(twice, good).Encode(), "body", "decoded twice"},
		"another charset":          {form(), over(gbk).Encode(), "charset", "GBK"},
		"a field more":             {form(), changed("channel", "alipay").Encode(), "body", "without the field channel"},
		"another key or a changed": {form(), changed("total_amount", "0.01").Encode(), "key", "支付宝公钥"},
	} {
		found := mustNew(t, config()).Explain(c.header, []byte(c.body))
		if !slices.ContainsFunc(found, func(p channels.Part) bool { return !p.Good && p.Name == c.part && strings.Contains(p.Text, c.text) }) {
			t.Errorf("%s: want %s with %q bad, found %+v", name, c.part, c.text, found)
		}
	}
}

// withSign gives a form the signature of another.
func withSign(values, from url.Values) url.Values {
	values.Set("sign", from.Get("sign"))
	values.Set("sign_type", from.Get("sign_type"))
	return values
}
