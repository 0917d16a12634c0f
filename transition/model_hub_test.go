//go:build !race

package transition

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/redis/go-redis/v9"

	"guodu/internal/fen"
	"guodu/internal/redistest"
	"guodu/internal/redisx"
)

// modelHub runs the real scripts on hub states: the keys of one account's partition,
// put into a real Redis, changed by one call of the Store, and read back. What a call
// does to a state is remembered, so that a search over histories runs each script once
// for each state that it can meet.
//
// A state leaves out what no script decides by: entries, counters of repeats and the
// last evidence. The entries that a call appends are checked when it is made: they
// must derive the change of the balances and of the trial balance.
type modelHub struct {
	tb     testing.TB
	store  *Store
	client redis.UniversalClient
	at     time.Time
	number byte // of the next load

	states []hubState
	ids    map[string]int32
	done   map[modelCall]modelReply
	loads  []Load // authorisations that were given, by index; 0 is none
	known  map[Load]uint16
	calls  int
	// tolerant goes on when books contradict themselves within a call: of scripts that
	// were made wrong on purpose the history is wanted.
	tolerant bool
}

// hubState is a state and what the search asks of it.
type hubState struct {
	keys                                  []modelKey
	pending, held, clawback, paid, loaded int
	open                                  bool // a load is open
	openL0, openB0, openAmount            int
	openState                             LoadState
	mark, desk, repair                    string
	doubt                                 bool
	ledger                                int // its counter, -1 before the first
	recovery                              bool
	begun                                 map[LoadNo]bool
}

type modelKey struct {
	name, kind string
	text       string            // of a string
	fields     map[string]string // of a hash, or of a zset
}

// modelCall is a call of the hub in a state.
type modelCall struct {
	state    int32
	kind     string
	terminal uint8
	tap      uint8
	auth     uint16
	l, b, p  int16
	n        int16
	proof    bool
}

// modelReply is what it led to.
type modelReply struct {
	state   int32
	outcome Outcome
	auth    uint16 // of an offer
	word    string // of other calls: what the hub says
}

const (
	modelAccount AccountNo = "A1"
	modelCard    CardUID   = "04A1B2C3"
)

func newModelHub(tb testing.TB, rewrite func(name, source string) string) *modelHub {
	client := redistest.Start(tb, redistest.Ephemeral).Client()
	h := &modelHub{
		tb: tb, client: client, at: time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC),
		ids: map[string]int32{}, done: map[modelCall]modelReply{}, loads: make([]Load, 1), known: map[Load]uint16{},
	}
	run := redisx.NewRunner(client, redisx.RunnerOptions{Rewrite: rewrite})
	store, err := Open(context.Background(), run, Options{Clock: func() time.Time { return h.at }})
	if err != nil {
		tb.Fatal(err)
	}
	store.quiet = true
	store.token = func() string { return "challenge" }
	store.loadNo = func(p partition, _ time.Time) LoadNo {
		var id ulid.ULID
		id[15] = h.number
		return LoadNo(p.digits() + id.String())
	}
	h.store = store
	return h
}

// first is the state of an account with orders that nobody has paid.
func (h *modelHub) first(profile string, orders uint8) int32 {
	ctx := context.Background()
	h.client.FlushDB(ctx)
	_, err := h.store.Import(ctx, Statement{
		Account: modelAccount, Version: 1, Open: true, Card: Card{UID: modelCard, No: "70001", Version: "1", Profile: profile},
	})
	for i, amount := range modelAmounts()[:orders] {
		if err == nil {
			_, _, err = h.store.CreateOrder(ctx, NewOrder{
				No: orderNo(i), Account: modelAccount, Amount: amount, Channel: "wechat", Merchant: merchantA, PayerKind: "openid",
				Payer: fmt.Sprintf("payer-%d", i), Request: json.RawMessage(`{}`), Expires: h.at.Add(time.Hour), FirstDue: h.at.Add(time.Hour),
				Limits: Limits{Order: 50_000, Day: 200_000, Balance: 500_000},
			})
		}
	}
	if err != nil {
		h.tb.Fatal(err)
	}
	return h.keep(h.read(ctx))
}

// modelAmounts are the recharges of a history, in fen.
func modelAmounts() []fen.Fen { return []fen.Fen{3, 5, 2, 7, 1, 4} }

// call is what a call does in a state.
func (h *modelHub) call(c modelCall) modelReply {
	if r, found := h.done[c]; found {
		return r
	}
	h.calls++
	ctx := context.Background()
	before := h.states[c.state]
	h.write(ctx, before.keys)
	r := h.run(ctx, c)
	keys, entries := h.read(ctx)
	after := h.states[h.keep(keys, nil)]
	r.state = h.ids[canonical(keys)]
	if err := derives(before, after, entries); err != nil && !h.tolerant {
		h.tb.Fatalf("%+v: %v", c, err)
	}
	h.done[c] = r
	return r
}

