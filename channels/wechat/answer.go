package wechat

import (
	"io"
	"net/http"

	"guodu/channels"
)

// Answer writes the reply to a callback (WeChat Pay APIv3: 支付成功回调通知):
// an empty 204 for Accepted, else {code, message} with code FAIL. WeChat sends
// again after anything but 200 and 204.
func (c *Channel) Answer(w http.ResponseWriter, verdict channels.Verdict) {
	status, message := reply(verdict)
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	// Nobody is left to tell if this fails; WeChat sends again.
	_, _ = io.WriteString(w, `{"code":"FAIL","message":"`+message+`"}`)
}

// reply is the HTTP status and, for the merchant platform's log, a message of
// at most 64 characters. A verdict it does not know asks for a repeat, which
// loses nothing.
func reply(verdict channels.Verdict) (status int, message string) {
	switch verdict {
	case channels.Accepted:
		return http.StatusNoContent, ""
	case channels.NotAuthentic:
		return http.StatusUnauthorized, "signature, time or serial not accepted"
	case channels.Unreadable:
		return http.StatusBadRequest, "notice cannot be read"
	case channels.TooLarge:
		return http.StatusRequestEntityTooLarge, "notice is too large"
	}
	return http.StatusServiceUnavailable, "busy, please send again"
}
