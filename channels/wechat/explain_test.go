package wechat_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"guodu/channels"
	"guodu/channels/wechat"
)

func TestExplainSaysThatAGoodCallbackIsGood(t *testing.T) {
	body := notice(paid().bytes()).bytes()
	for _, part := range mustNew(t, config()).Explain(headers(body, noon()), body) {
		if !part.Good {
			t.Errorf("%s: %s", part.Name, part.Text)
		}
	}
}

func TestExplainNamesThePartThatIsWrong(t *testing.T) {
	good := notice(paid().bytes()).bytes()
	pretty := append(bytes.Clone(good), '\n')
	header := func(change func(http.Header)) http.Header {
		h := headers(good, noon())
		change(h)
		return h
	}
	exchanged := headers(good, noon())
	exchanged.Set("Wechatpay-Timestamp", exchanged.Get("Wechatpay-Nonce"))
	for name, c := range map[string]struct {
		header http.Header
		body   []byte
		part   string
		text   string
	}{
		"no headers":        {http.Header{}, good, "headers", "is missing"},
		"a header twice":    {header(func(h http.Header) { h.Add("Wechatpay-Nonce", "x") }), good, "headers", "2 times"},
		"an empty header":   {header(func(h http.Header) { h.Set("Wechatpay-Nonce", "") }), good, "headers", "empty"},
		"another algorithm": {header(func(h http.Header) { h.Set("Wechatpay-Signature-Type", "SM2") }), good, "headers", "SM2"},
		"an old message":    {headers(good, noon().Add(-time.Hour)), good, "timestamp", "3600 s"},
		"an unknown serial": {header(func(h http.Header) { h.Set("Wechatpay-Serial", "PUB_KEY_ID_99") }), good, "serial", "no key that this hub has"},
		"a probe":           {header(func(h http.Header) { h.Set("Wechatpay-Signature", "WECHATPAY/SIGNTEST/abc") }), good, "signature", "a probe"},
		"no base64":         {header(func(h http.Header) { h.Set("Wechatpay-Signature", "%%%") }), good, "signature", "not base64"},
		"another nonce":     {header(func(h http.Header) { h.Set("Wechatpay-Nonce", "another") }), good, "signature", "cannot be guessed"},
		"a line end more":   {headers(good, noon()), append(bytes.Clone(good), '\n'), "body", "without the line end"},
		"a line end less":   {headers(pretty, noon()), good, "body", "with a line end"},
		"a mark before it":  {headers(good, noon()), append([]byte("\xEF\xBB\xBF"), good...), "body", "byte order mark"},
		"printed again":     {headers(good, noon()), bytes.ReplaceAll(good, []byte(`","`), []byte(`",  "`)), "body", "in one line"},
		"CRLF":              {headers(bytes.ReplaceAll(good, []byte(","), []byte(",\n")), noon()), bytes.ReplaceAll(good, []byte(","), []byte(",\r\n")), "body", "CRLF"},
		"a lost body":       {headers(nil, noon()), good, "body", "empty body"},
		"no resource":       {headers([]byte("{}"), noon()), []byte("{}"), "resource", "not a callback's JSON"},
		"sealed by another": {headers(good, noon()), good, "resource", "APIv3 key"},
	} {
		cfg := config()
		if name == "sealed by another" {
			cfg.APIv3Key = []byte(strings.Repeat("k", 32))
		}
		found := mustNew(t, cfg).Explain(c.header, c.body)
		if !slices.ContainsFunc(found, func(p channels.Part) bool { return !p.Good && p.Name == c.part && strings.Contains(p.Text, c.text) }) {
			t.Errorf("%s: want %s with %q bad, found %+v", name, c.part, c.text, found)
		}
	}
}

func TestExplainFindsTheKeyThatDidSign(t *testing.T) {
	cfg := config()
	cfg.Keys.Public = append(cfg.Keys.Public, wechat.PublicKey{ID: "PUB_KEY_ID_0000000002", PEM: spki(&newKey().PublicKey)})
	body := notice(paid().bytes()).bytes()
	h := headers(body, noon())
	h.Set("Wechatpay-Serial", "PUB_KEY_ID_0000000002")
	found := mustNew(t, cfg).Explain(h, body)
	if !slices.ContainsFunc(found, func(p channels.Part) bool {
		return !p.Good && p.Name == "serial" && strings.Contains(p.Text, "names another one")
	}) {
		t.Errorf("found %+v", found)
	}
}
