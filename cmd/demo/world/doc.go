// Package world is everything around a hub, on loopback: the simulators of the
// channel and of the university's portal, a holder with a phone and a card, a
// terminal, and the files that a hub is configured with.
//
// The demo runs one hub in it; the whole-system tests run several, kill them
// and start them again, while the world keeps its own books to compare with.
//
// Callers: cmd/demo, tests of cmd/hub.
package world
