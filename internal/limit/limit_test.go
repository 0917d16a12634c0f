package limit_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"guodu/internal/limit"
	"guodu/internal/redistest"
)

// hand is a clock that a test moves.
type hand struct{ ms atomic.Int64 }

func (h *hand) now() time.Time       { return time.UnixMilli(h.ms.Load()) }
func (h *hand) move(d time.Duration) { h.ms.Add(d.Milliseconds()) }

func newLimiter(t *testing.T) (*limit.Limiter, *hand, redis.UniversalClient) {
	t.Helper()
	h := &hand{}
	h.ms.Store(time.Now().UnixMilli())
	client := redistest.Start(t, redistest.Ephemeral).Client()
	return limit.New(client, "", h.now), h, client
}

func window(name string, most int, per time.Duration, of ...string) limit.Rule {
	return limit.Rule{Name: name, Of: of, Rate: limit.Rate{Most: most, Per: per}}
}

// refused wants a take to be refused by a rule for so long.
func refused(t *testing.T, err error, name string, wait time.Duration) {
	t.Helper()
	var exceeded *limit.ExceededError
	if !errors.As(err, &exceeded) || exceeded.Name != name || exceeded.For != wait {
		t.Errorf("Take = %v, want %s to be used up for %v", err, name, wait)
	}
}

func good(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func TestAWindowNeverHoldsMoreThanItsMost(t *testing.T) {
	t.Parallel()
	l, h, _ := newLimiter(t)
	rapid.Check(t, func(r *rapid.T) {
		rule := window("w", rapid.IntRange(1, 4).Draw(r, "most"), time.Minute, strconv.Itoa(int(h.ms.Add(1))))
		var taken []time.Time
		for i := range rapid.IntRange(1, 30).Draw(r, "takes") {
			h.move(time.Duration(rapid.IntRange(0, 40_000).Draw(r, "pause")) * time.Millisecond)
			err := l.Take(t.Context(), strconv.Itoa(i), rule)
			taken = slices.DeleteFunc(taken, func(at time.Time) bool { return h.now().Sub(at) >= time.Minute })
			var exceeded *limit.ExceededError
			switch {
			case err == nil && len(taken) < rule.Most:
				taken = append(taken, h.now())
			case errors.As(err, &exceeded) && len(taken) == rule.Most && exceeded.For == taken[0].Add(time.Minute).Sub(h.now()):
			default:
				r.Fatalf("with %d of %d taken, Take = %v", len(taken), rule.Most, err)
			}
		}
	})
}

func TestARunEndsAfterAPauseAndNotByAge(t *testing.T) {
	t.Parallel()
	l, h, _ := newLimiter(t)
	rule := window("run", 4, 15*time.Minute, "zhang")
	rule.Run = true
	for i := range 4 {
		good(t, l.Take(t.Context(), strconv.Itoa(i), rule))
		h.move(14 * time.Minute)
	}
	refused(t, l.Take(t.Context(), "x", rule), "run", time.Minute)
	h.move(time.Minute - time.Millisecond)
	refused(t, l.Take(t.Context(), "x", rule), "run", time.Millisecond) // the refused one did not lengthen it
	h.move(time.Millisecond)
	for i := range 4 {
		good(t, l.Take(t.Context(), "y"+strconv.Itoa(i), rule))
	}
	refused(t, l.Take(t.Context(), "x", rule), "run", 15*time.Minute)
}

func TestAPartOfARunHasALimitOfItsOwn(t *testing.T) {
	t.Parallel()
	l, _, _ := newLimiter(t)
	rule := window("run", 4, 15*time.Minute, "zhang")
	rule.Run = true
	some := rule
	some.Part = 2
	good(t, l.Take(t.Context(), "1", some))
	good(t, l.Take(t.Context(), "2", some))
	refused(t, l.Take(t.Context(), "3", some), "run", 15*time.Minute)
	good(t, l.Take(t.Context(), "4", rule))
	good(t, l.GiveBack(t.Context(), "2", rule))
	good(t, l.Take(t.Context(), "5", some))
	good(t, l.Take(t.Context(), "6", rule))
	refused(t, l.Take(t.Context(), "7", rule), "run", 15*time.Minute)
}

func TestADelayedTakeCountsFromLaterUntilItIsNoted(t *testing.T) {
	t.Parallel()
	l, h, _ := newLimiter(t)
	rule := window("run", 1, time.Minute, "zhang")
	rule.Run, rule.Delay = true, 10*time.Second
	good(t, l.Take(t.Context(), "1", rule))
	refused(t, l.Take(t.Context(), "2", rule), "run", 70*time.Second)
	h.move(time.Second)
	rule.Delay = 0
	_, err := l.Note(t.Context(), "1", rule)
	good(t, err)
	refused(t, l.Take(t.Context(), "2", rule), "run", time.Minute)
}

func TestARefusalTakesFromNoCount(t *testing.T) {
	t.Parallel()
	l, _, _ := newLimiter(t)
	a, b := window("a", 3, time.Hour), window("b", 1, time.Minute)
	good(t, l.Take(t.Context(), "1", b))
	for range 20 {
		refused(t, l.Take(t.Context(), "2", a, b), "b", time.Minute)
	}
	for i := range 3 {
		good(t, l.Take(t.Context(), "3"+strconv.Itoa(i), a))
	}
	refused(t, l.Take(t.Context(), "4", b, a), "a", time.Hour) // the longest wait
}

func TestTheSameIDIsFreeAndMayBeGivenBack(t *testing.T) {
	t.Parallel()
	l, _, _ := newLimiter(t)
	rule := window("a", 1, time.Hour, "zhang")
	for range 3 {
		good(t, l.Take(t.Context(), "1", rule))
	}
	refused(t, l.Take(t.Context(), "2", rule), "a", time.Hour)
	good(t, l.Take(t.Context(), "2", window("a", 1, time.Hour, "li"))) // somebody else
	good(t, l.GiveBack(t.Context(), "1", rule))
	good(t, l.Take(t.Context(), "2", rule))
}

func TestNotesAreCountedAndTheOldestForgotten(t *testing.T) {
	t.Parallel()
	l, h, _ := newLimiter(t)
	rule := window("notes", 3, time.Hour, "zhang")
	for i, want := range []int{0, 1, 2, 3, 3} {
		before, err := l.Note(t.Context(), strconv.Itoa(i), rule)
		if err != nil || before[0] != want {
			t.Errorf("note %d: %v before, %v", i, before, err)
		}
		h.move(time.Minute)
	}
	last := h.now().Add(-time.Minute)
	h.move(57 * time.Minute)
	noted, err := l.Noted(t.Context(), rule)
	if err != nil || len(noted) != 2 || noted[0].ID != "3" || noted[1] != (limit.Noted{ID: "4", At: last}) {
		t.Errorf("Noted = %v, %v", noted, err)
	}
}

func TestOfManyAtOnceNoMoreThanTheLimitGetThrough(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t, redistest.Ephemeral).Client()
	l := limit.New(client, "", nil) // by the server's clock
	rules := []limit.Rule{window("a", 7, time.Hour), window("b", 20, time.Hour)}
	var through atomic.Int64
	var group sync.WaitGroup
	for i := range 60 {
		group.Go(func() {
			if l.Take(t.Context(), strconv.Itoa(i), rules...) == nil {
				through.Add(1)
			}
		})
	}
	group.Wait()
	if through.Load() != 7 {
		t.Errorf("%d got through, want 7", through.Load())
	}
	noted, err := l.Noted(t.Context(), rules[1])
	if err != nil || len(noted) != 7 || time.Since(noted[0].At).Abs() > time.Minute {
		t.Errorf("%d were taken from the other count: %v", len(noted), err)
	}
}

