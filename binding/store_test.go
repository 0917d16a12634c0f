package binding

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"guodu/internal/redistest"
	"guodu/internal/redisx"
)

func zhang() Payer  { return Payer{Channel: "wechat", Kind: "openid", ID: "oZhang_1-x"} }
func parent() Payer { return Payer{Channel: "alipay", Kind: "open_id", ID: "oParent"} }

// play links and unlinks on an empty server, and returns what was said and
// what is stored in the end. With rewrite, the scripts are changed first.
func play(ctx context.Context, t *testing.T, client redis.UniversalClient, rewrite func(name, source string) string) string {
	t.Helper()
	err := client.Do(ctx, "FLUSHALL", "SYNC").Err()
	if err != nil {
		t.Fatal(err)
	}
	now := time.UnixMilli(1_000)
	s := NewStore(redisx.NewRunner(client, redisx.RunnerOptions{Rewrite: rewrite}), "", func() time.Time { return now })
	var log strings.Builder
	step := func(name string, err error) { fmt.Fprintf(&log, "%s: %v\n", name, err) }
	who := func(p Payer) {
		account, err := s.Account(ctx, p)
		fmt.Fprintf(&log, "%s has %q: %v\n", p.Channel, account, err)
	}
	who(zhang())
	step("bind", s.Bind(ctx, zhang(), "2026000001"))
	now = time.UnixMilli(2_000)
	step("bind again", s.Bind(ctx, zhang(), "2026000001"))
	step("bind elsewhere", s.Bind(ctx, zhang(), "2026000002"))
	step("bind another payer", s.Bind(ctx, parent(), "2026000001"))
	who(zhang())
	who(parent())
	step("unbind from elsewhere", s.Unbind(ctx, zhang(), "2026000002"))
	store(ctx, t, client, &log)
	now = time.UnixMilli(3_000)
	step("unbind", s.Unbind(ctx, zhang(), "2026000001"))
	step("unbind again", s.Unbind(ctx, zhang(), "2026000001"))
	who(zhang())
	store(ctx, t, client, &log)
	step("bind where it was refused", s.Bind(ctx, zhang(), "2026000002"))
	store(ctx, t, client, &log)
	now = time.UnixMilli(4_000)
	step("end elsewhere", s.End(ctx, "2026000002", parent(), ByHolder, "x"))
	step("end another's", s.End(ctx, "2026000001", parent(), ByHolder, "not mine"))
	step("end again", s.End(ctx, "2026000001", parent(), "wang", "x"))
	told := func(p Payer) {
		notice, err := s.Notice(ctx, p)
		if notice == nil {
			notice = &Notice{At: time.UnixMilli(0)}
		}
		fmt.Fprintf(&log, "%s is told %d %q: %v\n", p.Channel, notice.At.UnixMilli(), notice.By, err)
	}
	told(parent())
	told(zhang())
	step("end by the centre", s.End(ctx, "2026000002", zhang(), "wang", "lost phone"))
	told(zhang())
	store(ctx, t, client, &log)
	step("bind again after all", s.Bind(ctx, zhang(), "2026000001"))
	told(zhang())
	store(ctx, t, client, &log)
	for range 60 {
		if err := errors.Join(s.Unbind(ctx, zhang(), "2026000001"), s.Bind(ctx, zhang(), "2026000001")); err != nil {
			step("over and over", err)
		}
	}
	ended, err := s.Ended(ctx, "2026000001")
	fmt.Fprintf(&log, "%d ended: %v\n", len(ended), err)
	return log.String()
}

// store writes every key and field that is stored.
func store(ctx context.Context, t *testing.T, client redis.UniversalClient, log *strings.Builder) {
	t.Helper()
	keys, err := client.Keys(ctx, "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if list, err := client.LRange(ctx, key, 0, -1).Result(); err == nil {
			fmt.Fprintf(log, "  %s %v\n", key, list)
			continue
		}
		h, err := client.HGetAll(ctx, key).Result()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(log, "  %s %v\n", key, h)
	}
}

