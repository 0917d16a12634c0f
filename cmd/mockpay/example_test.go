package main

import (
	"context"
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
