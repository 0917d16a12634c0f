package guard_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"guodu/binding"
	"guodu/binding/identity"
	"guodu/binding/identity/guard"
	"guodu/internal/limit"
	"guodu/internal/redistest"
	"guodu/mocks/portal"
)

const (
	right = "correct horse battery"
	wrong = "incorrect zebra"
)

// hand is a clock that a test moves.
type hand struct{ ms atomic.Int64 }

func (h *hand) now() time.Time       { return time.UnixMilli(h.ms.Load()) }
func (h *hand) move(d time.Duration) { h.ms.Add(d.Milliseconds()) }

// bench is a guard before the simulated portal; both look at one clock.
type bench struct {
	*guard.Guard
	t        *testing.T
	clock    *hand
	portal   *portal.Portal
	identity binding.Identity // asks the portal
	limiter  *limit.Limiter
	redis    *redistest.Server
	log      *bytes.Buffer
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, clock: &hand{}, redis: redistest.Start(t, redistest.Ephemeral), log: &bytes.Buffer{}}
	b.clock.ms.Store(time.Now().UnixMilli())
	var err error
	b.portal, err = portal.New(portal.Options{ClientSecret: "client-secret", Now: b.clock.now, People: []portal.Person{
		{Username: "zhangsan", Password: right, AccountNo: "2026000001"}, {Username: "lisi", Password: right, AccountNo: "2026000002"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.portal.Close() })
	base, err := b.portal.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client, err := identity.NewPortal(base, "client-secret", 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	b.identity, b.limiter = client, limit.New(b.redis.Client(), "", b.clock.now)
	b.Guard = guard.New(client, b.limiter, guard.DefaultRates(), slog.New(slog.NewTextHandler(b.log, nil)))
	return b
}

func payer(name string) binding.Payer {
	return binding.Payer{Channel: "wechat", Kind: "openid", ID: "o" + name}
}

// try is an attempt at zhangsan from an address of the payer's own.
func (b *bench) try(name, word string) error {
	return b.attempt(guard.Attempt{User: "zhangsan", Password: word, Payer: payer(name), Address: "home of " + name})
}

func (b *bench) attempt(a guard.Attempt) error {
	_, err := b.Login(b.t.Context(), a)
	return err
}

func (b *bench) wantWrong(err error) {
	b.t.Helper()
	if !errors.Is(err, binding.ErrCredentials) {
		b.t.Errorf("Login = %v, want that it is wrong", err)
	}
}

func (b *bench) wantRight(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Errorf("Login = %v, want a person", err)
	}
}

// wantLimited wants a refusal by a limit, for so long.
func (b *bench) wantLimited(err error, by string, wait time.Duration) {
	b.t.Helper()
	var limited *guard.LimitedError
	if !errors.As(err, &limited) || limited.By != by || limited.For != wait {
		b.t.Errorf("Login = %v, want the limit of the %s for %v", err, by, wait)
	}
}

func (b *bench) wantAsked(times int64) {
	b.t.Helper()
	if n := b.portal.Count("verify"); n != times {
		b.t.Errorf("the portal was asked %d times, want %d", n, times)
	}
}

func TestOfAUserNameFourWrongGuessesReachThePortalInARow(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range 4 {
		b.wantWrong(b.try(strconv.Itoa(i), wrong))
		b.clock.move(14 * time.Minute) // they do not age one by one
	}
	b.wantLimited(b.try("x", right), "user", time.Minute)
	b.clock.move(time.Minute - time.Millisecond)
	b.wantLimited(b.try("y", right), "user", time.Millisecond) // a refused try lengthens nothing
	b.wantAsked(4)
	b.clock.move(time.Millisecond)
	b.wantRight(b.try("z", right))
	for i := range 4 {
		b.wantWrong(b.try("n"+strconv.Itoa(i), wrong))
	}
	b.wantLimited(b.try("z", right), "user", 15*time.Minute)
	b.wantRight(b.attempt(guard.Attempt{User: "lisi", Password: right, Payer: payer("z")}))
}

func TestAllFormsOfAUserNameAreOne(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i, user := range []string{"ZhangSan", " zhang san", "ｚｈａｎｇｓａｎ", "zh\u00e1ngsan\u200b"} {
		b.wantWrong(b.attempt(guard.Attempt{User: user, Password: wrong, Payer: payer(strconv.Itoa(i))}))
	}
	for _, user := range []string{"zhangsan", "zhang\ufffcsan", "zhang\u1806san", "zhang\u3164san", "zhangsan\u20dd"} {
		b.wantLimited(b.attempt(guard.Attempt{User: user, Password: right, Payer: payer("x")}), "user", 15*time.Minute)
	}
	b.wantWrong(b.attempt(guard.Attempt{User: "zhangsan1", Password: wrong, Payer: payer("y")}))
}

// TestNobodyLocksAUserNameThroughTheHub tries at random: right and wrong, from many
// payers, with pauses, and with answers that are lost after the portal has judged.
func TestNobodyLocksAUserNameThroughTheHub(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	rapid.Check(t, func(r *rapid.T) {
		for i := range rapid.IntRange(5, 40).Draw(r, "tries") {
			b.clock.move(time.Duration(rapid.SampledFrom([]int{0, 1, 60, 14*60 + 59, 15 * 60, 15*60 + 1}).Draw(r, "pause")) * time.Second)
			if rapid.IntRange(0, 4).Draw(r, "trouble") == 0 {
				if err := b.portal.Fail(portal.Fault{Kind: portal.FaultTruncate}); err != nil {
					r.Fatal(err)
				}
			}
			word := rapid.SampledFrom([]string{wrong, wrong, wrong, wrong, right}).Draw(r, "word")
			err := b.try(strconv.Itoa(rapid.IntRange(0, 30).Draw(r, "payer")), word)
			if errors.As(err, new(*binding.LockedError)) {
				r.Fatalf("try %d finds the user name locked", i)
			}
			b.portal.ClearFaults()
		}
	})
}

// TestAStudentGetsThroughACrowd: fifty payers try wrong passwords every minute, from
// different addresses, for two hours.
func TestAStudentGetsThroughACrowd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	minute := func() {
		b.clock.move(time.Minute)
		for i := range 50 {
			err := b.try("attacker"+strconv.Itoa(i), wrong)
			if err == nil || errors.As(err, new(*binding.LockedError)) {
				t.Fatalf("an attacker hears %v", err)
			}
		}
	}
	minute()
	// Just after the crowd came, its first wrong guesses stand in the way.
	err := b.try("first", right)
	var limited *guard.LimitedError
	if !errors.As(err, &limited) || limited.For > 15*time.Minute {
		t.Fatalf("Login = %v", err)
	}
	for passed := time.Duration(0); passed < limited.For; passed += time.Minute {
		minute()
	}
	b.wantRight(b.try("first", right))
	// Later on nothing does.
	for i := range 100 {
		minute()
		if i%10 == 0 {
			b.wantRight(b.try("student"+strconv.Itoa(i), right))
		}
	}
	if n := b.portal.Count("verify.423"); n != 0 {
		t.Errorf("the portal locked %d times", n)
	}
}

