package alipay

import (
	"sync"
	"time"

	"guodu/mocks/sim"
)

const (
	tokenKind  = "token"
	tokenChars = 32
	// refreshLife is how long a refresh token can be used, counted from the
	// first authorization: a refresh does not prolong it.
	refreshLife = 30 * 24 * time.Hour
)

// tokens are the refresh tokens that work.
type tokens struct {
	mu    sync.Mutex
	store *sim.Store
	live  map[string]tokenGrant
}

type tokenGrant struct {
	Person string
	Until  time.Time
}

func newTokens(store *sim.Store) (*tokens, error) {
	t := &tokens{store: store, live: map[string]tokenGrant{}}
	return t, sim.Each(store, tokenKind, func(token string, g tokenGrant) error {
		t.live[token] = g
		return nil
	})
}

func (t *tokens) issue(token string, g tokenGrant) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.live[token] = g
	t.store.Put(tokenKind, token, g)
}

// redeem uses a refresh token up.
func (t *tokens) redeem(token string, now time.Time) (tokenGrant, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g, found := t.live[token]
	if !found {
		return tokenGrant{}, false
	}
	delete(t.live, token)
	t.store.Forget(tokenKind, token)
	return g, now.Before(g.Until)
}

// tokenAnswer is a successful exchange. It alone has neither code nor msg, and
// its numbers are numbers. (Source: alipay.system.oauth.token.)
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	AlipayUserID string `json:"alipay_user_id,omitempty"`
	AuthStart    string `json:"auth_start"`
	ExpiresIn    int    `json:"expires_in"`
	ReExpiresIn  int    `json:"re_expires_in"`
	RefreshToken string `json:"refresh_token"`
	OpenID       string `json:"open_id,omitempty"`
	UserID       string `json:"user_id,omitempty"`
}

// token exchanges a code, or a refresh token. Its parameters stand beside the
// common ones, not in biz_content.
func (s *Sim) token(c *call) answer {
	now := s.now()
	var g tokenGrant
	switch c.params["grant_type"] {
	case "authorization_code":
		person, good := s.redeem(c.params["code"])
		if !good {
			return s.tokenError(c, "isv.code-invalid", "授权码 code 无效")
		}
		g = tokenGrant{person, now.Add(refreshLife)}
	case "refresh_token":
		var good bool
		g, good = s.tokens.redeem(c.params["refresh_token"], now)
		if !good {
			return s.tokenError(c, "isv.refresh-token-invalid", "刷新令牌 refresh_token 无效")
		}
	default:
		return s.tokenError(c, "isv.grant-type-invalid", "grant_type 参数不正确")
	}
	return c.succeed(s.grantToken(g, now))
}

func (s *Sim) grantToken(g tokenGrant, now time.Time) tokenAnswer {
	out := tokenAnswer{
		AccessToken: "authbseB" + s.dice.Draw(sim.Alphabet62, tokenChars), AuthStart: s.stamp(now),
		ExpiresIn: s.opts.Profile.TokenSeconds, ReExpiresIn: int(g.Until.Sub(now).Seconds()),
		RefreshToken: "authbseB" + s.dice.Draw(sim.Alphabet62, tokenChars),
	}
	s.tokens.issue(out.RefreshToken, g)
	who := s.identity(s.Buyer(g.Person))
	out.UserID, out.OpenID = who.UserID, who.OpenID
	if out.UserID != "" {
		out.AlipayUserID = "2088" + mixed(28, "alipay_user_id", g.Person)
	}
	return out
}

// tokenError comes in one of two envelopes; both have been seen.
func (s *Sim) tokenError(c *call, subCode, subMsg string) answer {
	r := refuse("40002", subCode, subMsg)
	r.general = s.opts.Profile.TokenErrorResponse
	return s.fail(c, r)
}
