package main_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"guodu/cmd/demo/world"
	"guodu/internal/redistest"
	"guodu/mocks/phone"
	"guodu/mocks/terminal"
)

var update = flag.Bool("update", false, "write docs/kill-matrix.md and docs/crash-points.md anew")

// found fails the test unless a page says what this run found. With -update it is
// written.
func found(t *testing.T, page, table string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(page, []byte(table), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(page)
	if err != nil || string(want) != table {
		t.Errorf("%s is not what this run found (%v)", page, err)
	}
}

// death is one way to die at one step.
type death struct {
	step   string // of a recharge or a load, in words
	place  string // a failpoint of the hub, or
	script string // a script with which redis-server dies,
	cut    redistest.Cut
	silent bool // the callback never comes, the hub must ask
}

// deaths lists the steps of a recharge and of a load, and at each the ways in
// which a process can die there.
func deaths() []death {
	all := []death{
		{step: "recharge: order is durable, channel not asked", place: "recharge.created"},
		{step: "recharge: channel prepared, answer not stored", place: "recharge.prepaid"},
		{step: "recharge: prepared, page not sent", place: "recharge.prepared"},
		{step: "recharge: callback verified, not credited", place: "settle.begin"},
		{step: "recharge: credited, channel not answered", place: "settle.done"},
		{step: "recharge: channel asked, answer not used", place: "poller.queried", silent: true},
		{step: "recharge: credited after a query, order not left in peace", place: "settle.done", silent: true},
		{step: "load: tap verified, nothing held", place: "pos.tap.begin"},
		{step: "load: held, terminal not answered", place: "pos.tap.done"},
		{step: "load: result verified, not confirmed", place: "pos.result.begin"},
		{step: "load: confirmed, terminal not answered", place: "pos.result.done"},
	}
	for _, script := range []struct{ step, name string }{
		{"binding", "bind"}, {"recharge: order", "order_create"}, {"recharge: prepay answer", "order_prepared"},
		{"recharge: credit", "order_credit"}, {"load: hold", "tap"}, {"load: confirmation", "load_result"},
	} {
		all = append(all, death{step: script.step + " sent, not run", script: script.name, cut: redistest.BeforeRun},
			death{step: script.step + " run, no reply", script: script.name, cut: redistest.AfterRun})
	}
	return all
}

func (d death) name() string {
	switch {
	case d.script != "" && d.cut == redistest.AfterRun:
		return "redis-server after " + d.script
	case d.script != "":
		return "redis-server before " + d.script
	case d.silent:
		return "hub at " + d.place + ", no callback"
	}
	return "hub at " + d.place
}

// TestKillMatrix kills the hub or redis-server at every step of a recharge and
// of a load, lets everybody try again, and expects one credit and one load.
func TestKillMatrix(t *testing.T) {
	var (
		mu   sync.Mutex
		rows = map[string]string{}
	)
	t.Run("deaths", func(t *testing.T) {
		for _, d := range deaths() {
			t.Run(d.name(), func(t *testing.T) {
				t.Parallel()
				outcome := die(t, d)
				mu.Lock()
				defer mu.Unlock()
				rows[d.name()] = outcome
			})
		}
	})
	var table strings.Builder
	table.WriteString("# Kill matrix\n\nWritten by `go test ./cmd/hub -run TestKillMatrix -update`. A recharge of 50.00 yuan and its\n" +
		"load; at the step named, the process named dies by SIGKILL, is started again, and\nchannel, holder and terminal repeat what got no answer.\n\n" +
		"| step | dies | afterwards |\n|---|---|---|\n")
	for _, d := range deaths() {
		fmt.Fprintf(&table, "| %s | %s | %s |\n", d.step, d.name(), rows[d.name()])
	}
	fmt.Println(table.String())
	t.Logf("result: %d deaths by SIGKILL, each fen once after each", len(deaths()))
	found(t, "../../docs/kill-matrix.md", table.String())
}

// die walks a recharge and a load through one death.
func die(t *testing.T, d death) string {
	c := newCampus(t)
	victim := c.start(d.place)
	var struck <-chan struct{}
	if d.script != "" {
		struck = c.proxy.Arm(d.script, d.cut)
	}
	holder, err := c.Phone("wechat")
	if err != nil {
		t.Fatal(err)
	}
	c.again(victim, struck, "bind", func() error { return c.bindOnce(holder) })
	var sheet phone.Sheet
	c.again(victim, struck, "prepare", func() error {
		sheet, err = holder.Prepare(c.ctx, "50.00")
		return err
	})
	if err := holder.Pay(c.ctx, sheet); err != nil {
		t.Fatal(err)
	}
	if d.silent {
		c.again(victim, struck, "learn of the payment by asking", func() error {
			a, err := c.inside().Books().Account(c.ctx, world.AccountNo)
			if err == nil && a.Pending == 0 {
				err = errors.New("nothing is pending so far")
			}
			return err
		})
	} else {
		c.again(victim, struck, "callback", func() error { return c.callback(sheet.Order) })
	}
	c.again(victim, struck, "load", c.load)
	if d.place != "" && (!victim.dead() || !victim.killed()) {
		t.Fatalf("the hub did not die at %s", d.place)
	}
	if struck != nil {
		select {
		case <-struck:
		default:
			t.Fatalf("redis-server did not die at %s", d.script)
		}
	}
	// All that can come again comes again; nothing may move.
	if err := c.callback(sheet.Order); err != nil {
		t.Errorf("the callback once more: %v", err)
	}
	if err := c.load(); err != nil {
		t.Errorf("the card once more: %v", err)
	}
	a := c.audit(1)
	books, err := c.inside().Books().Verify(c.ctx)
	if err != nil {
		t.Fatal(err)
	}
	card, err := c.CardBalance()
	if err != nil || card != 5000 || a.Pending != 0 || a.LoadHeld != 0 {
		t.Errorf("card %s, pending %s, held %s, %v; want all 50.00 on the card", card.Yuan(), a.Pending.Yuan(), a.LoadHeld.Yuan(), err)
	}
	// An attempt that a terminal took back is a load too, and reached no card.
	return fmt.Sprintf("credited %d×, loaded %d×, card %s", books.Orders, -books.Tot["loaded"]/5000, card.Yuan())
}

// again repeats a step as people, channels and terminals do, starting anew
// whatever has died.
func (c *campus) again(victim *process, struck <-chan struct{}, what string, step func() error) {
	c.t.Helper()
	c.until(what, func() error {
		err := step()
		if err == nil {
			return nil
		}
		if victim.dead() && c.last() == victim {
			c.front.only(c.start("").addr)
		}
		select {
		case <-struck:
			c.restarted.Do(c.redis.Restart)
		default:
		}
		return err
	})
}

func (c *campus) last() *process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hubs[len(c.hubs)-1]
}

