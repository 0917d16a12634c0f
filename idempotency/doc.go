// Package idempotency makes a repeated request mean the first one.
//
// A caller names its wish with a [Key] (header Idempotency-Key, or a hidden
// field of a form) and guodu keeps, beside the effect and in the same step, the
// fingerprint of the wish and what came of it. Then a second request is one of
// three: first (nothing stored, carry it out), same (the stored result again),
// conflict (the key was used for another wish: [ErrConflict], nothing done).
//
// Key and effect must share one slot, so the check is Lua that a money script
// includes ([Includes]); which key of Redis it looks at is the caller's to say. Keys of money have no TTL: a
// retry after a year must not make a second order.
//
// Callers: transition (order_create), binding/web (the key of a form).
package idempotency
