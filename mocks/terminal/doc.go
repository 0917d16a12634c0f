// Package terminal is a simulator of a point-of-sale terminal and of the campus
// card on it, because neither can be had in a test. It speaks the protocol of
// docs/pos-v1.md with signing and verifying code and JSON types of its own, so
// that a mistake in the hub's cannot hide behind the same one here.
//
// A terminal is registered at the hub, and runs from its first
// [Terminal.SignIn]. A tap goes TAP -> HOLD_RECEIVED -> WRITE_INTENT ->
// WRITE_RESULT -> ACKED, or from one of the first two to ABANDONED; each record
// is on the terminal's disk before the next step, and the hub hears of an
// ABANDONED tap only after that. [Options.Before] ends the terminal between any
// two [Steps] as a power cut would: memory is gone, card and disk stay, and a
// new [Terminal] on the same directory takes over with [Terminal.Resume]. On the
// disk are the journal, the reservation of message numbers (numbers.json), what
// the hub told (told.json) and what it has of the journal (delivered.json).
//
// A [Card] is a file of one of four profiles; it tears a write on demand
// ([Card.Tear]), and other machines spend from it and load it.
// [Terminal.Raw] sends requests that are spoilt in exactly one thing
// ([SpoilKinds]).
//
// Callers: tests of the hub's POS side, whole-system tests, the demo and
// cmd/terminal. Unfit for production on purpose.
//
// Simplified: MAC and TAC of electronic purses are placeholders without keys
// ([Placeholder]); the radio has no timing; an abort that is owed goes out with
// the next Resume and not in the background; the repair write of a desk is not
// in the journal, as the hub asks for it again. Not simulated: TLS, and the
// meal's own payment to the campus card system (only what it does to the card).
package terminal
