// Package binding links the people that a channel knows (payers) with the card
// accounts that they may recharge.
//
// A payer is bound to one account, an account may have several payers: the
// holder's WeChat and Alipay, later a parent's. A link is made only for a
// browser session in which both sides were just proven: the payer by the
// channel's OAuth, the account by the university's portal ([Identity]). Both
// directions are written in one step, so no half of a link ever exists.
//
//	(unknown) ─ OAuth ─▶ payer ─ portal login ─▶ bound ─ Unbind, End ─▶ (unknown)
//
// Who is bound can be seen by everybody who is, and ended by the account's holder
// and by the card centre; the payer is told, and the account keeps who did it.
//
// The sub-package identity holds portals, web holds the pages.
//
// Callers: binding/web, later transition/pos (is this payer bound).
package binding
