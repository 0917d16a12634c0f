// Command demo runs a hub among simulators, on loopback and with a fresh
// store, and walks one holder's way: bind, recharge by WeChat and by Alipay, tap, on the card.
//
//	go run ./cmd/demo --once                      50.00 and 20.00 yuan, then end
//	go run ./cmd/demo --once --amounts 33.33,0.01
//	go run ./cmd/demo                             the same, then stay up
//
// It runs redis-server as its own child; where that is not installed it uses an
// embedded in-memory server, and says so.
//
// Its last line is the account of all the money. What was paid comes from the
// channel simulator's book, what is on the card from the card's file, the rest
// from Redis; the exit status is 1 if the two sides differ. --sabotage shows
// that they can: it damages the credit script first.
package main
