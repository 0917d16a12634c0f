// Package alipay is the adapter for Alipay's open gateway (gateway.do, key mode,
// RSA2) and for the life account's OAuth.
//
// [New] gives a [Channel], which is a channels.Channel, a channels.Notifier, a
// channels.OAuth and a channels.Page. It translates and decides nothing about
// money. Calls and signatures go through smartwalle/alipay; its answers are read
// into this package's own types, because the module's break on a number that
// comes as a string.
//
// Callers: cmd/hub/app builds it; recharge, notify and binding/web use it
// through package channels.
//
// Traps:
//   - Code 10000 says that a request was processed, never that somebody paid.
//   - Errors of the gateway itself are not signed, errors of the trade product
//     sometimes are. Either is what somebody said, never proof; an unsigned
//     success is an unknown outcome.
//   - TRADE_CLOSED is a trade that nobody paid in time, or one that was paid and
//     refunded in full. A payment date tells the second; see [Channel.Query].
//     TRADE_FINISHED is paid.
//   - A partial refund does not show in a query. A notice tells the sum of all
//     refunds and the number of the last, so it never names one with its amount.
//   - total_amount counts. receipt_amount is lower when somebody else paid part.
//   - A notice has no stamp that proves it fresh: notify_time is signed, and a
//     genuine repeat may come a day later. An old notice is harmless because an
//     order is credited once.
//   - passback_params comes back in notices and not, as a rule, in a query.
//   - In key mode no message says which key signed it, so the few that are believed
//     are tried in turn ([Channel.SetKeys]).
//   - smartwalle/alipay stamps requests by the machine's clock.
package alipay
