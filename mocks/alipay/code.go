package alipay

import (
	"sync"
	"time"
)

const (
	// codeLife is the shortest that documents name; others say up to a day.
	codeLife  = 3 * time.Minute
	codeChars = 32
	maxCodes  = 100_000
)

// desk hands out authorization codes and takes each back once.
type desk struct {
	mu    sync.Mutex
	codes map[string]grant
}

type grant struct {
	person string
	until  time.Time
}

func newDesk() *desk { return &desk{codes: map[string]grant{}} }

// issue keeps a code, or says that there are too many.
func (d *desk) issue(code, person string, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.codes) >= maxCodes {
		return false
	}
	d.codes[code] = grant{person, now.Add(codeLife)}
	return true
}

// redeem uses a code up and returns whose it was. A used code, an old one and
// one that never was are all the same to the gateway.
func (d *desk) redeem(code string, now time.Time) (string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	g, found := d.codes[code]
	delete(d.codes, code)
	return g.person, found && now.Before(g.until)
}
