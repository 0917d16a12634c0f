package stage_test

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"guodu/cmd/demo/stage"
	"guodu/cmd/demo/world"
	"guodu/transition"
)

func TestMain(m *testing.M) {
	if status, child := stage.Child(); child {
		os.Exit(status)
	}
	os.Exit(m.Run())
}

func TestAStageListensOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"0.0.0.0:0", "192.0.2.1:80", "127.0.0.1", "example.com:80", ":0"} {
		s, err := stage.Open(t.Context(), stage.Options{Listen: addr})
		if !errors.Is(err, stage.ErrListen) {
			t.Errorf("%s: %v, want ErrListen", addr, err)
		}
		if err == nil {
			s.Close()
		}
	}
}

func TestAnUnknownSabotageIsRefused(t *testing.T) {
	t.Parallel()
	_, err := stage.Open(t.Context(), stage.Options{Sabotage: "x"})
	if !errors.Is(err, stage.ErrSabotage) {
		t.Errorf("%v, want ErrSabotage", err)
	}
}

func TestWhatIsKilledIsDeadAndComesBackWithItsBooks(t *testing.T) {
	t.Parallel()
	var lines []string
	s, err := stage.Open(t.Context(), stage.Options{Hear: func(l stage.Line) { lines = append(lines, l.Message) }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	status := func() int {
		t.Helper()
		answer, err := http.Get(s.URL + "/h5/static/style.css")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		return answer.StatusCode
	}
	if got := status(); got != http.StatusOK {
		t.Fatalf("the hub answers %d", got)
	}
	if pid := s.KillHub(); pid == 0 || s.HubRuns() || status() != http.StatusBadGateway {
		t.Errorf("killed process %d: runs %t, status %d", pid, s.HubRuns(), status())
	}
	if pid := s.KillHub(); pid != 0 {
		t.Errorf("killed process %d although none ran", pid)
	}
	pid, err := s.KillRedis()
	if err != nil || pid == 0 || s.RedisRuns() {
		t.Errorf("killed Redis %d, %v: runs %t", pid, err, s.RedisRuns())
	}
	if _, err := s.Operator.Books().Account(t.Context(), world.AccountNo); err == nil {
		t.Error("a dead Redis answers")
	}
	if err := errors.Join(s.StartRedis(t.Context()), s.StartHub(t.Context())); err != nil {
		t.Fatal(err)
	}
	if a, err := s.Operator.Books().Account(t.Context(), world.AccountNo); err != nil || a.No != transition.AccountNo(world.AccountNo) {
		t.Errorf("the account is %+v, %v", a, err)
	}
	if got := status(); got != http.StatusOK {
		t.Errorf("the new hub answers %d", got)
	}
	s.Close()
	if n := strings.Count(strings.Join(lines, "\n"), "hub serves"); n != 2 {
		t.Errorf("two hubs said %d times that they serve", n)
	}
}

func TestInMemoryThereIsNoRedisToKill(t *testing.T) {
	t.Parallel()
	s, err := stage.Open(t.Context(), stage.Options{Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.KillRedis(); !errors.Is(err, stage.ErrMemory) || !s.RedisRuns() {
		t.Errorf("%v, want ErrMemory; runs %t", err, s.RedisRuns())
	}
}
