package web_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"guodu/binding/web"
)

func TestAFormWithoutItsTokenDoesNothing(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.bind("zhang", account)
	b := w.browser("zhang")
	_, own := b.open("/h5/wechat/recharge").form()
	_, foreign := w.browser("stranger").open("/h5/wechat/bind").form()
	fields := url.Values{"amount": {"5"}, "key": own["key"], "username": {"zhangsan"}, "password": {wrong}}
	for name, token := range map[string][]string{
		"missing": nil, "empty": {""}, "foreign": foreign["csrf"], "made up": {"_echo_csrf_using_sec_fetch_site_"},
	} {
		t.Run(name, func(t *testing.T) {
			fields["csrf"] = token
			for _, action := range []string{"bind", "unbind", "recharge"} {
				b.post("/h5/wechat/"+action, fields).want(http.StatusForbidden, "页面已过期")
			}
		})
	}
	t.Run("in the address", func(t *testing.T) {
		delete(fields, "csrf")
		b.post("/h5/wechat/unbind?csrf="+own.Get("csrf"), fields).want(http.StatusForbidden)
	})
	t.Run("of no session", func(t *testing.T) {
		fields["csrf"] = []string{""}
		w.browser("nobody").post("/h5/wechat/unbind", fields).want(http.StatusForbidden, "页面已过期")
	})
	t.Run("in another session", func(t *testing.T) {
		fields["csrf"] = own["csrf"]
		w.browser("zhang").post("/h5/wechat/unbind", fields).want(http.StatusForbidden)
	})
	t.Run("in a form of another kind", func(t *testing.T) {
		r := b.request(http.MethodPost, "/h5/wechat/unbind", strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n"+own.Get("csrf")+"\r\n--x--\r\n"))
		r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		b.send(r).want(http.StatusForbidden)
	})
	w.wantBound("zhang", account)
	if len(w.orders.wishes) != 0 || w.portal.Count("verify") != 0 {
		t.Errorf("%d orders, %d guesses", len(w.orders.wishes), w.portal.Count("verify"))
	}
	fields["csrf"] = own["csrf"]
	b.post("/h5/wechat/unbind", fields).want(http.StatusOK, "已解除绑定")
}

// TestNothingOfAnAddressIsAField keeps passwords out of addresses, which
// proxies log.
func TestNothingOfAnAddressIsAField(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.browser("zhang")
	_, own := b.open("/h5/wechat/bind").form()
	b.post("/h5/wechat/bind?username=zhangsan&password="+url.QueryEscape(password), url.Values{"csrf": own["csrf"]}).
		want(http.StatusBadRequest, "请输入用户名和密码")
	w.wantBound("zhang", "")
}

func TestABodyAboveTheBoundIsRefused(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.browser("zhang")
	_, values := b.open("/h5/wechat/bind").form()
	values.Set("username", "zhangsan")
	values.Set("password", wrong)
	for name, hide := range map[string]bool{"with its length": false, "without its length": true} {
		t.Run(name, func(t *testing.T) {
			fill := func(size int) page {
				values.Del("fill")
				values.Set("fill", strings.Repeat("x", size-len(values.Encode())-len("&fill=")))
				var body io.Reader = strings.NewReader(values.Encode())
				if hide {
					body = io.MultiReader(body)
				}
				return b.send(b.request(http.MethodPost, "/h5/wechat/bind", body))
			}
			fill(16<<10).want(http.StatusUnprocessableEntity, "用户名或密码不正确")
			fill(16<<10+1).want(http.StatusRequestEntityTooLarge, "提交的内容过长")
		})
	}
	b.send(b.request(http.MethodPost, "/h5/wechat/bind", strings.NewReader("csrf=%zz"))).want(http.StatusBadRequest, "无法读取")
}

func TestAnExpiredSessionIsTold(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	form := b.open("/h5/wechat/recharge")
	if err := w.client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	b.submit(form, "amount", "5").want(http.StatusForbidden, "页面已过期", `href="/h5/wechat/card"`)
}

func TestPagesThatAreNotThere(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	b.open("/h5/wechat/card")
	for _, address := range []string{
		"/h5", "/h5/", "/h5/wechat", "/h5/wechat/", "/h5/wechat/x", "/h5/wechat/unbind", "/h5/cash/card", "/h5/cash/oauth",
		"/h5/%22%3E%3Cb%3E/card", "/h5/static/", "/h5/static/x.js", "/h5/static/..%2fpages.go",
	} {
		got := b.open(address)
		got.want(http.StatusNotFound, "没有这个页面")
		if strings.Contains(got.body, "<b>") || strings.Contains(got.body, "/cash/") {
			t.Errorf("%s repeats its address:\n%s", address, got.body)
		}
	}
}

func TestStyleAndScriptAreFiles(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.browser("zhang")
	for name, tc := range map[string]struct{ kind, text string }{
		"style.css": {"text/css", ".purse {"}, "pay.js": {"text/javascript", "getBrandWCPayRequest"},
	} {
		got := b.step("/h5/static/" + name)
		got.want(http.StatusOK, tc.text)
		if !strings.HasPrefix(got.header.Get("Content-Type"), tc.kind) || got.header.Get("Cache-Control") != "public, max-age=600" ||
			len(got.header.Values("Set-Cookie")) != 0 {
			t.Errorf("%s comes with %v", name, got.header)
		}
	}
}

// TestAPayerOfOneChannelIsNobodyOnAnother posts with a session and a token that
// are good, to a channel that named nobody.
func TestAPayerOfOneChannelIsNobodyOnAnother(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *web.Config) { c.OAuth["alipay"] = c.OAuth["wechat"] })
	b := w.holder()
	_, values := b.open("/h5/wechat/card").form()
	b.post("/h5/alipay/unbind", values).want(http.StatusForbidden, "登录已过期", `href="/h5/alipay/card"`)
	w.wantBound("zhang", account)
	if got := b.step("/h5/alipay/card"); got.status != http.StatusFound {
		t.Errorf("the other channel's card is %d", got.status)
	}
}
