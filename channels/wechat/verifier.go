package wechat

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core/auth"
	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"

	"guodu/channels"
)

const (
	signatureTypeHeader = "Wechatpay-Signature-Type"
	signatureType       = "WECHATPAY2-SHA256-RSA2048"
	// freshSec is how far a callback's timestamp may be from ours, either way
	// (WeChat Pay APIv3: 签名验证). It limits replays; what makes them harmless
	// is that an order is credited once.
	freshSec = 300
	// probe is how the signatures begin that WeChat Pay sends to see whether they
	// are checked (验证签名: 签名探测流量).
	probe = "WECHATPAY/SIGNTEST/"
)

// The longest header values that are looked at. A signature of a 4096-bit key
// has 684 characters, a nonce 32.
const (
	timestampMax = 12
	nonceMax     = 128
	serialMax    = 128
	signatureMax = 1024
)

// verifier says whether WeChat Pay sent a callback or an answer. Its keys are
// replaced as a whole, while it is in use.
type verifier struct {
	keys  atomic.Pointer[keySet]
	clock func() time.Time
}

var _ auth.Verifier = (*verifier)(nil)

func newVerifier(s *settings) *verifier {
	v := &verifier{clock: s.Clock}
	v.keys.Store(s.keys)
	return v
}

// Verify implements the verifier that wechatpay-go checks answers with.
func (v *verifier) Verify(ctx context.Context, serial, message, signature string) error {
	return v.keys.Load().verify(ctx, v.clock(), serial, message, signature)
}

// GetSerial names the key that WeChat shall answer with.
func (v *verifier) GetSerial(context.Context) (string, error) {
	key := v.keys.Load().accepted(v.clock())
	if key == nil {
		return "", errors.New("every key of WeChat Pay has expired")
	}
	return key.serial, nil
}

// signed is what the headers of a callback say.
type signed struct {
	timestamp, nonce, serial, signature string
}

// check goes from cheap to dear, so that junk costs no RSA. All of its errors
// mean "not authentic"; channels.ErrProbe is among them.
func (v *verifier) check(ctx context.Context, header http.Header, body []byte) error {
	claim, err := readClaim(header)
	if err != nil {
		return err
	}
	if strings.HasPrefix(claim.signature, probe) {
		return channels.ErrProbe
	}
	err = v.checkFresh(claim.timestamp)
	if err != nil {
		return err
	}
	kinds := header.Values(signatureTypeHeader)
	if len(kinds) > 1 || (len(kinds) == 1 && kinds[0] != signatureType) {
		return fmt.Errorf("%s is not %s", signatureTypeHeader, signatureType)
	}
	message := claim.timestamp + "\n" + claim.nonce + "\n" + string(body) + "\n"
	return v.Verify(ctx, claim.serial, message, claim.signature)
}

func readClaim(header http.Header) (signed, error) {
	var claim signed
	for _, h := range []struct {
		name    string
		into    *string
		longest int
	}{
		{consts.WechatPayTimestamp, &claim.timestamp, timestampMax},
		{consts.WechatPayNonce, &claim.nonce, nonceMax},
		{consts.WechatPaySerial, &claim.serial, serialMax},
		{consts.WechatPaySignature, &claim.signature, signatureMax},
	} {
		values := header.Values(h.name)
		if len(values) != 1 || values[0] == "" || len(values[0]) > h.longest || !visible(values[0]) {
			return signed{}, fmt.Errorf("want one %s of 1 to %d visible characters", h.name, h.longest)
		}
		*h.into = values[0]
	}
	return claim, nil
}

// checkFresh takes the canonical number only, since the text itself is signed.
func (v *verifier) checkFresh(timestamp string) error {
	at, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || at < 0 || strconv.FormatInt(at, 10) != timestamp {
		return fmt.Errorf("%s is not a number of seconds", consts.WechatPayTimestamp)
	}
	age := v.clock().Unix() - at
	if age >= freshSec || age <= -freshSec {
		return fmt.Errorf("timestamp is %d s from our time, want less than %d", age, freshSec)
	}
	return nil
}

// visible keeps line ends out of the signed lines: a nonce with one in it
// could move the border between nonce and body.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
