// Package upstream is how guodu calls a channel's servers: bounded in time and
// size, to the addressed host and no other.
//
// [Transport] is made for few hosts and many calls at once, as at the start of a
// meal. [Client] follows no redirect. [Whole] reads an answer to its end before
// anybody looks at it. [Saying] tells a simulator that it is spoken to by
// production; real servers are not told.
//
// Callers: channels/wechat, channels/alipay.
package upstream
