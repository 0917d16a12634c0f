package transition

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// AccountNo is the number of a holder's card account: 1 to 32 of [0-9A-Za-z].
type AccountNo string

// OrderNo is the number of a recharge order, 25 characters (docs/keys.md).
type OrderNo string

// RefundNo is the number of a refund that the hub asks for: R and the form of
// an order number, 26 characters. It names the partition of its order.
type RefundNo string

// LoadNo is the number of a load: partition and ULID, 28 characters.
type LoadNo string

// CardUID is what the card's chip calls itself: 4 to 32 of [0-9A-Za-z].
type CardUID string

// ErrNumber says that a text is not a number of the kind asked for.
var ErrNumber = errors.New("not a valid number")

const (
	orderDigits  = 25
	loadDigits   = 28
	crockford    = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// ParseAccountNo checks an account number from outside.
// Errors: ErrNumber.
func ParseAccountNo(text string) (AccountNo, error) {
	if !word(text, 1) {
		return "", fmt.Errorf("account %.40q: %w", text, ErrNumber)
	}
	return AccountNo(text), nil
}

// ParseCardUID checks a card's UID from outside.
// Errors: ErrNumber.
func ParseCardUID(text string) (CardUID, error) {
	if !word(text, 4) {
		return "", fmt.Errorf("card uid %.40q: %w", text, ErrNumber)
	}
	return CardUID(text), nil
}

// NewOrderNo makes the number of a new order of the account. The random part
// holds 80 bits, so two orders never meet.
func NewOrderNo(account AccountNo, now time.Time) OrderNo {
	return newOrderNo(partitionOf(account), now)
}

func newOrderNo(p partition, now time.Time) OrderNo {
	var random [10]byte
	_, _ = rand.Read(random[:]) // never fails: it ends the program instead
	body := now.In(Beijing()).Format("060102") + p.digits() + base32.NewEncoding(crockford).EncodeToString(random[:])
	return OrderNo(body + string(checkCharacter(body)))
}

// ParseOrderNo checks a number from outside. A number that passes may still
// belong to no order.
// Errors: ErrNumber.
func ParseOrderNo(text string) (OrderNo, error) {
	bad := fmt.Errorf("order %.40q: %w", text, ErrNumber)
	if len(text) != orderDigits || strings.Trim(text, alphanumeric) != "" {
		return "", bad
	}
	if checkCharacter(text[:orderDigits-1]) != text[orderDigits-1] {
		return "", bad
	}
	_, err := partitionDigits(text[6:8])
	if err != nil {
		return "", bad
	}
	return OrderNo(text), nil
}

// partition is the slot that the number itself names.
// Errors: ErrNumber.
func (o OrderNo) partition() (partition, error) {
	if len(o) != orderDigits {
		return 0, fmt.Errorf("order %.40q: %w", string(o), ErrNumber)
	}
	return partitionDigits(string(o[6:8]))
}

// NewRefundNo makes the number of a new refund to the account.
func NewRefundNo(account AccountNo, now time.Time) RefundNo {
	return RefundNo("R" + string(NewOrderNo(account, now)))
}

// ParseRefundNo checks a number from outside.
// Errors: ErrNumber.
func ParseRefundNo(text string) (RefundNo, error) {
	body, found := strings.CutPrefix(text, "R")
	if !found {
		return "", fmt.Errorf("refund %.40q: %w", text, ErrNumber)
	}
	_, err := ParseOrderNo(body)
	if err != nil {
		return "", fmt.Errorf("refund %.40q: %w", text, ErrNumber)
	}
	return RefundNo(text), nil
}

// partition is the slot that the number itself names.
// Errors: ErrNumber.
func (r RefundNo) partition() (partition, error) {
	if len(r) != orderDigits+1 {
		return 0, fmt.Errorf("refund %.40q: %w", string(r), ErrNumber)
	}
	return OrderNo(r[1:]).partition()
}

// newLoadNo makes the number of a new load in the partition.
func newLoadNo(p partition, now time.Time) LoadNo {
	return LoadNo(p.digits() + ulid.MustNew(ulid.Timestamp(now), rand.Reader).String())
}

// ParseLoadNo checks a load number from outside.
// Errors: ErrNumber.
func ParseLoadNo(text string) (LoadNo, error) {
	bad := fmt.Errorf("load %.40q: %w", text, ErrNumber)
	if len(text) != loadDigits {
		return "", bad
	}
	_, err := partitionDigits(text[:2])
	if err != nil {
		return "", bad
	}
	_, err = ulid.ParseStrict(text[2:])
	if err != nil {
		return "", bad
	}
	return LoadNo(text), nil
}

// partition is the slot that the number itself names.
// Errors: ErrNumber.
func (l LoadNo) partition() (partition, error) {
	if len(l) != loadDigits {
		return 0, fmt.Errorf("load %.40q: %w", string(l), ErrNumber)
	}
	return partitionDigits(string(l[:2]))
}

func partitionDigits(two string) (partition, error) {
	n, err := strconv.ParseUint(two, 10, 8)
	if err != nil || n >= Partitions || two[0] == '+' {
		return 0, ErrNumber
	}
	return partition(n), nil
}

// checkCharacter is that of ISO 7064 MOD 37,36 over digits and capital
// letters; it finds every single wrong character and nearly every swap.
func checkCharacter(body string) byte {
	const m = 36
	p := m
	for i := range len(body) {
		s := (p + strings.IndexByte(alphanumeric, body[i])) % m
		if s == 0 {
			s = m
		}
		p = s * 2 % (m + 1)
	}
	return alphanumeric[(m+1-p)%m]
}

var words = regexp.MustCompile(`^[0-9A-Za-z]+$`)

// word says whether a text is of letters and digits, at most 32.
func word(text string, shortest int) bool {
	return len(text) >= shortest && len(text) <= 32 && words.MatchString(text)
}
