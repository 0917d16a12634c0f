package alipay

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/text/encoding/simplifiedchinese"

	"guodu/channels"
)

var _ channels.Explainer = (*Channel)(nil)

// Explain implements [channels.Explainer] (异步通知验签: 除去 sign 和 sign_type,
// 解码, 按字典序).
func (c *Channel) Explain(header http.Header, body []byte) []channels.Part {
	e := explanation{channel: c, body: string(body)}
	e.kind(header)
	if e.form() {
		e.names()
		e.signature()
		e.content()
	}
	return e.parts
}

// explanation collects what is found of one notice.
type explanation struct {
	channel *Channel
	body    string
	fields  url.Values
	parts   []channels.Part
}

func (e *explanation) good(name, format string, args ...any) {
	e.parts = append(e.parts, channels.Part{Name: name, Good: true, Text: fmt.Sprintf(format, args...)})
}

func (e *explanation) bad(name, format string, args ...any) {
	e.parts = append(e.parts, channels.Part{Name: name, Text: fmt.Sprintf(format, args...)})
}

func (e *explanation) kind(header http.Header) {
	if err := isForm(header); err != nil {
		e.bad("headers", "%v", err)
		return
	}
	e.good("headers", "a form")
}

// form reads the body, and says whether there is a signature to look at.
func (e *explanation) form() bool {
	fields, err := url.ParseQuery(strings.TrimRight(e.body, "\r\n"))
	if err != nil {
		e.bad("body", "it is not a form: %s", clip(err.Error()))
		return false
	}
	var twice []string
	for name, values := range fields {
		if len(values) != 1 {
			twice = append(twice, clip(name))
		}
	}
	if len(twice) > 0 {
		slices.Sort(twice)
		e.bad("body", "there more than once: %s. Fields of the address must not be mixed with those of the body", strings.Join(twice, ", "))
		return false
	}
	e.fields = fields
	for name, values := range fields {
		if why := ambiguous(name, values[0]); why != "" {
			e.bad("body", "%s: the signature would hold for either reading, so the hub believes none", why)
			return false
		}
	}
	if fields.Get("sign") == "" {
		e.bad("body", "%d fields, and none of them is sign: this is no notice, or something has taken it out", len(fields))
		return false
	}
	e.good("body", "%d fields, each once", len(fields))
	return true
}

// names says whose notice it is.
func (e *explanation) names() {
	if got := e.fields.Get("sign_type"); got != signType {
		e.bad("sign_type", "%q, and only %s is understood: choose RSA2 for the app", clip(got), signType)
	} else {
		e.good("sign_type", signType)
	}
	if e.fields.Has("alipay_cert_sn") {
		e.bad("key", "it is signed for certificate %q: the app is in certificate mode, this hub has the key of key mode", clip(e.fields.Get("alipay_cert_sn")))
	}
	if got := e.fields.Get("app_id"); got != e.channel.appID {
		e.bad("app_id", "%q; this hub's app is %s", clip(got), e.channel.appID)
	} else {
		e.good("app_id", "this hub's")
	}
}

// content says what the notice tells, as the hub reads it.
func (e *explanation) content() {
	p, err := e.channel.read(e.fields)
	if err != nil {
		e.bad("content", "%v", err)
		return
	}
	e.good("content", "order %q is %s, %s yuan, trade %q, refunded %v", clip(p.OrderNo), p.State, p.Amount.Yuan(), clip(p.TransactionID), p.Refunded)
	if p.Misdirected != "" {
		e.bad("merchant", "%s is not that of %s: it becomes a case", p.Misdirected, e.channel.Merchant())
	}
}

// signature says whether it holds, and if not, what would make it hold.
func (e *explanation) signature() {
	raw, err := base64.StdEncoding.DecodeString(e.fields.Get("sign"))
	if err != nil {
		blanks := strings.ReplaceAll(e.fields.Get("sign"), " ", "+")
		if raw, err = base64.StdEncoding.DecodeString(blanks); err != nil {
			e.bad("signature", "not base64: something on the way changed or cut it")
			return
		}
		if e.holds(content(e.fields, false), raw) {
			e.bad("signature", "it holds with + in place of blanks: something has decoded the form twice")
			return
		}
	}
	if e.channel.client.VerifySign(context.Background(), e.fields) == nil {
		e.good("signature", "holds over the %d other fields", len(e.fields)-2)
		return
	}
	for _, t := range e.tries() {
		if e.holds(t.content, raw) {
			e.bad(t.part, "%s", t.what)
			return
		}
	}
	e.bad("key", "the signature, %d bytes long, does not hold with any of the hub's %d keys: alipay.public_key_file must hold Alipay's public key of this very "+
		"app (支付宝公钥, not 应用公钥), or a field was changed", len(raw), len(*e.channel.keys.keys.Load()))
}

// try is a text that may be the one that was signed.
type try struct{ part, what, content string }

// tries are the signed text as usual accidents change it, taken back.
func (e *explanation) tries() []try {
	full := url.Values{}
	for name, values := range e.fields {
		if values[0] != "" {
			full[name] = values
		}
	}
	all := []try{
		{"body", "the signature holds without the empty fields: something has added them", content(full, false)},
		{"sign_type", "the signature holds with sign_type among the signed fields: it is a message of the life account's gateway, not a notice", content(e.fields, true)},
		{"body", "the signature holds over the values as they were encoded: they must be decoded once before they are checked", undecoded(e.body)},
	}
	again := url.Values{}
	for name, values := range e.fields {
		if value, err := url.QueryUnescape(values[0]); err == nil {
			again.Set(name, value)
		}
	}
	all = append(all, try{"body", "the signature holds over values that are decoded twice: something has encoded the form once more", content(again, false)})
	text := content(e.fields, false)
	if out, err := simplifiedchinese.GBK.NewEncoder().String(text); err == nil {
		all = append(all, try{"charset", "the signature holds in GBK: something has changed the charset; take the bytes as they come", out})
	}
	if out, err := simplifiedchinese.GBK.NewDecoder().String(text); err == nil {
		all = append(all, try{"charset", "the signature holds in UTF-8: something has changed the charset; take the bytes as they come", out})
	}
	for name := range e.fields {
		if name == "sign" || name == "sign_type" {
			continue
		}
		less := url.Values{}
		for other, values := range e.fields {
			if other != name {
				less[other] = values
			}
		}
		all = append(all, try{"body", "the signature holds without the field " + clip(name) + ": something has added it", content(less, false)})
	}
	return all
}

func (e *explanation) holds(text string, signature []byte) bool {
	return e.channel.keys.VerifyBytes([]byte(text), signature) == nil
}

// content is the text that Alipay signs: name=value of all fields but sign (and,
// usually, sign_type), sorted, joined by &.
func content(fields url.Values, withType bool) string {
	var pairs []string
	for name := range fields {
		if name != "sign" && (name != "sign_type" || withType) {
			pairs = append(pairs, name+"="+fields.Get(name))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// undecoded is content of the values as the body has them.
func undecoded(body string) string {
	raw := url.Values{}
	for pair := range strings.SplitSeq(strings.TrimRight(body, "\r\n"), "&") {
		name, value, _ := strings.Cut(pair, "=")
		raw.Set(name, value)
	}
	return content(raw, false)
}
