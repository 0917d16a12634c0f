package terminal

import (
	"strings"
	"testing"
)

func TestReasonEndsWithAWholeRune(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ why, want string }{
		"short":           {"a new tap", "a new tap"},
		"as long as may":  {strings.Repeat("a", 200), strings.Repeat("a", 200)},
		"too long":        {strings.Repeat("a", 201), strings.Repeat("a", 200)},
		"within a rune":   {"a" + strings.Repeat("食", 70), "a" + strings.Repeat("食", 66)},
		"before a rune":   {"aa" + strings.Repeat("食", 70), "aa" + strings.Repeat("食", 66)},
		"not runes":       {"\xff" + strings.Repeat("a", 198) + "\xff", "?" + strings.Repeat("a", 198) + "?"},
		"not runes, long": {strings.Repeat("a\xff", 150), strings.Repeat("a?", 100)},
	} {
		if got := bounded(c.why); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
