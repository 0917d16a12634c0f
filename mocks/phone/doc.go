// Package phone is a holder with a phone: a browser inside the WeChat or the
// Alipay app that binds the campus card, asks for a recharge and pays.
//
// It does what a person's phone does and knows no more: it keeps cookies,
// follows redirects (to the channel's OAuth and back), fills the forms that the
// pages show, hands the pay sheet's parameters to the cashier, and reads the
// pages. It believes nothing that the app returns; the order's page tells.
//
// [Phone.Recharge] is the whole way; [Phone.Prepare] and [Phone.Pay] are its
// halves, for tests that let something go wrong in between. A Phone is one
// person's and is not safe for concurrent use.
//
// Outside an app ([Options.Outside]) it is an ordinary browser, which Alipay lets
// pay on a page of its own.
//
// Not simulated: JavaScript, the look of pages, several apps on one phone.
//
// Callers: whole-system tests and the demo. It shares no code with the pages.
package phone
