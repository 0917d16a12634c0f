package wechat

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"

	"guodu/channels"
)

var _ channels.Explainer = (*Channel)(nil)

// Explain implements [channels.Explainer] (签名验证).
func (c *Channel) Explain(header http.Header, body []byte) []channels.Part {
	e := explanation{channel: c, header: header, body: body}
	e.headers()
	if e.whole() {
		e.timestamp()
		e.serial()
		e.signature()
	}
	e.resource()
	return e.parts
}

// explanation collects what is found of one callback.
type explanation struct {
	channel *Channel
	header  http.Header
	body    []byte
	claim   signed
	parts   []channels.Part
}

func (e *explanation) good(name, format string, args ...any) {
	e.parts = append(e.parts, channels.Part{Name: name, Good: true, Text: fmt.Sprintf(format, args...)})
}

func (e *explanation) bad(name, format string, args ...any) {
	e.parts = append(e.parts, channels.Part{Name: name, Text: fmt.Sprintf(format, args...)})
}

// headers looks for each header once.
func (e *explanation) headers() {
	for _, name := range []string{consts.WechatPayTimestamp, consts.WechatPayNonce, consts.WechatPaySerial, consts.WechatPaySignature} {
		switch values := e.header.Values(name); {
		case len(values) == 0:
			e.bad("headers", "%s is missing: a proxy drops it, or this is no callback of WeChat Pay", name)
		case len(values) > 1:
			e.bad("headers", "%s is there %d times: a proxy adds one", name, len(values))
		case !visible(values[0]) || values[0] == "":
			e.bad("headers", "%s is empty or has blanks or foreign characters in it", name)
		}
	}
	if kind := e.header.Get(signatureTypeHeader); kind != "" && kind != signatureType {
		e.bad("headers", "%s is %q; only %s is understood", signatureTypeHeader, clip(kind), signatureType)
	}
}

// whole says whether there is a signature to look at.
func (e *explanation) whole() bool {
	claim, err := readClaim(e.header)
	if err != nil {
		if len(e.parts) == 0 {
			e.bad("headers", "%v", err)
		}
		return false
	}
	e.claim = claim
	if len(e.parts) == 0 {
		e.good("headers", "all four are there, once")
	}
	return true
}

func (e *explanation) timestamp() {
	if err := e.channel.verifier.checkFresh(e.claim.timestamp); err != nil {
		e.bad("timestamp", "%v: a kept message is always too old; on its way it means that a clock is wrong (hub doctor)", err)
		return
	}
	e.good("timestamp", "within %d s of this machine's clock", freshSec)
}

func (e *explanation) serial() {
	set := e.channel.verifier.keys.Load()
	key := set.bySerial[e.claim.serial]
	switch {
	case key == nil:
		e.bad("serial", "%q is of no key that this hub has; it has %s. Add the key that the merchant platform shows (wechat.public_key_file, "+
			"wechat.platform_certificate_files)", clip(e.claim.serial), strings.Join(slices.Sorted(maps.Keys(set.bySerial)), ", "))
	case !key.validAt(e.channel.clock()):
		e.bad("serial", "certificate %s is not valid now; add the new one", key.serial)
	default:
		e.good("serial", "%s is a key that this hub has", key.serial)
	}
}

// signature says whether it holds, and if not, what would make it hold.
func (e *explanation) signature() {
	if strings.HasPrefix(e.claim.signature, probe) {
		e.bad("signature", "a probe: WeChat Pay wants to see it refused, which is right; nothing is to be done")
		return
	}
	raw, err := base64.StdEncoding.DecodeString(e.claim.signature)
	if err != nil {
		e.bad("signature", "not base64: something on the way changed or cut it")
		return
	}
	if e.holds(e.claim, e.body, e.claim.serial) {
		e.good("signature", "holds over timestamp, nonce and body")
		return
	}
	for _, t := range e.tries() {
		if e.holds(t.claim, t.body, t.serial) {
			e.bad(t.part, "%s", t.what)
			return
		}
	}
	e.bad("signature", "does not hold with any key of this hub, %d bytes long: nonce, timestamp or body were changed in a way that cannot "+
		"be guessed, or the key is another merchant's. The body must be taken as its bytes, before anything reads it", len(raw))
}

