package pos

import (
	"context"
	"crypto/ed25519"
	"regexp"
	"strings"
	"testing"
	"time"

	"guodu/internal/redistest"
	"guodu/internal/redisx"
)

// TestRemovingAnyWriteOfTheRegistryIsNoticed takes each write out of the
// script, one at a time, and expects the list to differ.
func TestRemovingAnyWriteOfTheRegistryIsNoticed(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	client := redistest.Start(t, redistest.Cluster).Client()
	list := func(rewrite func(name, source string) string) string {
		if err := client.FlushAll(ctx).Err(); err != nil {
			t.Fatal(err)
		}
		r := NewRegistry(redisx.NewRunner(client, redisx.RunnerOptions{Rewrite: rewrite}), "")
		var said strings.Builder
		for _, place := range []string{"一食堂", "二食堂"} {
			err := r.Add(ctx, Terminal{ID: "T1", Key: ed25519.PublicKey(strings.Repeat("k", 32)), Place: place, Added: time.UnixMilli(1)})
			all, listErr := r.List(ctx)
			said.WriteString(place)
			if err != nil || listErr != nil {
				said.WriteString(" error")
			}
			for _, terminal := range all {
				said.WriteString(" " + terminal.ID + " " + terminal.Place + " " + terminal.State)
			}
		}
		return said.String()
	}
	want := list(redistest.Strict)
	if want != "一食堂 T1 一食堂 running二食堂 T1 二食堂 running" {
		t.Fatalf("the list says %q", want)
	}
	writes := regexp.MustCompile(`redis\.call\('HSET'`).FindAllStringIndex(terminalAddLua, -1)
	if len(writes) != 2 {
		t.Fatalf("%d writes found", len(writes))
	}
	for _, at := range writes {
		mutant := "local nop = function() end\n" + terminalAddLua[:at[0]] + "nop" + terminalAddLua[at[0]+len("redis.call"):]
		if got := list(func(string, string) string { return mutant }); got == want {
			t.Errorf("nothing notices that this is missing: %.60s", terminalAddLua[at[0]:])
		}
	}
}
