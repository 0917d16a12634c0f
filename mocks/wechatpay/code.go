package wechatpay

import (
	"sync"
	"time"
)

const (
	codeLife  = 5 * time.Minute
	codeChars = 32
	maxCodes  = 100_000
)

// desk hands out authorization codes and takes them back, each once.
type desk struct {
	mu       sync.Mutex
	codes    map[string]*grant
	snapshot map[string]bool
}

// grant is what a code stands for. Used ones are kept, so that a second use can
// be told from a wrong code.
type grant struct {
	person string
	at     time.Time
	used   bool
}

// tokenFault is an errcode of the official account's interfaces.
type tokenFault struct {
	code    int
	message string
}

func newDesk(snapshotPersons []string) *desk {
	d := &desk{codes: map[string]*grant{}, snapshot: map[string]bool{}}
	for _, person := range snapshotPersons {
		d.snapshot[person] = true
	}
	return d
}

// SetSnapshot turns snapshot page mode on or off for a person: exchanges then
// give is_snapshotuser and the openid of a virtual account.
func (s *Sim) SetSnapshot(person string, on bool) {
	s.desk.mu.Lock()
	defer s.desk.mu.Unlock()
	s.desk.snapshot[person] = on
}

func (d *desk) isSnapshot(person string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.snapshot[person]
}

// issue makes a code, or says that there are too many.
func (d *desk) issue(dice *dice, person string, now time.Time) (string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.codes) >= maxCodes {
		return "", false
	}
	code := dice.draw(alphabet62, codeChars)
	d.codes[code] = &grant{person: person, at: now}
	return code, true
}

// redeem uses a code up and returns whose it was.
func (d *desk) redeem(code string, now time.Time) (string, *tokenFault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.codes[code]
	switch {
	case g == nil:
		return "", &tokenFault{40029, "invalid code"}
	case g.used:
		return "", &tokenFault{40163, "code been used"}
	case !now.Before(g.at.Add(codeLife)):
		return "", &tokenFault{40029, "invalid code"}
	}
	g.used = true
	return g.person, nil
}