// bindOnce binds; being bound already is as good.
func (c *campus) bindOnce(holder *phone.Phone) error {
	err := holder.Bind(c.ctx, world.Username, world.Password)
	if err == nil {
		return nil
	}
	_, readErr := holder.Read(c.ctx, "recharge")
	if readErr == nil {
		return nil
	}
	return err
}

func (c *campus) callback(order string) error {
	delivered, err := c.WeChat.Deliver(c.ctx, order, 1)
	if err == nil && !delivered[0].Accepted {
		err = fmt.Errorf("callback is answered %d, %w", delivered[0].Status, delivered[0].Err)
	}
	return err
}

// load switches the terminal on, sends what it owes, and holds the card to it
// until the hub has nothing more for it.
func (c *campus) load() error {
	pos, err := c.Terminal(nil)
	if err != nil {
		return err
	}
	defer func() { _ = pos.Close() }()
	if _, err := pos.SignIn(c.ctx); err != nil {
		return err
	}
	if _, err := pos.Resume(c.ctx); err != nil {
		return err
	}
	card, err := c.Card()
	if err != nil {
		return err
	}
	for {
		t, err := pos.Tap(c.ctx, card)
		card.Leave()
		if err != nil {
			return err
		}
		if t.Outcome == terminal.OutcomeNone {
			if t.Reason != "nothing_pending" {
				return fmt.Errorf("the hub offers nothing: %s", t.Reason)
			}
			return nil
		}
	}
}
