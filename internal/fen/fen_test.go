package fen_test

import (
	"errors"
	"testing"

	"guodu/internal/fen"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     fen.Fen
		err      error
	}{
		{"whole yuan", "50", 5000, nil},
		{"one decimal", "50.5", 5050, nil},
		{"two decimals", "33.33", 3333, nil},
		{"one fen", "0.01", 1, nil},
		{"the largest amount", "10000000000.00", fen.Max, nil},
		{"one fen above the largest", "10000000000.01", 0, fen.ErrRange},
		{"finer than a fen", "0.001", 0, fen.ErrRange},
		{"a third decimal, though it is zero", "5.000", 0, fen.ErrRange},
		{"exponent", "1e2", 0, fen.ErrSyntax},
		{"minus", "-1", 0, fen.ErrSyntax},
		{"plus", "+1", 0, fen.ErrSyntax},
		{"blank before", " 1", 0, fen.ErrSyntax},
		{"no digits before the point", ".5", 0, fen.ErrSyntax},
		{"no digits after the point", "5.", 0, fen.ErrSyntax},
		{"two points", "1.2.3", 0, fen.ErrSyntax},
		{"thousands separator", "1,000", 0, fen.ErrSyntax},
		{"full-width digits", "５０", 0, fen.ErrSyntax},
		{"empty", "", 0, fen.ErrSyntax},
		{"far too long", "00000000000000000001", 0, fen.ErrSyntax},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := fen.Parse(tc.in)
			if !errors.Is(err, tc.err) || got != tc.want {
				t.Fatalf("Parse(%q) = %d, %v; want %d, %v", tc.in, got, err, tc.want, tc.err)
			}
		})
	}
}

func TestParseIntTakesOnlyTheCanonicalForm(t *testing.T) {
	for in, want := range map[string]fen.Fen{"0": 0, "-5": -5, "1000000000000": fen.Max} {
		got, err := fen.ParseInt(in)
		if err != nil || got != want {
			t.Errorf("ParseInt(%q) = %d, %v; want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "01", "+1", "1.0", "1e3", "-0", "1000000000001", "9223372036854775808"} {
		got, err := fen.ParseInt(in)
		if err == nil {
			t.Errorf("ParseInt(%q) = %d, want an error", in, got)
		}
	}
}

func TestYuanAndParseAreInverse(t *testing.T) {
	for _, f := range []fen.Fen{0, 1, 10, 99, 100, 3333, 7000, fen.Max} {
		back, err := fen.Parse(f.Yuan())
		if err != nil || back != f {
			t.Errorf("Parse(%q) = %d, %v; want %d", f.Yuan(), back, err, f)
		}
	}
	if got := fen.Fen(-5).Yuan(); got != "-0.05" {
		t.Errorf("Fen(-5).Yuan() = %q, want -0.05", got)
	}
}
