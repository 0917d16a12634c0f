package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// looked has the doctor look at a callback address that answers so.
func looked(t *testing.T, runs bool, answer http.HandlerFunc) Finding {
	t.Helper()
	var found []Finding
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodGet || r.URL.Path != "/notify/wechat" || r.UserAgent() != "guodu-doctor" || len(body) > 0 {
			t.Errorf("the doctor sends %s %s, %q, %q", r.Method, r.URL.Path, r.UserAgent(), body)
		}
		answer(w, r)
	}))
	defer server.Close()
	d := &doctor{config: Config{PublicURL: server.URL}, http: &http.Client{}, now: time.Now, runs: runs,
		tell: func(f Finding) { found = append(found, f) }}
	d.callback(t.Context(), "wechat")
	if len(found) != 1 {
		t.Fatalf("%d findings", len(found))
	}
	return found[0]
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func TestACallbackAddressIsKnownByTheHubsMark(t *testing.T) {
	t.Parallel()
	hub := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Guodu", "hub")
		status(http.StatusMethodNotAllowed)(w, r)
	}
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		health Health
		text   string
		remedy string
	}{
		"hub":              {hub, Well, "leads to a hub", ""},
		"POST only":        {status(http.StatusMethodNotAllowed), Warned, "does not say that it is a hub", "earlier version"},
		"nothing there":    {status(http.StatusNotFound), Failed, "answers 404, which is not this hub", "let the proxy pass /notify/ on"},
		"a page":           {status(http.StatusOK), Failed, "answers 200, which is not this hub", "without a login"},
		"a redirect":       {http.RedirectHandler("/elsewhere", http.StatusFound).ServeHTTP, Failed, "answers 302, which is not this hub", "without a redirect"},
		"nobody behind it": {status(http.StatusBadGateway), Failed, "the proxy finds no hub behind it", "let the proxy pass on"},
	} {
		f := looked(t, true, tc.answer)
		if f.Health != tc.health || !strings.Contains(f.Text, tc.text) || !strings.Contains(f.Remedy, tc.remedy) {
			t.Errorf("%s: %+v", name, f)
		}
		f = looked(t, false, tc.answer)
		if f.Health != tc.health || f.Health != Well && f.Remedy != startFirst {
			t.Errorf("%s, and no hub runs: %+v", name, f)
		}
	}
}

func TestAHubThatRunsIsSeenByItsHealthOrItsMark(t *testing.T) {
	t.Parallel()
	server := func(path, body string, mark bool) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != path {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			if mark {
				w.Header().Set("X-Guodu", "hub")
			}
			_, _ = io.WriteString(w, body)
		}))
		t.Cleanup(s.Close)
		return strings.TrimPrefix(s.URL, "http://")
	}
	const nobody = "127.0.0.1:1"
	for name, tc := range map[string]struct {
		config Config
		want   bool
	}{
		"nobody":            {Config{Listen: nobody, Health: nobody}, false},
		"health":            {Config{Listen: nobody, Health: server("/healthz", "ok\n", false)}, true},
		"somebody's health": {Config{Listen: nobody, Health: server("/healthz", "fine", false)}, false},
		"mark":              {Config{Listen: server("/notify/alipay", "", true)}, true},
		"no mark":           {Config{Listen: server("/notify/alipay", "", false)}, false},
	} {
		tc.config.DataDir = t.TempDir()
		d := &doctor{config: tc.config, http: &http.Client{}}
		if got := d.hubRuns(t.Context()); got != tc.want {
			t.Errorf("%s: a hub runs: %t", name, got)
		}
	}
}

func TestCasesAreCountedInWords(t *testing.T) {
	t.Parallel()
	for open, want := range []string{"no case needs a decision", "1 case needs a decision", "2 cases need a decision"} {
		if got := undecided(open); got != want {
			t.Errorf("%d: %s", open, got)
		}
	}
}

func TestAClockIsSaidToBeAheadOrBehind(t *testing.T) {
	t.Parallel()
	for ahead, want := range map[time.Duration]string{
		1500 * time.Millisecond: "is 1.5 s ahead of", -3 * time.Second: "is 3.0 s behind", -20 * time.Millisecond: "agrees with",
	} {
		var found Finding
		d := &doctor{tell: func(f Finding) { found = f }}
		d.clock("Redis", ahead)
		if !strings.Contains(found.Text, "the clock of Redis "+want+" ") {
			t.Errorf("%v: %s", ahead, found.Text)
		}
	}
}
