package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"guodu/binding"
	"guodu/binding/web"
	"guodu/internal/redisx"
	"guodu/mocks/portal"
	"guodu/transition"
)

func TestAHolderBindsAndUnbinds(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.browser("zhang")
	first := b.open("/h5/wechat/recharge") // not bound yet
	first.want(http.StatusOK, "一卡通绑定")
	first.wantAt("/h5/wechat/bind")
	b.submit(first, "username", " zhangsan ", "password", password).want(http.StatusOK, "绑定成功", "张三")
	w.wantBound("zhang", account)
	again := b.open("/h5/wechat/bind")
	again.wantAt("/h5/wechat/card")
	again.want(http.StatusOK, string(account), "12.34")
	b.submit(again).want(http.StatusOK, "已解除绑定")
	w.wantBound("zhang", "")
	b.open("/h5/wechat/card").wantAt("/h5/wechat/bind")
	b.login("lisi", password).want(http.StatusOK, "绑定成功", "李四")
	w.wantBound("zhang", other)
	if log := w.log.String(); strings.Count(log, "msg=bound") != 2 || strings.Count(log, "msg=unbound") != 1 {
		t.Errorf("the log is\n%s", log)
	}
}

// TestASecondPressOfAButtonSaysSoAndLeadsOn: binding and unbinding end the session
// that the form is of.
func TestASecondPressOfAButtonSaysSoAndLeadsOn(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.browser("zhang")
	form := b.open("/h5/wechat/bind")
	b.submit(form, "username", "zhangsan", "password", password).want(http.StatusOK, "绑定成功")
	b.submit(form, "username", "zhangsan", "password", password).want(http.StatusForbidden, "页面已过期", `href="/h5/wechat/card"`)
	if n := w.portal.Count("verify"); n != 1 {
		t.Errorf("the portal was asked %d times, want 1", n)
	}
	card := b.open("/h5/wechat/card")
	b.submit(card).want(http.StatusOK, "已解除绑定")
	b.submit(card).want(http.StatusForbidden, "页面已过期")
	w.wantBound("zhang", "")
}

func TestWhatCannotBeBoundIsSaid(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, user, word string
		prepare          func(w *world)
		status           int
		text             string
	}{
		{"wrong password", "zhangsan", wrong, nil, 422, "用户名或密码不正确"},
		{"unknown user", "wangwu", password, nil, 422, "用户名或密码不正确"},
		{"no password", "zhangsan", "", nil, 400, "请输入用户名和密码"},
		{"blank user", " 　", password, nil, 400, "请输入用户名和密码"},
		{"long user", strings.Repeat("x", 65), password, nil, 400, "请输入用户名和密码"},
		{"account unknown to the hub", "guest", password, nil, 404, "没有找到您的一卡通账户"},
		{"portal gives no account number", "odd", password, nil, 404, "没有找到您的一卡通账户"},
		{"payer of another account", "zhangsan", password, func(w *world) { w.bind("zhang", other) }, 409, "已绑定另一个一卡通账户"},
		{"portal in trouble", "zhangsan", password, func(w *world) {
			if err := w.portal.Fail(portal.Fault{Kind: portal.FaultError}); err != nil {
				w.t.Fatal(err)
			}
		}, 502, "统一身份认证暂时无法访问"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			b := w.browser("zhang")
			form := b.open("/h5/wechat/bind")
			want := transition.AccountNo("")
			if tc.prepare != nil {
				tc.prepare(w)
			}
			if tc.status == http.StatusConflict {
				want = other
			}
			b.submit(form, "username", tc.user, "password", tc.word).want(tc.status, tc.text)
			w.wantBound("zhang", want)
		})
	}
}

func TestATypedUserNameIsShownAsText(t *testing.T) {
	t.Parallel()
	w := start(t)
	const hostile = `"><script>alert(1)</script>`
	got := w.browser("zhang").login(hostile, wrong)
	got.want(http.StatusUnprocessableEntity)
	if _, values := got.form(); values.Get("username") != hostile || strings.Contains(got.body, "<script>") {
		t.Errorf("the page is\n%s", got.body)
	}
}

