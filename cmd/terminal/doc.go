// Command terminal is a simulated point-of-sale terminal with campus cards as
// files: one to play with, single steps for scripts, or a fleet to load a hub.
//
//	terminal key       make a key, print what the hub registers
//	terminal card      make a card, show it, spend from it, top it up
//	terminal sign-in, tap, resume, upload, heartbeat, status, pending, desk,
//	         journal, lists, feed, reset      one step each, for scripts
//	terminal run       the same, typed line by line or piped
//	terminal roster    make the terminals of a fleet, for the hub to import
//	terminal fleet     drive them, and account for every card
//
// The terminal's disk is a directory and a card is a file, so that the next
// process goes on where one ended. GUODU_CRASH=STEP[:N] kills the process by
// SIGKILL at the Nth arrival at a step; GUODU_CARD says what the card does to
// the next write (see crash.go). Exit status: 0, 1 if something failed, 2 if the
// command line is wrong.
//
// All of it is mocks/terminal; nothing here is fit for production.
package main
