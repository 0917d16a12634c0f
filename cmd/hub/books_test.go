package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/cmd/demo/world"
	"guodu/internal/redisx"
)

// kept is a data folder of a hub that has served: today's, yesterday's, and that of
// another campus.
type kept struct {
	*campus
	today, yesterday, other string
}

const booksHeader = "account_no,version,status,arrears_yuan,freeze,card_no,card_uid,card_version,card_profile\n"

// shortDir is a new folder with a path that is short enough for sockets.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "guodu-books-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func copied(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(shortDir(t), "data")
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("copy: %v\n%s", err, out)
	}
	return to
}

// commandOn runs a command with settings from the environment.
func (c *campus) commandOn(t *testing.T, env []string, args ...string) (status int, output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, hubBinary, append([]string{"--config", c.ConfigFile}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// grow serves on a data folder of its own, imports accounts, waits until the mark
// knows of them, and ends.
func (c *campus) grow(dir string, accounts ...string) {
	c.t.Helper()
	p := c.run("", "GUODU_DATA_DIR="+dir)
	file := c.file("accounts.csv", booksHeader+strings.Join(accounts, ",1,open,,,,,,\n")+",1,open,,,,,,\n")
	if status, out := c.commandOn(c.t, []string{"GUODU_DATA_DIR=" + dir}, "accounts", "import", file); status != 0 {
		c.t.Fatalf("import: %s", out)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		c.t.Fatal(err)
	}
	<-p.done
}

func someAccounts(prefix string, n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("%s%03d", prefix, i))
	}
	return all
}

func newKept(t *testing.T) kept {
	t.Helper()
	k := kept{campus: newCampus(t), today: shortDir(t), other: shortDir(t)}
	k.grow(k.today, someAccounts("A", 100)...)
	k.yesterday = copied(t, k.today)
	k.grow(k.today, someAccounts("B", 50)...)
	k.grow(k.other, someAccounts("C", 10)...)
	return k
}

// damage is one thing that happens to the books of a hub.
type damage struct {
	what string
	do   func(t *testing.T, k kept, money string)
	own  bool // the outcome on the hub's own Redis is recovery, not refused; likewise
	ext  bool
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func incremental(t *testing.T, money string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(money, "appendonlydir", "*.incr.aof"))
	if err != nil || len(names) != 1 {
		t.Fatalf("parts of the append-only file: %v, %v", names, err)
	}
	return names[0]
}

func damages() []damage {
	replaced := func(t *testing.T, money, with string) {
		t.Helper()
		must(t, os.RemoveAll(money), os.Rename(filepath.Join(copied(t, with), "money"), money))
	}
	return []damage{
		{what: "emptied", do: func(t *testing.T, _ kept, money string) {
			t.Helper()
			server, err := redisx.StartServer(t.Context(), redisx.ServerOptions{Dir: money})
			must(t, err)
			client := redis.NewClient(&redis.Options{Network: "unix", Addr: server.Addr()})
			must(t, client.FlushAll(t.Context()).Err(), client.Close())
			server.Stop()
		}},
		{what: "dump.rdb only", do: func(t *testing.T, _ kept, money string) {
			t.Helper()
			server, err := redisx.StartServer(t.Context(), redisx.ServerOptions{Dir: money})
			must(t, err)
			client := redis.NewClient(&redis.Options{Network: "unix", Addr: server.Addr()})
			must(t, client.Save(t.Context()).Err(), client.Close())
			server.Stop()
			must(t, os.RemoveAll(filepath.Join(money, "appendonlydir")))
		}},
		{what: "manifest missing", do: func(t *testing.T, _ kept, money string) {
			t.Helper()
			must(t, os.Remove(filepath.Join(money, "appendonlydir", "appendonly.aof.manifest")))
		}},
		{what: "appendonlydir missing", do: func(t *testing.T, _ kept, money string) {
			t.Helper()
			must(t, os.RemoveAll(filepath.Join(money, "appendonlydir")))
		}},
		{what: "folder missing", do: func(t *testing.T, _ kept, money string) {
			t.Helper()
			must(t, os.RemoveAll(money))
		}},
		{what: "tail cut by 1,200 bytes", own: true, ext: true, do: func(t *testing.T, _ kept, money string) {
			t.Helper()
			name := incremental(t, money)
			info, err := os.Stat(name)
			must(t, err)
			must(t, os.Truncate(name, info.Size()-1200))
		}},
		{what: "tail cut by 1 byte", own: true, ext: true, do: func(t *testing.T, _ kept, money string) {
			t.Helper()
			name := incremental(t, money)
			info, err := os.Stat(name)
			must(t, err)
			must(t, os.Truncate(name, info.Size()-1))
		}},
		{what: "bytes at the end that are no command", do: func(t *testing.T, _ kept, money string) {
			t.Helper()
			file, err := os.OpenFile(incremental(t, money), os.O_APPEND|os.O_WRONLY, 0)
			must(t, err)
			_, err = file.WriteString("\x00\x01garbage\r\n")
			must(t, err, file.Close())
		}},
		{what: "yesterday's copy", own: true, ext: true, do: func(t *testing.T, k kept, money string) {
			t.Helper()
			replaced(t, money, k.yesterday)
		}},
		{what: "another campus's books", do: func(t *testing.T, k kept, money string) {
			t.Helper()
			replaced(t, money, k.other)
		}},
	}
}

