package recharge_test

import (
	"context"
	"encoding/json"
	"time"

	"guodu/internal/fen"
	"guodu/transition"
)

// weak is a ledger that fails once, at the call that is asked for: before it
// does anything, or after it has done everything.
type weak struct {
	*transition.Store
	at     int // which call, from 1; 0 for none
	after  bool
	calls  int
	struck string // the call that failed
}

// strike counts a call. It returns what the call is to answer instead, and
// whether it is to work first.
func (w *weak) strike(name string) (work bool, err error) {
	w.calls++
	if w.calls != w.at {
		return true, nil
	}
	w.struck = name
	if w.after {
		return true, transition.ErrUnknownOutcome
	}
	return false, transition.ErrUnavailable
}

func one[T any](w *weak, name string, do func() (T, error)) (got T, err error) {
	work, fault := w.strike(name)
	if work {
		got, err = do()
	}
	if fault != nil {
		var nothing T
		return nothing, fault
	}
	return got, err
}

// pair is what a call with two results returns.
type pair[A, B any] struct {
	a A
	b B
}

func two[A, B any](w *weak, name string, do func() (A, B, error)) (A, B, error) {
	got, err := one(w, name, func() (pair[A, B], error) {
		a, b, err := do()
		return pair[A, B]{a, b}, err
	})
	return got.a, got.b, err
}

