package pos_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"guodu/transition/pos"
)

func TestASignInSaysWhatTheDayNeeds(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	if _, err := c.registry.SetParams(c.ctx, []byte(`{"heartbeat_s": 20, "load_timeout_ms": 300}`), c.now()); err != nil {
		t.Fatal(err)
	}
	c.ahead.Store(int64(nextMorning(time.Now())))
	d, _ := c.registered("D1", pos.RoleDesk)
	body := c.signInBody()
	body["clock"] = c.now().Add(90 * time.Second).Format(time.RFC3339Nano)
	body["params"], body["blocklist"] = 12, "7:12,33:4"
	var in signedIn
	d.post("/sign-in", body).into(t, &in)
	key := base64.StdEncoding.EncodeToString(c.hubKey.Public().(ed25519.PublicKey))
	if in.State != "running" || in.Role != "desk" || in.Heartbeat != 20 || in.Params.Version != 1 ||
		string(in.Params.Values) != `{"heartbeat_s":20,"load_timeout_ms":300}` || !slices.Equal(in.HubKeys, []string{key}) ||
		in.Seq != (sequence{1, 1}) || in.Journal != (journalMarks{1, 0, 0}) {
		t.Errorf("sign-in %+v", in)
	}
	if in.ClockOffset > -85_000 || in.ClockOffset < -90_001 {
		t.Errorf("the clock is off by %d ms, want the hub's less the terminal's", in.ClockOffset)
	}
	// Seven in the morning in Beijing, and still the day before in UTC.
	if want := c.now().UTC().Add(8 * time.Hour).Format("20060102"); in.BusinessDay != want || want == c.now().UTC().Format("20060102") {
		t.Errorf("business day %s, want %s", in.BusinessDay, want)
	}
	if in.Now.Sub(c.now()).Abs() > 10*time.Second {
		t.Errorf("now is %s", in.Now)
	}
	seen := c.show("D1").Seen
	if seen.Firmware != "1.4.2" || seen.Params != 12 || seen.Blocklist != "7:12,33:4" || seen.SignedIn.IsZero() || !seen.At.Equal(seen.SignedIn) {
		t.Errorf("the registry keeps %+v", seen)
	}
	c.mustHold(5000, 0)
}

// nextMorning is how long it is until seven in the morning in Beijing.
func nextMorning(now time.Time) time.Duration {
	seven := time.Date(now.UTC().Year(), now.UTC().Month(), now.UTC().Day(), 23, 0, 0, 0, time.UTC)
	return seven.Sub(now)
}

func TestAHeartbeatIsKeptAndSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.t1.journal(1, record(1, "ACKED"), record(2, "ACKED"))
	c.t1.seq = 4 // 2, the journal, is there; 3 and 4 never come
	body := map[string]any{
		"journal_depth": 3, "oldest_unsent": "2026-11-23T03:58:00Z", "firmware": "1.5.0", "params": 0, "blocklist": "",
		"clock": c.now().Format(time.RFC3339),
	}
	var beat struct {
		Now         time.Time    `json:"now"`
		ClockOffset int64        `json:"clock_offset_ms"`
		Params      int64        `json:"params"`
		Blocklist   string       `json:"blocklist"`
		Journal     journalMarks `json:"journal"`
		SeqHoles    []pos.Hole   `json:"seq_holes"`
	}
	c.t1.post("/heartbeat", body).into(t, &beat)
	if beat.Params != 0 || beat.Journal != (journalMarks{1, 2, 0}) || !slices.Equal(beat.SeqHoles, []pos.Hole{{From: 3, To: 4}}) ||
		beat.Now.Sub(c.now()).Abs() > 10*time.Second || beat.ClockOffset < -1000 || beat.ClockOffset > 10_000 {
		t.Errorf("heartbeat %+v", beat)
	}
	seen := c.show("T1").Seen
	if seen.JournalDepth != 3 || !seen.OldestUnsent.Equal(time.Date(2026, 11, 23, 3, 58, 0, 0, time.UTC)) || seen.Firmware != "1.5.0" {
		t.Errorf("the registry keeps %+v", seen)
	}
	delete(body, "oldest_unsent")
	body["journal_depth"] = 0
	c.t1.post("/heartbeat", body).into(t, &beat)
	if seen := c.show("T1").Seen; seen.JournalDepth != 0 || !seen.OldestUnsent.IsZero() {
		t.Errorf("with nothing unsent the registry keeps %+v", seen)
	}
	c.mustHold(5000, 0)
}

