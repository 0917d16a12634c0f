// Package pos is the edge at which terminals meet the transition balance:
// /pos/v1 (docs/pos-v1.md).
//
// A request is believed in this order: size, signature (RFC 9421, Ed25519, by
// a terminal that runs), then its content. The nonce of a request that moves
// money is used up inside the money script itself; nothing here remembers
// anything. Answers are signed by the hub and name the request's nonce.
//
//	registered ─▶ running ─▶ suspended, lost, retired      a terminal
//
// An [Authorisation] is the hub's signed permission to write one load on one
// card once. It is made from what the tap script stored, so a repeat of the
// tap gets the same bytes, and it comes back with the result as evidence.
//
// Callers: cmd/hub/app mounts [Handler]; `hub terminals` keeps the [Registry].
package pos
