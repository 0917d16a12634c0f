// Package keyfile makes and reads the Ed25519 keys with which hub and terminals
// sign. Keys are read in the forms that makers of terminals hand out: PEM, or
// base64 with nothing around it.
package keyfile
