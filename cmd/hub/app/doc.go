// Package app is the hub put together: configuration, wiring, routes, start
// and orderly end.
//
// It is the one place that knows which channels exist, which Redis is used and
// which edge listens where. Nothing else decides anything here: the domain
// packages do, and they get their neighbours as small interfaces.
//
//	config ─▶ Redis (given, or own children) ─▶ gate ─▶ store, channels
//	       ─▶ pages, callbacks, terminals on one listener; health on another
//
// Callers: cmd/hub (the program), cmd/demo (the same hub in its process).
package app
