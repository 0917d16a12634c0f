// Package wechat is the adapter for WeChat Pay APIv3 (JSAPI) and for the official
// account's OAuth. It believes WeChat Pay's public keys and platform certificates
// that it is given ([Keys]), side by side, and fetches none.
//
// [New] gives a [Channel], which is a channels.Channel, a channels.Notifier
// and a channels.OAuth. It translates and decides nothing about money. Calls
// go through the vendor's wechatpay-go; callbacks use only that module's
// verifier, because its own reader of callbacks panics on signed but hostile
// bodies and dumps whole requests, cookies included, into its errors.
//
// Callers: cmd/hub/app builds it; recharge, notify and binding/web use it
// through package channels.
//
// Traps:
//   - Answers other than 2xx are not signed. A refusal or "not found" is what
//     somebody said, never proof; only a signed state or a signed 204 is.
//   - A 2xx that fails its signature is an unknown outcome, not a failure: the
//     platform sends such probes on purpose.
//   - amount.total counts. payer_total is lower when coupons were used.
//   - wechatpay-go stamps requests and checks answers by the machine's clock;
//     Config.Clock reaches callbacks and the payment sheet only.
//   - The OAuth secret travels in a URL, which net/http puts into its errors;
//     none of them leaves this package as it is.
package wechat
