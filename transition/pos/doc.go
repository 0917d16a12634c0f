// Package pos is the edge at which terminals meet the transition balance:
// /pos/v1 (docs/pos-v1.md).
//
// A request is believed in this order: declared size, signature over its headers
// (RFC 9421, by a key of the terminal's record), its body by the signed digest, its
// number ([Registry.Take]), the terminal's state, then its content. The nonce of a request that moves money is used up inside
// the money script itself, of any other in [Nonces]. Answers are signed and name
// the request's nonce.
//
//	registered ─▶ running ─▶ suspended ─▶ running, lost, retired    a terminal
//
// An authorisation ([Authorise]) is the hub's signed permission to write one load
// on one card once. It is made from what the tap script stored, so a repeat of
// the tap gets the same bytes, and it comes back with the result as evidence. The
// same evidence comes once more, late and in any order, as the terminal's
// journal; what of that cannot be believed is kept for people.
//
// Callers: cmd/hub/app mounts [Handler]; `hub terminals` keeps the [Registry].
package pos