func TestWhatATerminalSaysOfItselfIsReadStrictly(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	for name, change := range map[string]func(map[string]any){
		"no clock":           without("clock"),
		"clock as a number":  with("clock", 1795406463),
		"clock in no zone":   with("clock", "2026-11-23T04:00:03"),
		"firmware of lines":  with("firmware", "1\n2"),
		"long firmware":      with("firmware", strings.Repeat("1", 65)),
		"params below zero":  with("params", -1),
		"params as text":     with("params", "12"),
		"blocklist of words": with("blocklist", "all"),
		"long blocklist":     with("blocklist", strings.Repeat("7:12,", 400)+"7:12"),
		"unknown field":      with("state", "running"),
	} {
		for _, path := range []string{"/sign-in", "/heartbeat"} {
			body := c.signInBody()
			change(body)
			if a := c.t1.post(path, body); !a.is(http.StatusBadRequest, "malformed") {
				t.Errorf("%s %s: %s, want 400", path, name, a)
			}
		}
	}
	for name, change := range map[string]func(map[string]any){
		"depth below zero": with("journal_depth", -1), "oldest as text": with("oldest_unsent", "yesterday"),
	} {
		body := c.signInBody()
		change(body)
		if a := c.t1.post("/heartbeat", body); !a.is(http.StatusBadRequest, "malformed") {
			t.Errorf("%s: %s, want 400", name, a)
		}
	}
	c.mustHold(5000, 0)
}

func TestAClockThatIsFarOffGetsNoLoadsAndItsReadingsCount(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	say := func(off time.Duration) {
		t.Helper()
		body := c.signInBody()
		body["clock"] = c.now().Add(off).Format(time.RFC3339Nano)
		c.t1.post("/heartbeat", body).into(t, &map[string]any{})
	}
	tap := rand.Text()
	offer := c.offer(c.t1, tap)
	for _, off := range []time.Duration{11 * time.Minute, -11 * time.Minute} {
		say(off)
		if a := c.tap(c.t1, reading()); a.Outcome != "none" || a.Reason != "clock" {
			t.Errorf("off by %s: %+v, want none because of the clock", off, a)
		}
	}
	c.recharge(2000)
	if a := c.tap(c.t1, reading(with("L", 4), with("B", 6200))); a.Outcome != "none" || a.Confirmed == nil || a.Confirmed.Load != offer.Load {
		t.Errorf("a reading that proves the load: %+v", a)
	}
	c.mustHold(2000, 0)
	if !strings.Contains(c.log.String(), "reason=clock") || !strings.Contains(c.log.String(), "clock is wrong") {
		t.Error("the log does not say that the clock is why")
	}
	say(9 * time.Minute)
	if a := c.tap(c.t1, reading(with("L", 4), with("B", 6200))); a.Outcome != "load" {
		t.Errorf("off by 9 minutes: %+v, want a load", a)
	}
}

func TestAClockThatIsCenturiesOffGetsNoLoads(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	round := c.now().Add(math.MaxInt64).Add(math.MaxInt64) // by 2 to the power of 64 nanoseconds
	for _, clock := range []time.Time{round, time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)} {
		body := c.signInBody()
		body["clock"] = clock.Format(time.RFC3339Nano)
		for _, path := range []string{"/sign-in", "/heartbeat"} {
			least := c.now().UnixMilli() - clock.UnixMilli()
			told, _ := c.t1.post(path, body).raw(t)["clock_offset_ms"].(float64)
			if most := c.now().UnixMilli() - clock.UnixMilli(); int64(told) < least || int64(told) > most {
				t.Errorf("%s by %s: the offset is told as %.0f ms, want %d to %d", path, clock, told, least, most)
			}
			if off := c.show("T1").Seen.ClockOffset; off > -200*365*24*time.Hour {
				t.Errorf("%s by %s: the registry keeps %s", path, clock, off)
			}
			if a := c.tap(c.t1, reading()); a.Outcome != "none" || a.Reason != "clock" {
				t.Errorf("%s by %s: %+v, want none because of the clock", path, clock, a)
			}
		}
	}
	if n := strings.Count(c.log.String(), "clock is wrong"); n != 4 {
		t.Errorf("%d warnings, want 4", n)
	}
	c.mustHold(5000, 0)
}

func TestTheHubWarnsOfAClockFromTwoMinutesOn(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	for _, tc := range []struct {
		off  time.Duration
		warn int
	}{{119 * time.Second, 0}, {-110 * time.Second, 0}, {125 * time.Second, 1}, {-125 * time.Second, 2}} {
		body := c.signInBody()
		body["clock"] = c.now().Add(tc.off).Format(time.RFC3339Nano)
		c.t1.post("/sign-in", body).into(t, &signedIn{})
		if n := strings.Count(c.log.String(), "clock is wrong"); n != tc.warn {
			t.Errorf("off by %s: %d warnings, want %d", tc.off, n, tc.warn)
		}
	}
	c.mustHold(5000, 0)
}