const played = `wechat has "": payer is not bound
bind: <nil>
bind again: <nil>
bind elsewhere: payer is bound to another account
bind another payer: <nil>
wechat has "2026000001": <nil>
alipay has "2026000001": <nil>
unbind from elsewhere: payer is not bound
  h:{bind}:a:2026000001 map[alipay:open_id:oParent:2000 wechat:openid:oZhang_1-x:1000]
  h:{bind}:p:alipay:open_id:oParent map[account:2026000001 at:2000]
  h:{bind}:p:wechat:openid:oZhang_1-x map[account:2026000001 at:1000 dup:1]
unbind: <nil>
unbind again: payer is not bound
wechat has "": payer is not bound
  h:{bind}:a:2026000001 map[alipay:open_id:oParent:2000]
  h:{bind}:e:2026000001 [{"at":3000,"channel":"wechat","kind":"openid","by":"payer"}]
  h:{bind}:p:alipay:open_id:oParent map[account:2026000001 at:2000]
bind where it was refused: <nil>
  h:{bind}:a:2026000001 map[alipay:open_id:oParent:2000]
  h:{bind}:a:2026000002 map[wechat:openid:oZhang_1-x:3000]
  h:{bind}:e:2026000001 [{"at":3000,"channel":"wechat","kind":"openid","by":"payer"}]
  h:{bind}:p:alipay:open_id:oParent map[account:2026000001 at:2000]
  h:{bind}:p:wechat:openid:oZhang_1-x map[account:2026000002 at:3000]
end elsewhere: payer is not bound
end another's: <nil>
end again: payer is not bound
alipay is told 4000 "holder": <nil>
wechat is told 0 "": <nil>
end by the centre: <nil>
wechat is told 4000 "centre": <nil>
  h:{bind}:e:2026000001 [{"at":4000,"channel":"alipay","kind":"open_id","by":"holder","why":"not mine"} {"at":3000,"channel":"wechat","kind":"openid","by":"payer"}]
  h:{bind}:e:2026000002 [{"at":4000,"channel":"wechat","kind":"openid","by":"wang","why":"lost phone"}]
  h:{bind}:p:alipay:open_id:oParent map[ended:4000 ended_by:holder]
  h:{bind}:p:wechat:openid:oZhang_1-x map[ended:4000 ended_by:centre]
bind again after all: <nil>
wechat is told 0 "": <nil>
  h:{bind}:a:2026000001 map[wechat:openid:oZhang_1-x:4000]
  h:{bind}:e:2026000001 [{"at":4000,"channel":"alipay","kind":"open_id","by":"holder","why":"not mine"} {"at":3000,"channel":"wechat","kind":"openid","by":"payer"}]
  h:{bind}:e:2026000002 [{"at":4000,"channel":"wechat","kind":"openid","by":"wang","why":"lost phone"}]
  h:{bind}:p:alipay:open_id:oParent map[ended:4000 ended_by:holder]
  h:{bind}:p:wechat:openid:oZhang_1-x map[account:2026000001 at:4000]
50 ended: <nil>
`

func TestLinksAreMadeAndTakenAwayInBothDirections(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t, redistest.Cluster).Client()
	if diff := cmp.Diff(played, play(t.Context(), t, client, redistest.Strict)); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

// TestRemovingAnyWriteOrCheckIsNoticed takes each write, and each early answer,
// out of the scripts, one at a time.
func TestRemovingAnyWriteOrCheckIsNoticed(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t, redistest.Cluster).Client()
	mutants := redistest.Mutants(scripts)
	checks := regexp.MustCompile(`(?m)^ *if .* then return .* end$`)
	for _, script := range scripts.Scripts() {
		source := script.Source()
		for _, at := range checks.FindAllStringIndex(source, -1) {
			mutants = append(mutants, redistest.Mutant{Script: script.Name(), What: source[at[0]:at[1]], Source: source[:at[0]] + source[at[1]:]})
		}
	}
	for _, m := range mutants {
		if got := play(t.Context(), t, client, m.Rewrite); got == played {
			t.Errorf("%s: nothing notices when it is missing: %s", m.Script, m.What)
		}
	}
	if len(mutants) != 11 {
		t.Errorf("%d writes and checks were found in the scripts, want 11", len(mutants))
	}
}

func TestAnUnknownReplyIsAnError(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := NewStore(redisx.NewRunner(client, redisx.RunnerOptions{Rewrite: func(string, string) string { return "return { 'HM' }" }}), "x", nil)
	for name, err := range map[string]error{
		"bind":   s.Bind(t.Context(), zhang(), "1"),
		"unbind": s.Unbind(t.Context(), zhang(), "1"),
	} {
		if err == nil || strings.Contains(err.Error(), zhang().ID) {
			t.Errorf("%s = %v", name, err)
		}
	}
}

