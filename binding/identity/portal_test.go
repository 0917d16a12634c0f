package identity_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"guodu/binding"
	"guodu/binding/identity"
	"guodu/mocks/portal"
)

const (
	secret   = "s3cret-of-the-hub"
	password = "correct horse battery"
)

// patience is far more than any answer takes, so that a slow machine changes
// no outcome.
const patience = 20 * time.Second

func start(t *testing.T) (*portal.Portal, string) {
	t.Helper()
	sim, err := portal.New(portal.Options{ClientSecret: secret, People: []portal.Person{
		{Username: "zhangsan", Password: password, AccountNo: "2026000001", Name: "张三"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	base, err := sim.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return sim, base
}

func open(t *testing.T, base, clientSecret string, timeout time.Duration) *identity.Portal {
	t.Helper()
	p, err := identity.NewPortal(base, clientSecret, timeout)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// wantQuiet checks that an error says nothing that was a secret.
func wantQuiet(t *testing.T, err error) {
	t.Helper()
	for unwrapped := err; unwrapped != nil; unwrapped = errors.Unwrap(unwrapped) {
		text := fmt.Sprintf("%v %+v %#v", unwrapped, unwrapped, unwrapped)
		if strings.Contains(text, password) || strings.Contains(text, secret) {
			t.Errorf("a secret is in %s", text)
		}
	}
}

func TestLoginOutcomes(t *testing.T) {
	for _, tc := range []struct {
		name, user, password, secret string
		want                         error
	}{
		{"right", "zhangsan", password, secret, nil},
		{"wrong password", "zhangsan", password + "!", secret, binding.ErrCredentials},
		{"unknown user is a wrong password", "lisi", password, secret, binding.ErrCredentials},
		{"wrong client secret", "zhangsan", password, secret + "x", binding.ErrIdentityDown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, base := start(t)
			got, err := open(t, base+"/", tc.secret, patience).Login(t.Context(), tc.user, tc.password)
			if !errors.Is(err, tc.want) {
				t.Fatalf("Login = %v, want %v", err, tc.want)
			}
			wantQuiet(t, err)
			want := binding.Person{}
			if tc.want == nil {
				want = binding.Person{AccountNo: "2026000001", Name: "张三"}
			}
			if got != want {
				t.Errorf("Login = %+v, want %+v", got, want)
			}
		})
	}
}

func TestWrongAndUnknownLookTheSame(t *testing.T) {
	_, base := start(t)
	p := open(t, base, secret, patience)
	_, wrong := p.Login(t.Context(), "zhangsan", "no")
	_, unknown := p.Login(t.Context(), "nobody", "no")
	if fmt.Sprint(wrong) != fmt.Sprint(unknown) {
		t.Errorf("wrong is %v, unknown is %v", wrong, unknown)
	}
}

func TestALockedUserIsToldForHowLong(t *testing.T) {
	_, base := start(t)
	p := open(t, base, secret, patience)
	for range 5 {
		_, err := p.Login(t.Context(), "zhangsan", "no")
		if !errors.Is(err, binding.ErrCredentials) {
			t.Fatal(err)
		}
	}
	_, err := p.Login(t.Context(), "zhangsan", password)
	var locked *binding.LockedError
	if !errors.As(err, &locked) || locked.For <= 14*time.Minute || locked.For > 15*time.Minute {
		t.Fatalf("Login = %v, want a lock of about 15 minutes", err)
	}
}

func TestFaultsAreNoVerdict(t *testing.T) {
	for _, kind := range []portal.FaultKind{portal.FaultHang, portal.FaultError, portal.FaultTruncate} {
		t.Run(string(kind), func(t *testing.T) {
			sim, base := start(t)
			err := sim.Fail(portal.Fault{Kind: kind})
			if err != nil {
				t.Fatal(err)
			}
			timeout := patience
			if kind == portal.FaultHang {
				timeout = 50 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			got, err := open(t, base, secret, timeout).Login(ctx, "zhangsan", password)
			if !errors.Is(err, binding.ErrIdentityDown) || got != (binding.Person{}) {
				t.Fatalf("Login = %+v, %v, want ErrIdentityDown", got, err)
			}
			if ctx.Err() != nil {
				t.Error("the caller gave up first")
			}
			wantQuiet(t, err)
		})
	}
}

// TestStrangeAnswersAreNoVerdict covers what the simulator never says. Each
// server also repeats what it was told, as an ill-made one would.
func TestStrangeAnswersAreNoVerdict(t *testing.T) {
	person := `{"account_no":"2026000001","name":"张三"}`
	for _, tc := range []struct {
		name   string
		status int
		body   string
	}{
		{"good body with a bad status", 500, person},
		{"created", 201, person},
		{"no account", 200, `{"name":"张三"}`},
		{"null", 200, `null`},
		{"not JSON", 200, "<html>" + password + secret},
		{"proxy's 401", 401, "<html>login</html>"},
		{"another 401", 401, `{"error":"` + password + " " + secret + `"}`},
		{"another 423", 423, `{"error":"webdav"}`},
		{"huge", 200, `{"account_no":"1","name":"` + strings.Repeat("x", 20<<10) + `"}`},
		{"good, then endless blanks", 200, person + strings.Repeat(" ", 20<<10)},
		{"account of another type", 200, `{"account_no":7}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			}))
			t.Cleanup(server.Close)
			got, err := open(t, server.URL, secret, patience).Login(t.Context(), "zhangsan", password)
			if !errors.Is(err, binding.ErrIdentityDown) || got != (binding.Person{}) {
				t.Fatalf("Login = %+v, %v, want ErrIdentityDown", got, err)
			}
			wantQuiet(t, err)
		})
	}
}

func TestALockOfAnyLengthIsBounded(t *testing.T) {
	for seconds, want := range map[string]time.Duration{
		"-5": 0, "90": 90 * time.Second, "9000000000000000000": 24 * time.Hour,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusLocked)
			_, _ = io.WriteString(w, `{"error":"locked","retry_after_seconds":`+seconds+`}`)
		}))
		_, err := open(t, server.URL, secret, patience).Login(t.Context(), "zhangsan", password)
		server.Close()
		var locked *binding.LockedError
		if !errors.As(err, &locked) || locked.For != want {
			t.Errorf("a lock of %s s is %v, want %v", seconds, err, want)
		}
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		var asked atomic.Int64
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			_, _ = io.WriteString(w, `{"account_no":"1"}`)
		}))
		server := httptest.NewServer(http.RedirectHandler(other.URL, status))
		_, err := open(t, server.URL, secret, patience).Login(t.Context(), "zhangsan", password)
		server.Close()
		other.Close()
		if !errors.Is(err, binding.ErrIdentityDown) || asked.Load() != 0 {
			t.Errorf("%d: %v, the other server was asked %d times", status, err, asked.Load())
		}
		wantQuiet(t, err)
	}
}

// TestAnEchoOnTheWireStaysOutOfErrors has a server that answers with the
// request's own words where HTTP belongs; net/http quotes them.
func TestAnEchoOnTheWireStaysOutOfErrors(t *testing.T) {
	for name, tc := range map[string]struct{ password, said string }{
		"whole": {"hunter2", "hunter2"}, "in part": {password, password}, "secret": {password, secret},
		"header": {"hunter2", "HTTP/1.1 200 OK\r\nhunter2"}, "length": {"hunter2", "HTTP/1.1 200 OK\r\nContent-Length: hunter2"},
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = listener.Close() })
			go func() {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = io.WriteString(conn, tc.said+" is no HTTP\r\n\r\n")
				_ = conn.Close()
			}()
			_, err = open(t, "http://"+listener.Addr().String(), secret, patience).Login(t.Context(), "zhangsan", tc.password)
			if !errors.Is(err, binding.ErrIdentityDown) {
				t.Fatalf("Login = %v, want ErrIdentityDown", err)
			}
			wantQuiet(t, err)
			for _, word := range strings.Fields(tc.password) {
				if strings.Contains(err.Error(), word) {
					t.Errorf("%q is in %v", word, err)
				}
			}
		})
	}
}

func TestNobodyListeningIsDown(t *testing.T) {
	_, err := open(t, "http://127.0.0.1:1", secret, patience).Login(t.Context(), "zhangsan", password)
	if !errors.Is(err, binding.ErrIdentityDown) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("Login = %v, want ErrIdentityDown with the reason", err)
	}
}

func TestAPrintedPortalHidesItsSecret(t *testing.T) {
	p := open(t, "https://portal.example.edu", secret, 0)
	type holder struct{ inner identity.Portal } // unexported: fmt calls no method there
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		fmt.Fprintf(&out, verb+verb+verb, p, *p, holder{*p})
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "portal", p, "value", *p)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "portal", p)
	if strings.Contains(out.String(), secret) {
		t.Errorf("the secret is in %s", out.String())
	}
}

func TestNewPortalRefusesWhatWouldLeak(t *testing.T) {
	for name, tc := range map[string]struct{ base, secret string }{
		"no address":           {"", secret},
		"no host":              {"https:///x", secret},
		"another scheme":       {"ftp://portal.example.edu", secret},
		"plain http":           {"http://portal.example.edu", secret},
		"plain http, near":     {"http://127.0.0.1.example.edu", secret},
		"password in it":       {"https://hub:hunter2@portal.example.edu", secret},
		"query":                {"https://portal.example.edu?x=hunter2", secret},
		"unreadable":           {"https://hub:hunter2@portal.example.edu:x/", secret},
		"no secret":            {"https://portal.example.edu", ""},
		"secret with line end": {"https://portal.example.edu", "hunter2\n"},
	} {
		p, err := identity.NewPortal(tc.base, tc.secret, 0)
		if err == nil || p != nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: NewPortal = %v, %v", name, p, err)
		}
	}
	for _, base := range []string{"https://portal.example.edu/", "http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:1"} {
		_, err := identity.NewPortal(base, secret, 0)
		if err != nil {
			t.Errorf("%s: %v", base, err)
		}
	}
}