// try is a message that may be the one that was signed.
type try struct {
	part   string
	what   string
	claim  signed
	body   []byte
	serial string
}

// tries are the message as usual accidents change it, taken back.
func (e *explanation) tries() []try {
	var all []try
	body := func(what string, body []byte) {
		if body != nil && !bytes.Equal(body, e.body) {
			all = append(all, try{"body", what, e.claim, body, e.claim.serial})
		}
	}
	body("the signature holds without the line end after the body: something has added it", bytes.TrimRight(e.body, "\r\n"))
	body("the signature holds with a line end after the body: something has cut it", append(bytes.Clone(e.body), '\n'))
	body("the signature holds with line ends of LF: something has made them CRLF", bytes.ReplaceAll(e.body, []byte("\r\n"), []byte("\n")))
	body("the signature holds without the byte order mark", bytes.TrimPrefix(e.body, []byte("\uFEFF")))
	body("the signature holds over the body in one line: something has parsed and printed it again", compact(e.body, true))
	body("the signature holds with <, > and & as they are: something has parsed and printed it again", compact(e.body, false))
	body("the signature holds over an empty body: the body was lost or comes from elsewhere", []byte{})
	for serial := range e.channel.verifier.keys.Load().bySerial {
		if serial != e.claim.serial {
			all = append(all, try{"serial", "the signature holds with key " + serial + ": the message names another one", e.claim, e.body, serial})
		}
	}
	swapped := e.claim
	swapped.timestamp, swapped.nonce = e.claim.nonce, e.claim.timestamp
	return append(all, try{"nonce", "the signature holds with timestamp and nonce exchanged: something has mixed up the headers", swapped, e.body, e.claim.serial})
}

func (e *explanation) holds(claim signed, body []byte, serial string) bool {
	message := claim.timestamp + "\n" + claim.nonce + "\n" + string(body) + "\n"
	key := e.channel.verifier.keys.Load().bySerial[serial]
	return key != nil && key.rsa.Verify(context.Background(), serial, message, claim.signature) == nil
}

// compact is JSON in one line, nil if the body is none.
func compact(body []byte, keep bool) []byte {
	var out bytes.Buffer
	if json.Compact(&out, body) != nil {
		return nil
	}
	if keep {
		return out.Bytes()
	}
	return []byte(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(out.String()))
}

// resource says whether the APIv3 key opens what the callback holds, and whether
// what is inside can be read: a wrong key is often taken for a wrong signature.
func (e *explanation) resource() {
	plain, event, err := e.channel.verifier.keys.Load().open(e.body)
	switch {
	case errors.Is(err, errSealed):
		e.bad("resource", "%v: the key was changed on the merchant platform (wechat.more_api_v3_key_files), or the body was on its way", err)
		return
	case err != nil:
		e.bad("resource", "%v: the body is not a callback's JSON, or was changed on its way", err)
		return
	}
	e.good("resource", "%s, and the APIv3 key opens it", clip(event))
	e.content(event, plain)
}

// content says what a callback tells, as the hub reads it.
func (e *explanation) content(event string, plain []byte) {
	var misdirected string
	switch event {
	case eventPaid:
		p, err := e.channel.payment(plain)
		if err != nil {
			e.bad("content", "%v", err)
			return
		}
		misdirected = p.Misdirected
		e.good("content", "order %q is %s, %s yuan, transaction %q", clip(p.OrderNo), p.State, p.Amount.Yuan(), clip(p.TransactionID))
	case eventRefunded, eventRefundAbnormal, eventRefundClosed:
		r, err := e.channel.refund(plain, "refund_status")
		if err != nil {
			e.bad("content", "%v", err)
			return
		}
		misdirected = r.Misdirected
		e.good("content", "refund %q of order %q is %s, %s yuan", clip(r.No), clip(r.OrderNo), r.State, r.Amount.Yuan())
	default:
		e.bad("content", "the hub handles no events of this type")
		return
	}
	if misdirected != "" {
		e.bad("merchant", "%s is not that of %s: it becomes a case", misdirected, e.channel.Merchant())
	}
}
