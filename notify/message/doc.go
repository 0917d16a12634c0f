// Package message tells people what became of their money: paid, on the card,
// refunded. It is best effort, off every path on which money moves: who calls
// [Teller.Tell] never waits and hears of no failure.
//
//	credited, refunded, confirmed ─▶ Tell ─▶ queue ─▶ to whom? ─▶ told before? ─▶ Messenger
//	                                           └─ full: dropped, counted
//
// An event is told at most once, by whichever hub: it is marked on the ephemeral
// Redis before it is sent. So what nobody can know to have been sent is not sent
// again, a Redis that is away means no message, and one that was lost forgets.
// Only after a channel's clear "not now" is there another try.
//
// Callers: cmd/hub/app, which says who is told ([Audience]) and by which channel.
package message
