package main_test

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"guodu/cmd/demo/world"
	"guodu/mocks/phone"
	"guodu/mocks/wechatpay"
)

func withDelivery(o *world.Options) { o.AutoDeliver = true }

// trial is a hub try that runs.
type trial struct {
	cmd  *exec.Cmd
	out  *safeBuffer
	done chan struct{}
}

// try starts hub try, which reads the books more often than for people.
func (c *campus) try(args ...string) *trial {
	c.t.Helper()
	tr := &trial{out: &safeBuffer{}, done: make(chan struct{})}
	tr.cmd = exec.Command(hubBinary, append([]string{"--config", c.ConfigFile, "try", "--account", world.AccountNo, "--every", "20ms"}, args...)...)
	tr.cmd.Env = append(os.Environ(), "GUODU_REDIS__ADDRS="+c.redis.Addr(), "GUODU_EPHEMERAL__ADDRS="+c.ephemeral.Addr())
	tr.cmd.Stdout, tr.cmd.Stderr = tr.out, tr.out
	if err := tr.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	go func() {
		_ = tr.cmd.Wait()
		close(tr.done)
	}()
	c.t.Cleanup(func() {
		_ = tr.cmd.Process.Kill()
		<-tr.done
	})
	return tr
}

// says waits until the trial has said something.
func (c *campus) says(tr *trial, pattern string) []string {
	c.t.Helper()
	var found []string
	c.until("hub try says "+pattern, func() error {
		found = regexp.MustCompile(pattern).FindStringSubmatch(tr.out.String())
		if found != nil {
			return nil
		}
		select {
		case <-tr.done:
			c.t.Fatalf("hub try has ended:\n%s", tr.out)
		default:
		}
		return errors.New(tr.out.String())
	})
	return found
}

// ends waits for the end of a trial, and has the channel make the refund.
func (c *campus) ends(tr *trial, status int) string {
	c.t.Helper()
	c.until("hub try ends", func() error {
		c.WeChat.FinishRefunds() // WeChat Pay takes its time
		select {
		case <-tr.done:
			return nil
		default:
			return errors.New(tr.out.String())
		}
	})
	if got := tr.cmd.ProcessState.ExitCode(); got != status {
		c.t.Errorf("hub try ends with %d, want %d:\n%s", got, status, tr.out)
	}
	return tr.out.String()
}

// given says that the refund of the one order is made, in the books and at the
// channel.
func (c *campus) given(tr *trial) {
	c.t.Helper()
	order := c.tried(tr)
	if o := c.order(order); o.Amount != 1 || o.Refunded != 1 {
		c.t.Errorf("order %s of %s: %s refunded", order, o.Amount.Yuan(), o.Refunded.Yuan())
	}
	if paid, refunded := c.PaidFen(), c.RefundedFen(); paid != 1 || refunded != 1 {
		c.t.Errorf("the channels took %d fen and gave back %d", paid, refunded)
	}
	c.balanced()
}

// tried is the trial's order.
func (c *campus) tried(tr *trial) string {
	c.t.Helper()
	found := regexp.MustCompile(`1  order +(\S+) of 0\.01 yuan for account ` + world.AccountNo).FindStringSubmatch(tr.out.String())
	if found == nil {
		c.t.Fatalf("hub try names no order:\n%s", tr.out)
	}
	return found[1]
}

func TestATriedPaymentIsCreditedByCallbackAndRefunded(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay, withDelivery)
	c.start("")
	tr := c.try("--channel", "wechat", "--payer", wechatpay.OpenID(c.WeChatAppID(), world.Person), "--pay", c.WeChatURL+"/_sim/cashier")
	out := c.ends(tr, 0)
	for _, want := range []string{
		"2  pay       at the simulator's cashier", "get_brand_wcpay_request:ok", "3  credit    paid at ", "learned by callback",
		"4  refund    ", "waiting for the refund", "5  refunded  0.01 yuan went back to the payer", "\ntried: 0.01 yuan paid by wechat, credited by callback, refunded\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	c.given(tr)
}

func TestATriedPaymentByAlipayIsPaidInAnyBrowser(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay, withDelivery)
	c.start("")
	c.boundBy("alipay")
	tr := c.try("--channel", "alipay", "--payer", c.Alipay.Buyer(world.Person))
	page := c.says(tr, `any browser[^\n]*\n +(http\S+)`)[1]
	browser, err := c.Browser("alipay")
	if err != nil {
		t.Fatal(err)
	}
	// It is sent back to the order's page, which wants to know who is there.
	if err := browser.Pay(c.ctx, phone.Sheet{Order: c.tried(tr), Page: page}); err != nil && !errors.Is(err, phone.ErrCashier) {
		t.Fatal(err)
	}
	out := c.ends(tr, 0)
	if !strings.HasSuffix(out, "\ntried: 0.01 yuan paid by alipay, credited by callback, refunded\n") {
		t.Errorf("it ends otherwise:\n%s", out)
	}
	c.given(tr)
}

