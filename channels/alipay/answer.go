package alipay

import (
	"io"
	"net/http"

	"guodu/channels"
)

// Answer writes the reply to a callback (异步通知说明): the word success, bare
// and alone, or fail. Alipay looks at the word and sends again after anything
// else; the status is for whoever reads an access log.
func (c *Channel) Answer(w http.ResponseWriter, verdict channels.Verdict) {
	status, word := reply(verdict)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	// Nobody is left to tell if this fails; Alipay sends again.
	_, _ = io.WriteString(w, word)
}

// reply asks for a repeat where it does not know the verdict, which loses
// nothing.
func reply(verdict channels.Verdict) (status int, word string) {
	switch verdict {
	case channels.Accepted:
		return http.StatusOK, "success"
	case channels.NotAuthentic:
		return http.StatusUnauthorized, "fail"
	case channels.Unreadable:
		return http.StatusBadRequest, "fail"
	case channels.TooLarge:
		return http.StatusRequestEntityTooLarge, "fail"
	}
	return http.StatusServiceUnavailable, "fail"
}
