package wechat_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"guodu/channels"
)

func TestParseNotifyRefusesWhatIsNotAuthentic(t *testing.T) {
	ch := mustNew(t, config())
	body := notice(paid().bytes()).bytes()
	// restamp signs what it sets, so that only the form can be at fault.
	restamp := func(h http.Header, timestamp, nonce string) {
		h.Set("Wechatpay-Timestamp", timestamp)
		h.Set("Wechatpay-Nonce", nonce)
		h.Set("Wechatpay-Signature", sign(platformKey(), timestamp+"\n"+nonce+"\n"+string(body)+"\n"))
	}
	set := func(name, value string) func(http.Header) { return func(h http.Header) { h.Set(name, value) } }
	for _, tc := range []struct {
		name  string
		spoil func(http.Header)
	}{
		{"no timestamp", func(h http.Header) { h.Del("Wechatpay-Timestamp") }},
		{"no nonce", func(h http.Header) { h.Del("Wechatpay-Nonce") }},
		{"no serial", func(h http.Header) { h.Del("Wechatpay-Serial") }},
		{"no signature", func(h http.Header) { h.Del("Wechatpay-Signature") }},
		{"two timestamps", func(h http.Header) { h.Add("Wechatpay-Timestamp", h.Get("Wechatpay-Timestamp")) }},
		{"two signatures", func(h http.Header) { h.Add("Wechatpay-Signature", "x") }},
		{"two signature types", func(h http.Header) { h.Add("Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048") }},
		{"timestamp that is no number", set("Wechatpay-Timestamp", "now")},
		{"timestamp with a sign", func(h http.Header) { restamp(h, "+"+h.Get("Wechatpay-Timestamp"), "n") }},
		{"timestamp with a zero before", func(h http.Header) { restamp(h, "0"+h.Get("Wechatpay-Timestamp"), "n") }},
		{"timestamp too long", set("Wechatpay-Timestamp", strings.Repeat("1", 13))},
		{"nonce too long", func(h http.Header) { restamp(h, h.Get("Wechatpay-Timestamp"), strings.Repeat("n", 129)) }},
		{"nonce with a line end", func(h http.Header) { restamp(h, h.Get("Wechatpay-Timestamp"), "a\nb") }},
		{"another nonce", set("Wechatpay-Nonce", "another")},
		{"serial of another key", set("Wechatpay-Serial", "PUB_KEY_ID_0000000000000024101100397200000007")},
		{"serial of a certificate", set("Wechatpay-Serial", serial)},
		{"serial too long", set("Wechatpay-Serial", strings.Repeat("S", 129))},
		{"signature of another scheme", set("Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3")},
		{"empty signature type", set("Wechatpay-Signature-Type", "")},
		{"signature that is not base64", set("Wechatpay-Signature", "!!!!")},
		{"probe", func(h http.Header) {
			h.Set("Wechatpay-Signature", "WECHATPAY/SIGNTEST/"+h.Get("Wechatpay-Signature"))
		}},
		{"signature too long", set("Wechatpay-Signature", strings.Repeat("A", 1028))},
		{"signature cut short", func(h http.Header) { h.Set("Wechatpay-Signature", h.Get("Wechatpay-Signature")[4:]) }},
		{"signature of an empty text", set("Wechatpay-Signature", sign(platformKey(), ""))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			header := headers(body, noon())
			header.Set("Cookie", "session=do-not-log-me")
			tc.spoil(header)
			got, err := ch.ParseNotify(context.Background(), header, body)
			mustBe(t, err, channels.ErrNotice)
			mustBeNothing(t, got)
		})
	}
}

func TestParseNotifyRefusesAnotherSigner(t *testing.T) {
	ch := mustNew(t, config())
	body := notice(paid().bytes()).bytes()
	header := headers(body, noon())
	message := header.Get("Wechatpay-Timestamp") + "\n" + header.Get("Wechatpay-Nonce") + "\n" + string(body) + "\n"
	header.Set("Wechatpay-Signature", sign(merchantKey(), message))
	_, err := ch.ParseNotify(context.Background(), header, body)
	mustBe(t, err, channels.ErrNotice)
}

func TestParseNotifyRefusesAChangedBody(t *testing.T) {
	ch := mustNew(t, config())
	body := notice(paid().bytes()).bytes()
	header := headers(body, noon())
	for name, changed := range map[string][]byte{
		"one byte more": append(bytes.Clone(body), '\n'),
		"one byte less": body[:len(body)-1],
		"another case":  bytes.Replace(body, []byte("TRANSACTION.SUCCESS"), []byte("TRANSACTION.success"), 1),
		"empty":         nil,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ch.ParseNotify(context.Background(), header, changed)
			mustBe(t, err, channels.ErrNotice)
		})
	}
}

func TestParseNotifyTakesFiveMinutesEitherWay(t *testing.T) {
	ch := mustNew(t, config())
	body := notice(paid().bytes()).bytes()
	for _, tc := range []struct {
		name  string
		shift time.Duration
		want  error
	}{
		{"just fresh", -299 * time.Second, nil},
		{"just not in the future", 299 * time.Second, nil},
		{"too old", -300 * time.Second, channels.ErrNotice},
		{"too far ahead", 300 * time.Second, channels.ErrNotice},
		{"years old", -10 * 365 * 24 * time.Hour, channels.ErrNotice},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ch.ParseNotify(context.Background(), headers(body, noon().Add(tc.shift)), body)
			if !errors.Is(err, tc.want) {
				t.Fatalf("ParseNotify = %v, want %v", err, tc.want)
			}
		})
	}
}

func TestParseNotifyTakesNoSignatureTypeForTheUsualOne(t *testing.T) {
	ch := mustNew(t, config())
	body := notice(paid().bytes()).bytes()
	header := headers(body, noon())
	header.Del("Wechatpay-Signature-Type")
	_, err := ch.ParseNotify(context.Background(), header, body)
	if err != nil {
		t.Fatalf("ParseNotify: %v", err)
	}
}
