package main_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"guodu/cmd/demo/world"
	"guodu/cmd/hub/app"
	"guodu/internal/redistest"
	"guodu/transition"
	"guodu/transition/transitiontest"
)

// hubBinary is the hub as the tests run it: built once, with failpoints.
var hubBinary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "guodu-hub-")
	if err == nil {
		hubBinary = filepath.Join(dir, "hub")
		build := exec.Command("go", "build", "-tags", "failpoint", "-o", hubBinary, ".")
		build.Stderr = os.Stderr
		err = build.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "build the hub:", err)
		os.Exit(1)
	}
	status := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(status)
}

// limit bounds everything that a test waits for.
const limit = 10 * time.Minute

// campus is a world with a Redis and any number of hub processes behind one
// public address.
type campus struct {
	*world.World
	t         *testing.T
	ctx       context.Context
	redis     *redistest.Server
	proxy     *redistest.Proxy
	ephemeral *redistest.Server
	front     *front
	binary    string // of the hub

	mu        sync.Mutex
	hubs      []*process
	logs      *safeBuffer
	restarted sync.Once // redis-server, after its death
	auditor   *app.Hub
}

func newCampus(t *testing.T, options ...func(*world.Options)) *campus {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	c := &campus{t: t, ctx: ctx, binary: hubBinary, redis: redistest.Start(t), ephemeral: redistest.Start(t, redistest.Ephemeral), logs: &safeBuffer{}}
	c.proxy = redistest.NewProxy(t, c.redis)
	c.front = newFront(t)
	dir := t.TempDir()
	o := world.Options{Dir: dir, PublicURL: c.front.url, Seed: 1, Log: slog.New(slog.DiscardHandler)}
	for _, option := range options {
		option(&o)
	}
	var err error
	c.World, err = world.New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	t.Cleanup(c.noSecrets) // after endHubs: what is registered last runs first
	t.Cleanup(c.endHubs)
	hub := c.inside()
	if err := c.Furnish(ctx, hub); err != nil {
		t.Fatal(err)
	}
	return c
}

// inside is the books as an auditor sees them, past proxy and hubs.
func (c *campus) inside() *app.Hub {
	c.t.Helper()
	if c.auditor != nil {
		return c.auditor
	}
	config, err := app.Load(c.ConfigFile)
	if err != nil {
		c.t.Fatal(err)
	}
	config.Redis.Addrs = []string{c.redis.Addr()}
	hub, err := app.Money(c.ctx, config, app.Options{Log: slog.New(slog.DiscardHandler), Begin: true})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(hub.Close)
	c.auditor = hub
	return hub
}

// process is a running hub.
type process struct {
	cmd  *exec.Cmd
	addr string
	done chan struct{}
	log  *safeBuffer
}

// start runs a hub that dies at the failpoint, or at none.
func (c *campus) start(failpoint string) *process {
	c.t.Helper()
	p := c.run(failpoint, "GUODU_REDIS__ADDRS="+c.proxy.Addr(), "GUODU_EPHEMERAL__ADDRS="+c.ephemeral.Addr())
	c.front.add(p.addr)
	return p
}

// serves is how a hub says where it listens: on a port that the kernel chose, so
// that no two tests ever meet on one.
var serves = regexp.MustCompile(`msg="hub serves" listen=([0-9.:]+)`)

// run starts a hub process and waits until it listens.
func (c *campus) run(failpoint string, env ...string) *process {
	c.t.Helper()
	p := &process{done: make(chan struct{}), log: &safeBuffer{}}
	p.cmd = exec.Command(c.binary, "--config", c.ConfigFile, "serve")
	p.cmd.Env = append(os.Environ(), append(env, "GUODU_LISTEN=127.0.0.1:0", "GUODU_FAILPOINT="+failpoint)...)
	out := io.MultiWriter(p.log, c.logs)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if err := p.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	c.mu.Lock()
	c.hubs = append(c.hubs, p)
	c.mu.Unlock()
	c.until("the hub listens", func() error {
		select {
		case <-p.done:
			c.t.Fatalf("the hub ended:\n%s", p.log)
		default:
		}
		found := serves.FindStringSubmatch(p.log.String())
		if found == nil {
			return errors.New("it has not said so")
		}
		p.addr = found[1]
		return nil
	})
	return p
}

