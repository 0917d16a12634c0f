package channels

import (
	"context"
	"errors"
	"net/http"
	"time"

	"guodu/internal/fen"
)

// Sentinels of refunds, beside ErrRefused and ErrUnknownOutcome.
var (
	// ErrRefundNotFound says that the channel knows of no refund of this number.
	// It proves nothing as long as a request for it may be under way.
	ErrRefundNotFound = errors.New("channel: refund not found")
	// ErrNotNow says that the channel understood a refund, or a message, and does
	// not make it for now: its account has too little money, a limit was reached,
	// another one of the order is too recent. Ask again with the same number.
	ErrNotNow = errors.New("channel: not now")
)

// Refunder is a channel that can give money back the way it came. A refund is
// known by its number, everywhere.
type Refunder interface {
	// Refund asks for a refund, or for the same one again: with an identical
	// request there is never a second one. Most channels accept first and make
	// it later, so the answer is where it stands.
	// Errors: ErrNotNow, ErrUnknownOutcome; ErrRefused, after which QueryRefund
	// says whether there is such a refund all the same.
	Refund(ctx context.Context, req RefundRequest) (RefundStatus, error)

	// QueryRefund asks where a refund stands, whoever asked for it.
	// Errors: ErrRefundNotFound, ErrRefused, ErrUnknownOutcome.
	QueryRefund(ctx context.Context, orderNo, refundNo string) (RefundStatus, error)

	// RefundPause is how long the channel wants between two refunds of one order.
	RefundPause() time.Duration
}

// RefundNotifier is a channel that tells of refunds by callbacks of their own,
// beside those of payments.
type RefundNotifier interface {
	// ParseRefund is ParseNotify for a refund's callback.
	// Errors: ErrTooLarge, ErrNotice, ErrMalformed, ErrNotOurs.
	ParseRefund(ctx context.Context, header http.Header, body []byte) (RefundStatus, error)

	// Answer writes the reply to a callback in the channel's own words.
	Answer(w http.ResponseWriter, verdict Verdict)
}

// RefundRequest is what a refund says to its channel. It is stored with the
// refund before it is sent, so that a repeat is identical to the byte.
type RefundRequest struct {
	OrderNo   string  `json:"order_no"`
	RefundNo  string  `json:"refund_no"`
	Amount    fen.Fen `json:"amount_fen"`
	Total     fen.Fen `json:"total_fen"` // what the order was paid with
	Reason    string  `json:"reason,omitempty"`
	NotifyURL string  `json:"notify_url,omitempty"` // for channels that tell of refunds by themselves
}

// RefundState is where a refund stands at the channel.
type RefundState string

// The states of a refund at the channel.
const (
	// RefundProcessing is accepted and under way.
	RefundProcessing RefundState = "processing"
	// RefundMade is made: the money has left.
	RefundMade RefundState = "made"
	// RefundClosed is not made, and never will be under this number.
	RefundClosed RefundState = "closed"
	// RefundAbnormal is neither: the payer's account does not take it. A person
	// at the merchant has to decide.
	RefundAbnormal RefundState = "abnormal"
)

// RefundStatus is what a channel says, by whichever way, of one refund.
type RefundStatus struct {
	Channel   string
	Merchant  string // as in Payment
	OrderNo   string
	No        string // the merchant's number of it
	ChannelNo string // the channel's own; empty if it has none
	State     RefundState
	Amount    fen.Fen
	Time      time.Time // when it was made, by the channel's clock; zero if it does not say
	// Misdirected names what of the merchant is not ours, as in Payment.
	Misdirected string
}
