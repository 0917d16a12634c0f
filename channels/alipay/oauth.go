package alipay

import (
	"context"
	"fmt"
	"net/url"
	"regexp"

	"github.com/smartwalle/alipay/v3"

	"guodu/channels"
)

// CodeParameter is the name under which the browser brings the code back.
const CodeParameter = "auth_code"

var codeForm = regexp.MustCompile(`^[!-~]{1,512}$`)

// AuthorizeURL is where to send the browser for a silent login (用户授权,
// auth_base). It comes back with the code as [CodeParameter].
func (c *Channel) AuthorizeURL(state, redirectURL string) string {
	return c.authorize + "?app_id=" + url.QueryEscape(c.appID) +
		"&scope=auth_base&redirect_uri=" + url.QueryEscape(redirectURL) +
		"&state=" + url.QueryEscape(state)
}

// tokenAnswer is what alipay.system.oauth.token answers. Only the failure has a
// code. The tokens are left where they are; nobody here needs them.
type tokenAnswer struct {
	alipay.Error
	AccessToken string `json:"access_token"`
	UserID      string `json:"user_id"`
	OpenID      string `json:"open_id"`
}

func (a *tokenAnswer) said() alipay.Error {
	if a.Code == "" && a.AccessToken != "" {
		return alipay.Error{Code: alipay.CodeSuccess}
	}
	return a.Error
}

// Exchange turns a code into a user_id or, where the app knows none, an
// open_id. After ErrUnknownOutcome the code is probably used up: start the
// authorization again.
// Errors: ErrCode, ErrRefused, ErrUnknownOutcome.
func (c *Channel) Exchange(ctx context.Context, code string) (channels.Payer, error) {
	if !codeForm.MatchString(code) {
		return channels.Payer{}, fmt.Errorf("alipay exchange: %w: of another form", channels.ErrCode)
	}
	var told tokenAnswer
	wish := alipay.SystemOauthToken{GrantType: "authorization_code", Code: code}
	err := c.ask(ctx, "exchange", "of a code", wish, &told, exchangeCode)
	if err != nil {
		return channels.Payer{}, err
	}
	payer, err := payer(told.UserID, told.OpenID)
	if err != nil || payer.ID == "" {
		return channels.Payer{}, unknown("exchange", "of a code", "the answer has no usable id")
	}
	return payer, nil
}
