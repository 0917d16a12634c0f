package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/go-redis/redis_rate/v10"
)

// Guesses at passwords are counted twice: for the payer who types, whatever
// user names they try, and for the user name, whoever tries it.
//
// The payer's count comes first, and a payer without guesses left does not
// touch the user name's; nor does any answer of the portal but "wrong". So to
// use up a user name here takes two payers and ten wrong passwords that the
// portal saw, and portals lock at fewer: nobody shuts a user out of binding
// through this limit more cheaply than at the portal itself. It is there for a
// portal that does not lock.
//
// A right password gives its own guess back and clears the user name, as it
// does at the portal. It does not clear the payer: else somebody with one
// password of their own could wipe their count between guesses at others.
// Where the portal says "locked" or nothing, the payer's guess stays spent, so
// that a payer cannot hammer a portal that is in trouble.
func payerGuesses() redis_rate.Limit {
	return redis_rate.Limit{Rate: 5, Burst: 5, Period: 15 * time.Minute}
}

func userGuesses() redis_rate.Limit {
	return redis_rate.Limit{Rate: 10, Burst: 10, Period: 15 * time.Minute}
}

// guess is one try, taken from both counts before the portal is asked: of many
// at once no more than the limit get through.
type guess struct {
	pages       *Pages
	visit       visit
	payer, user string // the counts' keys
}

// guess makes a try's keys. Names are hashed: they are personal, and a key
// must not grow with what somebody types. Portals do not tell Zhang from zhang.
func (p *Pages) guess(v visit, user string) guess {
	hash := func(parts ...string) string {
		sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
		return hex.EncodeToString(sum[:16])
	}
	prefix := p.config.Prefix + ":guess:"
	return guess{
		pages: p, visit: v,
		payer: prefix + "payer:" + hash(v.payer.Channel, v.payer.Kind, v.payer.ID),
		user:  prefix + "user:" + hash(strings.ToLower(user)),
	}
}

// take counts the try, or says how long to wait.
func (g guess) take() (time.Duration, error) {
	wait, err := g.allow(g.payer, payerGuesses())
	if err != nil || wait > 0 {
		return wait, err
	}
	return g.allow(g.user, userGuesses())
}

func (g guess) allow(key string, limit redis_rate.Limit) (time.Duration, error) {
	r, err := g.pages.rates.Allow(g.visit.ctx(), key, limit)
	if err != nil {
		return 0, fmt.Errorf("count guesses: %w", err)
	}
	if r.Allowed > 0 {
		return 0, nil
	}
	return max(r.RetryAfter, time.Second), nil
}

// right takes note that the password was right.
func (g guess) right() {
	g.log(g.giveBack(g.payer, payerGuesses()))
	g.log(g.pages.rates.Reset(g.visit.ctx(), g.user))
}

// unheard takes note that the portal judged no password.
func (g guess) unheard() { g.log(g.giveBack(g.user, userGuesses())) }

// giveBack takes one try off a count. The limiter does not store a count that
// has become empty, so that one is removed.
func (g guess) giveBack(key string, limit redis_rate.Limit) error {
	r, err := g.pages.rates.AllowN(g.visit.ctx(), key, limit, -1)
	if err == nil && r.ResetAfter <= 0 {
		err = g.pages.rates.Reset(g.visit.ctx(), key)
	}
	return err
}

// log is all that happens when a count cannot be corrected: it errs on the
// strict side, for minutes.
func (g guess) log(err error) {
	if err != nil {
		g.pages.config.Log.Warn("guesses not given back", "error", err)
	}
}
