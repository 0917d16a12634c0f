package alipay

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// maxTotalFen is 100 million yuan. (Source: alipay.trade.create, total_amount.)
const maxTotalFen = 100_000_000 * 100

// yuanForm keeps the digits few enough for an int64 of fen.
var yuanForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,13})(\.[0-9]{1,2})?$`)

// parseYuan reads an amount in yuan, at most two decimals, as fen.
func parseYuan(text string) (fen int64, ok bool) {
	if !yuanForm.MatchString(text) {
		return 0, false
	}
	whole, cents, _ := strings.Cut(text, ".")
	fen, err := strconv.ParseInt(whole+(cents + "00")[:2], 10, 64)
	return fen, err == nil
}

// yuan writes fen the way Alipay does: always two decimals.
func yuan(fen int64) string { return fmt.Sprintf("%d.%02d", fen/100, fen%100) }
