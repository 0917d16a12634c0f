// Package terminaltest is a hub just good enough to test terminals against. It
// reads docs/pos-v1.md once more, with verifying code of its own in which each
// check has a name and can be switched off, so that a test sees which checks,
// and only which, a spoilt request fails; what it answers can be spoilt.
//
// Callers: tests of mocks/terminal, its fleet and cmd/terminal. It keeps
// everything in memory and is no measure of what the hub does: its rules about
// money are the few that tell a load done, not done, in doubt and torn.
package terminaltest