// run makes the call on what is in Redis.
func (h *modelHub) run(ctx context.Context, c modelCall) modelReply {
	noon := h.at
	defer func() { h.at = noon }()
	purchases := int64(c.p)
	reading := Reading{
		Terminal: fmt.Sprintf("T%d", c.terminal), TapID: fmt.Sprintf("tap-%04d", c.tap), UID: modelCard, CardNo: "70001", Version: "1",
		L: int64(c.l), B: fen.Fen(c.b), P: &purchases,
	}
	nonce, auth := Nonce{"T", "nonce"}, h.loads[c.auth]
	var r modelReply
	var err error
	switch c.kind {
	case "pay":
		_, err = h.store.Credit(ctx, Credit{
			Order: orderNo(int(c.n)), Account: modelAccount, Channel: "wechat", Merchant: merchantA, Txn: fmt.Sprintf("4200%d", c.n),
			Amount: modelAmounts()[c.n], Source: "callback", Success: h.at,
		})
	case "tap":
		h.number = c.tap<<2 | byte(c.n)
		var t TapResult
		t, err = h.store.Tap(ctx, reading, nonce, TapTimes{NotAfter: time.Minute, Deadline: 2 * time.Minute})
		r.outcome = t.Outcome
		if t.Outcome == Offer {
			r.auth = h.authorisation(t.Load)
		}
	case "result":
		w := WriteResult{Load: auth, Written: c.proof}
		if c.proof {
			l, b := int64(c.l), fen.Fen(c.b)
			w.L, w.B, w.P = &l, &b, &purchases
		}
		var receipt Receipt
		receipt, err = h.store.Result(ctx, w, nonce)
		r.word = string(receipt.State)
	case "abort":
		var state LoadState
		state, err = h.store.Abort(ctx, Abort{Terminal: reading.Terminal, TapID: reading.TapID, UID: modelCard}, nonce)
		r.word = string(state)
	case "reread":
		var state LoadState
		state, err = h.store.Reread(ctx, Rereading{Load: auth, L: int64(c.l), B: fen.Fen(c.b), P: &purchases}, nonce)
		r.word = string(state)
	case "recheck":
		var got Rechecked
		got, err = h.store.Recheck(ctx, Recheck{Reading: reading, Challenge: "challenge"}, nonce)
		r.word = got.Outcome
	case "desk":
		var got Rechecked
		reading.Terminal = "D1"
		got, err = h.store.Recheck(ctx, Recheck{Reading: reading, Desk: true}, nonce)
		r.word = got.Outcome
	case "confirm", "cancel":
		h.at = h.at.Add(time.Hour)
		var balance *fen.Fen
		if s := h.states[c.state]; s.mark == "CONFLICT" && s.desk != "" {
			b := fen.Fen(c.b)
			balance = &b
		}
		for _, no := range h.opened(ctx) {
			var state LoadState
			state, err = h.store.DecideLoad(ctx, LoadDecision{Load: no, Verdict: Verdict(c.kind), By: "anna", Second: "bert", Why: "seen", Balance: balance})
			r.word = string(state)
		}
	case "adopt":
		h.number = 0xff
		err = h.store.DecideCard(ctx, CardDecision{UID: modelCard, By: "anna", Second: "bert", Why: "seen", Adopt: true, Seen: int64(c.l), Amount: fen.Fen(c.n)})
	case "mark":
		h.at = h.at.Add(time.Hour)
		_, err = h.store.MarkDoubt(ctx, time.Time{})
	case "refund":
		err = h.refund(ctx)
	case "spend":
		err = h.store.Report(ctx, CardReport{Kind: Spend, UID: modelCard, Version: "1", N: int64(c.n), Amount: fen.Fen(c.b), At: h.at})
	case "recovery":
		err = h.store.recoverPartition(ctx, partitionOf(modelAccount), "begin", "hub", "", "failover")
	case "recovered":
		err = h.store.recoverPartition(ctx, partitionOf(modelAccount), "end", "anna", "bert", "journals are in")
	default:
		h.tb.Fatalf("no call %q", c.kind)
	}
	if err != nil && !errors.Is(err, ErrFrozen) && !errors.Is(err, ErrDoubt) && !errors.Is(err, ErrRecovery) &&
		!h.tolerant && !errors.Is(err, ErrStillLive) && !errors.Is(err, ErrChallenge) && !errors.Is(err, ErrNoReading) {
		h.tb.Fatalf("%+v: %v", c, err)
	}
	if err != nil {
		r.word = "error: " + err.Error()
	}
	return r
}

