// Package web is what a holder sees: plain pages under /h5/{channel}/ that
// work inside the channel's own app.
//
//	bind      OAuth with state ─▶ portal user name and password ─▶ bound
//	recharge  what the limits leave ─▶ amount ─▶ order ─▶ the app's pay sheet ─▶ the order's page
//	refunds   an order and an amount ─▶ held ─▶ the channel ─▶ back the way it came
//	doubles   the second of two payments in a minute ─▶ back, in one step
//	card      what is pending, what is owed, the way to unbind and to log out
//	bindings  who is bound to the account; the holder's password ends another's binding
//
// A page knows the payer only from the session, into which the channel's OAuth
// put them; nothing of a request says who somebody is. Before that a browser
// carries what is needed itself, signed, and nothing is stored for it. A session is
// renewed whenever its payer proves something or gives it up; one that has ended
// stays dead, whatever runs at that moment. Each form carries the session's CSRF token, a form that orders or refunds also an idempotency key,
// so that a double tap gives one; where the outcome of an order is unknown, a
// button posts the same key again. An order's page follows the order in the
// books, never what the app returned.
//
// Texts are in Chinese first. Passwords pass through to the portal and are in
// no log, no page and no session; how often they may be guessed is the guard's.
// Style and script are files under /h5/static: the Content-Security-Policy
// allows nothing inline.
//
// Callers: cmd/hub/app mounts [Pages].
package web
