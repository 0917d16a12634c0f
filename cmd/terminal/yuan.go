package main

import (
	"fmt"
	"strconv"
	"strings"
)

// yuan is an amount in fen as people write it.
func yuan(fen int64) string {
	sign := ""
	if fen < 0 {
		sign, fen = "-", -fen
	}
	return fmt.Sprintf("%s%d.%02d", sign, fen/100, fen%100)
}

// money is an amount on the command line: 12, 12.5 or 12.50 yuan.
type money int64

// UnmarshalText reads yuan.
func (m *money) UnmarshalText(text []byte) error {
	whole, part, dot := strings.Cut(string(text), ".")
	if dot && (part == "" || len(part) > 2) {
		return fmt.Errorf("%q is no amount of yuan", text)
	}
	fen, err := strconv.ParseUint(whole+(part + "00")[:2], 10, 48)
	if err != nil || whole == "" {
		return fmt.Errorf("%q is no amount of yuan", text)
	}
	*m = money(fen)
	return nil
}
