// Package portal is a simulator of the university's identity portal in its
// plainest form: one endpoint that says whether a username and a password
// belong together and, if so, whose campus account that is.
//
// POST /api/v1/verify takes {"username","password"} from a client that proves
// itself with "Authorization: Bearer <client secret>". A username is open, or
// locked for 15 minutes after 5 failures in a row, each within 15 minutes of the
// one before; a success forgets the failures. An unknown username behaves in every way like a known one with a
// wrong password, so that nobody can find out who exists. [Portal.Fail] makes
// the endpoint misbehave.
//
// Callers: tests of the account binding, whole-system tests, and the demo. It
// listens on loopback only. Neither the log nor any error holds a password.
//
// Not simulated: single sign-on by redirect (CAS, OAuth, SAML), captchas,
// second factors, password changes, limits per client, TLS.
package portal
