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
	// skip says what the subject cannot do that the check needs, or nothing; nil
	// needs nothing.
	skip func(Subject) string
	do   func(reporter, *bench)
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
		t.Run(c.name, func(t *testing.T) {
			if c.skip != nil {
				missing := c.skip(b.Subject)
				if missing != "" {
					t.Skip("the channel or its simulator has no " + missing)
				}
			}
			c.do(t, b)
		})
	}
}

func checks() []check {
	var all []check
	for _, part := range [][]check{orderChecks(), closeChecks(), outcomeChecks(), noticeChecks(), oauthChecks(), pageChecks()} {
		all = append(all, part...)
	}
	return all
}