func TestKeysHaveALifeAndNoNames(t *testing.T) {
	t.Parallel()
	l, _, client := newLimiter(t)
	run := window("run", 4, time.Hour, "zhangsan")
	run.Run, run.Delay = true, time.Second
	good(t, l.Take(t.Context(), "1", window("a", 4, time.Hour, "zhangsan"), window("a", 4, time.Hour, "zhang", "san"), run))
	keys, err := client.Keys(t.Context(), "h:limit:*").Result()
	if err != nil || len(keys) != 3 {
		t.Fatal(keys, err)
	}
	for _, key := range keys {
		if strings.Contains(key, "zhang") {
			t.Errorf("a name is in %s", key)
		}
		if ttl := client.TTL(t.Context(), key).Val(); ttl <= 0 || ttl > time.Hour+time.Second {
			t.Errorf("%s lives for %v", key, ttl)
		}
	}
}

func TestWithoutRedisNothingIsAllowed(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Ephemeral)
	l := limit.New(server.Client(), "", nil)
	server.Kill()
	rule := window("a", 5, time.Hour)
	var exceeded *limit.ExceededError
	if err := l.Take(t.Context(), "1", rule); err == nil || errors.As(err, &exceeded) {
		t.Errorf("Take = %v", err)
	}
	if _, err := l.Note(t.Context(), "1", rule); err == nil {
		t.Error("a note was made")
	}
	if _, err := l.Noted(t.Context(), rule); err == nil {
		t.Error("notes were read")
	}
	if err := l.GiveBack(t.Context(), "1", rule); err == nil {
		t.Error("a take was given back")
	}
}

// TestTheDemosRedisKnowsTheScripts: it runs them in another Lua.
func TestTheDemosRedisKnowsTheScripts(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	t.Cleanup(func() { _ = client.Close() })
	l := limit.New(client, "", nil)
	rule := window("a", 1, time.Hour)
	rule.Run, rule.Part = true, 1
	good(t, l.Take(t.Context(), "1", rule))
	var exceeded *limit.ExceededError
	if err := l.Take(t.Context(), "2", rule, window("b", 1, time.Hour)); !errors.As(err, &exceeded) || exceeded.For < 59*time.Minute || exceeded.For > time.Hour {
		t.Errorf("Take = %v", err)
	}
	if before, err := l.Note(t.Context(), "3", rule); err != nil || before[0] != 1 {
		t.Errorf("Note = %v, %v", before, err)
	}
}

func TestARateIsReadOrRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]limit.Rate{"5/15m": {Most: 5, Per: 15 * time.Minute}, "600/24h": {Most: 600, Per: 24 * time.Hour}} {
		if got, err := limit.ParseRate(text); err != nil || got != want {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "5", "5/", "/15m", "0/15m", "-1/15m", "5/0s", "5/-1m", "5/15", "5/15m/1", "x/15m", "5/1ms", "5/10000h", "9999999/1h"} {
		if got, err := limit.ParseRate(text); !errors.Is(err, limit.ErrRate) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
}
