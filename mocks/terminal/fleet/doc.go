// Package fleet drives many simulated terminals in one process against a running
// hub, over signed HTTP, and then accounts for every card.
//
// A run is planned from a seed: when each card comes, to which terminal, and at
// which step that terminal loses its power. Arrivals do not wait for answers
// (open loop), and a tap's time counts from when its card came. A terminal that
// died comes back after a while and sends what it owes. In the end everybody
// comes back, journals are uploaded, every card is tapped until nothing waits
// for it, and each card has to hold what it held before plus what the hub says
// was loaded on to it.
//
// Callers: cmd/terminal and tests of the whole. Simplified: cards buy nothing
// meanwhile, because the campus card system, which would have to tell the hub of
// it, is not there; and the plan is the same for a seed, but who is busy when a
// card comes is not.
package fleet
