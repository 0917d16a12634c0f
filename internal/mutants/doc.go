// Package mutants holds docs/money-path.md to the truth. For each way in which a
// channel misbehaves it names what guodu does, the test that says so, and the
// mutant: the code with that one defence taken out, which the test must fail on.
//
// The same holds for docs/security.md, the doors of the hub and what is tried at them.
//
// [Read] gives the entries, which stand in wechat.yaml, alipay.yaml and doors.yaml
// beside this file; [Page] and [Doors] are the documents. A mutant reaches the compiler as an overlay, so
// that nothing in the working tree ever changes, and by GOFLAGS, so that a test
// that builds the hub itself builds the mutant as well.
//
// `make test` looks at every entry and runs two mutants drawn by lot; `make
// mutants` runs all of them, each test unspoilt once before.
//
// Callers: its own tests, and nobody else.
package mutants
