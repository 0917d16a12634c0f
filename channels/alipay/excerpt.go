package alipay

import (
	"net/http"

	"guodu/channels"
)

// secretFields are the signature and those of a payer.
func secretFields() []string {
	return []string{"sign", "buyer_id", "buyer_user_id", "buyer_open_id", "buyer_logon_id", "user_id", "open_id"}
}

// Excerpt implements channels.Excerpter. A notice's own headers say nothing.
func (c *Channel) Excerpt(header http.Header, body []byte, authentic bool) channels.Excerpt {
	return channels.NewExcerpt(header, []string{"Content-Type"}, body, secretFields(), authentic)
}