// opened lists the open loads, of which there is one at most.
func (h *modelHub) opened(ctx context.Context) []LoadNo {
	var all []LoadNo
	for _, id := range h.client.ZRange(ctx, h.store.keys.doubt(partitionOf(modelAccount)), 0, -1).Val() {
		all = append(all, LoadNo(id))
	}
	return all
}

// refund gives all that is pending back through the channel.
func (h *modelHub) refund(ctx context.Context) error {
	for i := range modelAmounts() {
		a, err := h.store.Account(ctx, modelAccount)
		if err != nil {
			return err
		}
		o, err := h.store.Order(ctx, orderNo(i))
		if errors.Is(err, ErrNoOrder) {
			return nil
		}
		if err != nil {
			return err
		}
		amount := min(a.Pending, o.Amount-o.Refunded-o.Refunding)
		if o.State != OrderCredited || amount <= 0 {
			continue
		}
		body := fmt.Sprintf("26112307%013d%03d", 500+i, len(o.Refunds))
		no := RefundNo("R" + body + string(checkCharacter(body)))
		_, _, err = h.store.HoldRefund(ctx, NewRefund{
			No: no, Order: o.No, Account: modelAccount, Amount: amount, Request: json.RawMessage(`{}`), By: "holder", Why: "wish", FirstDue: h.at,
		})
		if err == nil {
			_, _, err = h.store.SettleRefund(ctx, RefundMade{No: no, Amount: amount, At: h.at})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (h *modelHub) authorisation(l Load) uint16 {
	i, found := h.known[l]
	if !found {
		i = uint16(len(h.loads))
		h.loads, h.known[l] = append(h.loads, l), i
	}
	return i
}

// write makes Redis hold a state.
func (h *modelHub) write(ctx context.Context, keys []modelKey) {
	pipe := h.client.Pipeline()
	pipe.FlushDB(ctx)
	for _, k := range keys {
		switch k.kind {
		case "string":
			pipe.Set(ctx, k.name, k.text, 0)
		case "zset":
			for member, score := range k.fields {
				f, _ := strconv.ParseFloat(score, 64)
				pipe.ZAdd(ctx, k.name, redis.Z{Member: member, Score: f})
			}
		default:
			flat := make([]string, 0, 2*len(k.fields))
			for field, value := range k.fields {
				flat = append(flat, field, value)
			}
			pipe.HSet(ctx, k.name, flat)
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		h.tb.Fatal(err)
	}
}

// everything returns each key with its type and content, in one answer.
var everything = redis.NewScript(`
local all = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  if kind == 'string' then
    all[#all + 1] = { key, kind, { redis.call('GET', key) } }
  elseif kind == 'hash' then
    all[#all + 1] = { key, kind, redis.call('HGETALL', key) }
  elseif kind == 'zset' then
    all[#all + 1] = { key, kind, redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') }
  else
    all[#all + 1] = { key, kind, redis.call('LRANGE', key, 0, -1) }
  end
end
return all`)

// read takes the state and the new entries out of Redis.
func (h *modelHub) read(ctx context.Context) (keys []modelKey, entries []string) {
	all, err := everything.Run(ctx, h.client, nil).Slice()
	if err != nil {
		h.tb.Fatal(err)
	}
	for _, one := range all {
		parts, _ := one.([]any)
		var content []string
		for _, v := range parts[2].([]any) {
			content = append(content, fmt.Sprint(v))
		}
		k := modelKey{name: fmt.Sprint(parts[0]), kind: fmt.Sprint(parts[1])}
		_, rest, _ := strings.Cut(k.name, "}:")
		switch kind, _, _ := strings.Cut(rest, ":"); kind {
		case "n", "due", "rfdue", "day", "count": // nonces, what the poller works by, the number of entries
			continue
		case "l":
			entries = content
			continue
		}
		if k.kind == "string" {
			k.text = content[0]
		} else {
			k.fields = map[string]string{}
			for i := 0; i < len(content); i += 2 {
				k.fields[content[i]] = content[i+1]
			}
			k.fields = tidied(k.name, k.fields)
		}
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b modelKey) int { return strings.Compare(a.name, b.name) })
	return keys, entries
}

// tidied makes the same what no script decides by.
func tidied(name string, fields map[string]string) map[string]string {
	if fields["dup"] != "" {
		fields["dup"] = "0"
	}
	delete(fields, "evidence")
	delete(fields, "had")
	_, rest, _ := strings.Cut(name, "}:")
	kind, _, _ := strings.Cut(rest, ":")
	switch kind {
	case "a":
		fields["seq"], fields["head"] = "0", "-"
		delete(fields, "q_day")
		delete(fields, "q_fen")
		delete(fields, "open")
	case "o":
		for _, field := range []string{"r_seq", "r_net", "r_pending", "r_arrears", "r_clawback"} {
			if fields[field] != "" {
				fields[field] = "0"
			}
		}
	case "card":
		delete(fields, "rev")
		delete(fields, "contested")
	case "tap":
		delete(fields, "confirmed")
		delete(fields, "confirmed_amount")
	case "ld":
		if LoadState(fields["state"]).Open() {
			break
		}
		// Of a load that has ended only what its authorisation says is asked for.
		for _, field := range []string{"begun", "was", "topped", "near", "marked", "at", "stepped"} {
			delete(fields, field)
		}
		for _, field := range []string{"n", "B0", "P0"} {
			fields[field] = "0"
		}
	case "case":
		for field := range fields {
			if !strings.HasPrefix(field, "s:") && !strings.HasPrefix(field, "f:") {
				delete(fields, field)
			}
		}
	}
	return fields
}

func canonical(keys []modelKey) string {
	var out strings.Builder
	for _, k := range keys {
		out.WriteString(k.name + " " + k.text)
		fields := make([]string, 0, len(k.fields))
		for field, value := range k.fields {
			fields = append(fields, field+"="+value)
		}
		slices.Sort(fields)
		out.WriteString(strings.Join(fields, " ") + "\n")
	}
	return out.String()
}

// keep gives a state its number.
func (h *modelHub) keep(keys []modelKey, _ []string) int32 {
	text := canonical(keys)
	if id, found := h.ids[text]; found {
		return id
	}
	s := hubState{keys: keys, ledger: -1, begun: map[LoadNo]bool{}}
	number := func(text string) int {
		n, err := strconv.Atoi(text)
		if err != nil && text != "" {
			h.tb.Fatal(err)
		}
		return n
	}
	for _, k := range keys {
		_, rest, _ := strings.Cut(k.name, "}:")
		switch {
		case rest == "a:"+string(modelAccount):
			s.pending, s.held, s.clawback = number(k.fields["pending"]), number(k.fields["load_held"]), number(k.fields["clawback"])
			s.doubt = k.fields["doubt"] != ""
		case rest == "tot":
			s.paid, s.loaded = number(k.fields["paid"]), -number(k.fields["loaded"])
		case rest == "card:"+string(modelCard):
			s.mark, s.desk, s.repair = k.fields["mark"], k.fields["desk"], k.fields["repair"]
			if k.fields["L"] != "" {
				s.ledger = number(k.fields["L"])
			}
		case rest == "epoch":
			s.recovery = k.fields["recovery"] != ""
		case strings.HasPrefix(rest, "ld:") && LoadState(k.fields["state"]).Open():
			if s.open {
				h.tb.Fatalf("two open loads:\n%s", text)
			}
			s.open, s.openState = true, LoadState(k.fields["state"])
			s.openL0, s.openB0, s.openAmount = number(k.fields["L0"]), number(k.fields["B0"]), number(k.fields["amount"])
		}
	}
	id := int32(len(h.states))
	h.states, h.ids[text] = append(h.states, s), id
	return id
}

// derives says whether the entries that a call appended give the balances and the
// trial balance after it.
func derives(before, after hubState, lines []string) error {
	was, tot := totals(before)
	prev := "-"
	for _, line := range lines {
		e, err := ParseEntry(line)
		if err != nil {
			return err
		}
		if e.Prev != prev {
			return fmt.Errorf("%w: chain: %s", ErrBooks, line)
		}
		postings, err := e.Postings(was)
		if err != nil {
			return err
		}
		for name, f := range postings {
			tot[name] += f
		}
		was, prev = e.After, e.Hash
	}
	now, want := totals(after)
	if was != now {
		return fmt.Errorf("%w: the account holds %+v, its entries give %+v", ErrBooks, now, was)
	}
	var sum fen.Fen
	for name, f := range want {
		if tot[name] != f {
			return fmt.Errorf("%w: tot says %s %s, the entries give %s", ErrBooks, name, f, tot[name])
		}
		sum += f
	}
	if sum != 0 {
		return fmt.Errorf("%w: tot sums to %s", ErrBooks, sum)
	}
	return nil
}

// totals are the account's balances and the trial balance of a state.
func totals(s hubState) (Balances, Postings) {
	var n number
	var b Balances
	tot := Postings{}
	for _, k := range s.keys {
		_, rest, _ := strings.Cut(k.name, "}:")
		get := func(name string) fen.Fen {
			if k.fields[name] == "" {
				return 0
			}
			return n.fen(k.fields[name])
		}
		switch rest {
		case "a:" + string(modelAccount):
			b = Balances{get("pending"), get("load_held"), get("refund_held"), get("arrears"), get("clawback")}
		case "tot":
			for name := range k.fields {
				tot[name] = get(name)
			}
		}
	}
	return b, tot
}
