package alipay_test

import (
	"net/http/httptest"
	"testing"

	"guodu/channels"
)

func TestAnswerSpeaksAlipay(t *testing.T) {
	ch := mustNew(t, config())
	for _, tc := range []struct {
		name    string
		verdict channels.Verdict
		status  int
		word    string
	}{
		{"accepted", channels.Accepted, 200, "success"},
		{"not authentic", channels.NotAuthentic, 401, "fail"},
		{"unreadable", channels.Unreadable, 400, "fail"},
		{"too large", channels.TooLarge, 413, "fail"},
		{"try again", channels.TryAgain, 503, "fail"},
		{"a verdict of tomorrow", channels.Verdict(99), 503, "fail"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			ch.Answer(w, tc.verdict)
			if w.Code != tc.status || w.Body.String() != tc.word {
				t.Fatalf("answered %d %q, want %d %q and not a byte more", w.Code, w.Body, tc.status, tc.word)
			}
		})
	}
}
