package simtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"guodu/mocks/sim"
)

// Shapes tells in which ways many messages were sent: of which types their fields
// were, and in which order. Its zero value has seen none.
type Shapes struct {
	messages int
	seen     map[string]map[string]int
	orders   map[string]bool
}

// Add looks at one message, a JSON object. Fields of objects inside get names
// with dots.
func (s *Shapes) Add(t testing.TB, message []byte) {
	t.Helper()
	o := sim.ObjectOf(message)
	if o == nil {
		t.Fatalf("%s is no object", message)
	}
	if s.seen == nil {
		s.seen, s.orders = map[string]map[string]int{}, map[string]bool{}
	}
	s.messages++
	var names []string
	for _, m := range o {
		names = append(names, m.Name)
		s.note(m.Name, m.Value)
	}
	s.orders[strings.Join(names, " ")] = true
}

func (s *Shapes) note(name string, value json.RawMessage) {
	if s.seen[name] == nil {
		s.seen[name] = map[string]int{}
	}
	s.seen[name][kindOf(value)]++
	for _, m := range sim.ObjectOf(value) {
		s.note(name+"."+m.Name, m.Value)
	}
}

// kindOf is the JSON type of a value, and of what a text has inside. Texts that
// are times differ by how they end.
func kindOf(value json.RawMessage) string {
	var v any
	_ = json.Unmarshal(value, &v) // ObjectOf has read it before
	text, isText := v.(string)
	switch {
	case !isText:
		return fmt.Sprintf("%T", v)
	case len(text) > len("2006-01-02T15:04:05") && text[10] == 'T':
		return "time ending in " + text[len("2006-01-02T15:04:05"):]
	case json.Unmarshal([]byte(text), &v) == nil:
		return fmt.Sprintf("text of %T", v)
	}
	return "text"
}

// Ways are the ways in which a field was sent; absence is one.
func (s *Shapes) Ways(name string) []string {
	ways, sent := slices.Sorted(maps.Keys(s.seen[name])), 0
	for _, n := range s.seen[name] {
		sent += n
	}
	if sent < s.messages {
		ways = append(ways, "absent")
	}
	return ways
}

// Want wants each of the fields to have come in several ways, and the messages
// in many orders of fields.
func (s *Shapes) Want(t testing.TB, what string, fields ...string) {
	t.Helper()
	for _, name := range fields {
		if ways := s.Ways(name); len(ways) < 2 {
			t.Errorf("%s: %s is always %v", what, name, ways)
		}
	}
	if len(s.orders) < s.messages/2 {
		t.Errorf("%s: %d messages have their fields in %d orders", what, s.messages, len(s.orders))
	}
}
