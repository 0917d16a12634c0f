package wechat

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"guodu/channels"
)

// A Channel without its parts panics when it looks at the clock, which stands
// for whatever bug a hostile callback may find.
func TestParseNotifySurvivesItsOwnPanic(t *testing.T) {
	header := http.Header{
		"Wechatpay-Timestamp": {"1788235200"}, "Wechatpay-Nonce": {"n"},
		"Wechatpay-Serial": {"s"}, "Wechatpay-Signature": {"x"},
	}
	got, err := (&Channel{}).ParseNotify(context.Background(), header, nil)
	if !errors.Is(err, channels.ErrMalformed) || !strings.Contains(err.Error(), "panicked") || got.OrderNo != "" {
		t.Fatalf("ParseNotify = %v, %v", got, err)
	}
}

func TestClipMakesOneBoundedPrintableLine(t *testing.T) {
	long := make([]rune, 500)
	for i := range long {
		long[i] = '字'
	}
	for in, want := range map[string]string{
		"plain":                   "plain",
		"a\nb\x1b[31m\x00":        "a b [31m ",
		"\xff":                    "\uFFFD",
		string(long):              string(long[:160]) + "…",
		string(long[:clipRunes]):  string(long[:160]),
		"\u202egnitirw sdrawkcab": " gnitirw sdrawkcab",
	} {
		got := clip(in)
		if got != want {
			t.Errorf("clip(%q) = %q, want %q", in, got, want)
		}
	}
}
