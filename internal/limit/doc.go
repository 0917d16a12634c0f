// Package limit counts what somebody may do so often, exactly: of many requests
// at once, on many hubs, no more than the limit get through.
//
// A [Rule] bounds the takes of one count, either those of the last hour, say, or
// those since the last pause ([Rule.Run]). [Limiter.Take] looks at all rules
// before it takes from any, so a refused request costs nothing; it takes under an
// id, so the same id again is free, and [Limiter.GiveBack] takes it back.
//
// Counts live on the ephemeral Redis, which is one server, under hashed names and
// with a TTL; time is the server's. Where it cannot be asked, nothing is allowed.
//
// Callers: binding/web, binding/identity/guard.
package limit
