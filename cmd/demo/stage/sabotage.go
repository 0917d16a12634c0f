package stage

import (
	"errors"
	"fmt"
	"strings"
)

// ErrSabotage says that there is no such way to damage the credit script.
var ErrSabotage = errors.New("stage: unknown sabotage")

// sabotages replace one text of the credit script by another.
func sabotages() map[string][2]string {
	return map[string][2]string{
		// Forget that an order was credited: each callback credits again.
		"double": {"o.state == 'credited'", "o.state == 'forgotten'"},
		// Credit the order, and move nothing.
		"lost": {"a.pending + rest", "a.pending + 0"},
	}
}

// sabotage returns a rewriter that damages the credit script, nil for none.
// Errors: ErrSabotage, also when the script no longer has what is replaced.
func sabotage(how string) (func(name, source string) string, error) {
	if how == "" || how == "none" {
		return nil, nil
	}
	damage, known := sabotages()[how]
	if !known {
		return nil, fmt.Errorf("%w: %q", ErrSabotage, how)
	}
	return func(name, source string) string {
		if name != "order_credit" {
			return source
		}
		damaged := strings.ReplaceAll(source, damage[0], damage[1])
		if damaged == source {
			panic(fmt.Sprintf("sabotage %s no longer fits the credit script", how))
		}
		return damaged
	}, nil
}
