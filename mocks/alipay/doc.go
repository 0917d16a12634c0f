// Package alipay is a simulator of Alipay's gateway.do (key mode, RSA2), of its
// web authorization and of its H5 cashier, because the public sandbox needs an
// account and the internet and does not misbehave on request. It is stateful,
// it signs and verifies for real with its own wire code, and it refuses what
// the documents say is refused.
//
// A trade goes WAIT_BUYER_PAY -> TRADE_SUCCESS (cashier) or WAIT_BUYER_PAY ->
// TRADE_CLOSED (merchant, or its own timeout); nothing leads back. It begins
// with alipay.trade.create, or, for alipay.trade.wap.pay, only when somebody
// logs in at the cashier. A payment is told on demand ([Sim.Deliver] and its
// siblings) or, with [Options.AutoDeliver], once. [Sim.Book] is the truth that
// an auditor compares the hub with; [Sim.Fail] makes an endpoint misbehave.
//
// Callers: tests of the Alipay channel, whole-system tests, and the demo. It is
// unfit for production on purpose: it listens on loopback only, and its default
// client calls back to loopback only.
//
// Not simulated: refunds, cancels, bar codes, bills, messages, certificates,
// content encryption, discounts, refresh tokens, auth_user, users who refuse an
// authorization, rate limits of their own accord, the notify retry schedule,
// TLS, several merchants, and survival of a restart.
package alipay
