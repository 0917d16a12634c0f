package app

import (
	"context"
	"errors"
	"time"

	"guodu/channels"
	"guodu/notify"
	"guodu/transition"
	"guodu/transition/recharge"
)

// dueOrders shows the order life to notify, which knows no ledger.
type dueOrders struct {
	service *recharge.Service
	books   *transition.Store
}

// Settle implements notify.Settler.
func (d dueOrders) Settle(ctx context.Context, p channels.Payment, source string) (channels.Outcome, error) {
	return d.service.Settle(ctx, p, source)
}

// Due implements notify.Orders.
func (d dueOrders) Due(ctx context.Context, lease time.Duration, limit int) ([]notify.Due, error) {
	orders, err := d.service.Due(ctx, lease, limit)
	due := make([]notify.Due, 0, len(orders))
	for _, o := range orders {
		due = append(due, notify.Due{No: string(o.No), Channel: o.Channel, Merchant: o.Merchant, Created: o.Created, Expires: o.Expires})
	}
	return due, err
}

// Later implements notify.Orders.
func (d dueOrders) Later(ctx context.Context, no string, next time.Time) error {
	return d.service.Later(ctx, transition.OrderNo(no), next)
}

// RefundsDue implements notify.Refunds.
func (d dueOrders) RefundsDue(ctx context.Context, lease time.Duration, limit int) ([]notify.DueRefund, error) {
	numbers, err := d.service.RefundsDue(ctx, lease, limit)
	errs := []error{err}
	due := make([]notify.DueRefund, 0, len(numbers))
	for _, no := range numbers {
		r, err := d.books.Refund(ctx, no)
		if err != nil {
			errs = append(errs, err) // it stays claimed; the others do not wait for it
			continue
		}
		due = append(due, notify.DueRefund{No: string(no), Channel: r.Channel, Merchant: r.Merchant, At: r.At})
	}
	return due, errors.Join(errs...)
}

// AskRefund implements notify.Refunds.
func (d dueOrders) AskRefund(ctx context.Context, no string) error {
	return d.service.AskRefund(ctx, transition.RefundNo(no))
}

// SettleRefund implements notify.RefundSettler.
func (d dueOrders) SettleRefund(ctx context.Context, status channels.RefundStatus, source string) (channels.Outcome, error) {
	return d.service.SettleRefund(ctx, status, source)
}

// Close implements notify.Orders.
func (d dueOrders) Close(ctx context.Context, no, merchant string) error {
	_, err := d.service.Close(ctx, transition.OrderNo(no), merchant)
	return err
}

// Unasked implements notify.Orders.
func (d dueOrders) Unasked(ctx context.Context, no string) error {
	return d.service.Unasked(ctx, transition.OrderNo(no))
}