func TestASuspectSharesHalfOfAUserNameWithAllSuspects(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	at := func(user, name, word string) error {
		return b.attempt(guard.Attempt{User: user, Password: word, Payer: payer(name)})
	}
	for _, name := range []string{"a", "b", "c"} {
		for range 3 {
			b.wantWrong(at("nobody of "+name, name, wrong))
		}
		b.wantRight(at("lisi", name, right)) // a right password of one's own forgives nothing
	}
	b.wantWrong(at("zhangsan", "a", wrong))
	b.wantWrong(at("zhangsan", "b", wrong))
	b.wantLimited(at("zhangsan", "c", right), "user", 15*time.Minute)
	b.wantWrong(at("zhangsan", "d", wrong))
	b.wantRight(at("zhangsan", "student", right))
	b.clock.move(24 * time.Hour) // by then it is forgotten
	for _, name := range []string{"a", "b", "c"} {
		b.wantWrong(at("zhangsan", name, wrong))
	}
}

func TestRefusedTriesMakeAPayerSuspect(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range 4 {
		b.wantWrong(b.try(strconv.Itoa(i), wrong))
	}
	for range 12 {
		b.wantLimited(b.try("pushy", wrong), "user", 15*time.Minute)
	}
	for range 3 {
		b.wantLimited(b.try("impatient", right), "user", 15*time.Minute)
	}
	b.clock.move(15 * time.Minute)
	for _, name := range []string{"0", "1"} { // two suspects: they were wrong once, and twice on others
		for range 2 {
			b.wantWrong(b.attempt(guard.Attempt{User: "else " + name, Password: wrong, Payer: payer(name)}))
		}
		b.wantWrong(b.try(name, wrong))
	}
	b.wantLimited(b.try("pushy", right), "user", 15*time.Minute)
	b.wantRight(b.try("impatient", right))
}

