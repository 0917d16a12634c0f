package redisx

import (
	"context"
	"strings"
)

// Plain is a Lua script without a head. It goes when the last script has one.
type Plain struct{ *Text }

// NewPlain joins the parts (shared fragments first, the body last) to one script.
func NewPlain(name string, parts ...string) *Plain {
	t := &Text{name: name, text: strings.Join(parts, "\n")}
	for i, text := range strings.Split(t.text, "\n") {
		t.lines = append(t.lines, line{text, name, i + 1})
	}
	return &Plain{t}
}

// Run runs the script once and returns its reply, a flat list of strings.
func (r *Runner) Run(ctx context.Context, s *Plain, keys []string, args ...string) ([]string, error) {
	return r.run(ctx, s.Text, keys, args...)
}
