package fen_test

import (
	"errors"
	"math/big"
	"regexp"
	"testing"

	"guodu/internal/fen"
)

var plain = regexp.MustCompile(`^[0-9]+(\.[0-9]{1,2})?$`)

// FuzzParse holds that a text is an amount only if it is digits with at most two
// decimals, that the amount is exactly what the text says, and that everything
// else is one of the two errors.
func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		got, err := fen.Parse(text)
		if err != nil {
			if got != 0 || !errors.Is(err, fen.ErrSyntax) && !errors.Is(err, fen.ErrRange) {
				t.Fatalf("Parse(%q) = %d, %v", text, got, err)
			}
			return
		}
		if !plain.MatchString(text) {
			t.Fatalf("Parse(%q) = %d, and it is no plain amount", text, got)
		}
		said, _ := new(big.Rat).SetString(text)
		if said.Mul(said, big.NewRat(100, 1)).Cmp(new(big.Rat).SetInt64(int64(got))) != 0 || got > fen.Max {
			t.Fatalf("Parse(%q) = %d", text, got)
		}
		if back, err := fen.Parse(got.Yuan()); err != nil || back != got {
			t.Fatalf("Parse(%q) = %d, and %q is %d, %v", text, got, got.Yuan(), back, err)
		}
	})
}
