package transition

import (
	"fmt"
	"strconv"
	"strings"
)

// Cursor is a place in what all partitions tell, a number for each; 0 is the
// beginning. As text it is "7:12,33:4": partitions at 0 are left out.
type Cursor [Partitions]int64

// String implements fmt.Stringer.
func (c Cursor) String() string {
	var text strings.Builder
	for p, n := range c {
		if n == 0 {
			continue
		}
		if text.Len() > 0 {
			text.WriteByte(',')
		}
		text.WriteString(strconv.Itoa(p) + ":" + strconv.FormatInt(n, 10))
	}
	return text.String()
}

// ParseCursor reads a cursor as String writes it, and nothing else: what a hub gave
// out comes back as it was.
// Errors: ErrNumber.
func ParseCursor(text string) (Cursor, error) {
	var c Cursor
	if text == "" {
		return c, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		place, number, _ := strings.Cut(part, ":")
		p, err := strconv.Atoi(place)
		n, wrong := strconv.ParseInt(number, 10, 64)
		if err != nil || wrong != nil || p < 0 || p >= Partitions || n > versionMax || n < 0 {
			return Cursor{}, fmt.Errorf("cursor %.40q: %w", text, ErrNumber)
		}
		c[p] = n
	}
	if c.String() != text {
		return Cursor{}, fmt.Errorf("cursor %.40q: %w", text, ErrNumber)
	}
	return c, nil
}
