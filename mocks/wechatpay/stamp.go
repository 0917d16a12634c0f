package wechatpay

import (
	"net/http"
	"strconv"
	"time"

	"guodu/mocks/sim"
)

const (
	headerNonce         = "Wechatpay-Nonce"
	headerSerial        = "Wechatpay-Serial"
	headerSignature     = "Wechatpay-Signature"
	headerSignatureType = "Wechatpay-Signature-Type"
	headerTimestamp     = "Wechatpay-Timestamp"
	headerRequestID     = "Request-Id"

	nonceChars    = 32
	signtestStart = "WECHATPAY/SIGNTEST/"
)

// stamp is what the platform puts its name under, besides the body.
type stamp struct {
	unix   int64
	nonce  string
	serial string
	key    platformKey
}

// freshStamp takes the real clock: whoever verifies has no other one.
func (s *Sim) freshStamp(key platformKey) stamp {
	return stamp{unix: time.Now().Unix(), nonce: s.dice.Draw(sim.Alphabet62, nonceChars), serial: key.ID, key: key}
}

// seal signs body with the stamp and writes the five headers. An empty body is
// signed too, as an empty last line.
// (Source: 开发指引, 如何使用微信支付公钥验签.)
func (st stamp) seal(h http.Header, body []byte) error {
	unix := strconv.FormatInt(st.unix, 10)
	sig, err := st.key.sign(lines(unix, st.nonce, string(body)))
	if err != nil {
		return err
	}
	h.Set(headerTimestamp, unix)
	h.Set(headerNonce, st.nonce)
	h.Set(headerSerial, st.serial)
	h.Set(headerSignature, sig)
	h.Set(headerSignatureType, signatureScheme)
	return nil
}

// requestID has the form of the real ones; its tail is the internal error
// number, 0 for none.
func (s *Sim) requestID(number int) string {
	return "08" + s.dice.Draw("0123456789ABCDEF", 40) + "-" + strconv.Itoa(number)
}

// signtest is a signature as WeChat Pay's own probes carry: made to fail.
func (s *Sim) signtest() string {
	return signtestStart + s.dice.Draw(sim.Alphabet62, 342) + "=="
}
