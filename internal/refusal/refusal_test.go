package refusal_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"guodu/internal/refusal"
)

func TestAFloodIsCountedWholeAndLoggedInPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		registry := prometheus.NewRegistry()
		l := refusal.New(refusal.Config{Log: slog.New(slog.NewTextHandler(&out, nil)), Registry: registry})
		for range 10_000 {
			l.Note(t.Context(), "login", "wrong_password", "address", "192.0.2.7")
		}
		l.Note(t.Context(), "login", "csrf")
		time.Sleep(time.Minute)
		synctest.Wait()
		err := testutil.GatherAndCompare(registry, strings.NewReader(`# HELP guodu_refusals_total Requests that were refused, by door and reason.
# TYPE guodu_refusals_total counter
guodu_refusals_total{door="login",reason="csrf"} 1
guodu_refusals_total{door="login",reason="wrong_password"} 10000
`))
		if err != nil {
			t.Error(err)
		}
		if got := strings.Count(out.String(), "\n"); got != 12 {
			t.Errorf("%d lines, not 10, one of another kind, and one that says how many were left out:\n%s", got, out.String())
		}
		if !strings.Contains(out.String(), "unlogged=9990") {
			t.Errorf("no line says how many were left out:\n%s", out.String())
		}
	})
}

func TestTheHashOfANameNeedsTheKey(t *testing.T) {
	a, b := refusal.New(refusal.Config{Key: []byte("a")}), refusal.New(refusal.Config{Key: []byte("b")})
	first := a.Hash("zhang")
	if first != a.Hash("zhang") || a.Hash("zhang") == b.Hash("zhang") || a.Hash("zhang") == a.Hash("zhanh") {
		t.Error("a hash does not depend on key and text alone")
	}
}