var (
	bookIDs   = regexp.MustCompile(`books [a-z2-7]{16}|--new-books [a-z2-7]{16}|books\.mark\.[a-z2-7]{16}`)
	stamps    = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+08:00`)
	someData  = regexp.MustCompile(`/tmp/guodu-books-\d+/data`)
	redisMark = regexp.MustCompile(`exit status \d+|signal: [a-z]+`)
	why       = regexp.MustCompile(`level=ERROR msg="recovery begins:[^"]*" why="?([^"\n]*)"?`)
	said      = regexp.MustCompile(`(?m)^hub: (.*)$`)
)

// outcome starts a hub on what is left, and says in a word and a line what it made
// of it.
func (k kept) outcome(t *testing.T, env []string) (word, line string) {
	t.Helper()
	p := &process{done: make(chan struct{}), log: &safeBuffer{}}
	p.cmd = exec.Command(hubBinary, "--config", k.ConfigFile, "serve")
	p.cmd.Env = append(os.Environ(), append(env, "GUODU_LISTEN=127.0.0.1:0", "GUODU_HEALTH=")...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	must(t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	defer func() {
		_ = p.cmd.Process.Kill()
		<-p.done
	}()
	word = "refused"
	k.untilFor(t, "the hub serves or refuses", func() error {
		if p.dead() {
			return nil
		}
		if serves.MatchString(p.log.String()) {
			word = "serves"
			return nil
		}
		return errors.New("neither so far")
	})
	log := p.log.String()
	found := said.FindStringSubmatch(log)
	if word == "serves" {
		_, out := k.commandOn(t, env, "recovery")
		if strings.Contains(out, "in recovery since") {
			word = "recovery"
		}
		found = why.FindStringSubmatch(log)
	}
	if found == nil {
		return word, ""
	}
	line = someData.ReplaceAllString(found[1], "data")
	line = stamps.ReplaceAllString(line, "TIME")
	line = redisMark.ReplaceAllString(line, "exit status")
	line = bookIDs.ReplaceAllStringFunc(line, func(s string) string { return s[:len(s)-16] + "ID" })
	return word, strings.ReplaceAll(line, "|", "/")
}

// external serves a damaged folder as a Redis that somebody else runs.
func external(t *testing.T, money string) (addr string, err error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	must(t, err, listener.Close())
	var n int
	_, _ = fmt.Sscan(port, &n)
	server, err := redisx.StartServer(t.Context(), redisx.ServerOptions{Dir: money, Port: n, Lifeline: true})
	if err != nil {
		return "", err
	}
	t.Cleanup(server.Kill)
	return server.Addr(), nil
}

// TestBooksThatAreNotThoseOfTheMark makes the table of docs/operations.md.
func TestBooksThatAreNotThoseOfTheMark(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	var (
		mu   sync.Mutex
		rows = map[string][2]string{}
	)
	t.Run("damages", func(t *testing.T) {
		for _, d := range damages() {
			for _, own := range []bool{true, false} {
				kind := map[bool]string{true: "own", false: "external"}[own]
				t.Run(d.what+"/"+kind, func(t *testing.T) {
					t.Parallel()
					data := copied(t, k.today)
					d.do(t, k, filepath.Join(data, "money"))
					env := []string{"GUODU_DATA_DIR=" + data}
					want := map[bool]string{true: "recovery", false: "refused"}[own && d.own || !own && d.ext]
					if !own {
						money := filepath.Join(data, "theirs")
						if err := os.Rename(filepath.Join(data, "money"), money); err != nil && !os.IsNotExist(err) {
							t.Fatal(err)
						}
						addr, err := external(t, money)
						if err != nil {
							mu.Lock()
							rows[d.what+kind] = [2]string{"it does not start", ""}
							mu.Unlock()
							return
						}
						env = append(env, "GUODU_REDIS__ADDRS="+addr)
						if status, out := k.commandOn(t, env, "doctor"); status == 0 || !strings.Contains(out, "FAIL  books") {
							t.Errorf("doctor finds nothing in the books: %d, %s", status, out)
						}
					}
					word, line := k.outcome(t, env)
					if word != want || line == "" {
						t.Errorf("%s, %q; want %s", word, line, want)
					}
					mu.Lock()
					rows[d.what+kind] = [2]string{word, line}
					mu.Unlock()
				})
			}
		}
	})
	var table strings.Builder
	table.WriteString("| what happened | money Redis | the hub | line |\n|---|---|---|---|\n")
	for _, d := range damages() {
		for _, kind := range []string{"own", "external"} {
			row := rows[d.what+kind]
			fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", d.what, kind, row[0], row[1])
		}
	}
	t.Logf("result: %d damages, none is served as if nothing had happened", len(rows))
	within(t, "docs/operations.md", "books: damages", table.String())
}

// within fails the test unless a part of a document says what this run found. With
// -update it is written.
func within(t *testing.T, document, name, found string) {
	t.Helper()
	if got := part(t, document, name); got == found {
		return
	} else if !*update {
		t.Errorf("%s, part %q, is not what this run found; it found\n%s", document, name, found)
		return
	}
	path := filepath.Join("..", "..", filepath.FromSlash(document))
	text, err := os.ReadFile(path)
	must(t, err)
	before, rest, _ := strings.Cut(string(text), "<!-- "+name+" -->\n")
	_, after, _ := strings.Cut(rest, "<!-- end -->")
	must(t, os.WriteFile(path, []byte(before+"<!-- "+name+" -->\n"+found+"<!-- end -->"+after), 0o600))
}

// TestKillingAHubBeginsNoRecovery: whoever dies, at whatever moment, what is on the
// disk is not less than the mark says.
func TestKillingAHubBeginsNoRecovery(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	data := shortDir(t)
	env := "GUODU_DATA_DIR=" + data
	for i := range 6 {
		p := c.run("", env)
		if i > 0 && strings.Contains(p.log.String(), "recovery begins") {
			t.Fatalf("after %d deaths: %s", i, p.log)
		}
		file := c.file("accounts.csv", booksHeader+strings.Join(someAccounts(fmt.Sprintf("K%d", i), 300), ",1,open,,,,,,\n")+",1,open,,,,,,\n")
		importing := exec.Command(hubBinary, "--config", c.ConfigFile, "accounts", "import", file)
		importing.Env = append(os.Environ(), env)
		seen := mark(t, data)
		must(t, importing.Start())
		c.until("a mark is written meanwhile", func() error {
			if now := mark(t, data); bytes.Equal(now, seen) {
				return errors.New("it is the one of before")
			}
			return nil
		})
		victim := p.cmd.Process.Pid
		if i%2 == 1 {
			victim = redisPID(t, data)
		}
		must(t, syscall.Kill(victim, syscall.SIGKILL))
		<-p.done
		_ = importing.Wait()
	}
	_, out := c.commandOn(t, []string{env}, "recovery")
	if !strings.HasPrefix(out, "not in recovery") {
		t.Errorf("after six deaths: %s", out)
	}
	if status, out := c.commandOn(t, []string{env}, "verify"); status != 0 || !strings.Contains(out, "all agree") {
		t.Errorf("verify: %s", out)
	}
}

func mark(t *testing.T, data string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, "books.mark"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return text
}

// redisPID reads who holds the folder of a hub's own Redis.
func redisPID(t *testing.T, data string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, "money", "lock"))
	must(t, err)
	var owner, server int
	if n, err := fmt.Sscan(string(text), &owner, &server); n != 2 {
		t.Fatalf("lock %q: %v", text, err)
	}
	return server
}

// TestAPaymentIsNotCreditedInAnEmptyRedis: while the server of the books is away, an
// empty one takes its address; then the right one comes back.
func TestAPaymentIsNotCreditedInAnEmptyRedis(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	c.start("")
	holder, err := c.Phone("wechat")
	must(t, err)
	must(t, c.bindOnce(holder))
	sheet, err := holder.Prepare(c.ctx, "50.00")
	must(t, err)
	c.redis.Swap(func() {
		must(t, holder.Pay(c.ctx, sheet))
		statuses, accepted, err := c.Deliver(c.ctx, "wechat", c.PaidOrders()[0], 20)
		if accepted || err != nil {
			t.Errorf("a callback is accepted over an empty Redis: %v, %v", statuses, err)
		}
		res, err := http.Get(c.front.url + "/pos/v1/params")
		must(t, err)
		must(t, res.Body.Close())
		c.until("the hub refuses", func() error {
			if strings.Contains(c.logs.String(), "the money Redis is empty") {
				return nil
			}
			return errors.New("it has not said so")
		})
	})
	c.until("the payment is credited", func() error {
		_, _, _ = c.Deliver(c.ctx, "wechat", c.PaidOrders()[0], 1)
		a, err := c.inside().Books().Account(c.ctx, world.AccountNo)
		if err == nil && a.Pending == 0 {
			err = errors.New("nothing is pending so far")
		}
		return err
	})
	c.audit(1)
}

// TestOnlyServeMakesBooks: no command leaves a Redis or books behind.
func TestOnlyServeMakesBooks(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	data := filepath.Join(shortDir(t), "data")
	accounts := c.file("accounts.csv", booksHeader+"A1,1,open,,,,,,\n")
	for _, args := range [][]string{
		{"verify"}, {"recovery"}, {"cases", "list"}, {"accounts", "import", accounts}, {"accounts", "show", "A1"}, {"loads", "list"}, {"terminals", "list"},
	} {
		status, out := c.commandOn(t, []string{"GUODU_DATA_DIR=" + data}, args...)
		if status != 1 || !strings.Contains(out, "there are no books here; hub serve makes them") {
			t.Errorf("%s: status %d: %s", strings.Join(args, " "), status, out)
		}
		if _, err := os.Stat(data); !os.IsNotExist(err) {
			t.Fatalf("%s has made %s", strings.Join(args, " "), data)
		}
	}
	empty := shortDir(t)
	for _, args := range [][]string{{"verify"}, {"serve"}, {"recovery", "show"}, {"accounts", "show", "A1"}} {
		cmd := exec.Command(hubBinary, args...)
		cmd.Dir = empty
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "no configuration") {
			t.Errorf("%s without a configuration: status %d: %s", args, cmd.ProcessState.ExitCode(), out)
		}
	}
	if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
		t.Errorf("commands without a configuration leave %v (%v)", left, err)
	}
}

// TestNewBooksAreNamed: giving books up takes the id that the mark names.
func TestNewBooksAreNamed(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	var m struct{ Books string }
	must(t, json.Unmarshal(mark(t, k.today), &m))
	data := copied(t, k.today)
	env := []string{"GUODU_DATA_DIR=" + data, "GUODU_LISTEN=127.0.0.1:0", "GUODU_HEALTH="}
	for args, want := range map[string]string{
		"serve --new-books nonsense":   "no mark names such books",
		"serve --new-books " + m.Books: "these very books are in the money Redis",
	} {
		if status, out := k.commandOn(t, env, strings.Fields(args)...); status != 1 || !strings.Contains(out, want) {
			t.Errorf("%s: status %d, want %q: %s", args, status, want, out)
		}
	}
	must(t, os.RemoveAll(filepath.Join(data, "money")))
	p := &process{done: make(chan struct{}), log: &safeBuffer{}}
	p.cmd = exec.Command(hubBinary, "--config", k.ConfigFile, "serve", "--new-books", m.Books)
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	must(t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	k.until("new books are served", func() error {
		if p.dead() {
			t.Fatalf("the hub ended: %s", p.log)
		}
		if !serves.MatchString(p.log.String()) {
			return errors.New("not so far")
		}
		return nil
	})
	must(t, p.cmd.Process.Signal(syscall.SIGTERM))
	<-p.done
	if !strings.Contains(p.log.String(), "books are given up") {
		t.Errorf("nobody said so: %s", p.log)
	}
	var now struct{ Books string }
	must(t, json.Unmarshal(mark(t, data), &now))
	if now.Books == "" || now.Books == m.Books {
		t.Errorf("the mark names %s after %s were given up", now.Books, m.Books)
	}
	if _, err := os.Stat(filepath.Join(data, "books.mark."+m.Books)); err != nil {
		t.Errorf("the old mark: %v", err)
	}
}

// TestTwoHubsOnOneFolder: the second says at once who holds it.
func TestTwoHubsOnOneFolder(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	data := shortDir(t)
	p := c.run("", "GUODU_DATA_DIR="+data)
	begun := time.Now()
	status, out := c.commandOn(t, []string{"GUODU_DATA_DIR=" + data, "GUODU_LISTEN=127.0.0.1:0", "GUODU_HEALTH="}, "serve")
	want := fmt.Sprintf("in use by process %d", p.cmd.Process.Pid)
	if status != 1 || strings.Count(out, want) < 1 || !strings.Contains(out, "waiting for a data folder") {
		t.Errorf("after %s: status %d, want %q: %s", time.Since(begun), status, want, out)
	}
}
