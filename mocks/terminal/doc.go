// Package terminal is a simulator of a point-of-sale terminal and of the campus
// card on it, because neither can be had in a test. It speaks the protocol of
// docs/pos-v1.md with signing and verifying code and JSON types of its own, so
// that a mistake in the hub's cannot hide behind the same one here.
//
// A tap goes TAP -> HOLD_RECEIVED -> WRITE_INTENT -> WRITE_RESULT -> ACKED, or
// from one of the first two to ABANDONED; each record is on the terminal's disk
// before the next step. [Options.Before] ends the terminal between any two
// steps as a power cut would: memory is gone, card and journal stay, and a new
// [Terminal] on the same directory takes over with [Terminal.Resume]. The card
// tears a write on demand ([Card.Tear]); [Terminal.Raw] sends requests that are
// spoilt in exactly one thing ([SpoilKinds]).
//
// Callers: tests of the hub's POS side, whole-system tests, the demo and
// cmd/terminal. Unfit for production on purpose.
//
// Not simulated: cards with a counter shared with other machines, MAC and TAC
// of electronic purses, hmac-sha256 terminals, journal upload in batches,
// deletion of old journal records, TLS, the meal's own payment to the campus
// card system (only what it does to the card), and the radio's timing.
package terminal
