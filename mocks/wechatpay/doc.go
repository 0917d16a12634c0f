// Package wechatpay is a simulator of WeChat Pay APIv3 and of the official
// account's side of it (web authorization, access tokens, messages), because
// WeChat Pay has no test environment. It is stateful, it signs and verifies for
// real with its own wire code, and it refuses what the documents say is refused.
// [Behaviours] is the table of what is documented and how far it is done here.
//
// An order goes NOTPAY -> SUCCESS (cashier) or NOTPAY -> CLOSED (merchant);
// nothing leads back, but a refund shows a paid order as REFUND. Each prepay of
// an open order replaces the one before. A refund is PROCESSING, and later
// SUCCESS, CLOSED or ABNORMAL. Payments and refunds are told to the merchant on
// demand ([Sim.Deliver] and its siblings) or, with [Options.AutoDeliver], at
// once and then on WeChat Pay's schedule, which runs on [Options.Clock].
// [Sim.Book] is the truth that an auditor compares the hub with. [Sim.Fail] and
// [Sim.Play] make things go wrong; under /_sim/ a person and a test can look at
// everything and do the same.
//
// Callers: tests of the WeChat channel, whole-system tests, the demo, mockpay.
// It is unfit for production on purpose: it listens on loopback only, its
// default client calls back to loopback only, its key id carries a mark
// ([SimulatorKeyIDPrefix]), and it refuses a caller that says it is in
// production (sim.HeaderEnvironment).
//
// Not simulated: the page's payment directory, snsapi_userinfo, TLS, several
// merchants, reversing a payment by code, applying for an abnormal refund, and
// automatic closing of old orders.
package wechatpay
