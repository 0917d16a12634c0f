package wechat_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"guodu/channels"
)

func TestAuthorizeURLKeepsItsOrder(t *testing.T) {
	ch := mustNew(t, config())
	got := ch.AuthorizeURL("s1&x", "https://card.example.edu.cn/h5/wechat/back?a=b")
	want := "https://open.weixin.qq.com/connect/oauth2/authorize?appid=" + appID +
		"&redirect_uri=https%3A%2F%2Fcard.example.edu.cn%2Fh5%2Fwechat%2Fback%3Fa%3Db" +
		"&response_type=code&scope=snsapi_base&state=s1%26x#wechat_redirect"
	if got != want {
		t.Fatalf("AuthorizeURL =\n%s\nwant\n%s", got, want)
	}
}

// textPlain is how WeChat answers, good or bad.
func textPlain(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Set-Cookie", "session=do-not-log-me")
		_, _ = io.WriteString(w, body)
	}
}

func TestExchangeGivesAPayer(t *testing.T) {
	var asked url.Values
	ch := against(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" || r.URL.Path != "/sns/oauth2/access_token" {
			t.Errorf("asked %s %s", r.Method, r.URL.Path)
		}
		asked = r.URL.Query()
		textPlain(`{"access_token":"A","expires_in":7200,"refresh_token":"R","openid":"`+openID+`","scope":"snsapi_base"}`)(w, r)
	})
	got, err := ch.Exchange(context.Background(), "071+x/y=")
	if err != nil || got.Kind != "openid" || got.ID != openID {
		t.Fatalf("Exchange = %v, %v", got, err)
	}
	want := url.Values{"appid": {appID}, "secret": {appSecret}, "code": {"071+x/y="}, "grant_type": {"authorization_code"}}
	if asked.Encode() != want.Encode() {
		t.Errorf("asked %v, want %v", asked, want)
	}
}

func TestExchangeOutcomes(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
		want   error
	}{
		{"code not valid", textPlain(`{"errcode":40029,"errmsg":"invalid code, rid: 64343c80"}`), channels.ErrCode},
		{"code used", textPlain(`{"errcode":40163,"errmsg":"code been used"}`), channels.ErrCode},
		{"snapshot user", textPlain(`{"openid":"` + openID + `","is_snapshotuser":1}`), channels.ErrVirtualPayer},
		{"snapshot user in another form", textPlain(`{"openid":"` + openID + `","is_snapshotuser":true}`), channels.ErrUnknownOutcome},
		{"busy", textPlain(`{"errcode":-1,"errmsg":"system error"}`), channels.ErrUnknownOutcome},
		{"limited", textPlain(`{"errcode":45011,"errmsg":"api minute-quota reach limit"}`), channels.ErrUnknownOutcome},
		{"secret not valid", textPlain(`{"errcode":40125,"errmsg":"invalid appsecret ` + appSecret + `"}`), channels.ErrRefused},
		{"app not valid", textPlain(`{"errcode":40013,"errmsg":"invalid appid"}`), channels.ErrRefused},
		{"risky user", textPlain(`{"errcode":40226,"errmsg":"` + strings.Repeat("x\\n", 1000) + `"}`), channels.ErrRefused},
		{"error beside an openid", textPlain(`{"errcode":40125,"openid":"` + openID + `"}`), channels.ErrRefused},
		{"no openid", textPlain(`{"access_token":"A"}`), channels.ErrUnknownOutcome},
		{"openid of another form", textPlain(`{"openid":"<script>"}`), channels.ErrUnknownOutcome},
		{"null", textPlain(`null`), channels.ErrUnknownOutcome},
		{"not JSON", textPlain(`<html>`), channels.ErrUnknownOutcome},
		{"proxy's page", htmlAnswer(502), channels.ErrUnknownOutcome},
		{"good body with a bad status", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(500)
			textPlain(`{"openid":"`+openID+`"}`)(w, r)
		}, channels.ErrUnknownOutcome},
		{"breaks off", breakOff, channels.ErrUnknownOutcome},
		{"endless", endless, channels.ErrUnknownOutcome},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := against(t, tc.answer).Exchange(context.Background(), "a-code")
			mustBe(t, err, tc.want)
			if strings.Contains(err.Error(), "a-code") || got.ID != "" {
				t.Errorf("Exchange = %#v, %v", got, err)
			}
		})
	}
}

func TestExchangeAsksNobodyForACodeOfAnotherForm(t *testing.T) {
	ch := against(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	for _, code := range []string{"", "a b", "a\nb", strings.Repeat("x", 513)} {
		_, err := ch.Exchange(context.Background(), code)
		mustBe(t, err, channels.ErrCode)
	}
}

// teller is a transport whose errors repeat the URL, as proxies' errors do.
type teller struct{}

func (teller) RoundTrip(req *http.Request) (*http.Response, error) {
	inner := &url.Error{Op: "proxyconnect", URL: req.URL.String(), Err: errors.New("cannot reach " + req.URL.RawQuery)}
	return nil, inner
}

func TestExchangeKeepsItsSecretOutOfErrors(t *testing.T) {
	// Characters that a URL escapes, behind codes of all lengths, so that
	// cutting the text for its length would cut the secret in two.
	const odd = "s3cret/+=&%" + "0123456789"
	cfg := config()
	cfg.AppSecret = odd
	for name, transport := range map[string]http.RoundTripper{
		"error that repeats the URL": teller{},
		"nobody listens":             &http.Transport{},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.Transport = transport
			ch := mustNew(t, cfg)
			for n := range 120 {
				_, err := ch.Exchange(context.Background(), strings.Repeat("c", n+1))
				mustBe(t, err, channels.ErrUnknownOutcome)
				var addressed *url.Error
				if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "0123456789") || errors.As(err, &addressed) {
					t.Fatalf("after a code of %d, the secret is in %v", n+1, err)
				}
			}
		})
	}
}
