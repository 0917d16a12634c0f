package wechatpay

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"guodu/mocks/sim"
)

// ErrUnknownTamper says that a kind is not in [TamperKinds].
var ErrUnknownTamper = errors.New("wechatpay simulator: unknown tamper kind")

// Tamper is a way in which a callback is bad. A merchant must credit nothing for
// any of them.
type Tamper string

// Kinds whose signature does not hold, or not any more.
const (
	TamperWrongSignature  Tamper = "wrong-signature"  // the platform's, of another message
	TamperNoSignature     Tamper = "no-signature"     // no Wechatpay-* headers at all
	TamperSigntest        Tamper = "signtest"         // WeChat Pay's own probe
	TamperSchemeUnknown   Tamper = "scheme-unknown"   // Wechatpay-Signature-Type of SM2
	TamperOldTimestamp    Tamper = "old-timestamp"    // ten minutes ago, well signed
	TamperFutureTimestamp Tamper = "future-timestamp" // in ten minutes, well signed
	TamperUnknownSerial   Tamper = "unknown-serial"   // well signed, by a key of another name
	TamperBody            Tamper = "tampered-body"    // one character changed after signing
)

// Kinds that are correctly signed and hostile, or foreign, inside.
const (
	TamperOtherMchID      Tamper = "other-mchid"
	TamperOtherAppID      Tamper = "other-appid"
	TamperOtherAmount     Tamper = "other-amount"
	TamperOtherCurrency   Tamper = "other-currency"
	TamperNotSuccess      Tamper = "trade-state-not-success"
	TamperUnknownOrder    Tamper = "unknown-order"
	TamperNoResource      Tamper = "no-resource"
	TamperNonceLength     Tamper = "nonce-length"
	TamperOtherAlgorithm  Tamper = "other-algorithm"
	TamperOtherKey        Tamper = "other-apiv3-key"
	TamperEventRefund     Tamper = "event-refund"   // a payment's content under REFUND.SUCCESS
	TamperEventPayScore   Tamper = "event-payscore" // the same under PAYSCORE.USER_PAID
	TamperBrokenPlaintext Tamper = "broken-plaintext"
	TamperAmountText      Tamper = "amount-as-text"
	TamperNotJSON         Tamper = "not-json"
	TamperHugeBody        Tamper = "huge-body" // 10 MB
)

const (
	tamperClockShift = 10 * time.Minute
	hugeBodyBytes    = 10_000_000
	shortNonceBytes  = 8
)

// TamperKinds lists them all in a fixed order, for tables.
func TamperKinds() []Tamper { return slices.Sorted(maps.Keys(tricks)) }

// Authentic says that the signature, stamp and serial are right, so that only
// the content can give the callback away.
func (t Tamper) Authentic() bool { return tricks[t].authentic }

// trick changes a callback at some stages of its making; a nil trick and a nil
// stage change nothing.
type trick struct {
	authentic bool
	content   func(*transaction)
	sealing   func(*Sim, *sealing)
	envelope  func(*envelope)
	body      func(*sim.Parcel)
	stamp     func(*stamp)
	parcel    func(*Sim, platformKey, *sim.Parcel) error
}

func content(change func(*transaction)) trick { return trick{authentic: true, content: change} }

func event(name string) trick {
	return trick{authentic: true, envelope: func(e *envelope) { e.EventType = name }}
}

func clock(shift time.Duration) trick {
	return trick{stamp: func(st *stamp) { st.unix += int64(shift / time.Second) }}
}

func header(change func(*Sim, http.Header)) trick {
	return trick{parcel: func(s *Sim, _ platformKey, p *sim.Parcel) error { change(s, p.Header); return nil }}
}

