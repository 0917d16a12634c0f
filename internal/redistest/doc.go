// Package redistest starts real redis-servers for tests.
//
// [Start] gives a test its own server: temporary folder, free port, AOF with
// fsync always, ended by its process id when the test ends. [Cluster] makes it
// a one-node Cluster that owns all slots, where a script that touches a
// foreign slot is refused. [Server.Kill] and [Server.Restart] are the power
// cut, and [Proxy] stands between a hub and its Redis to lose a reply at a
// chosen script.
//
// Only tests use it.
package redistest
