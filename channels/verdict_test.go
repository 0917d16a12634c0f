package channels_test

import (
	"testing"

	"guodu/channels"
)

func TestAVerdictHasANameInLogs(t *testing.T) {
	t.Parallel()
	for verdict, want := range map[channels.Verdict]string{
		channels.Accepted: "accepted", channels.NotAuthentic: "not_authentic", channels.Unreadable: "unreadable",
		channels.TooLarge: "too_large", channels.TryAgain: "try_again", channels.Verdict(99): "try_again",
	} {
		if got := verdict.String(); got != want {
			t.Errorf("verdict %d is called %q, want %q", verdict, got, want)
		}
	}
}