func TestTheSixthGuessWaitsAndALockIsTold(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.browser("zhang")
	for range 5 {
		b.login("zhangsan", wrong).want(http.StatusUnprocessableEntity, "用户名或密码不正确")
	}
	sixth := b.login("zhangsan", password)
	sixth.want(http.StatusTooManyRequests, "尝试次数过多，请在3分钟后再试")
	if wait := sixth.header.Get("Retry-After"); wait < "170" || wait > "180" || len(wait) != 3 {
		t.Errorf("Retry-After is %q", wait)
	}
	b.login("lisi", password).want(http.StatusTooManyRequests) // whatever the name
	if n := w.portal.Count("verify"); n != 5 {
		t.Errorf("the portal was asked %d times, want 5", n)
	}
	locked := w.browser("wife").login("zhangsan", password)
	locked.want(http.StatusLocked, "账号已被锁定，请在15分钟后再试")
	if locked.header.Get("Retry-After") == "" {
		t.Error("a lock has no Retry-After")
	}
	w.wantBound("zhang", "")
	w.wantBound("wife", "")
}

// clerk is a portal that never locks: what stops a guess is the pages' own.
type clerk struct {
	asked atomic.Int64
	say   func(user, word string) error
}

func (c *clerk) Login(_ context.Context, user, word string) (binding.Person, error) {
	c.asked.Add(1)
	if c.say != nil {
		return binding.Person{AccountNo: string(account)}, c.say(user, word)
	}
	if word != password {
		return binding.Person{}, binding.ErrCredentials
	}
	return binding.Person{AccountNo: string(account)}, nil
}

func withClerk(c *clerk) func(*web.Config) {
	return func(config *web.Config) { config.Identity = c }
}

func (b *browser) guess(times, status int, user, word string) {
	b.t.Helper()
	for range times {
		b.login(user, word).want(status)
	}
}

func TestAPayerWithoutGuessesCostsAUserNothing(t *testing.T) {
	t.Parallel()
	c := &clerk{}
	w := start(t, withClerk(c))
	stranger := w.browser("stranger")
	stranger.guess(5, http.StatusUnprocessableEntity, "zhangsan", wrong)
	stranger.guess(20, http.StatusTooManyRequests, "zhangsan", wrong)
	stranger.guess(20, http.StatusTooManyRequests, "lisi", wrong)
	if n := c.asked.Load(); n != 5 {
		t.Errorf("the portal was asked %d times, want 5", n)
	}
	holder := w.browser("zhang")
	holder.guess(4, http.StatusUnprocessableEntity, "zhangsan", wrong)
	holder.guess(1, http.StatusOK, "zhangsan", password)
	w.wantBound("zhang", account)
}

func TestAUserNameIsGuessedTenTimesAndCleared(t *testing.T) {
	t.Parallel()
	c := &clerk{}
	w := start(t, withClerk(c))
	w.browser("p1").guess(5, http.StatusUnprocessableEntity, "zhangsan", wrong)
	w.browser("p2").guess(4, http.StatusUnprocessableEntity, "ZhangSan", wrong)
	w.browser("zhang").guess(1, http.StatusOK, "zhangsan", password) // forgets them
	w.browser("p3").guess(5, http.StatusUnprocessableEntity, "zhangsan", wrong)
	w.browser("p4").guess(5, http.StatusUnprocessableEntity, "ZHANGSAN", wrong)
	w.browser("p5").guess(1, http.StatusTooManyRequests, "zhangsan", wrong)
	w.browser("p6").guess(1, http.StatusOK, "lisi", password)
	if n := c.asked.Load(); n != 21 {
		t.Errorf("the portal was asked %d times, want 21", n)
	}
}

func TestRightPasswordsDoNotCountAgainstAPayer(t *testing.T) {
	t.Parallel()
	w := start(t, withClerk(&clerk{}))
	b := w.browser("zhang")
	right := func(times int) {
		t.Helper()
		for range times {
			b.login("zhangsan", password).want(http.StatusOK)
			b.submit(b.open("/h5/wechat/card")).want(http.StatusOK, "已解除绑定")
		}
	}
	right(12)
	b.guess(4, http.StatusUnprocessableEntity, "zhangsan", wrong)
	right(3)
	// Nor do they forgive: a payer cannot wipe guesses at others with a
	// password of their own.
	b.guess(1, http.StatusUnprocessableEntity, "lisi", wrong)
	b.guess(1, http.StatusTooManyRequests, "lisi", wrong)
}

