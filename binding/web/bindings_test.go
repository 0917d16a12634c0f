package web_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"guodu/binding"
	"guodu/binding/web"
	"guodu/internal/redisx"
	"guodu/transition"
)

// refs are the references of bindings that a page offers to end.
func (p page) refs() []string {
	var all []string
	for _, m := range regexp.MustCompile(`bindings\?end=([0-9a-f]+)"`).FindAllStringSubmatch(p.body, -1) {
		all = append(all, m[1])
	}
	return all
}

// ending opens the form that ends the one binding which the page offers to end.
func (b *browser) ending() page {
	b.t.Helper()
	refs := b.open("/h5/wechat/bindings").refs()
	if len(refs) != 1 {
		b.t.Fatalf("%d bindings are offered to be ended, want 1", len(refs))
	}
	return b.open("/h5/wechat/bindings?end=" + refs[0])
}

func TestAHolderSeesWhoIsBoundAndEndsAnother(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	w.bind("thief", account)
	b.open("/h5/wechat/card").want(http.StatusOK, `href="/h5/wechat/bindings"`)
	list := b.open("/h5/wechat/bindings")
	now := time.Now().In(transition.Beijing()).Format("2006-01-02")
	list.want(http.StatusOK, "本机", "微信支付", now)
	if n := strings.Count(list.body, "本机"); n != 1 || strings.Contains(list.body, "<form") || strings.Contains(list.body, payer("thief").ID) {
		t.Errorf("%d bindings are one's own, or a form or an id is there:\n%s", n, list.body)
	}
	thief := w.browser("thief")
	thief.open("/h5/wechat/card").want(http.StatusOK, "12.34")
	b.submit(b.ending(), "username", "zhangsan", "password", password).want(http.StatusOK, "由账户持有人解除")
	w.wantBound("thief", "")
	w.wantBound("zhang", account)
	if refs := b.open("/h5/wechat/bindings").refs(); len(refs) != 0 {
		t.Errorf("%d bindings are left to end", len(refs))
	}
	gone := thief.open("/h5/wechat/card")
	gone.wantAt("/h5/wechat/bind")
	gone.want(http.StatusOK, "您的绑定已于"+now, "由账户持有人解除")
	thief.open("/h5/wechat/bind?lang=en").want(http.StatusOK, "Your binding was ended by the account&#39;s holder at "+now)
	if log := w.log.String(); strings.Count(log, `msg="binding ended"`) != 1 || !strings.Contains(log, "by=holder") {
		t.Errorf("the log is\n%s", log)
	}
}

func TestAnotherBindingIsEndedByTheHoldersPasswordAlone(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	w.bind("mother", account)
	for _, tc := range []struct {
		name   string
		fill   []string
		status int
		text   string
	}{
		{"nothing typed", nil, http.StatusBadRequest, "请输入用户名和密码"},
		{"wrong password", []string{"username", "zhangsan", "password", wrong}, http.StatusUnprocessableEntity, "用户名或密码不正确"},
		{"of another account", []string{"username", "lisi", "password", password}, http.StatusForbidden, "不是本账户持有人"},
		{"no token", []string{"username", "zhangsan", "password", password, "csrf", "x"}, http.StatusForbidden, "页面已过期"},
		{"no binding", []string{"username", "zhangsan", "password", password, "ref", "x"}, http.StatusNotFound, "已经不存在"},
		{"one's own", []string{"username", "zhangsan", "password", password, "ref", w.refOfZhang()}, http.StatusNotFound, "已经不存在"},
	} {
		b.submit(b.ending(), tc.fill...).want(tc.status, tc.text)
		w.wantBound("mother", account)
		w.wantBound("zhang", account)
	}
	if n := w.portal.Count("verify"); n != 2 {
		t.Errorf("the portal was asked %d times, want 2", n)
	}
	// The guesses are those of the login.
	for range 3 {
		b.submit(b.ending(), "username", "zhangsan", "password", wrong).want(http.StatusUnprocessableEntity)
	}
	b.submit(b.ending(), "username", "zhangsan", "password", password).want(http.StatusTooManyRequests, "尝试次数过多")
	w.browser("zhang2").login("zhangsan", password).want(http.StatusTooManyRequests)
	w.wantBound("mother", account)
}

// refOfZhang is the reference of the holder's own binding, as the other payer of the
// account is offered it.
func (w *world) refOfZhang() string {
	w.t.Helper()
	refs := w.browser("mother").open("/h5/wechat/bindings").refs()
	if len(refs) != 1 {
		w.t.Fatalf("%d references, want 1", len(refs))
	}
	return refs[0]
}

