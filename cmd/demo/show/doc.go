// Package show is the demo's page: a phone with both apps on the left, a POS
// with a card on the right, the holder's money between them, buttons that
// misbehave, and what the hub did, in words.
//
// The phone is a frame that plays the app's built-in browser: the hub's own
// pages, let into a frame, with the script bridge (WeixinJSBridge,
// AlipayJSBridge) that the real apps inject. Opened outside the frame the same
// pages come untouched. The pay sheet asks the channel's simulator, and a
// courier brings the simulator's callback to the hub, or loses it.
//
// Where the money is comes from books that know nothing of each other: the
// simulators', the card's file, and Redis. See money.go for what the page makes
// of them.
//
// The page sees only what the server sends by server-sent events; every button
// is a POST that answers at once, and what came of it is seen in the events.
//
// Callers: cmd/demo. Static files are served from the program.
package show
