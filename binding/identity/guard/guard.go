package guard

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"guodu/binding"
	"guodu/internal/limit"
)

const (
	// late is how long after it was sent a portal may still judge a try of which
	// nothing was heard.
	late = 30 * time.Second
	// memory is how long tries are remembered, of payers and of user names.
	memory = 24 * time.Hour
	// suspectWeight is the weight of the tries that make a payer suspect. A wrong one
	// weighs as much as four that a user name's limit refused: an impatient student makes
	// those as well.
	suspectWeight, wrongWeight = 12, 4
	// triesKept and wrongKept bound what is remembered of one payer and one user name.
	triesKept, wrongKept = 16, 1000
	// settling bounds what is written after the portal's answer.
	settling = 2 * time.Second
)

// Attempt is somebody's try to log in. Printed or logged it shows nothing of it.
type Attempt struct {
	User, Password string
	Payer          binding.Payer
	Address        string // of the client
}

// String hides what was typed.
func (a Attempt) String() string { return "attempt of " + a.Payer.String() }

// GoString is String as well, for %#v.
func (a Attempt) GoString() string { return a.String() }

// LogValue is String, for an attempt that is a log attribute.
func (a Attempt) LogValue() slog.Value { return slog.StringValue(a.String()) }

// LimitedError says that a try was refused before the portal was asked.
type LimitedError struct {
	By  string // whose limit it is: "user", "payer", "address", "all"
	For time.Duration
}

func (e *LimitedError) Error() string {
	return "tries of this " + e.By + " are used up for " + e.For.String()
}

// Rates are the limits of a guard.
type Rates struct {
	// Lock is what the portal does: it locks a user name after so many failures, each
	// of which came within so long of the one before.
	Lock limit.Rate
	// Payer, Address and All bound wrong tries of a payer, of a client's address, and
	// of everybody.
	Payer, Address, All limit.Rate
}

// DefaultRates are those that most campuses keep.
func DefaultRates() Rates {
	const window = 15 * time.Minute
	return Rates{
		Lock:  limit.Rate{Most: 5, Per: window},
		Payer: limit.Rate{Most: 5, Per: window}, Address: limit.Rate{Most: 60, Per: window}, All: limit.Rate{Most: 600, Per: window},
	}
}

// Guard asks an identity provider, within limits. It is safe for concurrent use, by
// several hubs on one Redis as well.
type Guard struct {
	identity binding.Identity
	limiter  *limit.Limiter
	rates    Rates
	log      *slog.Logger
}

// New returns a guard before an identity provider.
func New(identity binding.Identity, limiter *limit.Limiter, rates Rates, log *slog.Logger) *Guard {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Guard{identity, limiter, rates, log}
}

// Login says who has these credentials.
// Errors: *LimitedError; those of binding.Identity; those of redisx, where nothing
// could be counted and so nothing was asked.
func (g *Guard) Login(ctx context.Context, a Attempt) (binding.Person, error) {
	id := rand.Text()
	before, err := g.limiter.Note(ctx, id, tries(a.Payer))
	if err != nil {
		return binding.Person{}, err
	}
	rules := g.rules(a, before[0] >= suspectWeight)
	err = g.limiter.Take(ctx, id, rules...)
	var exceeded *limit.ExceededError
	if errors.As(err, &exceeded) {
		refused := &LimitedError{By: strings.TrimPrefix(exceeded.Name, "guess_"), For: exceeded.For}
		if refused.By != "user" { // a crowd behind the same address says nothing of this payer
			return binding.Person{}, errors.Join(refused, g.limiter.GiveBack(ctx, id, tries(a.Payer)))
		}
		return binding.Person{}, refused
	}
	if err != nil {
		return binding.Person{}, err
	}
	// Somebody who hangs up is judged as well: otherwise a try that nobody waits for
	// would use up the student's, and make nobody suspect.
	asking := context.WithoutCancel(ctx)
	person, err := g.identity.Login(asking, a.User, a.Password)
	after, cancel := context.WithTimeout(asking, settling)
	defer cancel()
	settled := g.settle(after, a, id, rules, err)
	if settled != nil { // the counts err on the strict side, for a while
		g.log.Warn("guesses not settled", "error", settled)
	}
	return person, err
}