func TestOddPayersAndAccountsAreRefusedBeforeRedis(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := NewStore(redisx.NewRunner(client, redisx.RunnerOptions{}), "", nil)
	for name, tc := range map[string]struct {
		change  func(*Payer)
		account string
		want    error
	}{
		"no id":              {func(p *Payer) { p.ID = "" }, "1", ErrPayer},
		"no channel":         {func(p *Payer) { p.Channel = "" }, "1", ErrPayer},
		"no kind":            {func(p *Payer) { p.Kind = "" }, "1", ErrPayer},
		"colon":              {func(p *Payer) { p.ID = "a:b" }, "1", ErrPayer},
		"colon in the kind":  {func(p *Payer) { p.Kind = "openid:a" }, "1", ErrPayer},
		"another slot's tag": {func(p *Payer) { p.ID = "{p00}" }, "1", ErrPayer},
		"blank":              {func(p *Payer) { p.ID = "a b" }, "1", ErrPayer},
		"line end":           {func(p *Payer) { p.ID = "a\n" }, "1", ErrPayer},
		"zero byte":          {func(p *Payer) { p.ID = "a\x00" }, "1", ErrPayer},
		"not ASCII":          {func(p *Payer) { p.ID = "张三" }, "1", ErrPayer},
		"too long":           {func(p *Payer) { p.ID = strings.Repeat("a", 129) }, "1", ErrPayer},
		"no account":         {func(*Payer) {}, "", ErrAccount},
		"odd account":        {func(*Payer) {}, "1:2", ErrAccount},
	} {
		t.Run(name, func(t *testing.T) {
			p := zhang()
			tc.change(&p)
			if err := s.Bind(t.Context(), p, tc.account); !errors.Is(err, tc.want) {
				t.Errorf("Bind = %v, want %v", err, tc.want)
			}
			if err := s.Unbind(t.Context(), p, tc.account); !errors.Is(err, tc.want) {
				t.Errorf("Unbind = %v, want %v", err, tc.want)
			}
			_, err := s.Account(t.Context(), p)
			if errors.Is(tc.want, ErrPayer) && !errors.Is(err, ErrPayer) {
				t.Errorf("Account = %v, want ErrPayer", err)
			}
		})
	}
	if n, err := client.DBSize(t.Context()).Result(); err != nil || n != 0 {
		t.Errorf("%d keys are stored, %v", n, err)
	}
}

func TestAnAccountsPayersAreThoseWhoAreBoundNow(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := NewStore(redisx.NewRunner(redistest.Start(t).Client(), redisx.RunnerOptions{}), "", nil)
	want := func(payers ...Payer) {
		t.Helper()
		got, err := s.Payers(ctx, "2026000001")
		slices.SortFunc(got, func(a, b Payer) int { return strings.Compare(b.Channel, a.Channel) })
		if err != nil || !slices.Equal(got, payers) {
			t.Errorf("%d payers %v, %v; want %v", len(got), got, err, payers)
		}
	}
	want()
	for _, p := range []Payer{zhang(), parent()} {
		if err := s.Bind(ctx, p, "2026000001"); err != nil {
			t.Fatal(err)
		}
	}
	want(zhang(), parent())
	if err := s.Unbind(ctx, zhang(), "2026000001"); err != nil {
		t.Fatal(err)
	}
	want(parent())
	if _, err := s.Payers(ctx, "{x}"); !errors.Is(err, ErrAccount) {
		t.Errorf("Payers of no account: %v", err)
	}
}

func TestAReferenceNeedsTheKeyAndHidesThePayer(t *testing.T) {
	t.Parallel()
	b := Binding{Payer: zhang()}
	ref := b.Ref([]byte("key"), "1")
	if ref != b.Ref([]byte("key"), "1") || len(ref) != 16 || strings.Contains(ref, zhang().ID) {
		t.Errorf("the reference is %s", ref)
	}
	for _, other := range []string{b.Ref([]byte("kez"), "1"), b.Ref([]byte("key"), "2"), Binding{Payer: parent()}.Ref([]byte("key"), "1")} {
		if other == ref {
			t.Error("key, account and payer do not all count")
		}
	}
}

func TestARedisThatIsGoneSaysNothingOfLinks(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := NewStore(redisx.NewRunner(server.Client(), redisx.RunnerOptions{}), "", nil)
	server.Kill()
	_, err := s.Account(t.Context(), zhang())
	if !errors.Is(err, redisx.ErrUnavailable) && !errors.Is(err, redisx.ErrUnknownOutcome) {
		t.Errorf("Account = %v, want no word on the link", err)
	}
	_, err = s.Payers(t.Context(), "1")
	if !errors.Is(err, redisx.ErrUnavailable) && !errors.Is(err, redisx.ErrUnknownOutcome) {
		t.Errorf("Payers = %v, want no word on the links", err)
	}
	_, endedErr := s.Ended(t.Context(), "1")
	_, noticeErr := s.Notice(t.Context(), zhang())
	if endedErr == nil || noticeErr == nil {
		t.Error("ended links or a notice were read")
	}
	for name, err := range map[string]error{
		"End": s.End(t.Context(), "1", zhang(), ByHolder, ""), "Bind": s.Bind(t.Context(), zhang(), "1"), "Unbind": s.Unbind(t.Context(), zhang(), "1"),
	} {
		if !errors.Is(err, redisx.ErrUnavailable) {
			t.Errorf("%s = %v, want ErrUnavailable", name, err)
		}
	}
}

func TestAPrintedPayerHidesItsID(t *testing.T) {
	t.Parallel()
	p := zhang()
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "payer", p, "pointer", &p)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "payer", p)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		fmt.Fprintf(&log, verb+verb, p, &p)
	}
	if strings.Contains(log.String(), "oZhang") || !strings.Contains(log.String(), "wechat:openid") {
		t.Errorf("printed: %s", log.String())
	}
}
