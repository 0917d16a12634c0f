// Package transitiontest gives tests a money store on a real redis-server.
//
// [New] starts the server (one-node Cluster, so that a foreign slot is
// refused), runs every script under a guard that refuses undeclared keys, and
// when the test ends checks what must always hold: the trial balance is not
// empty, sums to zero, and entries, accounts, orders and loads agree.
//
// Only tests use it.
package transitiontest