var tricks = map[Tamper]trick{
	TamperWrongSignature:  {parcel: signOther},
	TamperNoSignature:     header(func(_ *Sim, h http.Header) { dropSignature(h) }),
	TamperSigntest:        header(func(s *Sim, h http.Header) { h.Set(headerSignature, s.signtest()) }),
	TamperSchemeUnknown:   header(func(_ *Sim, h http.Header) { h.Set(headerSignatureType, "WECHATPAY2-SM2-WITH-SM3") }),
	TamperOldTimestamp:    clock(-tamperClockShift),
	TamperFutureTimestamp: clock(tamperClockShift),
	TamperUnknownSerial:   {stamp: func(st *stamp) { st.serial = SimulatorKeyIDPrefix + strings.Repeat("0", 25) }},
	TamperBody:            {parcel: changeBody},

	TamperOtherMchID:      content(func(t *transaction) { t.MchID = otherDigit(t.MchID) }),
	TamperOtherAppID:      content(func(t *transaction) { t.AppID = otherDigit(t.AppID) }),
	TamperOtherAmount:     content(func(t *transaction) { t.Amount.Total *= 100; t.Amount.PayerTotal *= 100 }),
	TamperOtherCurrency:   content(func(t *transaction) { t.Amount.Currency, t.Amount.PayerCurrency = "USD", "USD" }),
	TamperNotSuccess:      content(func(t *transaction) { t.TradeState = string(StateNotPay) }),
	TamperUnknownOrder:    content(func(t *transaction) { t.OutTradeNo = strings.Repeat("0", len(t.OutTradeNo)) }),
	TamperNoResource:      {authentic: true, envelope: func(e *envelope) { e.Resource = nil }},
	TamperNonceLength:     {authentic: true, sealing: func(_ *Sim, how *sealing) { how.nonceBytes = shortNonceBytes }},
	TamperOtherAlgorithm:  {authentic: true, envelope: func(e *envelope) { e.Resource.Algorithm = "AEAD_SM4_GCM" }},
	TamperOtherKey:        {authentic: true, sealing: func(s *Sim, how *sealing) { how.key = s.dice.Draw(sim.Alphabet62, apiV3KeyBytes) }},
	TamperEventRefund:     event("REFUND.SUCCESS"),
	TamperEventPayScore:   event("PAYSCORE.USER_PAID"),
	TamperBrokenPlaintext: {authentic: true, sealing: func(_ *Sim, how *sealing) { how.plaintext = how.plaintext[:len(how.plaintext)/2] }},
	TamperAmountText:      {authentic: true, sealing: quoteAmount},
	TamperNotJSON:         {authentic: true, body: func(p *sim.Parcel) { p.Body = []byte("<xml><return_code>SUCCESS</return_code></xml>") }},
	TamperHugeBody:        {authentic: true, envelope: func(e *envelope) { e.ResourceType = strings.Repeat("x", hugeBodyBytes) }},
}

// signOther puts a genuine signature of the platform under the wrong message.
func signOther(_ *Sim, key platformKey, p *sim.Parcel) error {
	sig, err := key.sign(lines(p.Header.Get(headerTimestamp), p.Header.Get(headerNonce), "{}"))
	if err != nil {
		return fmt.Errorf("tamper: %w", err)
	}
	p.Header.Set(headerSignature, sig)
	return nil
}

func dropSignature(h http.Header) {
	for _, name := range []string{headerTimestamp, headerNonce, headerSerial, headerSignature, headerSignatureType} {
		h.Del(name)
	}
}

// changeBody leaves the JSON valid: only the signature knows.
func changeBody(_ *Sim, _ platformKey, p *sim.Parcel) error {
	p.Body = bytes.Replace(p.Body, []byte(`"resource_type":"e`), []byte(`"resource_type":"E`), 1)
	return nil
}

func quoteAmount(_ *Sim, how *sealing) {
	odd := []sim.Oddity{{Path: "amount.total", Seen: []sim.Seen{sim.AsText}}}
	how.plaintext = sim.ObjectOf(how.plaintext).Vary(sim.NewDice(1, 1), odd).Text()
}

// otherDigit changes the last character.
func otherDigit(id string) string {
	last := "0"
	if strings.HasSuffix(id, last) {
		last = "1"
	}
	return id[:len(id)-1] + last
}
