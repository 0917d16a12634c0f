// Package transition holds the transition balance (过渡余额): money that a
// holder has paid and that is not yet on the card.
//
// It is the only writer of money keys. Every movement is one Lua script over
// one partition's keys, which changes all of them or none: the account, its
// entries, the trial balance, and the order or load that caused it. The Go
// side chooses keys, calls the script and turns its reply into types; it
// decides nothing about money.
//
//	created ─▶ prepared ─▶ credited        an order; closed on the channel's
//	    └─────────┴─────▶ closed ─▶ credited   proof, credited even then
//
//	pending ─▶ HELD ─▶ CONFIRMED           a load; the card's counter decides
//	            ├▶ IN_DOUBT ─▶ (the next tap)
//	            └▶ WRITTEN  ─▶ (the next tap)
//
// [Store.Credit] is how paid money becomes pending, once an order;
// [Store.Tap] and [Store.Result] are how pending money becomes the card's;
// [Verify] derives every number again from the entries.
// docs/keys.md is the contract of the data, docs/load-protocol.md that of the
// card.
//
// Callers: transition/recharge (orders), transition/pos (taps), cmd/hub
// (import, verify). A Store is safe for concurrent use, also by several hubs
// on one Redis.
package transition
