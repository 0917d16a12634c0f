package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"guodu/channels"
)

// receiver is a program of mocks/examples that is called back.
type receiver struct {
	file    string
	command func(port string) []string // nil runs it for each request, as inetd does
	alipay  bool
}

func receivers() []receiver {
	with := func(language string) func(string) []string {
		return func(string) []string { return []string{language} }
	}
	return []receiver{
		{file: "wechat-receive.sh"},
		{file: "WechatReceive.java", command: with("java")},
		{file: "wechat-receive.php", command: func(port string) []string { return []string{"php", "-S", "127.0.0.1:" + port} }},
		{file: "wechat-receive.mjs", command: with("node")},
		{file: "wechat-receive.py", command: with("python3")},
		{file: "alipay-receive.mjs", command: with("node"), alipay: true},
	}
}

// here says whether the receiver's language is installed, with what it needs.
func (one receiver) here(t *testing.T) bool {
	t.Helper()
	tool := "sh"
	if one.command != nil {
		tool = one.command("0")[0]
	}
	_, err := exec.LookPath(tool)
	if tool == "python3" && err == nil {
		err = exec.CommandContext(t.Context(), tool, "-c", "import cryptography").Run()
	}
	if err != nil {
		t.Logf("%s is not run: %v", one.file, err)
		return false
	}
	t.Logf("%s is run", one.file)
	return true
}

// serve starts the receiver. It returns where callbacks go, and what it says.
func (one receiver) serve(t *testing.T, s *serving) (notifyURL string, said *paper) {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("..", "..", "mocks", "examples", one.file))
	if err != nil {
		t.Fatal(err)
	}
	said = newPaper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	env := append(os.Environ(), "MOCKPAY="+s.help, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1", "PORT="+port)
	if one.command == nil {
		t.Cleanup(func() { _ = listener.Close() })
		go inetd(t.Context(), listener, env, said, "sh", file)
		return "http://" + address + "/notify", said
	}
	_ = listener.Close() // the port is free now
	words := append(one.command(port), file)
	command := exec.CommandContext(t.Context(), words[0], words[1:]...)
	command.Env, command.Stdout, command.Stderr = env, said, said
	err = command.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	said.wait(t, `http://127\.0\.0\.1:`+port) // it listens
	return "http://" + address + "/notify", said
}

// inetd runs a program for each connection.
func inetd(ctx context.Context, listener net.Listener, env []string, said *paper, words ...string) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		file, err := conn.(*net.TCPConn).File()
		if err == nil {
			command := exec.CommandContext(ctx, words[0], words[1:]...)
			command.Env, command.Stdin, command.Stdout, command.Stderr = env, file, file, said
			_ = command.Run() // what it says is what counts
			_ = file.Close()
		}
		_ = conn.Close()
	}
}

// forgeries are what nobody may believe. Each takes the place of one attempt.
func (one receiver) forgeries() (place string, kinds []string) {
	if one.alipay {
		return "notify", []string{"wrong-signature", "no-signature", "sign-type-rsa", "altered-amount", "duplicated-field", "other-key", "other-app-id"} // as many as there are repeats
	}
	return "callback", []string{"wrong-signature", "no-signature", "signtest", "scheme-unknown", "old-timestamp", "future-timestamp", "unknown-serial",
		"tampered-body", "other-apiv3-key", "no-resource", "nonce-length", "other-mchid", "other-appid"}
}

// pay makes an order by the hub's channel and pays it.
func (one receiver) pay(t *testing.T, s *serving, no, notifyURL string) {
	t.Helper()
	wx, ali := hubChannels(t, s)
	var channel channels.Channel = wx
	payer := channels.Payer{Kind: "openid", ID: s.merchant.WeChat.PayerOpenID}
	if one.alipay {
		channel, payer = ali, channels.Payer{Kind: "user_id", ID: s.merchant.Alipay.BuyerID}
	}
	made, err := channel.Prepay(t.Context(), order(no, payer, notifyURL))
	if err != nil {
		t.Fatal(err)
	}
	post(t, one.base(s)+"/_sim/cashier", made.Params)
}

func (one receiver) base(s *serving) string {
	if one.alipay {
		return s.merchant.Alipay.AuthorizeBase
	}
	return s.merchant.WeChat.Base
}

func (one receiver) counters(t *testing.T, s *serving) map[string]int64 {
	t.Helper()
	var counts map[string]int64
	if err := json.Unmarshal(get(t, one.base(s)+"/_sim/counters"), &counts); err != nil {
		t.Fatal(err)
	}
	return counts
}

func TestEachExampleTakesCallbacksAndRefusesForgedOnes(t *testing.T) {
	t.Parallel()
	for _, one := range receivers() {
		if !one.here(t) {
			continue
		}
		t.Run(one.file, func(t *testing.T) {
			t.Parallel()
			s := mockpay(t, "--calm")
			notifyURL, said := one.serve(t, s)
			one.pay(t, s, "order0001", notifyURL)
			said.wait(t, `order order0001 is paid, (1234 fen|12\.34 yuan)`)

			place, kinds := one.forgeries()
			for _, kind := range kinds {
				post(t, one.base(s)+"/_sim/faults", map[string]any{"where": place, "kind": kind})
			}
			if n := one.counters(t, s)["tamper.sent"]; n != 0 {
				t.Fatalf("%d forgeries too early", n)
			}
			one.pay(t, s, "order0002", notifyURL)
			for range kinds { // a fault takes the place of one attempt, the next is due later
				post(t, one.base(s)+"/_sim/clock/advance?by=16h", nil)
			}
			said.wait(t, `order order0002 is paid`)
			counts := one.counters(t, s)
			if counts["tamper.sent"] != int64(len(kinds)) || counts["tamper.accepted"] != 0 || counts["callback.accepted"] != 2 {
				t.Errorf("%d forgeries, %d believed; %d callbacks accepted\n%s", counts["tamper.sent"], counts["tamper.accepted"], counts["callback.accepted"], said)
			}
			if strings.Count(said.String(), "order order0002 is paid") != 1 || strings.Count(said.String(), "refused") != len(kinds) {
				t.Errorf("it says\n%s", said)
			}
			r, err := http.Post(notifyURL, "text/plain", strings.NewReader("hello"))
			if err != nil {
				t.Fatal(err)
			}
			_ = r.Body.Close()
			if refused := r.StatusCode >= 400 || one.alipay; !refused {
				t.Errorf("a letter from a stranger is answered %d", r.StatusCode)
			}
		})
	}
}
