package idempotency_test

import (
	"errors"
	"strings"
	"testing"

	"guodu/idempotency"
)

func TestParseKeyTakesWhatHeadersMayHold(t *testing.T) {
	for _, ok := range []string{"12345678", "3f6c1a52-8a5e-4b8e-9f0b-0c8f0d6f8b11", strings.Repeat("a", 64), string(idempotency.NewKey())} {
		key, err := idempotency.ParseKey(ok)
		if err != nil || string(key) != ok {
			t.Errorf("ParseKey(%q) = %q, %v", ok, key, err)
		}
	}
	for _, bad := range []string{"", "1234567", strings.Repeat("a", 65), "with blank", "a\nb\nc\nd\ne", "{p00}:a:1", "一二三四五六七八"} {
		_, err := idempotency.ParseKey(bad)
		if !errors.Is(err, idempotency.ErrKey) {
			t.Errorf("ParseKey(%q) = %v, want ErrKey", bad, err)
		}
	}
}

func TestFingerprintKeepsPartsApart(t *testing.T) {
	a := idempotency.Fingerprint("ab", "c")
	if b := idempotency.Fingerprint("a", "bc"); a == b {
		t.Errorf("both are %s", a)
	}
	if b := idempotency.Fingerprint("ab", "c"); a != b {
		t.Errorf("the same wish gives %s and %s", a, b)
	}
}
