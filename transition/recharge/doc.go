// Package recharge is the life of a recharge order.
//
//	Create ─▶ order durable ─▶ Channel.Prepay ─▶ the payer's sheet
//	callback, query, bill ─▶ Settle ─▶ credited, once
//	                            └────▶ a case: unknown order, mismatch, closed account
//	expired ─▶ Channel.Close ─▶ Close, on the channel's proof
//
// [Service.Settle] is the one way to a credit. Whatever tells of a payment ends
// there, as often as it likes: what a payment must agree with is checked once,
// and the script behind it credits once. What cannot be credited is kept as a
// case, with its money in suspense, before the channel hears "success".
//
// Before any of it [Service.Room] says what the limits leave; afterwards
// [Service.DoublePaid] says which payments look like one made twice.
//
// Callers: binding/web (Room, Create, Order), notify by way of cmd/hub/app (Settle,
// Due, Later, Close). A Service is safe for concurrent use.
package recharge
