package main_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"guodu/cmd/demo/world"
	"guodu/mocks/alipay"
	"guodu/mocks/phone"
	"guodu/mocks/sim"
	"guodu/mocks/terminal"
	"guodu/mocks/wechatpay"
)

// withMessages is a hub with templates of all kinds.
func withMessages(o *world.Options) { o.Messages = true }

// letters are the messages that the holder got by all channels, as texts.
func (c *campus) letters() []string {
	var all []string
	for _, m := range c.WeChat.Messages() {
		all = append(all, fmt.Sprintln("wechat", m.Data, m.URL))
	}
	if c.Alipay != nil {
		for _, m := range c.Alipay.Messages() {
			all = append(all, fmt.Sprintln("alipay", m.Values, m.URL))
		}
	}
	return all
}

// told waits for so many messages.
func (c *campus) told(n int) []string {
	c.t.Helper()
	c.until(fmt.Sprint(n, " messages"), func() error {
		if got := c.letters(); len(got) != n {
			return fmt.Errorf("there are %d: %q", len(got), got)
		}
		return nil
	})
	return c.letters()
}

// said wants exactly one message that has all the words.
func (c *campus) said(words ...string) {
	c.t.Helper()
	n := 0
	for _, letter := range c.letters() {
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(letter, word) }) {
			n++
		}
	}
	if n != 1 {
		c.t.Errorf("%d messages say %q, want 1: %q", n, words, c.letters())
	}
}

func TestEachEventIsToldOnceThoughItsCallbackComesAHundredTimesToTwoHubs(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay, withMessages)
	c.start("")
	c.start("")
	orders := map[string]string{}
	for _, channel := range []string{"wechat", "alipay"} {
		order, err := c.boundBy(channel).Recharge(c.ctx, "50.00")
		if err != nil {
			t.Fatal(err)
		}
		orders[channel] = order
	}
	delivered, err := c.WeChat.DeliverConcurrently(c.ctx, orders["wechat"], 100)
	if err != nil || len(delivered) != 100 {
		t.Fatalf("%d callbacks, %v", len(delivered), err)
	}
	if _, accepted, err := c.Deliver(c.ctx, "alipay", orders["alipay"], 100); err != nil || !accepted {
		t.Fatalf("callbacks of alipay: %t, %v", accepted, err)
	}
	c.told(2)
	for _, channel := range []string{"wechat", "alipay"} {
		c.said(channel, orders[channel], "50.00元", "/h5/"+channel+"/orders/"+orders[channel])
		if status, output := c.refund(orders[channel], "20.00"); status != 0 {
			t.Fatalf("%s: %d %s", channel, status, output)
		}
	}
	c.WeChat.FinishRefunds()
	refund := c.order(orders["wechat"]).Refunds[0]
	if _, err := c.WeChat.DeliverRefund(c.ctx, refund, 50); err != nil {
		t.Fatal(err)
	}
	c.told(4)
	for _, channel := range []string{"wechat", "alipay"} {
		c.said(channel, orders[channel], "20.00元")
	}
	if err := c.load(); err != nil {
		t.Fatal(err)
	}
	c.told(6)
	for _, channel := range []string{"wechat", "alipay"} {
		c.said(channel, "60.00元", "/h5/"+channel+"/card", "一食堂 3 号窗口")
	}
	if _, _, err := c.Deliver(c.ctx, "wechat", orders["wechat"], 3); err != nil {
		t.Fatal(err)
	}
	c.balanced()
	c.told(6)
	t.Logf("result: %d callbacks of 2 orders, 2 refunds and 1 load by 2 hubs: %d messages", 203, len(c.letters()))
}

func TestALoadThatTheNextTapProvesIsTold(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withMessages)
	c.start("")
	if err := c.callback(c.paid("50.00")); err != nil {
		t.Fatal(err)
	}
	c.tearAtWrite()
	if err := c.load(); err != nil {
		t.Fatal(err)
	}
	c.told(2)
	c.said("50.00元", "一食堂 3 号窗口", "/h5/wechat/card")
}

func TestAPaymentThatIsOnlyFoundByAskingIsTold(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withMessages)
	c.start("")
	order := c.paid("50.00") // no callback ever comes; the hub asks after some seconds
	c.told(1)
	c.said(order, "50.00元")
	c.audit(1)
}

