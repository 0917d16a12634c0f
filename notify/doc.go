// Package notify is how guodu learns that money was paid: pushed by a
// channel's callback ([Handler]), or pulled by asking the channel about orders
// that stay silent ([Poller]).
//
// Both end in the same settlement, so it does not matter which comes first,
// how often, or whether one never comes. The Handler answers a channel only
// after the settlement is durable; what it answers is a table of its own
// (verdict). The Poller asks at 5 s, 30 s, 1, 3, 5, 10 and 30 minutes, closes
// an order at the channel when its time is over, and believes only the
// channel's proof that nothing was paid. Each channel has a lane of its own and a
// rate that orders and refunds share ([Rates]).
//
// What came and what it was answered goes to a [Journal], for people: behind the
// answer, bounded, and lost rather than waited for ([Recorder]).
//
// notify knows no Redis and no ledger: what settles, and which orders are due,
// it is told by small interfaces that cmd/hub/app wires to transition/recharge.
package notify
