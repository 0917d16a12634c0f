// Package stage is a whole campus on one machine, ready to play on: the world
// (simulators, card, terminal), redis-server, one hub as a process of its own,
// and a front that phones and channels reach the hub through.
//
// The hub and redis-server are real processes so that they can be killed for
// real: [Stage.KillHub] and [Stage.KillRedis] send SIGKILL, which nothing can
// catch, and their counterparts start them again on what is left. The front
// keeps its address over all that; while there is no hub it says so with 502.
//
// Without redis-server the money lies in an embedded server's memory, and
// [Stage.Memory] says so.
//
// Callers: cmd/demo. Its main, and the TestMain of its tests, call [Child]
// first: the hub process is the same program, started again.
package stage
