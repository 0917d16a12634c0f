package portal_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"guodu/mocks/portal"
)

const (
	secret   = "client-secret"
	password = "correct horse battery"
	found    = `{"account_no":"20260001","name":"张三"}`
	unknown  = `{"error":"invalid_credentials"}`
)

// clock stands still until it is told to move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// log is a buffer of lines that can be waited on.
type log struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	lines chan string
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines <- string(b)
	return l.buf.Write(b)
}

func (l *log) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *log) wait(t *testing.T, text string) {
	t.Helper()
	timeout := time.After(10 * time.Second)
	for {
		select {
		case line := <-l.lines:
			if strings.Contains(line, text) {
				return
			}
		case <-timeout:
			t.Fatalf("the log never said %q", text)
		}
	}
}

type bench struct {
	t      *testing.T
	portal *portal.Portal
	base   string
	clock  *clock
	log    *log
}

func setup(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, clock: &clock{at: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)}, log: &log{lines: make(chan string, 1024)}}
	var err error
	b.portal, err = portal.New(portal.Options{
		ClientSecret: secret, Now: b.clock.now,
		Logger: slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		People: []portal.Person{
			{Username: "zhangsan", Password: password, AccountNo: "20260001", Name: "张三"},
			{Username: "lisi", Password: "another one", AccountNo: "20260002", Name: "李四"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.base, err = b.portal.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := b.portal.Close()
		if err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bench) request(body string) *http.Request {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.base+"/api/v1/verify", strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	return req
}

func send(req *http.Request) (int, string, error) {
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, string(body), err
}

// want sends and compares.
func (b *bench) want(req *http.Request, status int, body string) {
	b.t.Helper()
	gotStatus, gotBody, err := send(req)
	if err != nil || gotStatus != status || gotBody != body {
		b.t.Errorf("answer is %d %s, %v, want %d %s", gotStatus, gotBody, err, status, body)
	}
}

func (b *bench) login(username, password string) *http.Request {
	b.t.Helper()
	return b.request(fmt.Sprintf(`{"username":%q,"password":%q}`, username, password))
}
