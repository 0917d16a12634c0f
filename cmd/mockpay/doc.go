// Command mockpay runs the simulators of WeChat Pay and Alipay for somebody
// else's shop: with fresh keys, on loopback, rude by default.
//
//	go run ./cmd/mockpay                         both, and a ready configuration
//	go run ./cmd/mockpay --calm                  nothing goes wrong by itself
//	go run ./cmd/mockpay --scenario refund-outside --seed 7
//	go run ./cmd/mockpay --state shop.json       the same world after a restart
//	go run ./cmd/mockpay scenarios               what can go wrong on request
//	go run ./cmd/mockpay fidelity                what is simulated, as Markdown
//
// The help address (printed) documents it all at /, and gives a merchant's
// configuration, keys included, at /merchant.json. Each simulator has its own
// pages and its admin for programs below /_sim/. Nothing here moves money, and
// the keys carry marks that a production system can refuse.
//
// mocks/README.md has the limits, examples in several languages, and the table
// of what is simulated.
package main