// killed says whether the process was ended by SIGKILL.
func (p *process) killed() bool {
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

func (p *process) dead() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (c *campus) endHubs() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.hubs {
		if !p.dead() {
			_ = p.cmd.Process.Kill()
		}
		<-p.done
	}
}

// until waits for something outside this process to become true.
func (c *campus) until(what string, check func() error) {
	c.t.Helper()
	c.untilFor(c.t, what, check)
}

// untilFor is until for a test that has the campus together with others.
func (c *campus) untilFor(t *testing.T, what string, check func() error) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-c.ctx.Done():
			t.Fatalf("%s: not in time: %v\n%s", what, err, c.logs)
		case <-ticker.C:
		}
	}
}

// audit checks that what was paid is on the card, pending or held, and that
// the books agree; it returns the account.
func (c *campus) audit(credits int) transition.Account {
	c.t.Helper()
	books := transitiontest.MustBalance(c.t, c.inside().Books())
	a, err := c.inside().Books().Account(c.ctx, world.AccountNo)
	if err != nil {
		c.t.Fatal(err)
	}
	card, err := c.CardBalance()
	if err != nil {
		c.t.Fatal(err)
	}
	paid := c.PaidFen()
	if got := int64(card + a.Pending + a.LoadHeld + a.RefundHeld); got != paid {
		c.t.Errorf("paid %d, card %s + pending %s + held %s", paid, card, a.Pending, a.LoadHeld)
	}
	if books.Orders != credits {
		c.t.Errorf("%d credit entries, want %d", books.Orders, credits)
	}
	return a
}

// noSecrets reads the logs of all hubs when the test is over.
func (c *campus) noSecrets() {
	for _, secret := range c.Secrets() {
		if bytes.Contains(c.logs.Bytes(), []byte(secret)) {
			c.t.Errorf("a hub's log holds a secret: %.6s…", secret)
		}
	}
}

// front is the public address: it gives each request to the next hub.
type front struct {
	url  string
	next atomic.Int64
	mu   sync.Mutex
	hubs []*url.URL
	last map[string]callback // by path
}

// callback is one as it came.
type callback struct {
	header http.Header
	body   []byte
}

// note remembers a callback and passes it on.
func (f *front) note(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/notify/") {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			f.mu.Lock()
			f.last[r.URL.Path] = callback{r.Header.Clone(), body}
			f.mu.Unlock()
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		next.ServeHTTP(w, r)
	})
}

func newFront(t *testing.T) *front {
	t.Helper()
	f := &front{last: map[string]callback{}}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(f.pick())
			r.Out.Host = r.In.Host // signatures cover it
			r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		ErrorLog:     slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	server := httptest.NewServer(f.note(proxy))
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

func (f *front) add(addr string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hubs = append(f.hubs, &url.URL{Scheme: "http", Host: addr})
}

// only makes addr the one hub.
func (f *front) only(addr string) {
	f.mu.Lock()
	f.hubs = nil
	f.mu.Unlock()
	f.add(addr)
}

func (f *front) pick() *url.URL {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.hubs) == 0 {
		return &url.URL{Scheme: "http", Host: "127.0.0.1:1"}
	}
	return f.hubs[int(f.next.Add(1))%len(f.hubs)]
}

// safeBuffer is a buffer that processes may write to while a test reads it.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// Bytes is a copy of what was written.
func (s *safeBuffer) Bytes() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.b.Bytes())
}

func (s *safeBuffer) String() string { return string(s.Bytes()) }
