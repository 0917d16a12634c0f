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

// accessToken is the field that an answer with a token has in place of a code. The
// tokens are left where they are; nobody here needs them.
const accessToken = "access_token"

// isToken says whether an answer is one of alipay.system.oauth.token that went
// well: only the failure has a code.
func (n *node) isToken() bool { return !n.Has("code") && n.Hint(accessToken) != "" }

// Exchange turns a code into a user_id or, where the app knows none, an
// open_id. After ErrUnknownOutcome the code is probably used up: start the
// authorization again.
// Errors: ErrCode, ErrRefused, ErrUnknownOutcome.
func (c *Channel) Exchange(ctx context.Context, code string) (channels.Payer, error) {
	if !codeForm.MatchString(code) {
		return channels.Payer{}, fmt.Errorf("alipay exchange: %w: of another form", channels.ErrCode)
	}
	told := reads(accessToken, "user_id", "open_id")
	wish := alipay.SystemOauthToken{GrantType: "authorization_code", Code: code}
	err := c.ask(ctx, "exchange", "of a code", wish, told, exchangeCode)
	if err != nil {
		return channels.Payer{}, err
	}
	payer := payer(told.Hint("user_id"), told.Hint("open_id"))
	if payer.ID == "" {
		return channels.Payer{}, unknown("exchange", "of a code", "the answer has no usable id")
	}
	return payer, nil
}
