package wechat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"

	"guodu/channels"
)

var (
	codeForm   = regexp.MustCompile(`^[!-~]{1,512}$`)
	openIDForm = regexp.MustCompile(`^[0-9A-Za-z_-]{1,128}$`)
)

// oauth is the official account's half: its own upstream, no signatures.
type oauth struct {
	appID     string
	secret    secret
	tokenURL  string
	authorize string
	client    *http.Client
}

func newOAuth(s *settings, client *http.Client) oauth {
	return oauth{
		appID:     s.AppID,
		secret:    newSecret(s.AppSecret),
		tokenURL:  s.oauthBase.JoinPath("/sns/oauth2/access_token").String(),
		authorize: s.authorize.JoinPath("/connect/oauth2/authorize").String(),
		client:    client,
	}
}

// AuthorizeURL is where to send the browser for a silent login (公众平台:
// 网页授权, snsapi_base). It is written by hand: WeChat matches the order of the
// parameters, and url.Values would sort them.
func (c *Channel) AuthorizeURL(state, redirectURL string) string {
	return c.oauth.authorize + "?appid=" + url.QueryEscape(c.oauth.appID) +
		"&redirect_uri=" + url.QueryEscape(redirectURL) +
		"&response_type=code&scope=snsapi_base&state=" + url.QueryEscape(state) +
		"#wechat_redirect"
}

// token is WeChat's answer, good or bad: both come as HTTP 200 and text/plain.
// The tokens in it are left where they are; nobody here needs them.
type token struct {
	ErrCode    int    `json:"errcode"`
	ErrMsg     string `json:"errmsg"`
	OpenID     string `json:"openid"`
	IsSnapshot int    `json:"is_snapshotuser"`
}

// Exchange turns a code into an openid (公众平台: 网页授权). After
// ErrUnknownOutcome the code is probably used up: start the authorization
// again.
// Errors: ErrCode, ErrVirtualPayer, ErrRefused, ErrUnknownOutcome.
func (c *Channel) Exchange(ctx context.Context, code string) (channels.Payer, error) {
	if !codeForm.MatchString(code) {
		return channels.Payer{}, fmt.Errorf("wechat exchange: %w: of another form", channels.ErrCode)
	}
	body, err := c.oauth.fetch(ctx, code)
	if err != nil {
		return channels.Payer{}, fmt.Errorf("wechat exchange: %w: %w", channels.ErrUnknownOutcome, err)
	}
	var answer token
	err = json.Unmarshal(body, &answer)
	if err != nil {
		return channels.Payer{}, fmt.Errorf("wechat exchange: %w: answer is not JSON of the known form", channels.ErrUnknownOutcome)
	}
	return c.oauth.payer(answer)
}

func (o oauth) payer(answer token) (channels.Payer, error) {
	sentinel := errcode(answer.ErrCode)
	switch {
	case sentinel != nil:
		return channels.Payer{}, fmt.Errorf("wechat exchange: %w: errcode %d %q",
			sentinel, answer.ErrCode, clip(o.secret.scrub(answer.ErrMsg)))
	case answer.IsSnapshot != 0:
		return channels.Payer{}, fmt.Errorf("wechat exchange: %w", channels.ErrVirtualPayer)
	case !openIDForm.MatchString(answer.OpenID):
		return channels.Payer{}, fmt.Errorf("wechat exchange: %w: answer has no usable openid", channels.ErrUnknownOutcome)
	}
	return channels.Payer{Kind: kindOpenID, ID: answer.OpenID}, nil
}

// errcode is what the number says (公众平台: 网页授权, 全局返回码).
func errcode(n int) error {
	switch n {
	case 0:
		return nil
	case 40029, // not valid, or older than five minutes
		42003, // expired
		40163: // used: a reload of the page sends it again
		return channels.ErrCode
	case -1, // busy
		45009, 45011: // too many calls
		return channels.ErrUnknownOutcome
	}
	return channels.ErrRefused
}

// fetch asks once. The secret is in the URL, so errors are rebuilt from their
// cleaned text alone: wrapping the original would carry the URL along.
func (o oauth) fetch(ctx context.Context, code string) ([]byte, error) {
	query := url.Values{
		"appid": {o.appID}, "secret": {o.secret()}, "code": {code}, "grant_type": {"authorization_code"},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.tokenURL+"?"+query.Encode(), nil)
	if err != nil {
		return nil, errors.New("build request")
	}
	resp, err := o.client.Do(req)
	if err != nil {
		return nil, errors.New(clip(o.secret.scrub(bare(err).Error())))
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP %d", resp.StatusCode)
	}
	return body, nil
}
