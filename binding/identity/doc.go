// Package identity holds the ways of asking a university who somebody is.
//
// [Portal] is the plainest: a portal with one HTTPS endpoint that says whether
// a user name and a password belong together. The hub proves itself to it with
// a client secret; the password passes through once, is kept nowhere, and
// appears in no log and no error. Whatever is not clearly the portal's yes, no
// or "locked" is binding.ErrIdentityDown.
//
// Callers: cmd/hub/app chooses one, binding/web uses it as binding.Identity.
package identity
