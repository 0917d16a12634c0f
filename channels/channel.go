package channels

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"guodu/internal/fen"
)

// Sentinels that callers branch on. Adapters wrap them with what happened;
// none of the texts holds a secret, a header or a full payer id.
var (
	// ErrUnknownOutcome says that the channel may or may not have acted: a
	// timeout, a 5xx, a broken body, a 2xx whose signature fails. It is never
	// "failed": ask again with the same number.
	ErrUnknownOutcome = errors.New("channel: outcome unknown")
	// ErrRefused says that the channel understood the request and will not do
	// it, now or later, in this form.
	ErrRefused = errors.New("channel: refused")
	// ErrOrderNotFound says that the channel does not know the order. It is
	// not proof on its own: error answers are not signed.
	ErrOrderNotFound = errors.New("channel: order not found")
	// ErrAlreadyPaid says that an order cannot be prepaid or closed because
	// it was paid. Query it.
	ErrAlreadyPaid = errors.New("channel: order is paid")
	// ErrOrderClosed says that the channel holds the order as closed.
	ErrOrderClosed = errors.New("channel: order is closed")
	// ErrNotice says that a callback is not authentic: signature, timestamp or
	// serial. Nobody proved to be the channel; believe nothing of it.
	ErrNotice = errors.New("channel: notice is not authentic")
	// ErrProbe stands beside ErrNotice where the channel itself sent a signature
	// that must not hold, to see whether signatures are checked. Refusing it is
	// all there is to do.
	ErrProbe = errors.New("a probe of the channel's")
	// ErrMalformed says that a callback cannot be read although it is
	// authentic, or is not of the channel's form at all.
	ErrMalformed = errors.New("channel: notice cannot be read")
	// ErrUnproven stands beside ErrMalformed where a callback was refused before
	// its signature was verified: anybody may have sent it.
	ErrUnproven = errors.New("nobody proved to have sent it")
	// ErrTooLarge says that a callback's body is above the channel's limit.
	// Nothing of it was looked at.
	ErrTooLarge = errors.New("channel: notice is too large")
	// ErrNotOurs says that an authentic callback is of a kind that guodu does
	// not handle.
	ErrNotOurs = errors.New("channel: notice of another kind")
	// ErrCode says that an OAuth code is used, expired or not the channel's.
	// Start the authorization again.
	ErrCode = errors.New("channel: authorization code is not valid")
	// ErrVirtualPayer says that the channel gave a stand-in for a person, such
	// as WeChat's snapshot user. It must be neither bound nor charged.
	ErrVirtualPayer = errors.New("channel: payer is not a real user")
)

// Channel is a way in which a holder pays. Implementations are safe for
// concurrent use, keep to ctx, and never retry a call whose outcome is
// unknown on their own.
type Channel interface {
	// Name is the channel's short name ("wechat"), the same for ever: it is
	// stored with each order.
	Name() string

	// Merchant is the merchant's number and the app's, joined by a slash. An
	// order is known to the merchant that made it and to no other, so this is
	// stored with each order too.
	Merchant() string

	// Prepay makes the channel ready to be paid for the order, or says why
	// not. Repeating it with an identical request is safe.
	// Errors: ErrRefused, ErrAlreadyPaid, ErrOrderClosed, ErrUnknownOutcome.
	Prepay(ctx context.Context, req PrepayRequest) (Prepay, error)

	// Query asks for the present state of an order.
	// Errors: ErrOrderNotFound, ErrRefused, ErrUnknownOutcome.
	Query(ctx context.Context, orderNo string) (Payment, error)

	// Close makes an unpaid order unpayable for ever; nil is the channel's
	// proof of that. Closing twice is safe.
	// Errors: ErrAlreadyPaid, ErrOrderNotFound, ErrRefused, ErrUnknownOutcome.
	Close(ctx context.Context, orderNo string) error
}

// Notifier is a channel that tells of payments by a signed callback.
type Notifier interface {
	// ParseNotify verifies a callback and translates it. It checks the cheap
	// things first (form, time, serial), then the signature, and only then
	// reads the content; it never calls out and never panics.
	// Errors: ErrTooLarge, ErrNotice, ErrMalformed, ErrNotOurs.
	ParseNotify(ctx context.Context, header http.Header, body []byte) (Payment, error)

	// Answer writes the reply to a callback in the channel's own words.
	Answer(w http.ResponseWriter, verdict Verdict)
}

// Verdict is what guodu says to a callback.
type Verdict int

// The verdicts, in the order of the table in docs/architecture.md.
const (
	// Accepted ends the channel's repeats: the fact is durable here.
	Accepted Verdict = iota
	// NotAuthentic refuses a callback that nobody signed properly.
	NotAuthentic
	// Unreadable refuses a callback that cannot be parsed or is of no known kind.
	Unreadable
	// TooLarge refuses a body above the limit.
	TooLarge
	// TryAgain asks for a repeat: something of ours is down, or the outcome
	// of our own write is unknown.
	TryAgain
)

