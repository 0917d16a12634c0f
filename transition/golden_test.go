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

// TestRemovingAnyWriteChangesWhatScenariosLeave takes every write out of every
// script, one at a time, and every posting out of every set of postings, and
// expects a scenario to notice.
func TestRemovingAnyWriteChangesWhatScenariosLeave(t *testing.T) {
	ctx := context.Background()
	client := redistest.Start(t, redistest.Cluster).Client()
	users := map[string][]scenario{} // of each script
	for _, sc := range scenarios() {
		used := map[string]bool{}
		_, _, err := play(ctx, client, sc, func(name, source string) string {
			used[name] = true
			return source
		})
		if err != nil {
			t.Fatal(err)
		}
		for name := range used {
			users[name] = append(users[name], sc)
		}
	}
	mutants, noticed := 0, map[string]map[string]int{}
	for _, m := range mutations() {
		mutants++
		by := killer(ctx, t, client, users[m.Script], m, noticed)
		if by == "" {
			t.Errorf("%s: nothing notices when it is missing: %s", m.Script, m.What)
			continue
		}
		t.Logf("%-15s without %-70.70s noticed by %s", m.Script, m.What, by)
	}
	t.Logf("result: %d writes and postings taken out one at a time, each noticed", mutants)
	if mutants < 60 {
		t.Errorf("only %d writes were found in the scripts", mutants)
	}
}

// mutations lists the scripts with one write or one posting taken out.
func mutations() []redistest.Mutant {
	all := redistest.Mutants(scripts)
	for _, script := range scripts.Scripts() {
		source := script.Source()
		for _, at := range postings.FindAllStringSubmatchIndex(source, -1) {
			for _, field := range fields.FindAllStringIndex(source[at[2]:at[3]], -1) {
				from, to := at[2]+field[0], at[2]+field[1]
				what := "posting " + strings.Trim(source[from:to], " ,")
				all = append(all, redistest.Mutant{Script: script.Name(), What: what, Source: source[:from] + source[to:]})
			}
		}
	}
	return all
}

var (
	postings = regexp.MustCompile(`post\([^{]*\{([^}]*)\}\)`)
	fields   = regexp.MustCompile(`[a-z_]+ = [^,}]+,?`)
)

// killer names the first of the scenarios that ends differently with the mutation.
func killer(ctx context.Context, t *testing.T, client redis.UniversalClient, all []scenario, m redistest.Mutant, noticed map[string]map[string]int) string {
	t.Helper()
	// What noticed the last one in this script will most likely notice this one.
	slices.SortStableFunc(all, func(x, y scenario) int { return cmp.Compare(noticed[m.Script][y.name], noticed[m.Script][x.name]) })
	for _, sc := range all {
		want, err := os.ReadFile(golden(sc))
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := play(ctx, client, sc, m.Rewrite)
		if err != nil || got != string(want) {
			if noticed[m.Script] == nil {
				noticed[m.Script] = map[string]int{}
			}
			noticed[m.Script][sc.name]++
			return sc.name
		}
	}
	return ""
}
