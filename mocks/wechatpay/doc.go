// Package wechatpay is a simulator of WeChat Pay APIv3 (public-key mode) and
// of the official account's web authorization, because WeChat Pay has no test
// environment. It is stateful, it signs and verifies for real with its own wire
// code, and it refuses what the documents say is refused.
//
// An order goes NOTPAY -> SUCCESS (cashier) or NOTPAY -> CLOSED (merchant);
// nothing leads back. Each prepay of an open order replaces the one before. A
// payment is told to the merchant only on demand ([Sim.Deliver] and its
// siblings) or, with [Options.AutoDeliver], once. [Sim.Book] is the truth that
// an auditor compares the hub with; [Sim.Fail] makes an endpoint misbehave.
//
// Callers: tests of the WeChat channel, whole-system tests, and the demo. It
// is unfit for production on purpose: it listens on loopback only, its default
// client calls back to loopback only, and its key id carries a mark
// ([SimulatorKeyIDPrefix]) that a production configuration can refuse.
//
// Not simulated: refunds, bills, platform certificates, coupons, rate limits
// of their own accord, the callback retry schedule, the page's payment
// directory, snsapi_userinfo, TLS, several merchants, automatic closing of old
// orders, and survival of a restart.
package wechatpay
