package main_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"guodu/cmd/demo/world"
	"guodu/mocks/phone"
	"guodu/mocks/portal"
)

// via sends requests as a proxy does that names where they come from.
type via string

func (v via) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", string(v))
	return http.DefaultTransport.RoundTrip(r)
}

// person is the phone of somebody at an address.
func (c *campus) person(t *testing.T, name, address string) *phone.Phone {
	t.Helper()
	p, err := phone.New(phone.Options{
		Hub: c.front.url, Cashier: c.WeChatURL, Person: name, Channel: "wechat", Transport: via(address), Timeout: time.Minute,
	})
	must(t, err)
	return p
}

// behindProxy runs a hub that trusts the front, with metrics.
func (c *campus) behindProxy(t *testing.T, env ...string) *process {
	t.Helper()
	hub := c.run("", append(env, "GUODU_REDIS__ADDRS="+c.proxy.Addr(), "GUODU_EPHEMERAL__ADDRS="+c.ephemeral.Addr(),
		"GUODU_TRUSTED_PROXIES=127.0.0.0/8", "GUODU_HEALTH="+freeAddress(t))...)
	c.front.add(hub.addr)
	return hub
}

// TestDoorsAnonymous sends requests of nobody known, as many as would have filled the
// ephemeral Redis twice with the sessions that they once left.
func TestDoorsAnonymous(t *testing.T) {
	if !*doors {
		t.Parallel()
	}
	c := newCampus(t)
	hub := c.behindProxy(t)
	holder := c.person(t, world.Person, "192.0.2.1")
	must(t, holder.Bind(c.ctx, world.Username, world.Password))
	guesser := c.person(t, "guesser", "192.0.2.2")
	guesses := 0
	for guesser.Bind(c.ctx, "somebody", "wrong") != nil && c.refused(t, hub, "login", "limit_user")+c.refused(t, hub, "login", "limit_payer") == 0 {
		guesses++
	}
	redis := c.ephemeral.Client()
	info, err := redis.Info(c.ctx, "memory").Result()
	must(t, err)
	_, rest, _ := strings.Cut(info, "used_memory:")
	text, _, _ := strings.Cut(rest, "\r\n")
	used, err := strconv.Atoi(text)
	must(t, err)
	room := large(8<<20, 1<<20)
	must(t, redis.ConfigSet(c.ctx, "maxmemory", strconv.Itoa(used+room)).Err())
	const session = 731 // bytes that an anonymous visit once left
	requests := 2 * room / session
	before, err := redis.DBSize(c.ctx).Result()
	must(t, err)
	var (
		wait   sync.WaitGroup
		next   atomic.Int64
		served atomic.Int64
		begun  = time.Now()
	)
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{MaxIdleConnsPerHost: 16},
	}
	for range 16 {
		wait.Go(func() {
			for i := next.Add(1); i <= int64(requests); i = next.Add(1) {
				path := []string{"/h5/wechat/orders/1", "/h5/wechat/card", "/h5/wechat/oauth?state=x&code=y", "/h5/wechat/bind"}[i%4]
				req, err := http.NewRequest(http.MethodGet, "http://"+hub.addr+path, http.NoBody)
				if err != nil {
					continue
				}
				req.Header.Set("X-Forwarded-For", fmt.Sprintf("198.51.%d.%d", i/250%250, i%250))
				if i%3 == 0 {
					req.Header.Set("Cookie", fmt.Sprintf("guodu=junk%d; guodu-wechat=junk", i))
				}
				res, err := client.Do(req)
				if err != nil {
					continue
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				served.Add(1)
			}
		})
	}
	pages := 0
	done := make(chan struct{})
	go func() {
		wait.Wait()
		close(done)
	}()
	for flooding := true; flooding; pages++ {
		if _, err := holder.Read(c.ctx, "card"); err != nil {
			t.Fatalf("a holder during the flood: %v", err)
		}
		select {
		case <-done:
			flooding = false
		default:
		}
	}
	after, err := redis.DBSize(c.ctx).Result()
	must(t, err)
	t.Logf("result: anonymous: %d requests, %.0f a second, leave %d keys; a holder read %d pages meanwhile", served.Load(),
		float64(served.Load())/time.Since(begun).Seconds(), after-before, pages)
	if served.Load() < int64(requests) {
		t.Errorf("%d of %d requests were answered", served.Load(), requests)
	}
	// What the hub keeps of refused callbacks and of itself is a few keys, however many come.
	if after-before > 10 {
		t.Errorf("%d keys are left", after-before)
	}
	limited := c.refused(t, hub, "login", "limit_user") + c.refused(t, hub, "login", "limit_payer")
	if err := guesser.Bind(c.ctx, "somebody", "wrong"); err == nil {
		t.Error("a wrong password binds")
	}
	if now := c.refused(t, hub, "login", "limit_user") + c.refused(t, hub, "login", "limit_payer"); now != limited+1 {
		t.Errorf("after the flood a guesser has guesses again: %d and %d refusals by limits", limited, now)
	}
}

