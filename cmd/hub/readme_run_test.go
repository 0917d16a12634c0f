package main_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"guodu/mocks/phone"
)

// readmeBlock are the commands of "Run a hub".
func readmeBlock(t *testing.T, document string) string {
	t.Helper()
	text := strings.TrimSpace(part(t, document, "run: mockpay"))
	inside, fenced := strings.CutPrefix(text, "```sh\n")
	inside, ended := strings.CutSuffix(inside, "\n```")
	if !fenced || !ended {
		t.Fatalf("%s has no commands:\n%s", document, text)
	}
	return inside
}

var shellComment = regexp.MustCompile(`(?m) +# .*$`)

func TestBothReadmesRunTheSameCommands(t *testing.T) {
	t.Parallel()
	english := shellComment.ReplaceAllString(readmeBlock(t, "README.md"), "")
	chinese := shellComment.ReplaceAllString(readmeBlock(t, "docs/zh/README.md"), "")
	if english != chinese {
		t.Errorf("README.md runs\n%s\ndocs/zh/README.md runs\n%s", english, chinese)
	}
}

// readmePorts are the ports of the commands, which may be taken here, and free ones.
func readmePorts(t *testing.T) map[string]string {
	t.Helper()
	free := map[string]string{}
	// Below the ports that systems give to others, who could take one before the shell does.
	next := 10_000 + os.Getpid()%500*40
	for _, port := range []string{"8080", "8081", "9000", "9001", "9002", "9003"} {
		for {
			next++
			listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", next))
			if err == nil {
				free[port] = listener.Addr().String()
				_ = listener.Close()
				break
			}
			if !errors.Is(err, syscall.EADDRINUSE) {
				t.Fatal(err)
			}
		}
	}
	return free
}

// pasted runs the commands as somebody pastes them, in an empty folder beside the
// checkout. Only the addresses differ: those in the text, and those that mockpay and
// the hub take for granted. It returns what was printed.
func pasted(t *testing.T, dir string, free map[string]string) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	here := filepath.Join(dir, "here")
	if err := errors.Join(os.Symlink(root, filepath.Join(dir, "guodu")), os.Mkdir(here, 0o700)); err != nil {
		t.Fatal(err)
	}
	commands := readmeBlock(t, "README.md")
	for port, address := range free {
		commands = strings.ReplaceAll(commands, "127.0.0.1:"+port, address)
	}
	const mockpay = "./mockpay --hub shop --calm"
	if strings.Count(commands, mockpay+" ") != 1 {
		t.Fatalf("README.md starts mockpay otherwise:\n%s", commands)
	}
	commands = strings.Replace(commands, mockpay, fmt.Sprintf("%s --index %s --wechat %s --alipay %s --portal %s",
		mockpay, free["9000"], free["9001"], free["9002"], free["9003"]), 1)
	said, err := os.Create(filepath.Join(dir, "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = said.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-e", "-c", commands)
	shell.Dir, shell.Stdout, shell.Stderr = here, said, said // a file: what goes on in the background keeps no pipe open
	shell.Env = append(os.Environ(), "GUODU_LISTEN="+free["8080"], "GUODU_HEALTH="+free["8081"], "GUODU_PUBLIC_URL=http://"+free["8080"])
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-shell.Process.Pid, syscall.SIGTERM) })
	err = shell.Wait()
	text, _ := os.ReadFile(said.Name())
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(here, "hub.log"))
		t.Fatalf("%v\n%s\nhub.log:\n%s", err, text, log)
	}
	return string(text)
}

func TestTheCommandsOfTheReadmeRunAHubUntilAPaymentIsCredited(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "gd-") // short: sockets of Redis are in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	began, free := time.Now(), readmePorts(t)
	said := pasted(t, dir, free)
	for _, want := range []string{
		"3 accounts: 3 changed, 0 unchanged, 0 refused", "ok    money Redis", "ok    portal", "ok    alipay ", "ok    wechat ",
		"\ntried: 0.01 yuan paid by alipay, credited by callback, refunded\n", "1 credited orders, 0 loads: all agree",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing says %q:\n%s", want, said)
		}
	}
	if strings.Contains(said, "FAIL") {
		t.Errorf("the doctor finds fault:\n%s", said)
	}
	t.Logf("result: from an empty folder to a payment that was credited and given back in %.0f s", time.Since(began).Seconds())

	browser, err := phone.New(phone.Options{Hub: "http://" + free["8080"], Cashier: "http://" + free["9002"], Person: "xiaoming", Channel: "alipay", Outside: true})
	if err == nil {
		err = browser.Bind(t.Context(), "xiaoming", "xiaoming-1")
	}
	if err == nil {
		_, err = browser.Recharge(t.Context(), "20.00")
	}
	if err != nil {
		t.Fatalf("by hand: %v", err)
	}
	pending := regexp.MustCompile(`(?m)^pending +20\.00$`)
	for deadline := time.Now().Add(limit); ; {
		show := exec.CommandContext(t.Context(), "./hub", "--config", "shop/hub.yaml", "accounts", "show", "20260001")
		show.Dir = filepath.Join(dir, "here")
		text, err := show.CombinedOutput()
		if err == nil && pending.Match(text) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("20.00 yuan were paid by hand; accounts show says %v\n%s", err, text)
		}
	}
	status, err := exec.CommandContext(t.Context(), filepath.Join(dir, "here", "hub"), "--config", filepath.Join(dir, "here", "shop", "hub.yaml"), "verify").CombinedOutput()
	if err != nil {
		t.Errorf("verify: %v\n%s", err, status)
	}
}
