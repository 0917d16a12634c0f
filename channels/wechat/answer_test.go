package wechat_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"guodu/channels"
)

func TestAnswerSpeaksWeChat(t *testing.T) {
	ch := mustNew(t, config())
	for _, tc := range []struct {
		name    string
		verdict channels.Verdict
		status  int
	}{
		{"accepted", channels.Accepted, 204},
		{"not authentic", channels.NotAuthentic, 401},
		{"unreadable", channels.Unreadable, 400},
		{"too large", channels.TooLarge, 413},
		{"try again", channels.TryAgain, 503},
		{"a verdict of tomorrow", channels.Verdict(99), 503},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			ch.Answer(w, tc.verdict)
			if w.Code != tc.status {
				t.Fatalf("status %d, want %d", w.Code, tc.status)
			}
			if tc.status == 204 {
				if w.Body.Len() != 0 {
					t.Errorf("a 204 with body %q", w.Body)
				}
				return
			}
			var body struct{ Code, Message string }
			err := json.Unmarshal(w.Body.Bytes(), &body)
			if err != nil || body.Code != "FAIL" || body.Message == "" || utf8.RuneCountInString(body.Message) > 64 ||
				!strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
				t.Errorf("answered %q, %v", w.Body, err)
			}
		})
	}
}
