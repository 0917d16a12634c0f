// Package refusal takes note of requests that were refused: one log line and
// one count each.
//
// A refusal has a door (where it came in: "login", "callback", "terminal") and
// a reason (a fixed word: "wrong_password", "csrf"). Both are labels of the
// metric guodu_refusals_total, so neither may hold anything of a request. A
// flood is counted whole and logged in part: a few lines a second for each door
// and reason, then one line that says how many were left out.
//
// Callers: the edges (binding/web, notify, transition/pos); cmd/hub/app makes
// the [Log].
package refusal
