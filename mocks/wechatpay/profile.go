package wechatpay

import (
	"errors"
	"fmt"
	"time"
)

// KeyMode is which keys the platform signs with.
type KeyMode string

// The key modes.
const (
	// KeysPublic is a merchant of today: the public key only.
	KeysPublic KeyMode = "public-key"
	// KeysCertificate is a merchant of before: platform certificates only.
	KeysCertificate KeyMode = "certificate"
	// KeysMigrating has both; callbacks take turns.
	KeysMigrating KeyMode = "migrating"
)

// BillFormat is how bills are written.
type BillFormat string

// The bill formats.
const (
	// BillCRLF is the official sample: a byte order mark and CRLF.
	BillCRLF BillFormat = "crlf"
	// BillLF is how real downloads have been seen: no mark, LF.
	BillLF BillFormat = "lf"
)

// Profile is where the documents are silent, old or contradict each other. The
// zero value is what they say today.
type Profile struct {
	// Keys is which platform keys the merchant has. Default KeysPublic.
	Keys KeyMode
	// ExpireLatest cuts time_expire. Default 15 days; older documents say 90.
	ExpireLatest time.Duration
	// RefundAfter is how long a refund is PROCESSING. Default 1 minute; the
	// documents say within five for the balance, up to three days for cards.
	RefundAfter time.Duration
	// RefundSpacing is the time between two refunds of one order. Default 1
	// minute; negative is none.
	RefundSpacing time.Duration
	// BillHour is when, by Beijing's clock, yesterday's bill is there. Default
	// 10; trade bills have been seen at 9. -1 is midnight.
	BillHour int
	// BillLinkLife is how long a download link lives. Default 30 s; newer texts
	// say 5 minutes.
	BillLinkLife time.Duration
	// BillFormat is the bytes around the rows. Default BillCRLF.
	BillFormat BillFormat
	// BillCountsDecimal writes counts as 45.0, which has been seen.
	BillCountsDecimal bool
	// RealDownloadHost puts https://api.mch.weixin.qq.com into download links, as
	// the real server does. The default is the simulator's own address, so that
	// no merchant under test sends its signature to the real one.
	RealDownloadHost bool
	// FeePerTenThousand is the merchant's fee. Default 60, which is 0.60%;
	// negative is none.
	FeePerTenThousand int
	// BillInOrder sorts a bill's rows by time. Real ones come in no order.
	BillInOrder bool
	// BillFourSums gives a SUCCESS bill the four sums of its document. Real ones
	// have the seven of the others.
	BillFourSums bool
	// TidyFields sends every notice and answer in its documented shape. In
	// production the fields that decide nothing come and go and change their type.
	TidyFields bool
	// OffsetsOnly refuses a time_expire that ends in Z, which no document shows
	// and production takes.
	OffsetsOnly bool
	// OldErrorCodes uses the codes of older documents: ORDERNOTEXIST, NOAUTH,
	// RATELIMIT_EXCEEDED.
	OldErrorCodes bool
	// OldTokenHints ends errmsg with "hints: [ req_id: … ]" instead of a rid.
	OldTokenHints bool
	// EmptyAssociatedData leaves associated_data of callbacks empty.
	EmptyAssociatedData bool
	// TokenGrace is how long the access token before the last still works.
	// Default 5 minutes; negative is none.
	TokenGrace time.Duration
	// Rates are requests per second by endpoint, over the documented ones.
	// EndpointRefundFailing is for refunds that are refused. Negative is no limit.
	Rates map[string]int
}

func (p Profile) check() error {
	switch {
	case p.Keys != "" && p.Keys != KeysPublic && p.Keys != KeysCertificate && p.Keys != KeysMigrating:
		return fmt.Errorf("%w: Profile.Keys is %q", ErrOptions, p.Keys)
	case p.BillFormat != "" && p.BillFormat != BillCRLF && p.BillFormat != BillLF:
		return fmt.Errorf("%w: Profile.BillFormat is %q", ErrOptions, p.BillFormat)
	case p.BillHour < -1 || p.BillHour > 23:
		return fmt.Errorf("%w: %w", ErrOptions, errors.New("Profile.BillHour is no hour"))
	}
	return nil
}

// usual puts the documented value where there is none, and 0 for a negative one.
func usual[N int | time.Duration](value *N, documented N) {
	switch {
	case *value == 0:
		*value = documented
	case *value < 0:
		*value = 0
	}
}

func (p Profile) withDefaults() Profile {
	if p.Keys == "" {
		p.Keys = KeysPublic
	}
	if p.BillFormat == "" {
		p.BillFormat = BillCRLF
	}
	usual(&p.ExpireLatest, 15*24*time.Hour)
	usual(&p.RefundAfter, time.Minute)
	usual(&p.RefundSpacing, time.Minute)
	usual(&p.BillHour, 10)
	usual(&p.BillLinkLife, 30*time.Second)
	usual(&p.FeePerTenThousand, 60)
	usual(&p.TokenGrace, 5*time.Minute)
	return p
}
