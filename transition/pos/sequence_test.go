package pos_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"guodu/transition/pos"
)

// numbered sends a POST under a number of the test's choice.
func (d *device) numbered(path string, body any, number string) answer {
	d.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		d.t.Fatal(err)
	}
	m := d.message(http.MethodPost, "/pos/v1"+path, text)
	m.number(number)
	return d.send(m)
}

func (c *counter) show(id string) pos.Terminal {
	c.t.Helper()
	t, err := c.registry.Terminal(c.ctx, id)
	if err != nil {
		c.t.Fatal(err)
	}
	return t
}

func TestARepeatWithItsNumberRunsAgainAndMovesNothing(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	body := reading()
	var first, second tapped
	c.t1.numbered("/taps", body, "1.7").into(t, &first)
	c.t1.numbered("/taps", body, "1.7").into(t, &second)
	if first.Load == "" || first.Load != second.Load || first.Attempt != second.Attempt {
		t.Errorf("answers %+v and %+v", first, second)
	}
	c.mustHold(0, 5000)
	if got := c.show("T1"); got.Alarms != 0 {
		t.Errorf("%d alarms over a repeat", got.Alarms)
	}
}

func TestANumberThatWasAnothersIsRefusedAndRaisesAnAlarm(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	body := reading()
	c.t1.numbered("/taps", body, "1.7").into(t, &tapped{})
	for name, send := range map[string]func() answer{
		"another body": func() answer { return c.t1.numbered("/taps", reading(), "1.7") },
		"another path": func() answer { return c.t1.numbered("/taps/"+body["tap_id"].(string)+"/abort", body, "1.7") },
		"a query":      func() answer { return c.t1.numbered("/taps?x=1", body, "1.7") },
	} {
		before := c.show("T1").Alarms
		if a := send(); !a.is(http.StatusConflict, "seq-conflict") || a.unproved != nil {
			t.Errorf("%s: %s, want a signed 409 seq-conflict", name, a)
		}
		after := c.show("T1")
		if after.Alarms != before+1 || !strings.HasPrefix(after.Alarm, "message 1.7 ") {
			t.Errorf("%s: %d alarms after %d, the last %q", name, after.Alarms, before, after.Alarm)
		}
	}
	if n := c.log.alarms("seq-conflict"); n != 3 {
		t.Errorf("%d alarms in the log, want 3", n)
	}
	c.mustHold(0, 5000)
}

func TestAnEpochThatIsOverIsRefusedAndRaisesAnAlarm(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	if a := c.t1.numbered("/sign-in", c.signInBody(), "2.1"); a.status != http.StatusOK {
		t.Fatalf("a new epoch: %s", a)
	}
	if a := c.t1.numbered("/sign-in", c.signInBody(), "1.2"); !a.is(http.StatusConflict, "seq-conflict") {
		t.Errorf("the epoch before: %s", a)
	}
	if got := c.show("T1"); got.Alarms != 1 || got.Seq != (pos.Seq{Epoch: 2, N: 1}) {
		t.Errorf("%d alarms, newest number %s", got.Alarms, got.Seq)
	}
}

func TestNumbersMayArriveInAnyOrderWithinTheWindow(t *testing.T) {
	t.Parallel()
	c := newCounter(t) // signed in with 1.1
	send := func(n int, want int) {
		t.Helper()
		body := c.signInBody()
		body["firmware"] = rand.Text() // never the same message twice
		if a := c.t1.numbered("/sign-in", body, fmt.Sprintf("1.%d", n)); a.status != want {
			t.Errorf("number %d: %s, want %d", n, a, want)
		}
	}
	holes := func(want ...pos.Hole) {
		t.Helper()
		got, err := c.registry.Holes(c.ctx, "T1")
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("holes %v, %v, want %v", got, err, want)
		}
	}
	send(5, 200)
	send(3, 200)
	holes(pos.Hole{From: 2, To: 2}, pos.Hole{From: 4, To: 4})
	send(1004, 200)
	send(5, 409) // another body, within the window
	send(4, 409) // 1,000 below the newest
	send(6, 200) // late, and within it
	send(1004, 409)
	holes(pos.Hole{From: 7, To: 1003})
	if got := c.show("T1"); got.Missed != 2 || got.Seq.N != 1004 {
		t.Errorf("%d missed, newest %s; want 2 and 4 missed for good", got.Missed, got.Seq)
	}
	send(5000, 200) // far ahead: nothing of the old window is left
	send(4001, 200)
	send(4000, 409)
	if got := c.show("T1"); got.Missed != 2+(1003-7+1)+(4000-1005+1) {
		t.Errorf("%d missed", got.Missed)
	}
	holes(pos.Hole{From: 4002, To: 4999})
}

func TestTheNumberOfAPostIsReadStrictly(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	for _, number := range []string{"1", "1.", ".1", "1.0", "-1.1", "1.1.1", "01.1", "1.01", "1.9007199254740992", "9007199254740992.1", "1.1e3", "x.y"} {
		if a := c.t1.numbered("/sign-in", c.signInBody(), number); !a.is(http.StatusBadRequest, "malformed") {
			t.Errorf("number %q: %s, want 400 malformed", number, a)
		}
	}
	if a := c.t1.numbered("/sign-in", c.signInBody(), "9007199254740991.9007199254740991"); a.status != http.StatusOK {
		t.Errorf("the largest number: %s", a)
	}
	if a := c.t1.numbered("/sign-in", c.signInBody(), "9007199254740991.9007199254740990"); a.status != http.StatusOK {
		t.Errorf("the one before it: %s", a)
	}
}

func TestAnOutsidersNumbersUseNothingUp(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	m := c.t1.message(http.MethodPost, "/pos/v1/taps", []byte("{}"))
	m.number("1.50")
	m.sign = func(base []byte) []byte { return bytes.Repeat([]byte{1}, 64) }
	if a := c.t1.send(m); !a.is(http.StatusUnauthorized, "signature") {
		t.Fatalf("forged: %s", a)
	}
	if got := c.show("T1"); got.Seq != (pos.Seq{Epoch: 1, N: 1}) {
		t.Errorf("newest number %s, want that of the sign-in", got.Seq)
	}
}
