package alipay

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"guodu/channels"
)

// A Channel without its parts panics when it verifies, which stands for
// whatever bug a hostile callback may find.
func TestParseNotifySurvivesItsOwnPanic(t *testing.T) {
	header := http.Header{"Content-Type": {contentType}}
	got, err := (&Channel{}).ParseNotify(context.Background(), header, []byte("sign=x&sign_type=RSA2"))
	if !errors.Is(err, channels.ErrMalformed) || !strings.Contains(err.Error(), "panicked") || got.OrderNo != "" {
		t.Fatalf("ParseNotify = %v, %v", got, err)
	}
}

func TestClipMakesOneBoundedPrintableLine(t *testing.T) {
	long := strings.Repeat("字", 500)
	for in, want := range map[string]string{
		"plain":              "plain",
		"a\nb\x1b[31m\x00":   "a b [31m ",
		long:                 long[:3*clipRunes] + "…",
		long[:3*clipRunes]:   long[:3*clipRunes],
		"\u202ebackwards":    " backwards",
		"\xff":               "\uFFFD",
		"支付宝 ，解决方案：https://": "支付宝 ，解决方案：https://",
	} {
		got := clip(in)
		if got != want {
			t.Errorf("clip(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestEscapeAndBack(t *testing.T) {
	for _, attach := range []string{"", "2610001", "a b", "a+b", "100%", "%2B", "a&b=c", "中文 😀", "a/b?c#d;e"} {
		escaped := escape(attach)
		if strings.ContainsAny(escaped, " +&=;#?/") || unescape(escaped) != attach {
			t.Errorf("%q is escaped as %q and comes back as %q", attach, escaped, unescape(escaped))
		}
	}
	// What somebody sent along without escaping it comes back as it is.
	for _, passback := range []string{"100%", "a+b", "%ff", "a b"} {
		if unescape(passback) != passback {
			t.Errorf("%q comes back as %q", passback, unescape(passback))
		}
	}
}

func TestTimesAreOfBeijingWhateverTheMachineSays(t *testing.T) {
	at := moment("2026-09-01 00:00:01")
	if !at.Equal(time.Date(2026, 8, 31, 16, 0, 1, 0, time.UTC)) {
		t.Fatalf("moment = %v", at)
	}
	if at.Format(timeForm) != "2026-09-01 00:00:01" {
		t.Errorf("it prints as %s", at)
	}
}
