package channeltest

import "testing"

// reporter is the part of testing.T that checks use, so that the suite itself
// can be tested.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// check is one promise of the contract.
type check struct {
	name string
	// lacks says what the subject does not have that the check is about, or
	// nothing; nil is about what every channel has.
	lacks func(Subject) string
	do    func(reporter, *bench)
}

// Run holds a channel against every promise. It makes one subject and uses a
// new order for each check.
func Run(t *testing.T, subject func(t *testing.T) Subject) {
	t.Helper()
	b := &bench{Subject: subject(t)}
	lacks := b.lacks()
	if lacks != "" {
		t.Fatalf("the subject has no %s", lacks)
	}
	for _, c := range checks() {
		if c.lacks != nil && c.lacks(b.Subject) != "" {
			t.Logf("%s: not a promise of this channel, it has no %s", c.name, c.lacks(b.Subject))
			continue
		}
		t.Run(c.name, func(t *testing.T) { c.do(t, b) })
	}
}

func checks() []check {
	var all []check
	for _, part := range [][]check{orderChecks(), closeChecks(), outcomeChecks(), noticeChecks(), oauthChecks(), pageChecks(), messageChecks()} {
		all = append(all, part...)
	}
	return all
}