func none(w *weak, name string, do func() error) error {
	_, err := one(w, name, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

func (w *weak) CreateOrder(ctx context.Context, n transition.NewOrder) (transition.OrderNo, bool, error) {
	return two(w, "CreateOrder", func() (transition.OrderNo, bool, error) { return w.Store.CreateOrder(ctx, n) })
}

func (w *weak) Prepared(ctx context.Context, no transition.OrderNo, prepay json.RawMessage) error {
	return none(w, "Prepared", func() error { return w.Store.Prepared(ctx, no, prepay) })
}

func (w *weak) Credit(ctx context.Context, c transition.Credit) (transition.Credited, error) {
	return one(w, "Credit", func() (transition.Credited, error) { return w.Store.Credit(ctx, c) })
}

func (w *weak) CloseOrder(ctx context.Context, o transition.Order, merchant string) (transition.OrderState, error) {
	return one(w, "CloseOrder", func() (transition.OrderState, error) { return w.Store.CloseOrder(ctx, o, merchant) })
}

func (w *weak) Order(ctx context.Context, no transition.OrderNo) (transition.Order, error) {
	return one(w, "Order", func() (transition.Order, error) { return w.Store.Order(ctx, no) })
}

func (w *weak) Account(ctx context.Context, no transition.AccountNo) (transition.Account, error) {
	return one(w, "Account", func() (transition.Account, error) { return w.Store.Account(ctx, no) })
}

func (w *weak) OpenCase(ctx context.Context, near string, c transition.Case) (bool, error) {
	return one(w, "OpenCase", func() (bool, error) { return w.Store.OpenCase(ctx, near, c) })
}

func (w *weak) ClaimDue(ctx context.Context, lease time.Duration, limit int) ([]transition.OrderNo, error) {
	return one(w, "ClaimDue", func() ([]transition.OrderNo, error) { return w.Store.ClaimDue(ctx, lease, limit) })
}

func (w *weak) Reschedule(ctx context.Context, no transition.OrderNo, next time.Time) (bool, error) {
	return one(w, "Reschedule", func() (bool, error) { return w.Store.Reschedule(ctx, no, next) })
}

func (w *weak) Case(ctx context.Context, id string) (transition.Case, error) {
	return one(w, "Case", func() (transition.Case, error) { return w.Store.Case(ctx, id) })
}

func (w *weak) CaseOf(ctx context.Context, near, id string) (transition.Case, error) {
	return one(w, "CaseOf", func() (transition.Case, error) { return w.Store.CaseOf(ctx, near, id) })
}

func (w *weak) NoteCase(ctx context.Context, c transition.Case, note string) error {
	return none(w, "NoteCase", func() error { return w.Store.NoteCase(ctx, c, note) })
}

func (w *weak) EndCase(ctx context.Context, c transition.Case, disown bool) error {
	return none(w, "EndCase", func() error { return w.Store.EndCase(ctx, c, disown) })
}

func (w *weak) ReopenCase(ctx context.Context, c transition.Case) error {
	return none(w, "ReopenCase", func() error { return w.Store.ReopenCase(ctx, c) })
}

func (w *weak) RetellCase(ctx context.Context, c transition.Case, near string, all fen.Fen) error {
	return none(w, "RetellCase", func() error { return w.Store.RetellCase(ctx, c, near, all) })
}

func (w *weak) HoldCaseRefund(ctx context.Context, c transition.Case, r transition.CaseRefund) (transition.RefundNo, bool, error) {
	return two(w, "HoldCaseRefund", func() (transition.RefundNo, bool, error) { return w.Store.HoldCaseRefund(ctx, c, r) })
}

func (w *weak) BookSuspended(ctx context.Context, c transition.Case, r transition.OutsideRefund) (bool, error) {
	return one(w, "BookSuspended", func() (bool, error) { return w.Store.BookSuspended(ctx, c, r) })
}

func (w *weak) RebuildOrder(ctx context.Context, c transition.Case, l transition.Lost) error {
	return none(w, "RebuildOrder", func() error { return w.Store.RebuildOrder(ctx, c, l) })
}

func (w *weak) RestateOrder(ctx context.Context, c transition.Case, o transition.Order, amount fen.Fen) error {
	return none(w, "RestateOrder", func() error { return w.Store.RestateOrder(ctx, c, o, amount) })
}

func (w *weak) HoldRefund(ctx context.Context, n transition.NewRefund) (transition.RefundNo, bool, error) {
	return two(w, "HoldRefund", func() (transition.RefundNo, bool, error) { return w.Store.HoldRefund(ctx, n) })
}

func (w *weak) SettleRefund(ctx context.Context, m transition.RefundMade) (bool, bool, error) {
	return two(w, "SettleRefund", func() (bool, bool, error) { return w.Store.SettleRefund(ctx, m) })
}

func (w *weak) SendRefund(ctx context.Context, no transition.RefundNo) (bool, error) {
	return one(w, "SendRefund", func() (bool, error) { return w.Store.SendRefund(ctx, no) })
}

func (w *weak) ReturnRefund(ctx context.Context, no transition.RefundNo, word string, quiet time.Duration) (transition.RefundState, error) {
	return one(w, "ReturnRefund", func() (transition.RefundState, error) { return w.Store.ReturnRefund(ctx, no, word, quiet) })
}

func (w *weak) BookOutside(ctx context.Context, r transition.OutsideRefund) (bool, error) {
	return one(w, "BookOutside", func() (bool, error) { return w.Store.BookOutside(ctx, r) })
}

func (w *weak) Refund(ctx context.Context, no transition.RefundNo) (transition.RefundOrder, error) {
	return one(w, "Refund", func() (transition.RefundOrder, error) { return w.Store.Refund(ctx, no) })
}

func (w *weak) RecentOrders(ctx context.Context, account transition.AccountNo, n int) ([]transition.Order, error) {
	return one(w, "RecentOrders", func() ([]transition.Order, error) { return w.Store.RecentOrders(ctx, account, n) })
}

func (w *weak) Refunds(ctx context.Context, o transition.Order) ([]transition.RefundOrder, error) {
	return one(w, "Refunds", func() ([]transition.RefundOrder, error) { return w.Store.Refunds(ctx, o) })
}

func (w *weak) ClaimRefundsDue(ctx context.Context, lease time.Duration, limit int) ([]transition.RefundNo, error) {
	return one(w, "ClaimRefundsDue", func() ([]transition.RefundNo, error) { return w.Store.ClaimRefundsDue(ctx, lease, limit) })
}

func (w *weak) RescheduleRefund(ctx context.Context, no transition.RefundNo, next time.Time, word string, accepted bool) (bool, error) {
	return one(w, "RescheduleRefund", func() (bool, error) { return w.Store.RescheduleRefund(ctx, no, next, word, accepted) })
}

func (w *weak) ToldRefunded(ctx context.Context, no transition.OrderNo, all fen.Fen) (time.Time, error) {
	return one(w, "ToldRefunded", func() (time.Time, error) { return w.Store.ToldRefunded(ctx, no, all) })
}