// rules are the limits of a try; the user's is the first.
func (g *Guard) rules(a Attempt, suspect bool) []limit.Rule {
	run := limit.Rule{
		Name: "guess_user", Of: []string{fold(a.User)}, Run: true, Delay: late,
		Rate: limit.Rate{Most: g.rates.Lock.Most - 1, Per: g.rates.Lock.Per},
	}
	rules := []limit.Rule{
		run,
		{Name: "guess_payer", Of: whose(a.Payer), Rate: g.rates.Payer},
		{Name: "guess_all", Rate: g.rates.All},
	}
	if network := limit.Network(a.Address); network != "" {
		rules = append(rules, limit.Rule{Name: "guess_address", Of: []string{network}, Rate: g.rates.Address})
	}
	if suspect { // the other half is for those who are not
		for i, r := range rules {
			if r.Name != "guess_payer" { // that is nobody else's
				rules[i].Part = max(1, r.Most/2)
			}
		}
	}
	return rules
}

// settle counts what the portal said.
func (g *Guard) settle(ctx context.Context, a Attempt, id string, rules []limit.Rule, said error) error {
	switch {
	case said == nil:
		return g.limiter.GiveBack(ctx, id, append(rules, tries(a.Payer))...)
	case errors.Is(said, binding.ErrCredentials), errors.As(said, new(*binding.LockedError)):
		// It was judged just now: the run counts from here.
		run := rules[0]
		run.Delay = 0
		_, err := g.limiter.Note(ctx, id, run)
		if errors.Is(said, binding.ErrCredentials) {
			_, noteErr := g.limiter.Note(ctx, mark(a.Payer)+id, wrong(a.User))
			err = errors.Join(err, noteErr)
			for i := 1; i < wrongWeight; i++ {
				_, noteErr := g.limiter.Note(ctx, fmt.Sprintf("%s/%d", id, i), tries(a.Payer))
				err = errors.Join(err, noteErr)
			}
		}
		return err
	}
	return g.limiter.GiveBack(ctx, id, tries(a.Payer)) // a portal in trouble makes nobody suspect
}

// Tries are wrong passwords of others.
type Tries struct {
	Count int
	Last  time.Time
}

// Others says how many wrong passwords of other payers were sent for a user name in
// the last 24 hours.
func (g *Guard) Others(ctx context.Context, user string, payer binding.Payer) (Tries, error) {
	noted, err := g.limiter.Noted(ctx, wrong(user))
	var others Tries
	for _, n := range noted {
		if !strings.HasPrefix(n.ID, mark(payer)) {
			others.Count++
			others.Last = n.At
		}
	}
	return others, err
}

// tries are a payer's wrong or refused ones.
func tries(p binding.Payer) limit.Rule {
	return limit.Rule{Name: "guess_tries", Of: whose(p), Rate: limit.Rate{Most: triesKept, Per: memory}}
}

// wrong are the wrong passwords for a user name.
func wrong(user string) limit.Rule {
	return limit.Rule{Name: "guess_wrong", Of: []string{fold(user)}, Rate: limit.Rate{Most: wrongKept, Per: memory}}
}

func whose(p binding.Payer) []string { return []string{p.Channel, p.Kind, p.ID} }

// mark tells one payer's tries from another's.
func mark(p binding.Payer) string {
	sum := sha256.Sum256([]byte(strings.Join(whose(p), "\x00")))
	return hex.EncodeToString(sum[:8]) + "."
}

// fold makes one of all forms of a user name that some portal may take for the same.
// Directories ignore case, width, accents, blanks and more (RFC 4518, section 2); letters,
// numbers and what a keyboard has are left.
func fold(user string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		keyboard := r > ' ' && r < unicode.MaxASCII
		ignored := unicode.In(r, unicode.Other_Default_Ignorable_Code_Point)
		if keyboard || unicode.In(r, unicode.L, unicode.N) && !ignored {
			return r
		}
		return -1
	}, norm.NFKD.String(user)))
}