// TestDoorsWrongPasswords has 50 payers at 10 addresses try 20 wrong passwords each for
// one student, who comes with the right one while they go on. The portal and the limits
// run on a clock that is faster than this one.
func TestDoorsWrongPasswords(t *testing.T) {
	if !*doors {
		t.Parallel()
	}
	c := newCampus(t)
	const window = 4 * time.Second // of the hub's limits, for 15 minutes of a real one
	start := time.Now()
	scaled := func() time.Time { // the portal forgets a little earlier than the hub
		return start.Add(time.Since(start) * time.Duration(15*time.Minute/window) * 105 / 100)
	}
	school, err := portal.New(portal.Options{ClientSecret: "doors-client-secret", Now: scaled, People: []portal.Person{
		{Username: world.Username, Password: world.Password, AccountNo: world.AccountNo, Name: "小明"},
	}})
	must(t, err)
	t.Cleanup(func() { _ = school.Close() })
	base, err := school.Start(c.ctx)
	must(t, err)
	rate := func(n int) string { return fmt.Sprintf("%d/%s", n, window) }
	hub := c.behindProxy(t, "GUODU_PORTAL__BASE="+base, "GUODU_PORTAL__CLIENT_SECRET_FILE="+c.file("secret", "doors-client-secret"),
		"GUODU_PORTAL__LOCK="+rate(5), "GUODU_PORTAL__GUESSES__PAYER="+rate(5), "GUODU_PORTAL__GUESSES__ADDRESS="+rate(60), "GUODU_PORTAL__GUESSES__ALL="+rate(600))
	payers, tries := large(50, 12), large(20, 6)
	var (
		wait   sync.WaitGroup
		failed atomic.Int64
		half   = make(chan struct{})
	)
	for i := range payers {
		wait.Go(func() {
			p := c.person(t, fmt.Sprintf("attacker-%02d", i), fmt.Sprintf("192.0.2.%d", 100+i%10))
			for range tries {
				err := p.Bind(c.ctx, world.Username, "wrong password")
				if !errors.Is(err, phone.ErrPage) {
					t.Errorf("an attacker: %v", err)
				}
				if failed.Add(1) == int64(payers*tries/2) {
					close(half)
				}
			}
		})
	}
	<-half
	student := c.person(t, "student", "203.0.113.5")
	came, asked := time.Now(), 0
	c.untilFor(t, "the student is bound", func() error {
		asked++
		return student.Bind(c.ctx, world.Username, world.Password)
	})
	took := time.Since(came)
	wait.Wait()
	again := c.person(t, "student-2", "203.0.113.6")
	c.untilFor(t, "the right password binds afterwards", func() error { return again.Bind(c.ctx, world.Username, world.Password) })
	refusals, judged := 0, c.refused(t, hub, "login", "wrong_password")
	for _, reason := range []string{"wrong_password", "limit_payer", "limit_user", "limit_address", "limit_all", "locked"} {
		refusals += c.refused(t, hub, "login", reason)
	}
	t.Logf("result: wrong passwords: %d by %d payers from 10 addresses, %d reached the portal, %d locks; the student came meanwhile and was bound after %.1f s (the window is %s)",
		failed.Load(), payers, judged, c.refused(t, hub, "login", "locked"), took.Seconds(), window)
	if locked := c.refused(t, hub, "login", "locked"); locked > 0 {
		t.Errorf("the portal was locked: %d answers", locked)
	}
	if took > large(window+time.Second, 10*window) {
		t.Errorf("the student waited for %s", took)
	}
	if refusals < int(failed.Load()) {
		t.Errorf("%d refusals are counted of %d", refusals, failed.Load())
	}
	page, err := again.Read(c.ctx, "card")
	must(t, err)
	if page == "" || asked < 1 {
		t.Error("no page")
	}
}
