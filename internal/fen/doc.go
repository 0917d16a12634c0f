// Package fen holds the one money type of guodu.
//
// Inside, money is a whole number of fen (分, 1/100 yuan) in an int64: no
// rounding can happen, and Redis counts it with the same 64 bits. Yuan with
// decimals exist only at the edges: what a holder types, what a page shows,
// what a bill holds. The two directions across that edge are [Parse] and
// [Fen.Yuan], and both are exact: an amount that fen cannot hold is an error,
// never a rounding.
//
// Every package may use this one; it uses nothing of guodu.
package fen