func TestATriedPaymentWithoutACallbackSaysThatNoneArrives(t *testing.T) {
	t.Parallel()
	c := newCampus(t) // WeChat Pay tells nobody
	c.start("")
	tr := c.try("--channel", "wechat", "--payer", wechatpay.OpenID(c.WeChatAppID(), world.Person), "--pay", c.WeChatURL+"/_sim/cashier", "--patience", "1s")
	out := c.ends(tr, 1)
	for _, want := range []string{
		"no callback after 1s", "with --refused what was refused", "learned by query", "tried: 0.01 yuan paid by wechat, credited by query, refunded",
		"try: step callback failed: callbacks do not arrive",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	c.given(tr)
}

func TestAPaymentThatCannotBeTriedNamesItsStep(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay)
	const header = "account_no,version,status,arrears_yuan,freeze,card_no,card_uid,card_version,card_profile\n"
	c.must("3 changed", "accounts", "import", c.file("more.csv", header+"B1,1,open,12.50,,,,,\nB2,1,closed,,,,,,\nB3,1,open,,lost,,,,\n"))
	openid := wechatpay.OpenID(c.WeChatAppID(), world.Person)
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no such account":   {[]string{"--account", "B9", "--payer", openid}, "step order failed: account B9: no such account"},
		"arrears":           {[]string{"--account", "B1", "--payer", openid}, "owes 12.50 yuan"},
		"closed":            {[]string{"--account", "B2", "--payer", openid}, "account B2 is closed"},
		"frozen":            {[]string{"--account", "B3", "--payer", openid}, "account B3 is frozen (lost)"},
		"another payer":     {[]string{"--payer", "nobody"}, "step order failed"},
		"no cashier":        {[]string{"--payer", openid, "--pay", c.WeChatURL + "/nowhere"}, "step pay failed: the cashier answers 404"},
		"nobody pays":       {[]string{"--payer", openid, "--within", "1ms"}, "step credit failed: the payment did not come within 1ms"},
		"an account's form": {[]string{"--account", "?", "--payer", openid}, `--account "?"`},
	} {
		tr := c.try(append([]string{"--channel", "wechat"}, tc.args...)...)
		if out := c.ends(tr, 1); !strings.Contains(out, tc.want) {
			t.Errorf("%s: it does not say %q:\n%s", name, tc.want, out)
		}
	}
	other := c.try("--channel", "alipay", "--payer", "2088000000000999", "--pay", c.AlipayURL+"/_sim/cashier", "--within", "1s")
	if out := c.ends(other, 1); !strings.Contains(out, "that is no yes") {
		t.Errorf("another payer at the cashier: it does not say that it may not be paid:\n%s", out)
	}
	if n := c.PaidFen(); n != 0 {
		t.Errorf("%d fen were paid", n)
	}
	own := exec.CommandContext(c.ctx, hubBinary, "--config", c.ConfigFile, "try", "--channel", "wechat", "--account", world.AccountNo, "--payer", openid)
	own.Env = append(os.Environ(), "GUODU_DATA_DIR="+t.TempDir(), "GUODU_LISTEN=127.0.0.1:1")
	if out, err := own.CombinedOutput(); err == nil || !strings.Contains(string(out), "no hub runs here: start it first") {
		t.Errorf("without a hub: %v\n%s", err, out)
	}
}

func TestATrialThatIsEndedIsNoSuccess(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	c.start("")
	tr := c.try("--channel", "wechat", "--payer", wechatpay.OpenID(c.WeChatAppID(), world.Person))
	c.says(tr, `waiting for the payment`)
	if !strings.Contains(tr.out.String(), c.front.url+"/h5/wechat/recharge") || !strings.Contains(tr.out.String(), `"package":"prepay_id=`) {
		t.Errorf("it does not say how to pay:\n%s", tr.out)
	}
	if err := tr.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if out := c.ends(tr, 1); !strings.Contains(out, "step credit failed") || !strings.Contains(out, "hub trace "+c.tried(tr)) {
		t.Errorf("it ends so:\n%s", out)
	}
}
