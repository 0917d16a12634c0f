package transition

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestPartitionIsFNV1aOfTheAccountNumber(t *testing.T) {
	for account, want := range map[AccountNo]partition{"2026000001": 40, "2026000002": 33, "A1": 7} {
		if got := partitionOf(account); got != want {
			t.Errorf("partition of %s is %d, want %d", account, got, want)
		}
	}
}

func TestOrderNumberCarriesDayPartitionAndCheck(t *testing.T) {
	// 17:00 UTC is the next day in Beijing.
	no := NewOrderNo("A1", time.Date(2026, 11, 23, 17, 0, 0, 0, time.UTC))
	if len(no) != 25 || !strings.HasPrefix(string(no), "26112407") {
		t.Fatalf("order number %s, want 25 characters that start with 26112407", no)
	}
	parsed, err := ParseOrderNo(string(no))
	if err != nil || parsed != no {
		t.Fatalf("ParseOrderNo(%s) = %s, %v", no, parsed, err)
	}
	for i := range len(no) {
		wrong := []byte(no)
		wrong[i] = alphanumeric[(strings.IndexByte(alphanumeric, wrong[i])+1)%len(alphanumeric)]
		_, err := ParseOrderNo(string(wrong))
		if !errors.Is(err, ErrNumber) {
			t.Errorf("ParseOrderNo(%s) takes a wrong character %d", wrong, i)
		}
	}
}

func TestNumbersFromOutsideAreChecked(t *testing.T) {
	for _, bad := range []string{"", "SHOP-77", strings.Repeat("9", 25), "261123{p}0000000000000001", strings.Repeat("A", 26)} {
		if _, err := ParseOrderNo(bad); !errors.Is(err, ErrNumber) {
			t.Errorf("ParseOrderNo(%q) = %v", bad, err)
		}
		if _, err := ParseLoadNo(bad); !errors.Is(err, ErrNumber) {
			t.Errorf("ParseLoadNo(%q) = %v", bad, err)
		}
	}
	for _, bad := range []string{"", "_house", "a:b", "{p00}", strings.Repeat("1", 33), "é"} {
		if _, err := ParseAccountNo(bad); !errors.Is(err, ErrNumber) {
			t.Errorf("ParseAccountNo(%q) = %v", bad, err)
		}
		if _, err := ParseCardUID(bad); !errors.Is(err, ErrNumber) {
			t.Errorf("ParseCardUID(%q) = %v", bad, err)
		}
	}
}
