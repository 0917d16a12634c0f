package alipay_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"guodu/channels"
)

func TestAuthorizeURLEscapesWhatItIsGiven(t *testing.T) {
	got := mustNew(t, config()).AuthorizeURL("s1&x", "https://card.example.edu.cn/h5/alipay/back?a=b")
	want := "https://openauth.alipay.com/oauth2/publicAppAuthorize.htm?app_id=" + appID +
		"&scope=auth_base&redirect_uri=https%3A%2F%2Fcard.example.edu.cn%2Fh5%2Falipay%2Fback%3Fa%3Db&state=s1%26x"
	if got != want {
		t.Fatalf("AuthorizeURL =\n%s\nwant\n%s", got, want)
	}
}

func TestExchangeGivesAPayer(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer object
		want   channels.Payer
	}{
		{"user_id", token(), channels.Payer{Kind: "user_id", ID: userID}},
		{"open_id only", token().with("user_id", nil).with("open_id", openID), channels.Payer{Kind: "open_id", ID: openID}},
		{"both", token().with("open_id", openID), channels.Payer{Kind: "user_id", ID: userID}},
		{"both, one empty", token().with("user_id", "").with("open_id", openID), channels.Payer{Kind: "open_id", ID: openID}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ch := against(t, func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				if biz := content(t, r.PostForm, "alipay.system.oauth.token"); len(biz) > 0 {
					t.Errorf("biz_content is %v", biz)
				}
				if r.PostForm.Get("code") != "071+x/y=" || r.PostForm.Get("grant_type") != "authorization_code" {
					t.Errorf("asked %v", r.PostForm)
				}
				say(tc.answer.String())(w, r)
			})
			got, err := ch.Exchange(context.Background(), "071+x/y=")
			if err != nil || got != tc.want {
				t.Fatalf("Exchange = %v, %v, want %v", got, err, tc.want)
			}
		})
	}
}

func exchangeErr(ch channels.Channel) error {
	_, err := ch.(channels.OAuth).Exchange(context.Background(), "a-code")
	if err != nil && strings.Contains(err.Error(), "a-code") {
		panic("the code is in " + err.Error())
	}
	return err
}

func TestExchangeOutcomes(t *testing.T) {
	outcomes(t, channels.ErrUnknownOutcome, unclear(t, token()), exchangeErr)
	outcomes(t, channels.ErrUnknownOutcome, map[string]http.HandlerFunc{
		"no id":           say(token().with("user_id", nil).String()),
		"id of odd form":  say(token().with("user_id", "<script>").String()),
		"open_id, odd":    say(token().with("user_id", nil).with("open_id", "a b").String()),
		"no token":        say(token().with("access_token", nil).String()),
		"unsigned":        mutter(token().String()),
		"a code, a token": say(token().with("code", "20000").String()),
	}, exchangeErr)
	outcomes(t, channels.ErrRefused, denied(), exchangeErr)
	outcomes(t, channels.ErrCode, map[string]http.HandlerFunc{
		"code not valid":             mutter(failure("40002", "isv.code-invalid").String()),
		"code not valid, signed":     say(failure("40002", "isv.code-invalid").String()),
		"code not valid, in general": general(failure("40002", "isv.code-invalid").String()),
	}, exchangeErr)
}

func TestExchangeAsksNobodyForACodeOfAnotherForm(t *testing.T) {
	ch := against(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	for _, code := range []string{"", "a b", "a\nb", strings.Repeat("x", 513)} {
		_, err := ch.Exchange(context.Background(), code)
		mustBe(t, err, channels.ErrCode)
	}
}
