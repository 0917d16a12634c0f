//go:build !race

package transition

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

// shortcut is a tempting simplification of the protocol, put back into the scripts or
// the terminal, and the least faults that make it go wrong.
type shortcut struct {
	name    string
	changes []change // none if the rules change
	rules   rules
	want    error // nil: whatever goes wrong first
}

// change is a change of a script's text.
type change struct{ script, old, new string }

func shortcuts() []shortcut {
	base := func(change func(*rules)) rules {
		r := rules{Left: budgets{Taps: 3}, Terminals: 2, Recharges: 1, Refunds: true, Crashes: true, Known: true}
		change(&r)
		return r
	}
	plain := base(func(*rules) {})
	late := base(func(r *rules) { r.Left.Late = 1 })
	return []shortcut{
		{"a newer tap kills older attempts", []change{{
			"tap", "local others = load.live == '' and '' or load.live .. ','", "local others = ''",
		}}, late, errDoublePay},
		{"cancel on an unchanged counter", []change{{
			"tap", "    local shown = cash.shows(load, KEYS.core, B, P)\n",
			"    loads.cancel(a, k, open_id, load, evidence, now)\n    if true then return answer('NOTHING') end\n    local shown = 'same'\n",
		}}, late, errDoublePay},
		{"another attempt's abort accepted", []change{{
			"load_drop", "local gone = one == tap.n .. '=' .. who or", "local gone = true or",
		}}, plain, errDoublePay},
		{"a timer releases, with refunds", nil, base(func(r *rules) { r.TimerReleases = true }), errDoublePay},
		{"a timer releases, without refunds", nil, base(func(r *rules) { r.TimerReleases, r.Refunds = true, false }), nil},
		{"new money merged into an issued load", []change{{
			"tap", "  load.B0, load.P0 = ARGV.B, P\n  redis.call('HSET', KEYS.open,",
			"  load.B0, load.P0, load.amount = ARGV.B, P, ledger.text(tonumber(load.amount) + a.pending)\n" +
				"  a.load_held, a.pending = a.load_held + a.pending, 0\n  ledger.save(a)\n" +
				"  redis.call('HSET', KEYS.open, 'amount', load.amount,",
		}}, base(func(r *rules) { r.Recharges, r.Refunds, r.Left.Late = 2, false, 1 }), nil},
		{"a dead tap answered with its stored authorisation", []change{{
			"tap", "  if tap.dead or tap.load ~= open_id or not loads.live(load, tap.n, who) then return answer('DEAD') end\n",
			"  if tap.load then load = ledger.hash((string.gsub(KEYS.open, '[^:]+$', tap.load))) end\n" +
				"  if not load.state then return answer('DEAD') end\n  load.B0, load.P0 = tap.B0, tap.P0\n" +
				"  if load.state == 'CANCELLED' then return answer('OFFER', tap.load, tonumber(tap.n), load, tap.not_after) end\n" +
				"  if tap.load ~= open_id then return answer('DEAD') end\n",
		}}, base(func(r *rules) { r.Rude, r.Forgetful = true, true }), errDoublePay},
		{"a re-reading accepted after a write intent", nil,
			base(func(r *rules) { r.Left.Tears, r.RereadAfterIntent = 1, true }), errDoublePay},
		{"rule 3 without the comparison of B and P", []change{{
			"tap", "    if shown ~= 'same' then\n", "    if false then\n",
		}}, base(func(r *rules) { r.Left.Tears, r.Refunds = 1, false }), errDoublePay},
		{"FORCED with the sibling left open, and nobody who sees it later", []change{
			{"load_result", "  if loads.open(other) and other.version == ARGV.version and other.L0 == ARGV.L0 then\n", "  if false then\n"},
			{"load_result", "if claim and claim ~= ARGV.load_no then", "if false then"},
			{"tap", "  if L == L0 + 1 and claim and claim ~= open_id then\n", "  if false then\n"},
		}, base(func(r *rules) { r.Left.Failovers, r.Left.Late = 1, 1 }), nil},
		{"the ledger's counter set back", []change{{
			"load_result", "local L = math.max(tonumber(card.L or '0'), L0 + 1)", "local L = L0 + 1",
		}}, base(func(r *rules) { r.Left.Failovers, r.Known, r.Answers, r.Refunds = 1, false, true, false }), nil},
	}
}

// control is the shortcut's faults with the protocol as it is.
func (s shortcut) control() rules {
	r := s.rules
	r.RereadAfterIntent, r.TimerReleases = false, false
	return r
}

var updateTable = flag.Bool("update-table", false, "write the table of docs/load-protocol.md anew")

// TestEachShortcutIsFound puts the shortcuts back, one at a time, and wants a history
// that goes wrong by each; without them the same searches find nothing.
func TestEachShortcutIsFound(t *testing.T) {
	const doc = "../docs/load-protocol.md"
	var table strings.Builder
	passed := map[rules]bool{}
	table.WriteString("| shortcut | found | the shortest history |\n|---|---|---|\n")
	for _, s := range shortcuts() {
		t.Run(s.name, func(t *testing.T) {
			if !passed[s.control()] {
				sound := newModel(t, s.control(), nil)
				if wrong, worlds := sound.search(2_000_000); wrong != nil {
					t.Fatalf("without the shortcut, after %d worlds: %v", worlds, wrong)
				}
				passed[s.control()] = true
			}
			changed := map[change]bool{}
			m := newModel(t, s.rules, func(name, source string) string {
				for _, c := range s.changes {
					if c.script == name && strings.Count(source, c.old) == 1 {
						source = strings.Replace(source, c.old, c.new, 1)
						changed[c] = true
					}
				}
				return source
			})
			m.tolerant, m.only = true, s.want
			wrong, worlds := m.search(2_000_000)
			if wrong == nil {
				t.Fatalf("nothing goes wrong in %d worlds", worlds)
			}
			if len(changed) != len(s.changes) {
				t.Fatalf("%d of %d changes found their text", len(changed), len(s.changes))
			}
			kind, _, _ := strings.Cut(wrong.err.Error(), ":")
			fmt.Fprintf(&table, "| %s | %s | %s |\n", s.name, wrong.err, strings.Join(wrong.steps, " → "))
			t.Logf("%s after %d worlds: %s", kind, worlds, strings.Join(wrong.steps, " → "))
		})
	}
	if t.Failed() {
		return
	}
	t.Logf("result: %d shortcuts put back one at a time, each leads to a history that goes wrong", len(shortcuts()))
	text, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- shortcuts: written by go test ./transition -run Shortcut -update-table -->\n", "<!-- end of shortcuts -->"
	before, rest, found := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the table", doc)
	}
	want := before + begin + table.String() + end + after
	if *updateTable {
		if err := os.WriteFile(doc, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(text) {
		t.Errorf("%s does not show what was found; go test ./transition -run Shortcut -update-table", doc)
	}
}
