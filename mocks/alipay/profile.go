package alipay

import "time"

// Profile is what the documents leave open, contradict each other about, or
// were seen to be wrong about. The zero value is what the newest document says;
// where there is none, what was seen or what is safest for a merchant to face.
type Profile struct {
	// UnsignedBusinessErrors leaves the sign off 40004 errors too. The real
	// gateway has been seen doing either.
	UnsignedBusinessErrors bool
	// TimestampWindow refuses requests whose timestamp is further than this
	// from the real clock. 0 is no limit: the documents of gateway.do name none.
	TimestampWindow time.Duration
	// NoBuyerCode is the sub code of a create that names no buyer. Empty:
	// ACQ.INVALID_PARAMETER.
	NoBuyerCode string
	// CallsPerSecond is how many calls one app may make, then 40005. 0 is no
	// limit.
	CallsPerSecond int

	// TidyHeader sends notices under the documented Content-Type. Production has
	// been seen with "text/html" among its parameters.
	TidyHeader bool
	// TidyFields sends every notice and answer in its documented shape. In
	// production the fields that decide nothing come and go and change their type.
	TidyFields bool
	// NoDashes refuses "-" in an out_trade_no, as documents say. Production takes
	// it.
	NoDashes bool

	// NotifyRefunds tells of refunds, as documents until 2023 say and new ones
	// deny. A full one comes as TRADE_CLOSED.
	NotifyRefunds bool
	// NotifyClosings tells of trades that were closed unpaid, likewise.
	NotifyClosings bool
	// RefundWindow is when a paid trade finishes. 0 is 365 days.
	RefundWindow time.Duration
	// RefundSpacing is how long after a refund another one of the same trade is
	// refused. 0 is 3 s; negative is none.
	RefundSpacing time.Duration
	// RefundTooSoonCode is the sub code then. Empty: ACQ.SYSTEM_ERROR, which
	// asks to repeat the same request later.
	RefundTooSoonCode string
	// CancelWindow is how long after its beginning a trade can be cancelled. 0
	// is 24 hours.
	CancelWindow time.Duration

	// BarCodeLife is how long a payment code works. 0 is a minute.
	BarCodeLife time.Duration
	// PasswordAboveFen is the amount above which a payment by code wants a
	// password. 0 is 100000 (1000 yuan).
	PasswordAboveFen int64
	// CodeLife is how long an authorization code works. 0 is 3 minutes, the
	// shortest that documents name; others say up to a day.
	CodeLife time.Duration
	// TokenSeconds is expires_in. 0 is 1296000, 15 days; 300 has been seen with
	// auth_base.
	TokenSeconds int
	// TokenErrorResponse puts errors of oauth.token into error_response, as
	// older gateways do.
	TokenErrorResponse bool
	// DenyParameter is the query parameter with which somebody who refuses an
	// authorization comes back. Empty: error_scope.
	DenyParameter string

	// LiveBillCodes answers isp.bill_not_exist and invalid_arguments, as seen in
	// production, instead of the documented BILL_NOT_EXIST and INVAILID_ARGUMENTS.
	LiveBillCodes bool
	// EmptyBillFile answers a day without trades with a file without rows, and
	// bill_file_code EMPTY_DATA_WITH_BILL_FILE, instead of NO_BILL_DATA.
	EmptyBillFile bool
	// BillLF ends lines with LF instead of CRLF.
	BillLF bool
	// BillQuotes puts a name with a comma into quotes. Without it the comma
	// shifts the columns, as has been seen.
	BillQuotes bool
	// SummaryFirst puts the summary in front of the details.
	SummaryFirst bool
	// FeeBasisPoints is Alipay's fee in hundredths of a percent of what the
	// merchant receives; 0 is none, negative in the bill.
	FeeBasisPoints int64
	// Registered is the day before which there are no bills. Zero is 2016-01-01.
	Registered time.Time

	// NoTemplateCode is the sub code of a message after a template that the
	// merchant has not. Empty: MSG_TEMPLATE_NOT_EXIST, as in production;
	// documents have PUB.MSG_TEMPLATE_NOT_EXIST.
	NoTemplateCode string
	// NotFollowerCode is the sub code of a message to somebody who does not
	// follow the life account. Empty: PUB.USER_NOT_FOLLOW.
	NotFollowerCode string
	// MessagesPerDay is how many messages one person gets, then
	// PUB.MSG_BATCH_SD_OVER. 0 is 100.
	MessagesPerDay int
}

// complete puts the documented values where nothing else is asked for.
func (p *Profile) complete() {
	orText(&p.NoBuyerCode, "ACQ.INVALID_PARAMETER")
	orText(&p.RefundTooSoonCode, "ACQ.SYSTEM_ERROR")
	orText(&p.DenyParameter, "error_scope")
	orText(&p.NoTemplateCode, "MSG_TEMPLATE_NOT_EXIST")
	orText(&p.NotFollowerCode, "PUB.USER_NOT_FOLLOW")
	orNumber(&p.RefundWindow, 365*24*time.Hour)
	orNumber(&p.RefundSpacing, 3*time.Second)
	orNumber(&p.CancelWindow, 24*time.Hour)
	orNumber(&p.BarCodeLife, time.Minute)
	orNumber(&p.CodeLife, 3*time.Minute)
	orNumber(&p.PasswordAboveFen, 100_000)
	orNumber(&p.TokenSeconds, 15*24*3600)
	orNumber(&p.MessagesPerDay, 100)
	if p.Registered.IsZero() {
		p.Registered = time.Date(2016, 1, 1, 0, 0, 0, 0, beijing)
	}
}

func orText(field *string, otherwise string) {
	if *field == "" {
		*field = otherwise
	}
}

func orNumber[N ~int | ~int64](field *N, otherwise N) {
	if *field == 0 {
		*field = otherwise
	}
}
