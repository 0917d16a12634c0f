package transition

import (
	"cmp"
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"guodu/internal/redistest"
	"guodu/internal/redisx"
)

var update = flag.Bool("update", false, "write the golden files anew")

// play runs a scenario on an empty server and returns what it said and left.
// With rewrite, the scripts are changed first.
func play(ctx context.Context, client redis.UniversalClient, sc scenario, rewrite func(name, source string) string) (string, *stage, error) {
	if err := client.Do(ctx, "FLUSHALL", "SYNC").Err(); err != nil {
		return "", nil, err
	}
	run := redisx.NewRunner(client, redisx.RunnerOptions{Rewrite: rewrite})
	st, err := newStage(ctx, run)
	if err != nil {
		return "", nil, err
	}
	sc.run(ctx, st)
	stored, err := dump(ctx, client)
	return st.log.String() + stored, st, err
}

func golden(sc scenario) string { return filepath.Join("testdata", sc.name+".golden") }

// TestScenariosLeaveWhatTheirGoldenFilesSay runs every script on a Cluster
// node with `#!lua` and a guard against undeclared keys, and compares each
// reply and the whole keyspace. The books of each must balance.
func TestScenariosLeaveWhatTheirGoldenFilesSay(t *testing.T) {
	ctx := context.Background()
	client := redistest.Start(t, redistest.Cluster).Client()
	for _, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) {
			got, st, err := play(ctx, client, sc, redistest.Strict)
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(golden(sc), []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden(sc))
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(string(want), got); diff != "" {
				t.Errorf("differs from %s (-want +got):\n%s", golden(sc), diff)
			}
			books, err := st.Verify(ctx)
			if err != nil {
				t.Errorf("verify: %v", err)
			}
			if books.Tot["paid"] == 0 {
				t.Errorf("no money moved")
			}
		})
	}
	t.Logf("result: %d scenarios", len(scenarios()))
}

var writes = regexp.MustCompile(`redis\.call\('(HSET|HSETNX|HDEL|HINCRBY|INCR|RPUSH|SET|DEL|ZADD|ZREM|XADD)'`)

// TestRemovingAnyWriteChangesWhatScenariosLeave takes every write out of every
// script, one at a time, and every posting out of every set of postings, and
// expects a scenario to notice.
func TestRemovingAnyWriteChangesWhatScenariosLeave(t *testing.T) {
	ctx := context.Background()
	client := redistest.Start(t, redistest.Cluster).Client()
	mutants, noticed := 0, map[string]map[string]int{}
	for _, m := range mutations() {
		mutants++
		by := killer(ctx, t, client, m, noticed)
		if by == "" {
			t.Errorf("%s: nothing notices when it is missing: %s", m.script, m.what)
			continue
		}
		t.Logf("%-15s without %-70.70s noticed by %s", m.script, m.what, by)
	}
	t.Logf("result: %d writes and postings taken out one at a time, each noticed", mutants)
	if mutants < 60 {
		t.Errorf("only %d writes were found in the scripts", mutants)
	}
}

type mutation struct{ script, what, source string }

// mutations lists the scripts with one write or one posting taken out.
func mutations() []mutation {
	s := newScripts()
	var all []mutation
	for _, script := range []*redisx.Plain{
		s.orderCreate, s.orderPrepared, s.orderCredit, s.orderClose, s.dueClaim, s.dueResched, s.caseOpen,
		s.caseNote, s.caseEnd, s.caseReopen, s.caseRetell, s.caseRefundHold, s.caseRefundSettle, s.caseRefundReturn,
		s.caseRefundExt, s.caseRefundLate, s.orderRebuild, s.orderRestate,
		s.orderTold, s.refundHold, s.refundSend, s.refundSettle, s.refundReturn, s.refundExt, s.refundResched,
		s.tap, s.loadResult, s.loadDrop, s.loadDoubt, s.cardRecheck, s.cardAdopt, s.cardRepair, s.cardReport, s.loadDecide, s.loadUndo, s.recovery,
		s.imports, s.index, s.meta, s.blockSet, s.feedPending,
	} {
		source := script.Source()
		used := called(source)
		for _, at := range writes.FindAllStringIndex(source, -1) {
			if fn := enclosing(source, at[0]); fn != "" && !used[fn] {
				continue // a shared function that this script does not call
			}
			what, _, _ := strings.Cut(source[at[0]:], "\n")
			all = append(all, mutation{script.Name(), what,
				"local nop = function() end\n" + source[:at[0]] + "nop" + source[at[0]+len("redis.call"):]})
		}
		for _, at := range postings.FindAllStringSubmatchIndex(source, -1) {
			for _, field := range fields.FindAllStringIndex(source[at[2]:at[3]], -1) {
				from, to := at[2]+field[0], at[2]+field[1]
				if fn := enclosing(source, from); fn != "" && !used[fn] {
					continue
				}
				all = append(all, mutation{script.Name(), "posting " + strings.Trim(source[from:to], " ,"), source[:from] + source[to:]})
			}
		}
	}
	return all
}

var (
	postings  = regexp.MustCompile(`post\([^{]*\{([^}]*)\}\)`)
	fields    = regexp.MustCompile(`[a-z_]+ = [^,}]+,?`)
	functions = regexp.MustCompile(`(?ms)^local function ([a-z_]+)\(.*?^end$`)
)

// called names the top-level functions that a script's own text uses, directly
// or through another one.
func called(source string) map[string]bool {
	body := functions.ReplaceAllString(source, "")
	used := map[string]bool{}
	for again := true; again; {
		again = false
		for _, f := range functions.FindAllStringSubmatch(source, -1) {
			if !used[f[1]] && strings.Contains(body, f[1]+"(") {
				used[f[1]], again = true, true
				body += f[0][strings.Index(f[0], "\n")+1:]
			}
		}
	}
	return used
}

// enclosing names the top-level function around an offset, or nothing.
func enclosing(source string, at int) string {
	for _, f := range functions.FindAllStringSubmatchIndex(source, -1) {
		if f[0] <= at && at < f[1] {
			return source[f[2]:f[3]]
		}
	}
	return ""
}

// killer names the first scenario that ends differently with the mutation.
func killer(ctx context.Context, t *testing.T, client redis.UniversalClient, m mutation, noticed map[string]map[string]int) string {
	t.Helper()
	rewrite := func(name, source string) string {
		if name == m.script {
			return m.source
		}
		return source
	}
	all := scenarios()
	// What noticed the last one in this script will most likely notice this one.
	slices.SortStableFunc(all, func(x, y scenario) int { return cmp.Compare(noticed[m.script][y.name], noticed[m.script][x.name]) })
	for _, sc := range all {
		want, err := os.ReadFile(golden(sc))
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := play(ctx, client, sc, rewrite)
		if err != nil || got != string(want) {
			if noticed[m.script] == nil {
				noticed[m.script] = map[string]int{}
			}
			noticed[m.script][sc.name]++
			return sc.name
		}
	}
	return ""
}
