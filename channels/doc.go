// Package channels is what guodu knows of the ways in which money arrives.
//
// A channel takes a recharge order to the payer and later says, perhaps
// several times and by several ways, what became of it. [Channel] is the
// contract that every channel fulfils; [Notifier], [OAuth] and [Page] are optional,
// so that a bank or a cash machine has no empty methods. What a channel says
// arrives as a [Payment] in guodu's own words: vendor words (out_trade_no,
// trade_state) stop in the sub-packages.
//
// The sub-package wechat is the adapter for WeChat Pay APIv3 and the official
// account, alipay the one for Alipay's open gateway and the life account.
// Adapters never know each other and never touch Redis: they translate, they
// decide nothing about money. All of them pass the suite of channeltest. Which
// channels run is one explicit map in cmd/hub/app.
//
// Callers: transition/recharge (Prepay), notify (ParseNotify, Query, Close),
// binding/web (OAuth).
package channels
