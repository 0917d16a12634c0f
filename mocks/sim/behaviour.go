package sim

import (
	"errors"
	"fmt"
	"slices"
)

// ErrUnknownBehaviour says that a number is not in the table.
var ErrUnknownBehaviour = errors.New("simulator: unknown behaviour")

// Status is how far a documented behaviour is simulated.
type Status string

// The statuses of a behaviour.
const (
	Implemented Status = "implemented"
	Simplified  Status = "simplified"
	Not         Status = "not"
)

// Behaviour is one thing that the real gateway is documented to do.
type Behaviour struct {
	Number int    `json:"number"`
	Name   string `json:"name"`
	// Text is what the documents say, in our words.
	Text   string `json:"text"`
	Status Status `json:"status"`
	// Limits says what a simplified one lacks.
	Limits string `json:"limits,omitempty"`
	// Test is the Go test that fails when the behaviour is switched off.
	Test string `json:"test,omitempty"`
}

// Behaviours is a gateway's table, in the order of the numbers.
type Behaviours []Behaviour

// Switches are the behaviours that are off. Nil is none.
type Switches map[int]bool

// Does says whether a behaviour is on.
func (s Switches) Does(number int) bool { return !s[number] }

// Without makes the switches for everything but some numbers.
// Errors: ErrUnknownBehaviour.
func (b Behaviours) Without(numbers []int) (Switches, error) {
	off := Switches{}
	for _, n := range numbers {
		if !slices.ContainsFunc(b, func(each Behaviour) bool { return each.Number == n && each.Status != Not }) {
			return nil, fmt.Errorf("switch off %d: %w", n, ErrUnknownBehaviour)
		}
		off[n] = true
	}
	return off, nil
}

// Difference is a point at which documents and production have been seen to
// differ.
type Difference struct {
	Point      string `json:"point"`
	Documents  string `json:"documents"`
	Production string `json:"production"`
	// Live says that a simulator without options follows production, and not the
	// documents.
	Live bool `json:"live"`
	// Switch is the field of the Profile that changes that, or
	// "Options.Without N", N being a behaviour.
	Switch string `json:"switch"`
}

// Default is what a simulator without options follows.
func (d Difference) Default() string {
	if d.Live {
		return "production"
	}
	return "documents"
}
