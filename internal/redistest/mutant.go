package redistest

import (
	"regexp"
	"strings"

	"guodu/internal/redisx"
)

// Mutant is a script without one of its writes.
type Mutant struct {
	Script, What string
	Source       string // for a redisx.RunnerOptions.Rewrite
}

// Commands that write, as scripts here use them.
var writes = regexp.MustCompile(`redis\.call\('(?:HSET|HSETNX|HDEL|HINCRBY|INCR|RPUSH|LPUSH|LTRIM|SET|SETRANGE|SADD|SREM|DEL|ZADD|ZREM|ZREMRANGEBY\w+|XADD|PEXPIRE)'[^\n]*`)

// Mutants are the scripts of a library, each with one write taken out, those of its
// includes too.
func Mutants(l *redisx.Library) []Mutant {
	var all []Mutant
	for _, script := range l.Scripts() {
		source := script.Source()
		for _, at := range writes.FindAllStringIndex(source, -1) {
			what := source[at[0]:at[1]]
			all = append(all, Mutant{script.Name(), what,
				"local nop = function() return 1 end\n" + source[:at[0]] + strings.Replace(what, "redis.call", "nop", 1) + source[at[1]:]})
		}
	}
	return all
}

// Rewrite puts the mutant in the place of its script.
func (m Mutant) Rewrite(name, source string) string {
	if name == m.Script {
		return m.Source
	}
	return source
}
