// Package alipay is a simulator of Alipay: of gateway.do (key or certificate
// mode, RSA2), of web authorization, of the H5 cashier, of the cashier in the
// app, of payment by bar code, of refunds, of bills and of the life account's
// messages. The public sandbox needs an account and the internet, refunds once,
// has made-up bills and does not misbehave on request. This one is stateful, it
// signs and verifies for real with its own wire code, it refuses what the
// documents say is refused, and it can be as rude as the real thing.
//
// A trade goes WAIT_BUYER_PAY -> TRADE_SUCCESS (a person pays) -> TRADE_FINISHED
// (a year later), or to TRADE_CLOSED from either: unpaid by the merchant or by
// its own timeout, paid by a refund of everything. Nothing leads back. It begins
// with alipay.trade.create or alipay.trade.pay or, for alipay.trade.wap.pay,
// only when somebody logs in at the cashier. What happens to it is told on
// demand ([Sim.Deliver] and its siblings) or, with [Options.AutoDeliver], by the
// documented schedule on the simulator's clock. [Sim.Book] is the truth that an
// auditor compares the hub with.
//
// [Behaviours] is what real gateways do and lazy simulators skip; each can be
// switched off ([Options.Without]). What the documents leave open is a
// [Profile]. [Sim.Fail] makes an endpoint or a notify misbehave, [Sim.Play]
// plays a named scenario out of scenarios/, and the handler serves /_sim/ for
// the person and the test on this machine (see package sim).
//
// Callers: tests of the Alipay channel, whole-system tests, the demo and
// cmd/mockpay. It is unfit for production on purpose: it listens on loopback
// only, calls back to loopback only by default, marks its answers and its keys
// ([SimulatorExponent]), and refuses a caller that says it is in production.
//
// Not simulated: content encryption, split settlement, several merchants and
// apps at once, trade.precreate and trade.page.pay, the app gateway's messages
// (follow, menu), bank deposit-backs, and TLS.
package alipay
