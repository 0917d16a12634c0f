package portal

import (
	"sync"
	"time"
)

const (
	failuresToLock = 5
	lockFor        = 15 * time.Minute
	forgetAfter    = 15 * time.Minute // since the last failure
	maxTracked     = 100_000
)

// locks counts failures in a row by username, known or not. A row ends when none came
// for a while.
type locks struct {
	mu sync.Mutex
	by map[string]*record
}

type record struct {
	failures int
	last     time.Time // failure
	until    time.Time
}

func newLocks() *locks { return &locks{by: map[string]*record{}} }

// attempt notes a right or wrong password. If the username is locked, nothing
// is noted and it says for how long still. The failure that locks is itself
// answered as a failure.
func (l *locks) attempt(username string, right bool, now time.Time) (left time.Duration, locked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.by[username]
	if r != nil && now.Before(r.until) {
		return r.until.Sub(now), true
	}
	if right {
		delete(l.by, username)
		return 0, false
	}
	if r == nil || !r.until.IsZero() || now.Sub(r.last) >= forgetAfter {
		l.makeRoom()
		r = &record{} // the first failure of a row, or the first after a lock has ended
		l.by[username] = r
	}
	r.failures++
	r.last = now
	if r.failures == failuresToLock {
		r.until = now.Add(lockFor)
	}
	return 0, false
}

// makeRoom keeps strangers from filling the memory with made-up usernames.
func (l *locks) makeRoom() {
	if len(l.by) >= maxTracked {
		clear(l.by)
	}
}
