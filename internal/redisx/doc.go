// Package redisx is how guodu meets Redis.
//
// It holds four things and no money rule: a connection with the settings that
// money needs (no retries by the client), the gate that refuses a server that
// would lose money, a [Runner] for Lua scripts, and a redis-server that runs
// as the hub's own child.
//
// A script call ends in one of three ways. A reply: the script ran, and with
// appendfsync always (and the replicas asked for) its writes are durable.
// [ErrUnavailable]: the server refused before running anything.
// [ErrUnknownOutcome]: the connection broke after the request may have been
// read; the writes may or may not exist, and only a script that answers a
// repeat with its first result may be called again.
//
// Callers: transition and binding (Runner), cmd/hub (Connect, the gate, the
// child), internal/redistest (the child).
package redisx
