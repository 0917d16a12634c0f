package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestAReasonSaysSomethingOnOneLine(t *testing.T) {
	for _, good := range []string{"paid twice", "退款", "x", "order 7, see e-mail of 1 Dec."} {
		var l line
		if err := l.UnmarshalText([]byte(good)); err != nil || string(l) != good {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", " ", "…", "x\n2026-12-01 SETTLED 99.00", "\x1b[31mred", "x\x00", "a\u202eb", "a\u200bb", "a\u2028b", "\xff", strings.Repeat("长", 201), "x\r"} {
		var l line
		if err := l.UnmarshalText([]byte(bad)); err == nil && bad != "x\r" {
			t.Errorf("%q is taken as a reason", bad)
		}
	}
}

func TestTwoNamesAreTwoPeople(t *testing.T) {
	for _, same := range [][2]string{
		{"zhang", "Zhang"}, {"zhang", "ｚｈａｎｇ"}, {"zhang.san", "zhangsan"}, {"zhang", "zháng"}, {"li", "1i"}, {"Il", "lI"}, {"bob", "b0b"}, {"李雷", "李 雷"},
		{"李雷", "李·雷"},
	} {
		if _, err := twoNames(same[:]); err == nil {
			t.Errorf("%q and %q are taken for two people", same[0], same[1])
		}
	}
	for _, odd := range []string{"zhаng", "Ζhang", "zhang\u200b", "ɑnna", "", "..", "a b", "x\n", strings.Repeat("a", 33)} {
		if _, err := twoNames([]string{"zhang.wei", odd}); err == nil {
			t.Errorf("%q is taken for a name", odd)
		}
	}
	for _, two := range [][2]string{{"anna", "bert"}, {"李雷", "韩梅梅"}, {"zhang1", "zhang2"}, {"李雷", "lilei"}} {
		if by, err := twoNames(two[:]); err != nil || by != two[0]+"+"+two[1] {
			t.Errorf("%q: %q, %v", two, by, err)
		}
	}
}

func TestWhatCommandsPrintCannotDriveATerminal(t *testing.T) {
	var out bytes.Buffer
	text := "a\tb\n\x1b[31mred\x07 \u202e李 \u009b1m\r"
	n, err := plain{&out}.Write([]byte(text))
	if err != nil || n != len(text) {
		t.Errorf("%d of %d bytes, %v", n, len(text), err)
	}
	if want := "a\tb\n\\u001b[31mred\\u0007 \\u202e李 \\u009b1m\\u000d"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
