package alipay

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/smartwalle/alipay/v3"

	"guodu/channels"
	"guodu/internal/field"
)

// errUnsigned says that a refusal came without a signature. It does not leave
// this package.
var errUnsigned = errors.New("unsigned")

// errNotOpen says that a trade is not waiting for its payer; why, a query has
// to say. It does not leave this package.
var errNotOpen = errors.New("alipay: trade is not open")

// The ones below give the sub codes that mean more than "refused", per call.
// (统一收单: alipay.trade.create, query, close, refund; alipay.system.oauth.token.) The
// same code has come as ACQ.X, AQC.X, aop.ACQ.X and bare, so they look for the
// part that stays.

func prepayCode(subCode string) error {
	switch {
	case hasAny(subCode, "TRADE_HAS_SUCCESS", "TRADE_HAS_FINISHED"):
		return channels.ErrAlreadyPaid
	case hasAny(subCode, "TRADE_HAS_CLOSE"):
		return channels.ErrOrderClosed
	}
	return channels.ErrRefused
}

func queryCode(subCode string) error {
	if hasAny(subCode, "TRADE_NOT_EXIST") {
		return channels.ErrOrderNotFound
	}
	return channels.ErrRefused
}

func closeCode(subCode string) error {
	switch {
	case hasAny(subCode, "TRADE_NOT_EXIST"):
		return channels.ErrOrderNotFound
	case hasAny(subCode, "TRADE_HAS_SUCCESS", "TRADE_HAS_FINISHED"):
		return channels.ErrAlreadyPaid
	case hasAny(subCode, "TRADE_STATUS_ERROR", "TRADE_STATUS_INVALID", "ILLEGAL_STATUS", "TRADE_HAS_CLOSE"):
		return errNotOpen
	}
	return channels.ErrRefused
}

func refundCode(subCode string) error {
	if hasAny(subCode, "TRADE_HAS_FINISHED", "TRADE_HAS_CLOSE", "TRADE_STATUS_ERROR", "TRADE_NOT_EXIST", "REASON_TRADE_REFUND_FEE_ERR",
		"REFUND_AMT_NOT_EQUAL_TOTAL", "DISCORDANT_REPEAT_REQUEST", "INVALID_PARAMETER", "REASON_TRADE_STATUS_INVALID") {
		return channels.ErrRefused
	}
	// The seller's account, the app's rights, a limit: none of it says that this
	// refund will never be made.
	return channels.ErrNotNow
}

func refundQueryCode(subCode string) error {
	if hasAny(subCode, "TRADE_NOT_EXIST") {
		return channels.ErrRefundNotFound
	}
	return channels.ErrRefused
}

func exchangeCode(subCode string) error {
	if hasAny(subCode, "code-invalid") {
		return channels.ErrCode
	}
	return channels.ErrRefused
}

// node is the answer to one call. Only the fields that the call reads are looked
// at, so all others may have any type.
type node struct {
	field.Object
	names []string
}

// reads is an answer of which these fields are read, beside its code.
func reads(names ...string) *node {
	return &node{names: append(names, "code", "sub_code", "sub_msg")}
}

// UnmarshalJSON implements json.Unmarshaler: the module hands over the bytes whose
// signature it has verified.
func (n *node) UnmarshalJSON(text []byte) (err error) {
	n.Object, err = field.Parse(text, n.names...)
	return err
}

// said is the code of the whole and what goes with it.
func (n *node) said() alipay.Error {
	return alipay.Error{Code: alipay.Code(n.Hint("code")), SubCode: n.Hint("sub_code"), SubMsg: n.Hint("sub_msg")}
}

// ask sends one request and returns nil for a signed success alone. Everything
// else that can come back is folded here: signed refusals are in the answer,
// unsigned ones in the error, and an unsigned success there as well. The
// module's texts are not passed on.
func (c *Channel) ask(ctx context.Context, call, orderNo string, req alipay.Param, into *node, sentinelOf func(subCode string) error) error {
	err := c.request(ctx, req, into)
	var unsigned *alipay.Error
	switch {
	case errors.As(err, &unsigned):
		if unsigned == nil || unsigned.Code == alipay.CodeSuccess {
			return unknown(call, orderNo, "the answer has no signature")
		}
		return fmt.Errorf("%w (%w)", failed(call, orderNo, sentinelOf, *unsigned), errUnsigned)
	case err != nil:
		return unknown(call, orderNo, cause(err))
	}
	if said := into.said(); said.Code != alipay.CodeSuccess && !into.isToken() {
		return failed(call, orderNo, sentinelOf, said)
	}
	return nil
}

// request is the module's Request. If that panics on what came back, the outcome
// is as unknown as after any answer that cannot be read.
func (c *Channel) request(ctx context.Context, req alipay.Param, into *node) (err error) {
	defer func() {
		trouble := recover()
		if trouble != nil {
			err = fmt.Errorf("reading the answer panicked: %v", trouble)
		}
	}()
	return c.client.Request(ctx, req, into)
}

// failed translates an answer that is no success.
func failed(call, orderNo string, sentinelOf func(subCode string) error, said alipay.Error) error {
	return fmt.Errorf("alipay %s %s: %w: %q %q %q", call, orderNo, meaning(said, sentinelOf),
		clip(string(said.Code)), clip(said.SubCode), clip(said.SubMsg))
}

// meaning is what an answer other than success says. Only the codes that the
// document 公共错误码 calls a mistake of the caller are a no.
func meaning(said alipay.Error, sentinelOf func(subCode string) error) error {
	switch said.Code {
	case alipay.CodeInvalidAuthToken, alipay.CodeMissingParam, alipay.CodeInvalidParam,
		alipay.CodeInsufficientConditions, alipay.CodeBusinessFailed, alipay.CodePermissionDenied:
	default:
		return channels.ErrUnknownOutcome
	}
	if passing(said.SubCode) {
		return channels.ErrUnknownOutcome
	}
	return sentinelOf(said.SubCode)
}

// passing says "not now" rather than "no": isp. is trouble on Alipay's side, and
// a SYSTEM_ERROR may come with the work done.
func passing(subCode string) bool {
	return strings.HasPrefix(subCode, "isp.") || hasAny(subCode, "SYSTEM_ERROR", "unknow-error", "unknown-error", "call-limited")
}

func hasAny(subCode string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(subCode, part) {
			return true
		}
	}
	return false
}

// unknown says that Alipay may or may not have acted, and why nobody knows.
func unknown(call, orderNo, why string) error {
	return fmt.Errorf("alipay %s %s: %w: %s", call, orderNo, channels.ErrUnknownOutcome, why)
}

// refused says that a request would be refused, before it is sent.
func refused(call, orderNo, why string) error {
	return fmt.Errorf("alipay %s %q: %w: %s", call, clip(orderNo), channels.ErrRefused, why)
}

// cause is why there was no good answer, fit for an error.
func cause(err error) string { return clip(bare(err).Error()) }

// bare takes off the URL that net/http puts around an error.
func bare(err error) error {
	var addressed *url.Error
	for errors.As(err, &addressed) {
		err = addressed.Err
	}
	return err
}
