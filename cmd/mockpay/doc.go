// Command mockpay runs the simulators of WeChat Pay, of Alipay and of a
// university's login for somebody else's shop, or for a hub: with fresh keys, on
// loopback, rude by default.
//
//	go run ./cmd/mockpay                         all, and a ready hub.yaml
//	go run ./cmd/mockpay --calm                  nothing goes wrong by itself
//	go run ./cmd/mockpay --scenario refund-outside --seed 7
//	go run ./cmd/mockpay --state shop.json       the same world after a restart
//	go run ./cmd/mockpay --tidy                  as documents say, not as production does
//	go run ./cmd/mockpay --hub DIR               hub.yaml with every file that it names
//	go run ./cmd/mockpay --tail                  a line for each request and callback
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
