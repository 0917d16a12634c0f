package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"guodu/channels"
)

// process starts mockpay as a process of its own.
func process(t *testing.T, args ...string) (*serving, *os.Process) {
	t.Helper()
	return processIn(t, "", args...)
}

// processIn is process in another working directory.
func processIn(t *testing.T, dir string, args ...string) (*serving, *os.Process) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, append(args, anywhere...)...)
	command.Dir = dir
	command.Env = append(os.Environ(), asProgram+"=1")
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	s := &serving{printed: announced(out)}
	s.read(t)
	return s, command.Process
}

// sameWorld wants a mockpay after another to have its keys and its one paid and
// one open order, and to go on with them.
func sameWorld(t *testing.T, before, after *serving) {
	t.Helper()
	was, is := before.merchant, after.merchant
	was.Portal.Base, was.WeChat.Base, was.Alipay.Gateway, was.Alipay.AuthorizeBase = is.Portal.Base, is.WeChat.Base, is.Alipay.Gateway, is.Alipay.AuthorizeBase
	if was != is {
		t.Error("keys or names have changed")
	}
	wx, ali := hubChannels(t, after)
	for _, channel := range []channels.Channel{wx, ali} {
		for no, state := range map[string]channels.State{"order0001": channels.Paid, "order0002": channels.Unpaid} {
			payment, err := channel.Query(t.Context(), no)
			if err != nil || payment.State != state {
				t.Errorf("%s of %v: %v, %v; want %s", no, channel, payment.State, err, state)
			}
		}
	}
}

// furnish makes a paid order and an open one on both simulators.
func furnish(t *testing.T, s *serving) {
	t.Helper()
	wx, ali := hubChannels(t, s)
	for _, no := range []string{"order0001", "order0002"} {
		sheet, err := wx.Prepay(t.Context(), order(no, channels.Payer{Kind: "openid", ID: s.merchant.WeChat.PayerOpenID}, "http://127.0.0.1:1/notify"))
		if err != nil {
			t.Fatal(err)
		}
		trade, err := ali.Prepay(t.Context(), order(no, channels.Payer{Kind: "user_id", ID: s.merchant.Alipay.BuyerID}, "http://127.0.0.1:1/notify"))
		if err != nil {
			t.Fatal(err)
		}
		if no == "order0001" {
			post(t, s.merchant.WeChat.Base+"/_sim/cashier", sheet.Params)
			post(t, s.merchant.Alipay.AuthorizeBase+"/_sim/cashier", trade.Params)
		}
	}
}

func TestWithAStateFileARestartHasTheSameKeysAndOrders(t *testing.T) {
	t.Parallel()
	state := "--state=" + filepath.Join(t.TempDir(), "shop")
	before := mockpay(t, "--calm", state)
	furnish(t, before)
	if status, problems := before.end(); status != 0 {
		t.Fatalf("status %d: %s", status, problems)
	}
	sameWorld(t, before, mockpay(t, "--calm", state))
}

func TestAReplacedAPIv3KeyIsInMerchantJSONAndAfterARestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(shortDir(t), "hub")
	s := mockpay(t, "--calm", "--hub="+dir)
	post(t, s.merchant.WeChat.Base+"/_sim/apiv3-key", map[string]string{"key": "another-simulated-apiv3-key-32by"})
	before := s.merchant.WeChat.APIv3Key
	s.read(t)
	if s.merchant.WeChat.APIv3Key == before {
		t.Error("merchant.json has the old key")
	}
	_, _ = s.end()
	again := mockpay(t, "--calm", "--hub="+dir)
	if again.merchant.WeChat.APIv3Key != s.merchant.WeChat.APIv3Key || string(contents(t, filepath.Join(dir, "api-v3.key"))) != s.merchant.WeChat.APIv3Key {
		t.Error("a restart has the old key")
	}
}

func TestWithAStateFileAKilledProgramComesBackWithTheSameKeysAndOrders(t *testing.T) {
	t.Parallel()
	state := "--state=" + filepath.Join(t.TempDir(), "shop")
	before, running := process(t, "--calm", state)
	furnish(t, before)
	if err := running.Kill(); err != nil {
		t.Fatal(err)
	}
	after, _ := process(t, "--calm", state)
	sameWorld(t, before, after)
}

func TestASeedOnTheCommandLineWinsOverTheStateFiles(t *testing.T) {
	t.Parallel()
	state := "--state=" + filepath.Join(t.TempDir(), "shop")
	for _, c := range []struct {
		args []string
		seed int64
	}{{[]string{state, "--seed=7"}, 7}, {[]string{state}, 7}, {[]string{state, "--seed=8"}, 8}} {
		s := mockpay(t, c.args...)
		if s.merchant.Seed != c.seed {
			t.Errorf("%v: seed %d, want %d", c.args, s.merchant.Seed, c.seed)
		}
		_, _ = s.end()
	}
}