// TestWhoHangsUpIsJudgedAllTheSame lets one payer use up a user name's row, window
// after window, and never wait for an answer.
func TestWhoHangsUpIsJudgedAllTheSame(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for range 2 {
		for range 4 {
			ctx, hangUp := context.WithCancel(t.Context())
			hung := guard.New(hangsUp{hangUp, b.identity}, b.limiter, guard.DefaultRates(), nil)
			_, err := hung.Login(ctx, guard.Attempt{User: "zhangsan", Password: wrong, Payer: payer("mallory")})
			var limited *guard.LimitedError
			if !errors.Is(err, binding.ErrCredentials) && !errors.As(err, &limited) {
				t.Errorf("Login = %v, want a judgement", err)
			}
		}
		b.clock.move(15 * time.Minute)
	}
	for range 4 {
		b.wantWrong(b.attempt(guard.Attempt{User: "zhangsan", Password: wrong, Payer: payer("mallory")}))
		if err := b.try("student", right); err != nil {
			t.Errorf("beside one suspect: %v", err)
		}
		b.wantWrong(b.attempt(guard.Attempt{User: "zhangsan", Password: wrong, Payer: payer("mallory")}))
		b.wantRight(b.try("student", right))
		b.clock.move(15 * time.Minute)
	}
	others, err := b.Others(t.Context(), "zhangsan", payer("student"))
	if err != nil || others.Count != 14 {
		t.Errorf("the student hears of %d wrong tries, %v", others.Count, err)
	}
}

// hangsUp ends the caller's request while the portal is asked.
type hangsUp struct {
	hangUp context.CancelFunc
	binding.Identity
}

func (h hangsUp) Login(ctx context.Context, user, password string) (binding.Person, error) {
	h.hangUp()
	return h.Identity.Login(ctx, user, password)
}

// TestAnImpatientStudentGetsThroughACrowd is TestAStudentGetsThroughACrowd with one
// payer who tries the right password again and again.
func TestAnImpatientStudentGetsThroughACrowd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var waited time.Duration
	for minute := range 60 {
		for i := range 50 {
			_ = b.try("attacker"+strconv.Itoa(i), wrong)
		}
		if minute > 0 && (minute <= 3 || minute%5 == 0) {
			if err := b.try("student", right); err == nil {
				waited = time.Duration(minute) * time.Minute
				break
			}
		}
		b.clock.move(time.Minute)
	}
	if waited == 0 || waited > 31*time.Minute { // the window that runs, and the one in which the crowd becomes suspect
		t.Errorf("the student was let in after %v", waited)
	}
}

