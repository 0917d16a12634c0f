package main

import (
	"context"
	"encoding/json"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// sample is a program of mocks/examples.
type sample struct {
	file    string
	command []string
	says    *regexp.Regexp // its one line
	spoil   func(*serving) (address string)
}

var (
	saysWeChat = regexp.MustCompile(`^WeChat Pay: order [0-9a-z]+ is NOTPAY\n$`)
	saysAlipay = regexp.MustCompile(`^Alipay: order [0-9a-z]+ is WAIT_BUYER_PAY\n$`)
)

// samples are all of them. The shell's need curl and openssl, which every
// machine that tests has; the others run where their language is installed.
func samples() []sample {
	wechat := func(s *serving) string { return s.merchant.WeChat.Base + "/_sim/scenarios/answer-altered" }
	alipay := func(s *serving) string { return s.merchant.Alipay.AuthorizeBase + "/_sim/scenarios/flipped-answer" }
	return []sample{
		{"wechat.sh", []string{"sh"}, saysWeChat, wechat},
		{"alipay.sh", []string{"sh"}, saysAlipay, alipay},
		{"Wechat.java", []string{"java"}, saysWeChat, wechat},
		{"wechat.php", []string{"php"}, saysWeChat, wechat},
		{"wechat.mjs", []string{"node"}, saysWeChat, wechat},
		{"wechat.py", []string{"python3"}, saysWeChat, wechat},
	}
}

// runnable are the samples whose language is here.
func runnable(t *testing.T) []sample {
	t.Helper()
	for _, tool := range []string{"sh", "curl", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%v: make setup installs it", err)
		}
	}
	var here []sample
	for _, one := range samples() {
		if _, err := exec.LookPath(one.command[0]); err != nil {
			t.Logf("%s is not run: no %s here", one.file, one.command[0])
			continue
		}
		t.Logf("%s is run", one.file)
		here = append(here, one)
	}
	return here
}

// try runs a sample against a mockpay.
func (one sample) try(t *testing.T, s *serving) (said string, err error) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	file := filepath.Join("..", "..", "mocks", "examples", one.file)
	command := exec.CommandContext(ctx, one.command[0], append(one.command[1:], file)...)
	// Nothing of it may go through a proxy that the machine has.
	command.Env = append(os.Environ(), "MOCKPAY="+s.help, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	out, err := command.Output()
	return string(out), err
}

func TestEachExampleOrdersAndQueries(t *testing.T) {
	t.Parallel()
	for _, one := range runnable(t) {
		t.Run(one.file, func(t *testing.T) {
			t.Parallel()
			said, err := one.try(t, mockpay(t, "--calm"))
			if err != nil || !one.says.MatchString(said) {
				t.Errorf("it says %q, %v", said, err)
			}
		})
	}
}

func TestEachExampleRefusesAnAnswerThatChangedOnTheWay(t *testing.T) {
	t.Parallel()
	for _, one := range runnable(t) {
		t.Run(one.file, func(t *testing.T) {
			t.Parallel()
			s := mockpay(t, "--calm")
			post(t, one.spoil(s), nil)
			said, err := one.try(t, s)
			if err == nil || strings.Contains(said, ": order ") {
				t.Errorf("it says %q, %v", said, err)
			}
		})
	}
}

// commands are the lines of a text that call curl.
var commands = regexp.MustCompile(`(?m)^(?:<pre>| {4})?(curl (?:-X \w+ )?'?http.*?)(?: +# .*)?(?:</pre>)?$`)

func TestTheCommandsOnTheHelpPageAndInTheReadmeWork(t *testing.T) {
	t.Parallel()
	s := mockpay(t, "--calm")
	furnish(t, s)
	page := html.UnescapeString(string(get(t, s.help+"/")))
	readme := strings.NewReplacer("http://127.0.0.1:9001", s.merchant.WeChat.Base, "http://127.0.0.1:9002", s.merchant.Alipay.AuthorizeBase).
		Replace(string(contents(t, readmeFile)))
	for name, text := range map[string]string{"the help page": page, "mocks/README.md": readme} {
		found := commands.FindAllStringSubmatch(text, -1)
		if len(found) < 2 {
			t.Errorf("%s has %d commands", name, len(found))
		}
		for _, line := range found {
			command := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(line[1], "NO", "order0001"))
			command.Env = append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
			said, err := command.Output()
			if err != nil || strings.Contains(string(said), `"error":`) || !json.Valid(said) {
				t.Errorf("%s: %s\n%s%v", name, line[1], said, err)
			}
		}
	}
	trade := get(t, s.merchant.Alipay.AuthorizeBase+"/_sim/orders")
	if !strings.Contains(string(trade), `"refunded_fen": 100`) {
		t.Errorf("the refund of 100 fen is not in %s", trade)
	}
}
