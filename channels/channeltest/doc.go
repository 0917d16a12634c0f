// Package channeltest holds the promises of package channels as tests that every
// channel passes, so that what recharge, notify and binding/web rely on is
// written down once and runs.
//
// [Run] takes a [Subject]: the channel between a simulator of its own, and the
// few things that the suite must be able to make that simulator do. What a
// channel does not have is nil there, and its checks do not apply: a cash machine
// without callbacks and OAuth passes as well.
//
// Callers: the conformance tests of the adapters. It is for tests only.
package channeltest
