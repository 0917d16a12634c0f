package alipay

import (
	"errors"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// Charsets that the gateway speaks, as it writes them in a notify.
const (
	charsetUTF8 = "utf-8"
	charsetGBK  = "GBK"
)

var errCharset = errors.New("alipay simulator: text is not in its charset")

// charsetOf recognizes a charset however it is capitalized.
func charsetOf(name string) (string, bool) {
	switch {
	case strings.EqualFold(name, charsetUTF8):
		return charsetUTF8, true
	case strings.EqualFold(name, charsetGBK):
		return charsetGBK, true
	}
	return "", false
}

// toBytes writes text in the charset; what GBK cannot hold is replaced.
func toBytes(charset, text string) string {
	if known, _ := charsetOf(charset); known != charsetGBK {
		return text
	}
	out, err := encoding.ReplaceUnsupported(simplifiedchinese.GBK.NewEncoder()).String(text)
	if err != nil {
		return text // replaced before it could fail
	}
	return out
}

// toText reads bytes that came in the charset. Errors: errCharset.
func toText(charset, raw string) (string, error) {
	if charset != charsetGBK {
		if !utf8.ValidString(raw) {
			return "", errCharset
		}
		return raw, nil
	}
	out, err := simplifiedchinese.GBK.NewDecoder().String(raw)
	if err != nil || strings.ContainsRune(out, utf8.RuneError) {
		return "", errCharset
	}
	return out, nil
}
