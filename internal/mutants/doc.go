// Package mutants holds docs/money-path.md to the truth. For each way in which a
// channel misbehaves it names what guodu does, the test that says so, and the
// mutant: the code with that one defence taken out, which the test must fail on.
//
// [Read] gives the entries, which stand in wechat.yaml and alipay.yaml beside this
// file; [Page] is the document. A mutant reaches the compiler as an overlay, so
// that nothing in the working tree ever changes, and by GOFLAGS, so that a test
// that builds the hub itself builds the mutant as well.
//
// `make test` looks at every entry and runs two mutants drawn by lot; `make
// mutants` runs all of them, each test unspoilt once before.
//
// Callers: its own tests, and nobody else.
package mutants
