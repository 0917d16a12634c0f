// Package simtest proves that the tests of a simulator's behaviours can fail:
// it runs each one against a simulator without that behaviour.
//
// Callers: tests of mocks/wechatpay and mocks/alipay.
package simtest
