package wechatpay

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"guodu/mocks/sim"
)

// Explain says why a signature does not hold, or that it does: of a request by
// the merchant (it has an Authorization header), or of an answer or callback by
// the platform (it has a Wechatpay-Signature header).
// Errors: sim.ErrUnknownOrder, when there is no such event.
func (s *Sim) Explain(r sim.ExplainRequest) (sim.Explanation, error) {
	m := message{method: r.Method, url: r.URL, header: http.Header{}, body: r.Body, read: time.Now()}
	for name, value := range r.Header {
		m.header.Set(name, value)
	}
	if r.Order != "" {
		events := s.Events(r.Order)
		if r.Event < 0 || r.Event >= len(events) {
			return sim.Explanation{}, fmt.Errorf("event %d of %s: %w", r.Event, r.Order, ErrUnknownOrder)
		}
		e := events[r.Event]
		m = message{method: e.Method, url: e.URL, header: e.RequestHeader, body: e.RequestBody, read: e.Stamp}
	}
	if m.header.Get("Authorization") == "" && m.header.Get(headerSignature) != "" {
		return s.explainPlatform(m), nil
	}
	return s.explainMerchant(m), nil
}

// message is a signed message, and when it was read.
type message struct {
	method, url string
	header      http.Header
	body        string
	read        time.Time
}

// explainMerchant takes a request apart.
func (s *Sim) explainMerchant(m message) sim.Explanation {
	cred, ok := parseCredential(m.header.Get("Authorization"))
	if !ok {
		return sim.Explanation{Differs: "authorization", Text: "the Authorization header is missing, or has not exactly the five quoted fields " +
			"mchid, nonce_str, signature, timestamp, serial_no after " + signatureScheme}
	}
	over := func(url, body string) string { return lines(m.method, url, cred.timestamp, cred.nonce, body) }
	holds := func(text string) func() bool {
		return func() bool { return s.verifyMerchant(text, cred.signature) }
	}
	unix, err := strconv.ParseInt(cred.timestamp, 10, 64)
	late := m.read.Sub(time.Unix(unix, 0))
	findings := []sim.Finding{
		{Part: "timestamp", OK: err == nil && late.Abs() < clockWindow, Text: fmt.Sprintf("timestamp %s is %v behind the platform's clock; 5 min is the limit", cred.timestamp, late.Round(time.Second))},
		{Part: "serial", OK: cred.serial == s.opts.MerchantSerial, Text: "serial_no " + cred.serial + " is not that of the merchant's certificate"},
		{Part: "mchid", OK: cred.mchid == s.opts.MchID, Text: "mchid " + cred.mchid + " is not the merchant"},
	}
	path, query, _ := strings.Cut(m.url, "?")
	decoded, _ := url.QueryUnescape(m.url)
	right := over(m.url, m.body)
	guesses := []sim.Candidate{
		{Part: "body", Text: "an empty body was signed", Holds: holds(over(m.url, ""))},
		{Part: "body", Text: "the body was signed without the newline at its end", Holds: holds(over(m.url, strings.TrimRight(m.body, "\r\n")))},
		{Part: "body", Text: "the last line lacks its newline: the string to sign ends with a newline after the body too", Holds: holds(strings.TrimSuffix(right, "\n"))},
		{Part: "body", Text: "the body was signed with a newline at its end that was not sent", Holds: holds(over(m.url, m.body+"\n"))},
		{Part: "body", Text: "the body was signed with HTML characters escaped", Holds: holds(over(m.url, escapeHTML(m.body)))},
		{Part: "body", Text: "the body was signed compact, and sent with spaces", Holds: holds(over(m.url, compact(m.body)))},
		{Part: "url", Text: "the query string was left out: the URL is the path with its query", Holds: holds(over(path, m.body))},
		{Part: "url", Text: "the URL was signed with its host", Holds: holds(over(realHost+m.url, m.body))},
		{Part: "url", Text: "the URL was signed decoded, and sent encoded", Holds: holds(over(decoded, m.body))},
		{Part: "url", Text: "the query string was signed without its question mark", Holds: holds(over(path+query, m.body))},
		{Part: "method", Text: "the method was signed in small letters", Holds: holds(lines(strings.ToLower(m.method), m.url, cred.timestamp, cred.nonce, m.body))},
		{Part: "timestamp", Text: "nonce and timestamp were signed in the wrong order", Holds: holds(lines(m.method, m.url, cred.nonce, cred.timestamp, m.body))},
		{Part: "timestamp", Text: "the timestamp was signed in milliseconds", Holds: holds(lines(m.method, m.url, cred.timestamp+"000", cred.nonce, m.body))},
		{Part: "nonce", Text: "the nonce was signed in small letters", Holds: holds(lines(m.method, m.url, cred.timestamp, strings.ToLower(cred.nonce), m.body))},
		{Part: "nonce", Text: "the nonce was signed in capital letters", Holds: holds(lines(m.method, m.url, cred.timestamp, strings.ToUpper(cred.nonce), m.body))},
	}
	out := sim.Explain(right, s.verifyMerchant(right, cred.signature), findings, guesses)
	if !out.Valid && out.Differs == "" {
		out.Differs, out.Text = "key", out.Text+"; first see whether the private key belongs to certificate "+s.opts.MerchantSerial
	}
	return out
}

func escapeHTML(body string) string {
	return strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`).Replace(body)
}

func compact(body string) string {
	tree, wrong := decode([]byte(body))
	if wrong != nil {
		return body
	}
	return string(encode(tree))
}

// explainPlatform takes an answer or a callback apart, as a merchant got it.
func (s *Sim) explainPlatform(m message) sim.Explanation {
	get := m.header.Get
	signature, serial := get(headerSignature), get(headerSerial)
	if strings.HasPrefix(signature, signtestStart) {
		return sim.Explanation{Differs: "signature", Text: "this is a probe of WeChat Pay: it must fail to verify, be refused, and the real one follows"}
	}
	key, known := s.keys.named(serial)
	if !known {
		return sim.Explanation{Differs: "serial", Text: "Wechatpay-Serial " + serial + " is no key of this platform"}
	}
	over := func(body string) string { return lines(get(headerTimestamp), get(headerNonce), body) }
	holds := func(text string) func() bool { return func() bool { return key.signs(text, signature) } }
	unix, err := strconv.ParseInt(get(headerTimestamp), 10, 64)
	late := m.read.Sub(time.Unix(unix, 0))
	right := over(m.body)
	return sim.Explain(right, key.signs(right, signature), []sim.Finding{
		{Part: "timestamp", OK: err == nil && late.Abs() < clockWindow, Text: fmt.Sprintf("the stamp is %v old; 5 min is the limit", late.Round(time.Second))},
	}, []sim.Candidate{
		{Part: "body", Text: "the body was read with a newline at its end that is not part of it", Holds: holds(over(strings.TrimRight(m.body, "\r\n")))},
		{Part: "body", Text: "the body was decoded and encoded again: keep the raw bytes", Holds: holds(over(compact(m.body)))},
		{Part: "key", Text: "it was signed by the platform's public key, not by the one of its serial", Holds: func() bool { return s.keys.public.signs(right, signature) }},
	})
}