// TestACrowdBehindOneAddressShutsNobodyOut lets payers invent user names, behind the
// address of a whole campus, and everywhere.
func TestACrowdBehindOneAddressShutsNobodyOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		payers  int
		address func(i int) string
	}{
		"one address": {14, func(int) string { return "192.0.2.1" }},
		"everywhere":  {130, func(i int) string { return fmt.Sprintf("198.51.%d.%d", i/100, i%100) }},
	} {
		b := newBench(t)
		var refused []int
		for minute := 0; minute < 27; minute += 3 {
			for i := range c.payers {
				for k := range 5 {
					_ = b.attempt(guard.Attempt{
						User: fmt.Sprintf("invented%d.%d.%d", i, minute, k), Password: wrong, Payer: payer(fmt.Sprint("crowd", i)), Address: c.address(i),
					})
				}
			}
			b.clock.move(3 * time.Minute)
			if err := b.attempt(guard.Attempt{User: "lisi", Password: right, Payer: payer("lisi"), Address: c.address(0)}); err != nil {
				refused = append(refused, minute)
			}
		}
		// In the first window nobody knows the crowd yet.
		if n := len(refused); n > 15 || n > 0 && refused[n-1] > 15 {
			t.Errorf("%s: a student whom nobody attacks was refused in the minutes %v", name, refused)
		}
	}
}

func TestAPortalInTroubleMakesNobodySuspectButCounts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range 4 {
		if err := b.portal.Fail(portal.Fault{Kind: portal.FaultError}); err != nil {
			t.Fatal(err)
		}
		if err := b.try("student", right); !errors.Is(err, binding.ErrIdentityDown) {
			t.Errorf("try %d: %v", i, err)
		}
	}
	// What may still be judged counts half a minute longer.
	b.wantLimited(b.try("student", right), "user", 15*time.Minute+30*time.Second)
	b.clock.move(15*time.Minute + 30*time.Second)
	b.wantWrong(b.try("a", wrong))
	for _, name := range []string{"x", "y"} {
		for range 3 {
			b.wantWrong(b.attempt(guard.Attempt{User: "else " + name, Password: wrong, Payer: payer(name)}))
		}
		b.wantWrong(b.try(name, wrong)) // the suspects' half is full
	}
	b.wantRight(b.try("student", right))
}

func TestPayersAddressesAndAllHaveLimitsOfTheirOwn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	at := func(user, name, address, word string) error {
		return b.attempt(guard.Attempt{User: user, Password: word, Payer: payer(name), Address: address})
	}
	for i := range 5 {
		b.wantWrong(at(fmt.Sprint("p", i), "a", "", wrong))
		b.clock.move(time.Minute)
	}
	b.wantLimited(at("lisi", "a", "", right), "payer", 10*time.Minute)
	for i := range 60 { // one network of IPv6
		b.wantWrong(at(fmt.Sprint("q", i), fmt.Sprint("q", i), fmt.Sprintf("2001:db8:0:1::%x", i+1), wrong))
	}
	b.wantLimited(at("lisi", "b", "2001:db8:0:1:ffff::1", right), "address", 15*time.Minute)
	b.wantRight(at("lisi", "b", "2001:db8:0:2::1", right))
	for i := range 60 { // IPv4, in either form
		b.wantWrong(at(fmt.Sprint("r", i), fmt.Sprint("r", i), []string{"192.0.2.7", "::ffff:192.0.2.7"}[i%2], wrong))
	}
	b.wantLimited(at("lisi", "c", "192.0.2.7", right), "address", 15*time.Minute)
	for i := range 600 - 125 { // a proxy on this host says nothing about who it is
		b.wantWrong(at(fmt.Sprint("s", i), fmt.Sprint("s", i), "127.0.0.1", wrong))
	}
	b.wantLimited(at("lisi", "d", "192.0.2.9", right), "all", 10*time.Minute)
}

func TestRightPasswordsCostNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for range 70 {
		b.wantRight(b.try("student", right))
	}
	for range 4 {
		b.wantWrong(b.try("student", wrong))
	}
	b.wantLimited(b.try("student", right), "user", 15*time.Minute)
	keys, err := b.redis.Client().Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 6 {
		t.Errorf("%d keys: %v, %v", len(keys), keys, err)
	}
	for _, key := range keys {
		ttl := b.redis.Client().TTL(t.Context(), key).Val()
		if strings.Contains(key, "zhang") || strings.Contains(key, "student") || ttl <= 0 {
			t.Errorf("%s lives for %v", key, ttl)
		}
	}
}

