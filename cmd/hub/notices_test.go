package main_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"guodu/mocks/alipay"
	"guodu/mocks/wechatpay"
)

// notices is all that the journal holds, as Redis has it.
func (c *campus) notices() string {
	c.t.Helper()
	client := c.ephemeral.Client()
	keys, err := client.Keys(c.ctx, "h:notices:*").Result()
	if err != nil {
		c.t.Fatal(err)
	}
	var all strings.Builder
	for _, key := range keys {
		if client.Type(c.ctx, key).Val() != "stream" {
			continue // counts, and which hubs serve
		}
		entries, err := client.XRange(c.ctx, key, "-", "+").Result()
		if err != nil {
			c.t.Fatal(err)
		}
		for _, entry := range entries {
			fmt.Fprintln(&all, key, entry.Values)
		}
	}
	return all.String()
}

// noted waits until the journal holds a text.
func (c *campus) noted(text string) {
	c.t.Helper()
	c.until("the journal holds "+text, func() error {
		if !strings.Contains(c.notices(), text) {
			return fmt.Errorf("it holds\n%s", c.notices())
		}
		return nil
	})
}

func TestCallbacksAreKeptWithTheirVerdicts(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay)
	c.start("")
	orders := map[string]string{}
	for _, channel := range []string{"wechat", "alipay"} {
		order, err := c.boundBy(channel).Recharge(c.ctx, "20.00")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Deliver(c.ctx, channel, order, 1); err != nil {
			t.Fatal(err)
		}
		orders[channel] = order
	}
	if _, err := c.WeChat.DeliverTampered(c.ctx, orders["wechat"], wechatpay.TamperWrongSignature); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Alipay.DeliverTampered(c.ctx, orders["alipay"], alipay.TamperWrongSignature); err != nil {
		t.Fatal(err)
	}
	c.noted("verdict:not_authentic")
	c.until("both refused ones are kept", func() error {
		if n := strings.Count(c.notices(), "verdict:not_authentic"); n != 2 {
			return fmt.Errorf("%d are", n)
		}
		return nil
	})
	for _, secret := range c.Secrets() {
		if strings.Contains(c.notices(), secret) {
			t.Errorf("the journal holds a secret: %.6s…", secret)
		}
	}
	for _, step := range []struct {
		args []string
		want []string
	}{
		{[]string{"trace", orders["wechat"]}, []string{"callback of payment", "is answered accepted: credited", "(signed by " + c.WeChat.PublicKeyID() + ")"}},
		{[]string{"trace", orders["alipay"]}, []string{"callback of payment", "is answered accepted: credited"}},
		{[]string{"notices"}, []string{"VERDICT", "wechat", "alipay", orders["wechat"], orders["alipay"], "accepted"}},
		{[]string{"notices", "--raw", "--last", "2"}, []string{`"ciphertext":"`, "buyer_id=…", "sign=…", "sha256 "}},
		{[]string{"notices", "--refused"}, []string{"wechat", "alipay", "not_authentic", "signature does not verify"}},
		{[]string{"notices", "--help"}, []string{"callbacks that each channel signed", "--refused"}},
	} {
		status, output := c.command(step.args...)
		if status != 0 {
			t.Errorf("hub %v ends with %d:\n%s", step.args, status, output)
		}
		for _, want := range step.want {
			if !strings.Contains(output, want) {
				t.Errorf("hub %v does not say %q:\n%s", step.args, want, output)
			}
		}
	}
	if status, output := c.command("notices", "--last", "0"); status != 1 {
		t.Errorf("hub notices --last 0 ends with %d:\n%s", status, output)
	}
}

func TestWithoutItsJournalTheHubAnswersTheSame(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	hub := c.start("")
	order := c.paid("50.00")
	c.ephemeral.Kill()
	for range 3 {
		d, err := c.WeChat.Deliver(c.ctx, order, 1)
		if err != nil || d[0].Status != http.StatusNoContent {
			t.Errorf("a callback is answered %+v, %v", d, err)
		}
	}
	c.audit(1)
	status, output := c.command("trace", order)
	if status != 0 || !strings.Contains(output, "credited, learned by callback") || !strings.Contains(output, "trace without callbacks") {
		t.Errorf("trace ends with %d:\n%s", status, output)
	}
	c.until("the hub says so", func() error {
		if !strings.Contains(hub.log.String(), "kept=false") {
			return fmt.Errorf("it says\n%s", hub.log)
		}
		return nil
	})
}

// TestCallbacksRecordsSurviveAKill: with a Redis of its own, a hub that is killed has
// kept what it told people, and the next one says that it was killed.
func TestCallbacksRecordsSurviveAKill(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	data := shortDir(t)
	env := "GUODU_DATA_DIR=" + data
	notices := func() string {
		t.Helper()
		status, out := c.commandOn(t, []string{env}, "notices")
		if status != 0 {
			t.Fatalf("notices: %s", out)
		}
		return out
	}
	first := c.run("", env)
	c.front.add(first.addr)
	if status, out := c.commandOn(t, []string{env}, "accounts", "import", c.AccountsFile()); status != 0 {
		t.Fatal(out)
	}
	order := c.paid("50.00")
	must(t, c.callback(order))
	c.until("the callback is kept", func() error {
		if !strings.Contains(notices(), order) {
			return errors.New("not so far")
		}
		return nil
	})
	if out := notices(); strings.Contains(out, "was killed") {
		t.Errorf("nobody was killed: %s", out)
	}
	must(t, first.cmd.Process.Kill())
	<-first.done
	second := c.run("", env)
	c.front.only(second.addr)
	if out := notices(); !strings.Contains(out, order) || !strings.Contains(out, "a hub was killed before") {
		t.Errorf("after a kill: %s", out)
	}
	must(t, second.cmd.Process.Signal(syscall.SIGTERM))
	<-second.done
	c.run("", env)
	if out := notices(); !strings.Contains(out, order) || !strings.Contains(out, "(once in 30 days)") {
		t.Errorf("after one that ended by itself: %s", out)
	}
}
