package alipay

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"guodu/mocks/sim"
)

// ErrNoMessage says that there is nothing to explain at that place.
var ErrNoMessage = errors.New("alipay simulator: no such message")

// Explain says which part of a signed message is wrong: of a request to the
// gateway, or of a notify that a merchant has got. It tries the usual mistakes
// one by one.
// Errors: ErrNoMessage.
func (s *Sim) Explain(ask sim.ExplainRequest) (sim.Explanation, error) {
	query, body, notice, err := s.message(ask)
	if err != nil {
		return sim.Explanation{}, err
	}
	p := parameters(query, body)
	if len(p) == 0 {
		return sim.Explanation{}, fmt.Errorf("explain: %w", ErrNoMessage)
	}
	if notice || p["notify_id"] != "" {
		return s.explainNotice(parameterFields(p), parameterFields(parameters(body)), p["sign"]), nil
	}
	return s.explainRequest(p), nil
}

// message finds the parameters: in the timeline, or as they were pasted.
func (s *Sim) message(ask sim.ExplainRequest) (query, body string, notice bool, err error) {
	if ask.URL == "" && ask.Body == "" {
		events := s.Events(ask.Order)
		if ask.Event < 0 || ask.Event >= len(events) {
			return "", "", false, fmt.Errorf("explain %s, event %d: %w", ask.Order, ask.Event, ErrNoMessage)
		}
		e := events[ask.Event]
		ask.URL, ask.Body, notice = e.URL, e.RequestBody, e.Direction == "out"
	}
	u, err := url.Parse(ask.URL)
	if err != nil {
		return "", "", false, fmt.Errorf("explain %s: %w", ask.URL, err)
	}
	return u.RawQuery, strings.TrimRight(ask.Body, "\r\n"), notice, nil
}

func parameterFields(p map[string]string) []field {
	fields := make([]field, 0, len(p))
	for name, value := range p {
		fields = append(fields, field{name, value})
	}
	return fields
}

// explainRequest looks at a merchant's request.
func (s *Sim) explainRequest(p map[string]string) sim.Explanation {
	message, sign := requestMessage(p), p["sign"]
	key := s.opts.MerchantPublicKey
	holds := func(variant string) func() bool { return func() bool { return verifies(key, variant, sign) } }
	fields := parameterFields(p)
	findings := []sim.Finding{
		{Part: "app_id", OK: p["app_id"] == s.opts.AppID, Text: "app_id should be " + s.opts.AppID},
		{Part: "sign_type", OK: p["sign_type"] == "RSA2", Text: "sign_type should be RSA2"},
		{Part: "timestamp", OK: s.stampRight(p["timestamp"]), Text: "timestamp should be yyyy-MM-dd HH:mm:ss, Beijing time, now"},
	}
	guesses := []sim.Candidate{
		{Part: "sign_type", Text: "the signature is without sign_type: a request is signed with it, only a notify without",
			Holds: holds(canonical(fields, "sign", "sign_type"))},
		{Part: "encoding", Text: "the signature is over url-encoded values: sign first, then encode", Holds: holds(encodedMessage(fields))},
		{Part: "empty", Text: "the signature has empty values in it: leave them out", Holds: holds(messageWithEmpty(fields))},
		{Part: "encoding", Text: "a + in the signature was decoded to a space on the way: encode the form", Holds: func() bool {
			return verifies(key, message, strings.ReplaceAll(sign, " ", "+"))
		}},
		{Part: "charset", Text: "the signature is over GBK bytes, the parameters are UTF-8", Holds: holds(toBytes(charsetGBK, message))},
		{Part: "body", Text: "biz_content was changed after signing, by as much as spaces", Holds: holds(spaceless(fields))},
		{Part: "hash", Text: "the signature is SHA1withRSA: sign_type RSA2 is SHA256withRSA", Holds: func() bool { return verifiesOld(key, message, sign) }},
		{Part: "key", Text: "the signature is made with Alipay's key, not the app's", Holds: func() bool { return verifies(&s.platform.key.PublicKey, message, sign) }},
	}
	return sim.Explain(message, verifies(key, message, sign), findings, guesses)
}

func (s *Sim) stampRight(stamp string) bool {
	at, err := time.ParseInLocation(timeLayout, stamp, beijing)
	return err == nil && (s.opts.Profile.TimestampWindow == 0 || time.Since(at).Abs() <= s.opts.Profile.TimestampWindow)
}

// explainNotice looks at what a merchant has got; body is without what came in
// the query string.
func (s *Sim) explainNotice(fields, body []field, sign string) sim.Explanation {
	message := canonical(fields, "sign", "sign_type", "alipay_cert_sn")
	key := &s.platform.key.PublicKey
	holds := func(variant string) func() bool { return func() bool { return verifies(key, variant, sign) } }
	f := form(fields)
	findings := []sim.Finding{
		{Part: "app_id", OK: f.get("app_id") == s.opts.AppID, Text: "the notify is of another app"},
		{Part: "seller_id", OK: f.get("seller_id") == s.opts.SellerID, Text: "the notify is of another seller"},
	}
	other, err := stranger()
	guesses := []sim.Candidate{
		{Part: "sign_type", Text: "the signature is with sign_type in it: that is the rule of requests", Holds: holds(canonical(fields, "sign"))},
		{Part: "query", Text: "parameters of notify_url's own query string are not signed: take the body only",
			Holds: holds(canonical(body, "sign", "sign_type", "alipay_cert_sn"))},
		{Part: "charset", Text: "the fields are GBK and were taken for UTF-8", Holds: holds(canonical(inCharset(charsetGBK, fields), "sign", "sign_type", "alipay_cert_sn"))},
		{Part: "hash", Text: "the signature is SHA1withRSA", Holds: func() bool { return verifiesOld(key, message, sign) }},
		{Part: "key", Text: "the signature is made with a key that is not this Alipay's", Holds: func() bool {
			return err == nil && verifies(&other.key.PublicKey, message, sign)
		}},
		{Part: "key", Text: "the signature is made with the app's key, not Alipay's", Holds: func() bool { return verifies(s.opts.MerchantPublicKey, message, sign) }},
	}
	return sim.Explain(message, verifies(key, message, sign), findings, guesses)
}

func encodedMessage(fields []field) string {
	out := make([]field, 0, len(fields))
	for _, f := range fields {
		value := f.value
		if f.name != "sign" {
			value = url.QueryEscape(value)
		}
		out = append(out, field{f.name, value})
	}
	return canonical(out, "sign")
}

func messageWithEmpty(fields []field) string {
	var pairs []string
	for _, f := range fields {
		if f.name != "sign" {
			pairs = append(pairs, f.name+"="+f.value)
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// spaceless drops the spaces of biz_content.
func spaceless(fields []field) string {
	out := slices.Clone(fields)
	for i := range out {
		if out[i].name == "biz_content" {
			out[i].value = strings.NewReplacer(" ", "", "\n", "", "\t", "").Replace(out[i].value)
		}
	}
	return canonical(out, "sign")
}