// gate lets a test look while a try is under way.
type gate struct{ entered, leave chan struct{} }

func (g gate) Login(context.Context, string, string) (binding.Person, error) {
	g.entered <- struct{}{}
	<-g.leave
	return binding.Person{}, nil
}

func TestATryUnderWayCountsAsWrong(t *testing.T) {
	t.Parallel()
	g := gate{make(chan struct{}), make(chan struct{})}
	client := redistest.Start(t, redistest.Ephemeral).Client()
	guarded := guard.New(g, limit.New(client, "", nil), guard.DefaultRates(), nil)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			if _, err := guarded.Login(t.Context(), guard.Attempt{User: "zhangsan", Payer: payer(strconv.Itoa(i))}); err != nil {
				t.Error(err)
			}
		})
	}
	for range 4 {
		<-g.entered
	}
	var refused atomic.Int64
	for i := range 30 {
		group.Go(func() {
			_, err := guarded.Login(t.Context(), guard.Attempt{User: "zhangsan", Payer: payer("x" + strconv.Itoa(i))})
			if errors.As(err, new(*guard.LimitedError)) && refused.Add(1) == 30 {
				close(g.leave)
			}
		})
	}
	group.Wait()
	if n := refused.Load(); n != 30 {
		t.Errorf("%d were refused, want 30", n)
	}
}

func TestOthersTriesAreToldAndOnesOwnAreNot(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	want := func(name string, want guard.Tries) {
		t.Helper()
		got, err := b.Others(t.Context(), "ZhangSan", payer(name))
		if err != nil || got != want {
			t.Errorf("others of %s: %+v, %v, want %+v", name, got, err, want)
		}
	}
	want("student", guard.Tries{})
	b.wantWrong(b.try("a", wrong))
	b.clock.move(time.Minute)
	b.wantWrong(b.try("b", wrong))
	last := b.clock.now()
	b.clock.move(time.Minute)
	b.wantWrong(b.try("student", wrong))
	b.wantRight(b.try("student", right))
	want("student", guard.Tries{Count: 2, Last: last})
	want("a", guard.Tries{Count: 2, Last: last.Add(time.Minute)})
	b.clock.move(24*time.Hour - time.Minute)
	want("student", guard.Tries{})
}

func TestWithoutCountsThePortalIsNotAsked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.redis.Kill()
	if err := b.try("student", right); err == nil || errors.As(err, new(*guard.LimitedError)) {
		t.Errorf("Login = %v", err)
	}
	b.wantAsked(0)
}

// grave kills the Redis while the portal thinks.
type grave struct{ redis *redistest.Server }

func (g grave) Login(context.Context, string, string) (binding.Person, error) {
	g.redis.Kill()
	return binding.Person{AccountNo: "1"}, nil
}

func TestAnAnswerStandsThoughItsCountCannotBeMended(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Ephemeral)
	var log bytes.Buffer
	g := guard.New(grave{server}, limit.New(server.Client(), "", nil), guard.DefaultRates(), slog.New(slog.NewTextHandler(&log, nil)))
	person, err := g.Login(t.Context(), guard.Attempt{User: "zhangsan", Password: right, Payer: payer("student")})
	if err != nil || person.AccountNo != "1" || !strings.Contains(log.String(), "guesses not settled") {
		t.Errorf("Login = %+v, %v; the log is %s", person, err, log.String())
	}
}

func TestAPrintedAttemptHidesWhatWasTyped(t *testing.T) {
	t.Parallel()
	a := guard.Attempt{User: "zhangsan", Password: right, Payer: payer("student")}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "attempt", a)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "attempt", a)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		fmt.Fprintf(&log, verb, a)
	}
	if text := log.String(); strings.Contains(text, "zhangsan") || strings.Contains(text, "horse") || strings.Contains(text, "ostudent") {
		t.Errorf("printed: %s", text)
	}
}
