// Package guard stands before a binding.Identity and bounds how often passwords
// are guessed through the hub.
//
// It keeps two promises. Nobody locks a user name at the university's portal
// through the hub: fewer wrong passwords than that takes are sent, whoever sends
// them. And a crowd that guesses at a user name does not keep its owner out: those
// who guessed wrong or were refused before share half of what a user name has.
//
// A try is taken from all counts before the portal is asked, and given back only
// when the portal said that it was right; so of many at once no more than the limit
// get through, and an outcome that nobody knows counts as wrong.
//
// Callers: cmd/hub/app makes the [Guard], binding/web asks it.
package guard
