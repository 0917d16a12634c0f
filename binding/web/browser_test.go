package web_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// browser is the app's browser on one person's phone. It follows redirects
// itself, so that a test can stop on the way.
type browser struct {
	t      testing.TB
	w      *world
	client *http.Client
	agent  string // what it calls itself, if anything
}

// page is what a browser got.
type page struct {
	t      testing.TB
	status int
	header http.Header
	at     *url.URL
	body   string
	root   *html.Node
}

func (w *world) browser(person string) *browser {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	base, err := url.Parse(app.base)
	if err != nil {
		w.t.Fatal(err)
	}
	jar.SetCookies(base, []*http.Cookie{{Name: "sim_person", Value: person, Path: "/"}})
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &browser{t: w.t, w: w, client: &http.Client{Jar: jar, Transport: transport, CheckRedirect: stop}}
}

func stop(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// send sends one request and follows nothing.
func (b *browser) send(r *http.Request) page {
	b.t.Helper()
	answer, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		b.t.Fatal(err)
	}
	p := page{b.t, answer.StatusCode, answer.Header, r.URL, string(body), root}
	p.wantSafe()
	return p
}

func (b *browser) request(method, address string, body io.Reader) *http.Request {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.w.base + address
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, address, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if b.agent != "" {
		r.Header.Set("User-Agent", b.agent)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func (b *browser) step(address string) page {
	b.t.Helper()
	return b.send(b.request(http.MethodGet, address, nil))
}

// follow goes on until a page is no redirect.
func (b *browser) follow(p page) page {
	b.t.Helper()
	for range 20 {
		if p.status/100 != 3 {
			return p
		}
		p = b.step(p.target())
	}
	b.t.Fatal("redirected without end")
	return p
}

// open is what happens when a person opens an address.
func (b *browser) open(address string) page {
	b.t.Helper()
	return b.follow(b.step(address))
}

// callback goes through the authorization up to the address that the channel
// sends the browser back to, and does not open that.
func (b *browser) callback(address string) string {
	b.t.Helper()
	authorise := b.step(address)
	if authorise.status != http.StatusFound || !strings.HasPrefix(authorise.target(), app.base) {
		b.t.Fatalf("%s is %d %s, want the channel", address, authorise.status, authorise.target())
	}
	return b.step(authorise.target()).target()
}

// post posts a form to its action and goes where it leads.
func (b *browser) post(action string, values url.Values) page {
	b.t.Helper()
	return b.follow(b.send(b.request(http.MethodPost, action, strings.NewReader(values.Encode()))))
}

// submit fills the page's form and presses its button.
func (b *browser) submit(p page, fill ...string) page {
	b.t.Helper()
	action, values := p.form()
	for i := 0; i < len(fill); i += 2 {
		if !values.Has(fill[i]) {
			b.t.Fatalf("the form has no %s:\n%s", fill[i], p.body)
		}
		values.Set(fill[i], fill[i+1])
	}
	return b.post(action, values)
}

func (b *browser) login(user, word string) page {
	b.t.Helper()
	return b.submit(b.open("/h5/wechat/bind"), "username", user, "password", word)
}

// target is where a redirect leads.
func (p page) target() string {
	p.t.Helper()
	to, err := p.at.Parse(p.header.Get("Location"))
	if err != nil {
		p.t.Fatal(err)
	}
	return to.String()
}

func (p page) want(status int, texts ...string) {
	p.t.Helper()
	if p.status != status {
		p.t.Errorf("%s is %d, want %d:\n%s", p.at, p.status, status, p.body)
	}
	for _, text := range texts {
		if !strings.Contains(p.body, text) {
			p.t.Errorf("%s lacks %q:\n%s", p.at, text, p.body)
		}
	}
}

func (p page) wantAt(path string) {
	p.t.Helper()
	if p.at.Path != path {
		p.t.Errorf("the browser is at %s, want %s", p.at, path)
	}
}

// each visits every element of a name.
func (p page) each(name string, visit func(attribute func(string) string, n *html.Node)) {
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && (name == "" || n.Data == name) {
			visit(func(key string) string {
				for _, a := range n.Attr {
					if a.Key == key {
						return a.Val
					}
				}
				return ""
			}, n)
		}
	}
}

// form is the page's one form.
func (p page) form() (action string, values url.Values) {
	p.t.Helper()
	values = url.Values{}
	p.each("form", func(attribute func(string) string, _ *html.Node) { action = attribute("action") })
	p.each("input", func(attribute func(string) string, _ *html.Node) { values.Set(attribute("name"), attribute("value")) })
	if action == "" {
		p.t.Fatalf("%s has no form:\n%s", p.at, p.body)
	}
	return action, values
}

// wantSafe holds for every answer of the pages: its headers, nothing inline
// that the policy would refuse, nothing that a template failed to fill in, and
// no password.
func (p page) wantSafe() {
	p.t.Helper()
	if !strings.HasPrefix(p.at.Path, "/h5") {
		return
	}
	policy := p.header.Get("Content-Security-Policy")
	for _, rule := range []string{
		"default-src 'none'", "style-src 'self'", "script-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
	} {
		if !strings.Contains(policy+";", rule+";") {
			p.t.Errorf("%s: the policy lacks %s: %s", p.at.Path, rule, policy)
		}
	}
	for name, want := range map[string]string{
		"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
	} {
		if p.header.Get(name) != want {
			p.t.Errorf("%s: %s is %q, want %q", p.at.Path, name, p.header.Get(name), want)
		}
	}
	if !strings.HasPrefix(p.at.Path, "/h5/static/") && p.header.Get("Cache-Control") != "no-store" {
		p.t.Errorf("%s: Cache-Control is %q", p.at.Path, p.header.Get("Cache-Control"))
	}
	p.each("", func(attribute func(string) string, n *html.Node) {
		inline := n.Data == "script" && attribute("src") == "" && attribute("type") != "application/json"
		for _, a := range n.Attr {
			inline = inline || a.Key == "style" || strings.HasPrefix(a.Key, "on")
		}
		if inline || n.Data == "style" {
			p.t.Errorf("%s has an inline %s:\n%s", p.at.Path, n.Data, p.body)
		}
	})
	for _, bad := range []string{password, wrong, "no value", "&lt;nil&gt;", "ZgotmplZ"} {
		if strings.Contains(p.body, bad) {
			p.t.Errorf("%s holds %q:\n%s", p.at.Path, bad, p.body)
		}
	}
}
