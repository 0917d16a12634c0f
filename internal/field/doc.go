// Package field reads single fields out of a JSON object (RFC 8259) and leaves
// all others alone: they may be there or not, and have whatever type they like.
//
// encoding/json is too strict and too lax for messages that come signed from
// outside. One field of an unexpected type spoils a whole struct, although
// nobody reads it. And a name in other letters, or the second of two equal
// names, silently wins, although a signature was meant for another reader.
//
// channels/wechat and channels/alipay read every message with it.
package field
