package wechat

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"guodu/channels"
)

// tokenMargin is how long before its end a token is used no more. WeChat gives a
// new one from five minutes before, and both are good then.
const tokenMargin = 3 * time.Minute

var accessTokenForm = regexp.MustCompile(`^[!-~]{1,512}$`)

// tokens has the official account's access token, which its base interfaces
// want. Whoever needs it while it is being fetched waits for that one fetch.
type tokens struct {
	fetch func(ctx context.Context) (token secret, life time.Duration, err error)
	clock func() time.Time

	gate  chan struct{} // one at a time has what follows
	token secret
	until time.Time
}

func newTokens(clock func() time.Time, fetch func(context.Context) (secret, time.Duration, error)) *tokens {
	return &tokens{fetch: fetch, clock: clock, gate: make(chan struct{}, 1), token: newSecret("")}
}

// get is a token other than one that WeChat would not take.
func (t *tokens) get(ctx context.Context, stale secret) (secret, error) {
	select {
	case t.gate <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: no access token: %w", channels.ErrNotNow, ctx.Err())
	}
	defer func() { <-t.gate }()
	if t.token() != stale() && t.clock().Before(t.until) {
		return t.token, nil
	}
	token, life, err := t.fetch(ctx)
	if err != nil {
		return nil, err
	}
	t.token, t.until = token, t.clock().Add(life-tokenMargin)
	return token, nil
}

// fetchToken asks for the token that all hubs of an account share (公众平台:
// 获取稳定版接口调用凭据). Asking does not end the one before. Whatever goes wrong,
// no message was sent.
func (a *account) fetchToken(ctx context.Context) (secret, time.Duration, error) {
	answer, err := a.post(ctx, a.tokenURL, map[string]any{
		"grant_type": "client_credential", "appid": a.appID, "secret": a.secret(),
	}, a.secret)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: access token: %w", channels.ErrNotNow, err)
	}
	var told struct {
		Token   string `json:"access_token"`
		Seconds int    `json:"expires_in"`
		accountError
	}
	err = json.Unmarshal(answer, &told)
	switch {
	case err != nil:
		return nil, 0, fmt.Errorf("%w: access token: answer is not JSON of the known form", channels.ErrNotNow)
	case told.Code != 0:
		return nil, 0, told.refusal("access token", a.secret)
	case !accessTokenForm.MatchString(told.Token) || told.Seconds <= 0:
		return nil, 0, fmt.Errorf("%w: access token: answer has none", channels.ErrNotNow)
	}
	return newSecret(told.Token), time.Duration(told.Seconds) * time.Second, nil
}