func TestABindingOfAnotherAccountIsNotThere(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	w.bind("mother", account)
	w.bind("li", other)
	w.bind("lis wife", other)
	foreign := w.browser("li").open("/h5/wechat/bindings").refs()
	if len(foreign) != 1 {
		t.Fatal(foreign)
	}
	if got := b.open("/h5/wechat/bindings?end=" + foreign[0]); strings.Contains(got.body, "<form") {
		t.Errorf("another account's binding has a form:\n%s", got.body)
	}
	_, values := b.ending().form()
	b.post("/h5/wechat/bindings", url.Values{
		"csrf": {values.Get("csrf")}, "ref": {foreign[0]}, "username": {"zhangsan"}, "password": {password},
	}).want(http.StatusNotFound, "已经不存在")
	w.wantBound("lis wife", other)
}

func TestTheCardCentreEndsABindingAndIsNotNamed(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	w.bind("mother", account)
	if err := w.links.End(t.Context(), string(account), payer("mother"), "operator wang", "asked for at the desk"); err != nil {
		t.Fatal(err)
	}
	for _, got := range []page{b.open("/h5/wechat/bindings"), w.browser("mother").open("/h5/wechat/bind")} {
		got.want(http.StatusOK, "由卡务中心解除")
		if strings.Contains(got.body, "wang") || strings.Contains(got.body, "desk") {
			t.Errorf("the operator or the reason is on the page:\n%s", got.body)
		}
	}
	mother := w.browser("mother")
	mother.login("zhangsan", password).want(http.StatusOK, "绑定成功") // and the notice is over
	mother.submit(mother.open("/h5/wechat/card")).want(http.StatusOK, "已解除绑定")
	if got := mother.open("/h5/wechat/bind"); strings.Contains(got.body, "您的绑定已于") {
		t.Errorf("who unbinds is told of others:\n%s", got.body)
	}
	b.open("/h5/wechat/bindings").want(http.StatusOK, "本人解除")
}

func TestTheBindingsPageSpeaksEnglish(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	w.bind("mother", account)
	w.bind("father", account)
	if err := w.links.End(t.Context(), string(account), payer("father"), binding.ByHolder, ""); err != nil {
		t.Fatal(err)
	}
	b.open("/h5/wechat/bindings?lang=en").want(http.StatusOK, "Who is bound", "this one", "End it", "by the account&#39;s holder")
	for _, got := range []page{b.open("/h5/wechat/bindings"), b.ending(), b.submit(b.ending())} {
		if left := han.FindAllString(strings.ReplaceAll(got.body, "中文", ""), -1); len(left) > 0 {
			t.Errorf("it still says %v", left)
		}
	}
}

// blind is links of which one kind cannot be read.
type blind struct {
	*binding.Store
	bindings, ended, notice, end error
}

func (l *blind) Bindings(ctx context.Context, account string) ([]binding.Binding, error) {
	if l.bindings != nil {
		return nil, l.bindings
	}
	return l.Store.Bindings(ctx, account)
}

func (l *blind) Ended(ctx context.Context, account string) ([]binding.Ended, error) {
	if l.ended != nil {
		return nil, l.ended
	}
	return l.Store.Ended(ctx, account)
}

func (l *blind) Notice(ctx context.Context, p binding.Payer) (*binding.Notice, error) {
	if l.notice != nil {
		return nil, l.notice
	}
	return l.Store.Notice(ctx, p)
}

func (l *blind) End(ctx context.Context, account string, p binding.Payer, by, why string) error {
	if l.end != nil {
		return l.end
	}
	return l.Store.End(ctx, account, p, by, why)
}

func TestBindingsThatCannotBeReadAreNotShownAsNone(t *testing.T) {
	t.Parallel()
	l := &blind{}
	w := start(t, func(c *web.Config) {
		l.Store = c.Links.(*binding.Store)
		c.Links = l
	})
	b := w.holder()
	w.bind("mother", account)
	form := b.ending()
	l.end = redisx.ErrUnknownOutcome
	b.submit(form, "username", "zhangsan", "password", password).want(http.StatusServiceUnavailable, "系统繁忙")
	l.end = binding.ErrNotBound // somebody else was faster
	b.submit(form, "username", "zhangsan", "password", password).wantAt("/h5/wechat/bindings")
	l.bindings = redisx.ErrUnavailable
	b.open("/h5/wechat/bindings").want(http.StatusServiceUnavailable, "系统繁忙")
	b.submit(form, "username", "zhangsan", "password", password).want(http.StatusServiceUnavailable, "系统繁忙")
	l.bindings, l.ended = nil, redisx.ErrUnavailable
	b.open("/h5/wechat/bindings").want(http.StatusServiceUnavailable, "系统繁忙")
	l.notice = redisx.ErrUnavailable // the form stands without a notice
	w.browser("new").open("/h5/wechat/bind").want(http.StatusOK, "统一身份认证用户名")
}
