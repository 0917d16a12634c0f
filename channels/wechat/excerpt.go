package wechat

import (
	"net/http"

	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"

	"guodu/channels"
)

// signatureHint is how many characters of a signature are kept.
const signatureHint = 8

// secretFields are the names of a payer. A callback has them inside its ciphertext,
// which stays as it is; in the open they are somebody's mistake or a forgery.
func secretFields() []string { return []string{"openid", "sub_openid", "sp_openid"} }

// Excerpt implements channels.Excerpter. The ciphertext is kept: it opens with
// the APIv3 key alone.
func (c *Channel) Excerpt(header http.Header, body []byte, authentic bool) channels.Excerpt {
	kept := channels.NewExcerpt(header, []string{
		consts.WechatPayTimestamp, consts.WechatPayNonce, consts.WechatPaySerial, signatureTypeHeader, consts.WechatPaySignature,
	}, body, secretFields(), authentic)
	if signature := kept.Headers[consts.WechatPaySignature]; len(signature) > signatureHint {
		kept.Headers[consts.WechatPaySignature] = signature[:signatureHint] + "…"
	}
	return kept
}
