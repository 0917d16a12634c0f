package pos_test

import (
	"net/http"
	"net/url"
	"reflect"
	"testing"
	"time"

	"guodu/transition"
	"guodu/transition/pos"
)

type blocklist struct {
	Cursor  string    `json:"cursor"`
	Full    bool      `json:"full"`
	Block   []blocked `json:"block"`
	Unblock []string  `json:"unblock"`
}

type blocked struct {
	CardUID string `json:"card_uid"`
	CardNo  string `json:"card_no"`
	Reason  string `json:"reason"`
}

func (c *counter) blocklist(since string) blocklist {
	c.t.Helper()
	target := "/blocklist"
	if since != "" {
		target += "?since=" + url.QueryEscape(since)
	}
	var b blocklist
	c.t1.get(target).into(c.t, &b)
	return b
}

// becomes makes the account what the core states, with the card that it has.
func (c *counter) becomes(version int64, open bool, freeze ...string) {
	c.t.Helper()
	_, err := c.bench.Import(c.ctx, transition.Statement{
		Account: account, Version: version, Open: open, Freeze: freeze,
		Card: transition.Card{UID: "04A1", No: "7A1", Version: "1", Profile: "stamp"},
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

func TestAFreezeIsOnTheBlocklistWithinASecondAndAThawTakesItOff(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	before := c.blocklist("")
	if !reflect.DeepEqual(before, blocklist{Full: true, Block: []blocked{}, Unblock: []string{}}) {
		t.Errorf("blocklist %+v before any freeze", before)
	}
	began := time.Now()
	c.becomes(2, true, "lost")
	frozen := c.blocklist("")
	if took := time.Since(began); took > time.Second {
		t.Errorf("the freeze was on the list after %s", took)
	}
	card := blocked{"04A1", "7A1", "frozen"}
	if want := (blocklist{"7:1", true, []blocked{card}, []string{}}); !reflect.DeepEqual(frozen, want) {
		t.Errorf("frozen: %+v, want %+v", frozen, want)
	}
	if same := c.blocklist("7:1"); !reflect.DeepEqual(same, blocklist{"7:1", false, []blocked{}, []string{}}) {
		t.Errorf("nothing changed since, and the answer is %+v", same)
	}
	c.becomes(3, true)
	thawed := c.blocklist("7:1")
	if want := (blocklist{"7:2", false, []blocked{}, []string{"04A1"}}); !reflect.DeepEqual(thawed, want) {
		t.Errorf("thawed: %+v, want %+v", thawed, want)
	}
	c.becomes(4, false)
	card.Reason = "closed"
	if closed := c.blocklist("7:1"); !reflect.DeepEqual(closed, blocklist{"7:3", false, []blocked{card}, []string{}}) {
		t.Errorf("closed: %+v", closed)
	}
	if ahead := c.blocklist("7:9"); !ahead.Full {
		t.Errorf("a cursor that the hub never gave: %+v, want the whole list", ahead)
	}
	if foreign := c.blocklist("7:3,8:1"); !foreign.Full {
		t.Errorf("a cursor of a partition without changes: %+v, want the whole list", foreign)
	}
	c.mustHold(5000, 0)
}

func TestABlocklistCursorIsReadStrictly(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	for _, bad := range []string{
		"all", "7", "7:", ":1", "64:1", "-1:1", "7:0", "7:01", "07:1", "7:+1", "7:1,", ",7:1", "8:1,7:1", "7:1,7:2", "7:1 ", "7:9007199254740992",
	} {
		a := c.t1.get("/blocklist?since=" + url.QueryEscape(bad))
		if !a.is(http.StatusBadRequest, "malformed") {
			t.Errorf("since=%q: %s", bad, a)
		}
		body := c.signInBody()
		body["blocklist"] = bad
		if a := c.t1.post("/sign-in", body); !a.is(http.StatusBadRequest, "malformed") {
			t.Errorf("sign-in with blocklist %q: %s", bad, a)
		}
	}
	if a := c.t1.get("/blocklist?until=7:1"); !a.is(http.StatusBadRequest, "malformed") {
		t.Errorf("another query: %s", a)
	}
	c.mustHold(5000, 0)
}

func TestSignInAndHeartbeatSayWhereTheBlocklistStands(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.becomes(2, true, "lost")
	if in := c.signIn(c.t1); in.Blocklist != "7:1" {
		t.Errorf("sign-in says %q", in.Blocklist)
	}
	var beat map[string]any
	body := c.signInBody()
	body["journal_depth"] = 0
	c.t1.post("/heartbeat", body).into(t, &beat)
	if beat["blocklist"] != "7:1" {
		t.Errorf("heartbeat says %v", beat)
	}
	c.mustHold(5000, 0)
}

func TestARegisteredTerminalGetsNoBlocklist(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	d, _ := c.registered("T2", pos.RolePOS)
	if a := d.get("/blocklist"); !a.is(http.StatusForbidden, "not-running") {
		t.Errorf("%s", a)
	}
	c.mustHold(5000, 0)
}
