package fen

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// Fen is an amount of money in fen, 1/100 yuan. It may be negative where a
// movement has a direction; amounts in requests are always above zero.
type Fen int64

// Max is the largest amount that any balance or request may reach: 10^12 fen.
// It is far below 2^53, so a Lua number holds every balance and every sum of
// two balances exactly.
const Max Fen = 1_000_000_000_000

var (
	// ErrSyntax says that a text is not a plain decimal amount in yuan.
	ErrSyntax = errors.New("fen: not an amount in yuan")
	// ErrRange says that an amount is finer than a fen or larger than Max.
	ErrRange = errors.New("fen: amount out of range")
)

// maxText bounds what Parse looks at; "10000000000.00" has 14 characters.
const maxText = 16

// Parse reads an amount in yuan as people and bills write it: digits, then at
// most two decimals ("50", "50.0", "33.33"). Signs, exponents, blanks,
// separators and a third decimal are refused with ErrSyntax or ErrRange, so
// that "1e2" or "0.001" never becomes an amount that nobody meant.
func Parse(yuan string) (Fen, error) {
	if yuan == "" || len(yuan) > maxText {
		return 0, fmt.Errorf("parse %.20q: %w", yuan, ErrSyntax)
	}
	whole, fraction, dotted := strings.Cut(yuan, ".")
	if !digits(whole) || (dotted && !digits(fraction)) {
		return 0, fmt.Errorf("parse %q: %w", yuan, ErrSyntax)
	}
	amount, err := decimal.NewFromString(yuan)
	if err != nil {
		return 0, fmt.Errorf("parse %q: %w", yuan, ErrSyntax)
	}
	cents := amount.Shift(2)
	if len(fraction) > 2 || cents.GreaterThan(decimal.NewFromInt(int64(Max))) {
		return 0, fmt.Errorf("parse %q: %w", yuan, ErrRange)
	}
	return Fen(cents.IntPart()), nil
}

// ParseInt reads a whole number of fen as Redis and the wire hold it: an
// optional minus, digits, no leading zeros, within ±Max.
func ParseInt(text string) (Fen, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != text {
		return 0, fmt.Errorf("parse %.24q as fen: %w", text, ErrSyntax)
	}
	if Fen(n) > Max || Fen(n) < -Max {
		return 0, fmt.Errorf("parse %q as fen: %w", text, ErrRange)
	}
	return Fen(n), nil
}

// Yuan writes the amount in yuan with two decimals: 3333 becomes "33.33".
func (f Fen) Yuan() string {
	return decimal.New(int64(f), -2).StringFixed(2)
}

// String writes the bare number of fen, as keys, scripts and the wire hold it.
func (f Fen) String() string {
	return strconv.FormatInt(int64(f), 10)
}

func digits(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return s != ""
}
