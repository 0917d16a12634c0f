// Package keyfile makes the Ed25519 keys with which hub and terminals sign.
package keyfile
