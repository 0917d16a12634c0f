package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"guodu/binding"
	"guodu/binding/identity/guard"
	"guodu/binding/web"
	"guodu/internal/limit"
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

func TestTheFifthGuessAtAUserNameWaits(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.browser("zhang")
	for range 4 {
		b.login("zhangsan", wrong).want(http.StatusUnprocessableEntity, "用户名或密码不正确")
	}
	for _, one := range []*browser{b, w.browser("wife")} {
		got := one.login("ZhangSan", password)
		got.want(http.StatusTooManyRequests, "这个用户名的尝试次数过多（也可能是别人在尝试），请在15分钟后再试", `href="/h5/wechat/card"`)
		if wait := got.header.Get("Retry-After"); wait < "850" || wait > "900" || len(wait) != 3 {
			t.Errorf("Retry-After is %q", wait)
		}
		if strings.Contains(got.body, "<form") {
			t.Error("who is to wait has a form to press again")
		}
	}
	b.login("lisi", wrong).want(http.StatusUnprocessableEntity)
	b.login("lisi", password).want(http.StatusTooManyRequests, "您的尝试次数过多，请在15分钟后再试")
	if n := w.portal.Count("verify"); n != 5 {
		t.Errorf("the portal was asked %d times, want 5", n)
	}
	w.wantBound("zhang", "")
	w.wantBound("wife", "")
}

func TestAUserNameThatNobodyHasIsRefusedAlike(t *testing.T) {
	t.Parallel()
	w := start(t)
	said := func(user string) string {
		var all strings.Builder
		for i := range 6 {
			got := w.browser(fmt.Sprint(user, i)).login(user, wrong)
			fmt.Fprintln(&all, got.status, strings.ReplaceAll(csrfValue.ReplaceAllString(got.body, ""), user, "USER"))
		}
		return all.String()
	}
	if known, unknown := said("zhangsan"), said("nobody"); known != unknown {
		t.Errorf("a user name that exists is told apart:\n%s\n%s", known, unknown)
	}
}

var csrfValue = regexp.MustCompile(`name="csrf" value="[^"]*"`)

func TestAHolderIsToldThatOthersTried(t *testing.T) {
	t.Parallel()
	w := start(t)
	const told = "其他人用错误的密码尝试登录您的账号"
	if got := w.browser("calm").login("lisi", password); strings.Contains(got.body, told) {
		t.Errorf("nobody tried:\n%s", got.body)
	}
	w.browser("stranger").guess(2, http.StatusUnprocessableEntity, "zhangsan", wrong)
	b := w.browser("zhang")
	b.guess(1, http.StatusUnprocessableEntity, "zhangsan", wrong) // one's own does not count
	b.login("zhangsan", password).want(http.StatusOK, "绑定成功", told+"2次", time.Now().In(transition.Beijing()).Format("01-02"))
	english := w.browser("wife")
	english.open("/h5/wechat/bind?lang=en")
	english.login("zhangsan", password).want(http.StatusOK, "Others tried wrong passwords for your account 3 times")
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
	return func(config *web.Config) {
		config.Identity = guard.New(c, limit.New(config.Ephemeral, "", nil), guard.DefaultRates(), nil)
	}
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
	stranger.guess(3, http.StatusUnprocessableEntity, "wangwu", wrong)
	stranger.guess(2, http.StatusUnprocessableEntity, "zhaoliu", wrong)
	stranger.guess(20, http.StatusTooManyRequests, "zhangsan", wrong)
	if n := c.asked.Load(); n != 5 {
		t.Errorf("the portal was asked %d times, want 5", n)
	}
	holder := w.browser("zhang")
	holder.guess(3, http.StatusUnprocessableEntity, "zhangsan", wrong)
	holder.guess(1, http.StatusOK, "zhangsan", password)
	w.wantBound("zhang", account)
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
	b.guess(3, http.StatusUnprocessableEntity, "zhangsan", wrong)
	right(3)
	// Nor do they forgive: a payer cannot wipe guesses at others with a
	// password of their own.
	b.guess(2, http.StatusUnprocessableEntity, "lisi", wrong)
	b.guess(1, http.StatusTooManyRequests, "lisi", wrong)
}

func TestALockAndAPortalInTroubleAreTold(t *testing.T) {
	t.Parallel()
	c := &clerk{say: func(string, string) error { return &binding.LockedError{For: 15 * time.Minute} }}
	w := start(t, withClerk(c))
	b := w.browser("zhang")
	locked := b.login("zhangsan", password)
	locked.want(http.StatusLocked, "账号已被锁定，请在15分钟后再试")
	if locked.header.Get("Retry-After") != "900" {
		t.Errorf("Retry-After is %q", locked.header.Get("Retry-After"))
	}
	c.say = func(string, string) error { return fmt.Errorf("portal: %w", binding.ErrIdentityDown) }
	b.login("zhangsan", password).want(http.StatusBadGateway, "统一身份认证暂时无法访问")
	w.wantBound("zhang", "")
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
	if n := c.asked.Load(); n != 4 {
		t.Errorf("the portal was asked %d times, want 4", n)
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