func TestWhatThePortalDidNotJudgeIsNoGuessAtAUser(t *testing.T) {
	t.Parallel()
	for _, answer := range []error{&binding.LockedError{For: time.Minute}, fmt.Errorf("portal: %w", binding.ErrIdentityDown)} {
		c := &clerk{say: func(string, string) error { return answer }}
		w := start(t, withClerk(c))
		status := http.StatusBadGateway
		if errors.As(answer, new(*binding.LockedError)) {
			status = http.StatusLocked
		}
		for _, person := range []string{"p1", "p2", "p3"} {
			b := w.browser(person)
			b.guess(5, status, "zhangsan", password)
			b.guess(1, http.StatusTooManyRequests, "zhangsan", password) // the payer's count stands
		}
		c.say = nil
		w.browser("zhang").guess(1, http.StatusOK, "zhangsan", password)
	}
}

func TestGuessesAtOnceAreNoMoreThanGuessesInTurn(t *testing.T) {
	t.Parallel()
	c := &clerk{}
	w := start(t, withClerk(c))
	b := w.browser("zhang")
	action, values := b.open("/h5/wechat/bind").form()
	values.Set("username", "zhangsan")
	values.Set("password", wrong)
	var group sync.WaitGroup
	for range 30 {
		group.Go(func() {
			answer, err := b.client.Do(b.request(http.MethodPost, action, strings.NewReader(values.Encode())))
			if err == nil {
				_ = answer.Body.Close()
			}
		})
	}
	group.Wait()
	if n := c.asked.Load(); n != 5 {
		t.Errorf("the portal was asked %d times, want 5", n)
	}
}

func TestNamesAreNotReadableInTheCounts(t *testing.T) {
	t.Parallel()
	w := start(t, withClerk(&clerk{}))
	w.browser("zhang").login("zhangsan", wrong)
	keys, err := w.client.Keys(t.Context(), "*guess*").Result()
	if err != nil || len(keys) != 2 {
		t.Fatal(keys, err)
	}
	for _, key := range keys {
		if strings.Contains(key, "zhangsan") || strings.Contains(key, payer("zhang").ID) {
			t.Errorf("a name is in %s", key)
		}
		if ttl := w.client.TTL(t.Context(), key).Val(); ttl <= 0 || ttl > 15*time.Minute {
			t.Errorf("%s lives for %v", key, ttl)
		}
	}
}

// trouble is links that fail in a way of the test's choice.
type trouble struct {
	*binding.Store
	bind, unbind, account error
}

func (l *trouble) Bind(ctx context.Context, p binding.Payer, account string) error {
	return errors.Join(l.bind, l.Store.Bind(ctx, p, account))
}

func (l *trouble) Unbind(ctx context.Context, p binding.Payer, account string) error {
	return errors.Join(l.Store.Unbind(ctx, p, account), l.unbind)
}

func (l *trouble) Account(ctx context.Context, p binding.Payer) (string, error) {
	account, err := l.Store.Account(ctx, p)
	return account, errors.Join(l.account, err)
}

func TestLinksInTroubleAreNotTakenForAnAnswer(t *testing.T) {
	t.Parallel()
	l := &trouble{}
	w := start(t, func(c *web.Config) {
		l.Store = c.Links.(*binding.Store)
		c.Links = l
	})
	b := w.browser("zhang")
	form := b.open("/h5/wechat/bind")
	l.bind = redisx.ErrUnknownOutcome
	b.submit(form, "username", "zhangsan", "password", password).want(http.StatusServiceUnavailable, "系统繁忙")
	card := b.open("/h5/wechat/card") // it was bound all the same
	card.want(http.StatusOK, "12.34")
	l.account = redisx.ErrUnavailable
	for _, name := range []string{"card", "bind", "recharge"} {
		b.open("/h5/wechat/"+name).want(http.StatusServiceUnavailable, "系统繁忙")
	}
	l.account, l.unbind = nil, redisx.ErrUnknownOutcome
	b.submit(card).want(http.StatusServiceUnavailable, "系统繁忙")
	l.Store, l.unbind, l.bind = w.links, binding.ErrNotBound, nil // another press was faster
	w.bind("zhang", account)
	b.submit(card).want(http.StatusOK, "已解除绑定")
}