func TestWhateverBecomesOfAMessageTheMoneyIsRight(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay, withMessages)
	hub := c.start("")
	holders := map[string]*phone.Phone{"wechat": c.boundBy("wechat"), "alipay": c.boundBy("alipay")}
	faults := map[string][]string{
		"wechat": {"hang-before", "hang-after", "bad-gateway", "truncate", "reset-after", "error-before", "refuse-42001", "refuse-43004", "refuse-40037", "refuse-45009"},
		"alipay": {"hang-before", "bad-gateway", "error-after", "unsigned", "PUB.MSG_BATCH_SD_OVER", "isv.not-online-app", "isv.method-call-limited"},
	}
	credits := 0
	for channel, kinds := range faults {
		for _, kind := range kinds {
			c.spoilMessages(channel, kind)
			order, err := holders[channel].Recharge(c.ctx, "1.00")
			if err != nil {
				t.Fatal(err)
			}
			if _, accepted, err := c.Deliver(c.ctx, channel, order, 2); err != nil || !accepted {
				t.Errorf("%s: the callback is answered %t, %v", kind, accepted, err)
			}
			credits++
		}
	}
	if a := c.audit(credits); int(a.Pending) != 100*credits {
		t.Errorf("pending %s, want %d.00", a.Pending.Yuan(), credits)
	}
	for _, word := range []string{"message may not be sent", "message reaches nobody", "messages are not set up"} {
		c.until("the log says "+word, func() error {
			if !strings.Contains(hub.log.String(), word) {
				return fmt.Errorf("not yet")
			}
			return nil
		})
	}
	t.Logf("result: %d credits, none touched by %d ways in which messages fail", credits, credits)
}

// spoilMessages makes a message of a channel go wrong, after those that were
// spoiled before.
func (c *campus) spoilMessages(channel, kind string) {
	c.t.Helper()
	fault := sim.Fault{Kind: sim.FaultKind(kind)}
	var err error
	if channel == "wechat" {
		err = c.WeChat.Fail(wechatpay.EndpointTemplate, fault)
	} else {
		err = c.Alipay.Fail(alipay.EndpointMessage, fault)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

func TestALostEphemeralRedisCostsMessagesAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*campus){
		"dead":    func(c *campus) { c.ephemeral.Kill() },
		"hanging": func(c *campus) { c.stop(c.ephemeral.PID()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCampus(t, withMessages)
			hub := c.start("")
			order := c.paid("50.00")
			lose(c)
			delivered, err := c.WeChat.Deliver(c.ctx, order, 3)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range delivered {
				if d.Status != http.StatusNoContent {
					t.Errorf("a callback is answered %d, %v", d.Status, d.Err)
				}
			}
			c.until("the message is given up", func() error {
				if !strings.Contains(hub.log.String(), "nobody is told") {
					return fmt.Errorf("not yet")
				}
				return nil
			})
			if a := c.audit(1); a.Pending != 5000 || len(c.letters()) != 0 {
				t.Errorf("pending %s, %d messages", a.Pending.Yuan(), len(c.letters()))
			}
		})
	}
}

// stop freezes a process until the test ends.
func (c *campus) stop(pid int) {
	c.t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
}

func TestAHubThatEndsTellsWhatWaits(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withMessages)
	hub := c.start("")
	order := c.paid("50.00")
	if err := c.WeChat.Fail(wechatpay.EndpointTemplate, wechatpay.Fault{Kind: wechatpay.FaultSlow, DelayMS: 500}); err != nil {
		t.Fatal(err)
	}
	if err := c.callback(order); err != nil {
		t.Fatal(err)
	}
	if err := hub.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-hub.done
	if n := len(c.letters()); n != 1 {
		t.Errorf("%d messages when the hub has ended, want 1:\n%s", n, hub.log)
	}
}

// tearAtWrite has a load written whose answer is lost, with the card pulled out.
func (c *campus) tearAtWrite() {
	c.t.Helper()
	pos, err := c.Terminal(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = pos.Close() }()
	card, err := c.Card()
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := pos.SignIn(c.ctx); err != nil {
		c.t.Fatal(err)
	}
	card.Tear(terminal.TearAnswer, false)
	if _, err := pos.Tap(c.ctx, card); err != nil {
		c.t.Logf("the torn tap: %v", err)
	}
	card.Leave()
}