func TestParametersRiseWithEachChangeAlone(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	get := func(query string) (p paramsVersion) {
		t.Helper()
		c.t1.get("/params"+query).into(t, &p)
		return p
	}
	if p := get(""); p.Version != 0 || string(p.Values) != "{}" {
		t.Errorf("before any: %+v", p)
	}
	for i, text := range []string{`{"b": 1, "a": 12345678901234567}`, `{ "a":12345678901234567, "b":1 }`, `{"a":2}`} {
		p, err := c.registry.SetParams(c.ctx, []byte(text), c.now())
		if want := []int64{1, 1, 2}[i]; err != nil || p.Version != want {
			t.Errorf("set %s: %+v, %v, want version %d", text, p, err, want)
		}
		if i == 1 {
			if p := get("?since=0"); p.Version != 1 || string(p.Values) != `{"a":12345678901234567,"b":1}` {
				t.Errorf("params %+v", p)
			}
		}
	}
	if p := get("?since=2"); p.Version != 2 || p.Values != nil {
		t.Errorf("of the version that the terminal has: %+v", p)
	}
	if p := get("?since=3"); string(p.Values) != `{"a":2}` {
		t.Errorf("of a version that never was: %+v", p)
	}
	for _, query := range []string{"?since=-1", "?since=x", "?since=", "?since=1&since=2", "?version=1", "?since=1;2"} {
		if a := c.t1.get("/params" + query); !a.is(http.StatusBadRequest, "malformed") {
			t.Errorf("%s: %s, want 400", query, a)
		}
	}
	for _, text := range []string{"", "null", "[]", "5", `{"a":1}{}`, `{"heartbeat_s":0}`, `{"heartbeat_s":"x"}`,
		`{"heartbeat_s":"30"}`, `{"heartbeat_s":3e1}`, `{"heartbeat_s":null}`, `{"heartbeat_s":[30]}`, `{"heartbeat_s":3601}`, `{"Heartbeat_S":30}`,
		`{"heartbeat_s":30,"HEARTBEAT_S":0}`, `{"a":"` + strings.Repeat("x", 9000) + `"}`} {
		if _, err := c.registry.SetParams(c.ctx, []byte(text), c.now()); !errors.Is(err, pos.ErrParams) {
			t.Errorf("set %.20q: %v, want ErrParams", text, err)
		}
	}
	c.mustHold(5000, 0)
}

func TestASignInSaysHowOftenToBeat(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	for _, tc := range []struct {
		text string
		want int64
	}{{`{}`, 60}, {`{"heartbeat_s":20}`, 20}, {`{"beat":7}`, 60}, {`{"heartbeat_s":3600}`, 3600}} {
		if _, err := c.registry.SetParams(c.ctx, []byte(tc.text), c.now()); err != nil {
			t.Fatal(err)
		}
		if in := c.signIn(c.t1); in.Heartbeat != tc.want {
			t.Errorf("with %s it is %d, want %d", tc.text, in.Heartbeat, tc.want)
		}
	}
	// However it came there.
	if err := c.bench.Runner.Client().HSet(c.ctx, "h:{term}:params", "values", `{"Heartbeat_S":5}`).Err(); err != nil {
		t.Fatal(err)
	}
	if in := c.signIn(c.t1); in.Heartbeat != 60 {
		t.Errorf("another parameter is taken for it: %d", in.Heartbeat)
	}
	c.mustHold(5000, 0)
}

func TestWhetherAPayerIsBoundAndNothingElseIsSaid(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.payers["wechat:openid:oPayer-1"] = true
	for query, want := range map[string]bool{
		"channel=wechat&kind=openid&payer=oPayer-1": true, "channel=alipay&kind=openid&payer=oPayer-1": false,
		"channel=wechat&kind=openid&payer=oPayer-2": false,
	} {
		var answer map[string]any
		c.t1.get("/payers/bound?"+query).into(t, &answer)
		if len(answer) != 1 || answer["bound"] != want {
			t.Errorf("%s: %v, want bound %v", query, answer, want)
		}
	}
	for _, query := range []string{
		"", "channel=wechat&kind=openid", "channel=wechat&kind=openid&payer=", "channel=wechat&kind=openid&payer=a:b",
		"channel=wechat&kind=openid&payer=a&payer=b", "channel=wechat&kind=openid&payer=a&x=1",
	} {
		if a := c.t1.get("/payers/bound?" + query); !a.is(http.StatusBadRequest, "malformed") {
			t.Errorf("%s: %s, want 400", query, a)
		}
	}
	if strings.Contains(c.log.String(), "oPayer") {
		t.Error("the log names a payer")
	}
	c.mustHold(5000, 0)
}

// raw is an answer's body as a map.
func (a answer) raw(t testing.TB) (m map[string]any) {
	t.Helper()
	if err := json.Unmarshal(a.body, &m); err != nil {
		t.Fatalf("%s: %v", a, err)
	}
	return m
}