// OAuth is a channel that can tell who is looking at a page.
type OAuth interface {
	// AuthorizeURL is where to send the browser; it comes back to redirectURL
	// with a code and the state unchanged.
	AuthorizeURL(state, redirectURL string) string
	// Exchange turns a code into a payer. A code works once; after an error
	// start again rather than repeat it.
	// Errors: ErrCode, ErrVirtualPayer, ErrRefused, ErrUnknownOutcome.
	Exchange(ctx context.Context, code string) (Payer, error)
}

// Payer is a person as one channel knows them. Printed, logged or put into
// JSON it is its Hint, so a record stores Kind and ID as fields of its own.
// fmt cannot see that in an unexported field of another struct: never print
// such a struct.
type Payer struct {
	// Kind is what sort of id it is ("openid"); ids of different kinds are
	// never compared with each other.
	Kind string
	// ID is the channel's id for the person. Personal: it belongs in no log.
	ID string
}

// Hint is a form of the payer that may be logged: the kind and the last four
// characters.
func (p Payer) Hint() string {
	return p.Kind + ":" + hint(p.ID)
}

// String is Hint, so that a payer in a log line is not a leak.
func (p Payer) String() string { return p.Hint() }

// GoString is Hint as well, for %#v.
func (p Payer) GoString() string { return p.Hint() }

// LogValue is Hint, for a payer that is a log attribute itself.
func (p Payer) LogValue() slog.Value { return slog.StringValue(p.Hint()) }

// MarshalText is Hint, for a payer inside a logged struct: there slog looks at
// the JSON and text forms and not at LogValue.
func (p Payer) MarshalText() ([]byte, error) { return []byte(p.Hint()), nil }

// Page is a channel that can also be paid outside its app, in any browser, on
// a page of the channel's own.
type Page interface {
	// PrepayPage makes the address of that page, as Params["url"]. It needs no
	// payer and calls nobody: until somebody has opened the page the channel
	// may not know the order (ErrOrderNotFound). Repeating it with an identical
	// request is safe. An order goes one way, by Prepay or by PrepayPage, and
	// never changes over.
	// Errors: ErrRefused.
	PrepayPage(ctx context.Context, req PrepayRequest) (Prepay, error)
}

// PrepayRequest is what an order says to its channel. It is stored with the
// order before it is sent, so that a repeat is identical to the byte.
type PrepayRequest struct {
	OrderNo     string    `json:"order_no"`
	Amount      fen.Fen   `json:"amount_fen"`
	Description string    `json:"description"`
	Attach      string    `json:"attach"` // comes back with the payment: the account
	PayerID     string    `json:"payer_id"`
	PayerKind   string    `json:"payer_kind,omitempty"` // for channels that know more than one kind
	NotifyURL   string    `json:"notify_url"`
	Expires     time.Time `json:"expires"`
	// ReturnURL is where a page of the channel's own sends the browser when it
	// is done ([Page]). The channel adds to its query what proves nothing.
	ReturnURL string `json:"return_url,omitempty"`
}

// Prepay is what the payer's page needs to pay.
type Prepay struct {
	// Handle is the channel's own name for the prepared payment (WeChat:
	// prepay_id). It is worth storing and dies after hours.
	Handle string
	// Params are what the page hands to the channel's app, ready signed.
	// WeChat: the six fields of getBrandWCPayRequest. Alipay: tradeNO of
	// tradePay. A page outside the app: url.
	Params map[string]string
}

// State is what a channel says of an order.
type State string

// The states of a Payment.
const (
	// Unpaid is not paid so far; it may still be.
	Unpaid State = "unpaid"
	// Paid is paid, whatever was refunded later (see Payment.Refunded).
	Paid State = "paid"
	// Closed is not paid and unpayable for ever.
	Closed State = "closed"
)

// Payment is what a channel says, by whichever way, of one order.
type Payment struct {
	Channel       string
	Merchant      string // whose keys proved it, as in Channel.Merchant
	OrderNo       string
	TransactionID string // the channel's number; empty unless Paid
	State         State
	Amount        fen.Fen // what the order was paid with, coupons included
	Currency      string  // "CNY", or the payment moves nothing
	Payer         Payer   // zero where the channel does not say
	Attach        string
	SuccessTime   time.Time // when the payer paid, by the channel's clock

	// Misdirected names what of app or merchant is not ours ("appid",
	// "mchid"); empty if all agrees. Such a payment opens a case.
	Misdirected string

	// Refunded says that the channel told of refunds on this order. Refunds
	// lists them where the channel says how much each was, and RefundNos where it
	// names them and no more; with Refunded set and both empty, or with RefundNos
	// alone, they must be learned before the order may be credited.
	Refunded  bool
	Refunds   []Refund
	RefundNos []string
	// RefundedTotal is the sum of all refunds of the order so far, where the
	// channel says it; otherwise 0.
	RefundedTotal fen.Fen
}

// Refund is one refund as a channel tells of it, known by its number.
type Refund struct {
	No     string
	Amount fen.Fen
	Time   time.Time
}

// String names a verdict in logs.
func (v Verdict) String() string {
	switch v {
	case Accepted:
		return "accepted"
	case NotAuthentic:
		return "not_authentic"
	case Unreadable:
		return "unreadable"
	case TooLarge:
		return "too_large"
	default:
		return "try_again"
	}
}
