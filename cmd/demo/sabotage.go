package main

import (
	"fmt"
	"strings"
)

// sabotage returns a rewriter that damages the credit script, or nil.
func sabotage(how string) func(name, source string) string {
	damage := map[string][2]string{
		// Forget that an order was credited: each callback credits again.
		"double": {"o.state == 'credited'", "o.state == 'forgotten'"},
		// Credit the order, and move nothing.
		"lost": {"a.pending + rest", "a.pending + 0"},
	}[how]
	if damage[0] == "" {
		return nil
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
	}
}
