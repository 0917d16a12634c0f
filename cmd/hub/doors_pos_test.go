package main_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var doors = flag.Bool("doors", false, "the floods of TestDoors… in full: make doors")

// large is a size of a flood: the one of make doors, or a small one.
func large[T any](full, small T) T {
	if *doors {
		return full
	}
	return small
}

// TestDoorsHalfSentBodies opens many requests whose bodies are sent in half, of
// strangers and of a terminal, and taps a card meanwhile.
func TestDoorsHalfSentBodies(t *testing.T) {
	if !*doors {
		t.Parallel()
	}
	if runtime.GOOS != "linux" {
		t.Log("the kernel's accounting is read as Linux has it: nothing is measured here")
		return
	}
	c := newCampus(t)
	hub := c.run("", "GUODU_REDIS__ADDRS="+c.proxy.Addr(), "GUODU_EPHEMERAL__ADDRS="+c.ephemeral.Addr(), "GUODU_HEALTH="+freeAddress(t))
	c.front.add(hub.addr)
	public, private, err := ed25519.GenerateKey(nil)
	must(t, err)
	if status, out := c.command("terminals", "add", "T9", base64.StdEncoding.EncodeToString(public)); status != 0 {
		t.Fatal(out)
	}
	pos, err := c.Terminal(nil)
	must(t, err)
	defer func() { _ = pos.Close() }()
	_, err = pos.SignIn(c.ctx)
	must(t, err)
	tap := func() {
		card, err := c.Card()
		must(t, err)
		_, err = pos.Tap(c.ctx, card)
		card.Leave()
		must(t, err)
	}
	tap()
	window := large(4*time.Second, 500*time.Millisecond)
	count := large(500, 100)
	before := rss(t, hub)
	var quiet, flooded []time.Duration
	most := before
	for range 3 {
		quiet = append(quiet, p99(window, tap))
		flood := c.halfSent(hub, private, count)
		flooded = append(flooded, p99(window, tap))
		most = max(most, rss(t, hub))
		flood.end()
	}
	slices.Sort(quiet)
	slices.Sort(flooded)
	grown := float64(most-before) / (1 << 20)
	ratio := float64(flooded[1]) / float64(quiet[1])
	t.Logf("result: half-sent bodies: %d open, hub %+.1f MB, taps' p99 %.1f ms -> %.1f ms (%.2f)", count, grown,
		float64(quiet[1].Microseconds())/1000, float64(flooded[1].Microseconds())/1000, ratio)
	if grown > 60 {
		t.Errorf("the hub grew by %.1f MB", grown)
	}
	if *doors && ratio > 1.2 {
		t.Errorf("taps' p99 is %.2f times that of before", ratio)
	}
	for _, reason := range []string{"headers", "busy"} {
		if n := c.refused(t, hub, "terminal", reason); n < 1 {
			t.Errorf("%d refusals of the terminals' door for %s are counted", n, reason)
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close())
	return l.Addr().String()
}

// rss is what a process holds in memory, in bytes.
func rss(t *testing.T, p *process) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	must(t, err)
	for line := range strings.Lines(string(text)) {
		if kb, found := strings.CutPrefix(line, "VmRSS:"); found {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kb), "kB")), 10, 64)
			must(t, err)
			return n << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// p99 repeats something for a while and says how long the slowest hundredth took.
func p99(during time.Duration, do func()) time.Duration {
	var all []time.Duration
	for end := time.Now().Add(during); time.Now().Before(end); {
		begun := time.Now()
		do()
		all = append(all, time.Since(begun))
	}
	slices.Sort(all)
	return all[len(all)*99/100]
}

var healthAddress = regexp.MustCompile(`GUODU_HEALTH=(.*)`)

// refused reads how often a door has refused for a reason.
func (c *campus) refused(t *testing.T, hub *process, door, reason string) int {
	t.Helper()
	address := ""
	for _, one := range hub.cmd.Env {
		if found := healthAddress.FindStringSubmatch(one); found != nil {
			address = found[1]
		}
	}
	res, err := http.Get("http://" + address + "/metrics")
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	want := fmt.Sprintf(`guodu_refusals_total{door=%q,reason=%q} `, door, reason)
	_, after, found := strings.Cut(string(text), want)
	if !found {
		return 0
	}
	line, _, _ := strings.Cut(after, "\n")
	n, err := strconv.Atoi(line)
	must(t, err)
	return n
}

// openRequests are requests that are never sent whole.
type openRequests struct {
	mu    sync.Mutex
	conns []net.Conn
}

func (o *openRequests) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, conn := range o.conns {
		_ = conn.Close()
	}
}

// halfSent opens count requests: unsigned journals, a terminal's signed journals,
// callbacks, and requests that stop in their headers.
func (c *campus) halfSent(hub *process, key ed25519.PrivateKey, count int) *openRequests {
	c.t.Helper()
	host := strings.TrimPrefix(c.front.url, "http://")
	body := strings.Repeat("x", 500_000)
	all := &openRequests{}
	var wait sync.WaitGroup
	for i := range count {
		wait.Go(func() {
			conn, err := net.Dial("tcp", hub.addr)
			if err != nil {
				return // above what one address may have
			}
			all.mu.Lock()
			all.conns = append(all.conns, conn)
			all.mu.Unlock()
			_ = conn.SetWriteDeadline(time.Now().Add(2 * time.Second))
			switch i % 4 {
			case 0:
				fmt.Fprintf(conn, "POST /pos/v1/journal HTTP/1.1\r\nHost: %s\r\nContent-Length: 1000000\r\n\r\n", host)
				_, _ = io.WriteString(conn, body)
			case 1:
				head := c.signedHead(host, key, "/pos/v1/journal", fmt.Sprintf("half-sent-body-%06d", i))
				_, _ = io.WriteString(conn, head+"Content-Length: 1000000\r\n\r\n")
				_, _ = io.WriteString(conn, body)
			case 2:
				fmt.Fprintf(conn, "POST /notify/wechat HTTP/1.1\r\nHost: %s\r\nContent-Length: 60000\r\n\r\n%s", host, body[:30_000])
			case 3:
				fmt.Fprintf(conn, "GET /h5/wechat/card HTTP/1.1\r\nHost: %s\r\nX-Long: %s", host, body[:20_000])
			}
		})
	}
	wait.Wait()
	return all
}

// signedHead is a request line with headers as a terminal signs them, for a body that
// nobody has seen whole. (Source: docs/pos-v1.md.)
func (c *campus) signedHead(host string, key ed25519.PrivateKey, path, nonce string) string {
	digest := "sha-256=:" + base64.StdEncoding.EncodeToString(make([]byte, 32)) + ":"
	params := fmt.Sprintf(`("@method" "@authority" "@path" "@query" "content-digest" "terminal-seq");created=%d;nonce=%q;keyid="T9"`,
		time.Now().Unix(), nonce)
	base := "\"@method\": POST\n\"@authority\": " + host + "\n\"@path\": " + path + "\n\"@query\": ?\n\"content-digest\": " + digest +
		"\n\"terminal-seq\": 0.1\n\"@signature-params\": " + params
	signature := base64.StdEncoding.EncodeToString(ed25519.Sign(key, []byte(base)))
	return "POST " + path + " HTTP/1.1\r\nHost: " + host + "\r\nContent-Digest: " + digest + "\r\nTerminal-Seq: 0.1\r\nSignature-Input: sig1=" + params +
		"\r\nSignature: sig1=:" + signature + ":\r\n"
}
