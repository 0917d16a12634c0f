package alipay

import (
	"errors"
	"fmt"

	"guodu/mocks/sim"
)

// State is a trade's trade_status.
type State string

// The states of a trade. Nothing leads back: a closed one may never have been
// paid, or have been refunded in full; a finished one can be refunded no more.
const (
	StateWait     State = "WAIT_BUYER_PAY"
	StateSuccess  State = "TRADE_SUCCESS"
	StateClosed   State = "TRADE_CLOSED"
	StateFinished State = "TRADE_FINISHED"
)

// What a trade answers to an attempt. [Sim.Pay] and its siblings return these,
// wrapped.
var (
	ErrUnknownOrder = fmt.Errorf("alipay: %w", sim.ErrUnknownOrder)
	ErrOrderPaid    = errors.New("alipay simulator: trade is paid")
	ErrOrderClosed  = errors.New("alipay simulator: trade is closed")
	ErrOrderExpired = errors.New("alipay simulator: trade timed out unpaid")
	ErrBuyer        = errors.New("alipay simulator: buyer is not the trade's")
	ErrNotPaid      = errors.New("alipay simulator: trade is not paid")
	ErrFinished     = errors.New("alipay simulator: trade is finished")
	ErrTooMuch      = errors.New("alipay simulator: more than there is to refund")
)

var (
	errTermsDiffer = errors.New("alipay simulator: repeated with another amount or subject")
	errBornExpired = errors.New("alipay simulator: time_expire is in the past")
	errFull        = errors.New("alipay simulator: full")
	errOtherRefund = errors.New("alipay simulator: refund repeated with another amount")
	errTooSoon     = errors.New("alipay simulator: refund too soon after another")
	errNeedsNo     = errors.New("alipay simulator: part of a refund without out_request_no")
	errTooLate     = errors.New("alipay simulator: too late to cancel")
	errRefunded    = errors.New("alipay simulator: cancelled after a refund")
)
