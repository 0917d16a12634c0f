package wechatpay

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"guodu/mocks/sim"
)

const (
	kindOfToken     = "token"
	tokenLife       = 7200 * time.Second
	accessTokenSize = 136
	keyOfTokens     = "base"
)

// tokens are the account's base access tokens: the last, and the one before,
// which lives on for a while.
type tokens struct {
	store *sim.Store

	mu    sync.Mutex
	state tokenState
}

type tokenState struct {
	Now         string    `json:"now"`
	Until       time.Time `json:"until"`
	Before      string    `json:"before"`
	BeforeUntil time.Time `json:"before_until"`
}

func loadTokens(store *sim.Store) (*tokens, error) {
	t := &tokens{store: store}
	return t, sim.Each(store, kindOfToken, func(_ string, state tokenState) error {
		t.state = state
		return nil
	})
}

// renew makes a new token; the one before dies after the grace.
func (t *tokens) renew(token string, now time.Time, grace time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.state
	t.state = tokenState{Now: token, Until: now.Add(tokenLife), Before: before.Now, BeforeUntil: now.Add(grace)}
	if before.Until.Before(t.state.BeforeUntil) {
		t.state.BeforeUntil = before.Until
	}
	t.store.Put(kindOfToken, keyOfTokens, t.state)
}

// check says what is wrong with a token: 0, 40001 or 42001.
func (t *tokens) check(token string, now time.Time) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case token == t.state.Now && token != "":
		if !now.Before(t.state.Until) {
			return 42001
		}
		return 0
	case token == t.state.Before && token != "" && now.Before(t.state.BeforeUntil):
		return 0
	}
	return 40001
}

// AccessToken is the base access token that is good now, or "": for whoever looks
// whether it was written down anywhere.
func (s *Sim) AccessToken() string {
	token, _ := s.tokens.current(s.now())
	return token
}

// current is a token that is good for a while, or "".
func (t *tokens) current(now time.Time) (string, time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	left := t.state.Until.Sub(now)
	if t.state.Now == "" || left <= 5*time.Minute {
		return "", 0
	}
	return t.state.Now, left
}

type accessTokenAnswer struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
}

// accessToken is GET /cgi-bin/token: each call makes a new one.
func (s *Sim) accessToken(c *sim.Call) answer {
	q := c.Request.URL.Query()
	return s.grantToken(q.Get("grant_type"), q.Get("appid"), q.Get("secret"), true)
}

// stableToken is POST /cgi-bin/stable_token: the same one until it nears its
// end, unless force_refresh is set.
func (s *Sim) stableToken(c *sim.Call) answer {
	var body struct {
		GrantType    string `json:"grant_type"`
		AppID        string `json:"appid"`
		Secret       string `json:"secret"`
		ForceRefresh bool   `json:"force_refresh"`
	}
	err := json.Unmarshal(c.Body, &body)
	if err != nil {
		return s.tokenError(47001, "data format error")
	}
	return s.grantToken(body.GrantType, body.AppID, body.Secret, body.ForceRefresh)
}

func (s *Sim) grantToken(grant, appID, secret string, fresh bool) answer {
	switch {
	case grant != "client_credential":
		return s.tokenError(40002, "invalid grant_type")
	case appID == "":
		return s.tokenError(41002, "appid missing")
	case secret == "":
		return s.tokenError(41004, "appsecret missing")
	case appID != s.opts.AppID:
		return s.tokenError(40013, "invalid appid")
	case secret != s.opts.AppSecret:
		return s.tokenError(40125, "invalid appsecret")
	}
	now := s.now()
	token, left := s.tokens.current(now)
	if fresh || token == "" {
		token, left = s.dice.Draw(sim.Alphabet62, accessTokenSize), tokenLife
		s.tokens.renew(token, now, s.opts.Profile.TokenGrace)
	}
	return answer{status: http.StatusOK, kind: typeJSON, body: encode(accessTokenAnswer{token, int(left / time.Second)})}
}
