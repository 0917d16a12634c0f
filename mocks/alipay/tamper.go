package alipay

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"guodu/mocks/sim"
)

// ErrUnknownTamper says that a kind is not in [TamperKinds].
var ErrUnknownTamper = errors.New("alipay simulator: unknown tamper kind")

// Tamper is a way in which a notify is bad or odd. A merchant must credit
// nothing for any of them, but for the ones that are [Tamper.Truthful].
type Tamper string

// Kinds whose signature does not hold.
const (
	TamperWrongSignature Tamper = "wrong-signature"  // Alipay's, of another message
	TamperNoSignature    Tamper = "no-signature"     // neither sign nor sign_type
	TamperSignTypeRSA    Tamper = "sign-type-rsa"    // SHA1withRSA, by Alipay's own key
	TamperAltered        Tamper = "altered-amount"   // amounts changed after signing
	TamperDuplicated     Tamper = "duplicated-field" // a signed notify with another total_amount in front
	TamperEmptySign      Tamper = "empty-sign"       // sign is there and empty
	TamperOtherKey       Tamper = "other-key"        // right in shape, by a key that is not this Alipay's, such as the sandbox's
	TamperEmptyValues    Tamper = "empty-values"     // empty fields added: only whoever drops them before verifying is content
)

// Kinds that are correctly signed and hostile, foreign or unreadable inside.
const (
	TamperOtherAppID       Tamper = "other-app-id"
	TamperOtherSellerID    Tamper = "other-seller-id"
	TamperOtherAmount      Tamper = "other-amount"
	TamperUnknownOrder     Tamper = "unknown-order"
	TamperClosed           Tamper = "trade-closed"
	TamperWaiting          Tamper = "wait-buyer-pay"
	TamperRefund           Tamper = "refund"            // a partial one: TRADE_SUCCESS and refund fields
	TamperDuplicatedSigned Tamper = "duplicated-signed" // total_amount twice, both of them signed
	TamperHugeBody         Tamper = "huge-body"         // 10 MB
	TamperBrokenEncoding   Tamper = "broken-encoding"   // an additional pair with "%zz"
	TamperJSON             Tamper = "json"              // the same fields as a JSON object
)

// Kinds that are correctly signed and tell the truth in an odd way.
const (
	TamperFinished    Tamper = "trade-finished"
	TamperCertSN      Tamper = "cert-sn"      // alipay_cert_sn, which belongs to certificate mode
	TamperQueryString Tamper = "query-string" // other fields on notify_url
	TamperGBK         Tamper = "gbk"
	// TamperReplay is the last genuine notify byte for byte, with the old stamp
	// and the old signature.
	TamperReplay Tamper = "replay"
)

const hugeBodyBytes = 10_000_000

// TamperKinds lists them all in a fixed order, for tables.
func TamperKinds() []Tamper { return slices.Sorted(maps.Keys(tricks)) }

// Authentic says that the signature holds for every field that can be read, so
// that only the content or the wrapping can give the notify away.
func (t Tamper) Authentic() bool { return tricks[t].authentic }

// Truthful says that the notify is about a payment that really was made, of
// that amount. A merchant may refuse it, or credit the trade: once.
func (t Tamper) Truthful() bool { return tricks[t].truthful }

// trick changes a notify at some stages of its making; a nil trick and a nil
// stage change nothing.
type trick struct {
	authentic, truthful bool

	facts  func(*Sim, *form)
	signed func(*Sim, *form) error
	parcel func(form, *sim.Parcel)
}

func (t *trick) atFacts(s *Sim, f *form) {
	if t != nil && t.facts != nil {
		t.facts(s, f)
	}
}

func (t *trick) atSigned(s *Sim, f *form) error {
	if t == nil || t.signed == nil {
		return nil
	}
	return t.signed(s, f)
}

func (t *trick) atParcel(f form, p *sim.Parcel) {
	if t != nil && t.parcel != nil {
		t.parcel(f, p)
	}
}

// lie is authentic and false.
func lie(change func(*Sim, *form)) trick { return trick{authentic: true, facts: change} }

// forge needs no key: it changes what is signed already.
func forge(change func(*form)) trick {
	return trick{signed: func(_ *Sim, f *form) error { change(f); return nil }}
}

var tricks = map[Tamper]trick{
	TamperWrongSignature: {signed: signOther},
	TamperSignTypeRSA:    {facts: func(_ *Sim, f *form) { f.set("sign_type", "RSA") }, signed: signOld},
	TamperEmptySign:      forge(func(f *form) { f.set("sign", "") }),
	TamperOtherKey:       {signed: signElsewhere},
	TamperNoSignature:    forge(func(f *form) { f.drop("sign", "sign_type") }),
	TamperAltered:        forge(multiply),
	TamperDuplicated:     forge(func(f *form) { *f = append(form{{"total_amount", "88888.88"}}, *f...) }),
	TamperEmptyValues: {truthful: true, signed: func(_ *Sim, f *form) error {
		*f = append(*f, field{"gmt_close", ""}, field{"out_channel_type", ""})
		return nil
	}},

	TamperOtherAppID: lie(func(_ *Sim, f *form) {
		f.set("app_id", otherDigit(f.get("app_id")))
		f.set("auth_app_id", f.get("app_id"))
	}),
	TamperOtherSellerID: lie(func(_ *Sim, f *form) { f.set("seller_id", otherDigit(f.get("seller_id"))) }),
	TamperOtherAmount:   lie(func(_ *Sim, f *form) { multiply(f) }),
	TamperUnknownOrder: lie(func(_ *Sim, f *form) {
		f.set("out_trade_no", strings.Repeat("0", len(f.get("out_trade_no"))))
		f.set("trade_no", otherDigit(f.get("trade_no")))
	}),
	TamperClosed: lie(func(s *Sim, f *form) {
		unpay(f, StateClosed)
		f.set("gmt_close", s.stamp(s.now()))
	}),
	TamperWaiting:          lie(func(_ *Sim, f *form) { unpay(f, StateWait) }),
	TamperRefund:           lie(refundPart),
	TamperDuplicatedSigned: lie(func(_ *Sim, f *form) { *f = append(form{{"total_amount", "88888.88"}}, *f...) }),
	TamperHugeBody:         lie(func(_ *Sim, f *form) { f.set("body", strings.Repeat("x", hugeBodyBytes)) }),
	TamperBrokenEncoding:   {authentic: true, parcel: func(_ form, p *sim.Parcel) { p.Body = append(p.Body, "&memo=%zz"...) }},
	TamperJSON:             {authentic: true, parcel: asJSON},

	TamperReplay:   {authentic: true, truthful: true},
	TamperFinished: {authentic: true, truthful: true, facts: func(_ *Sim, f *form) { f.set("trade_status", "TRADE_FINISHED") }},
	TamperCertSN:   {authentic: true, truthful: true, facts: func(s *Sim, f *form) { f.set("alipay_cert_sn", s.dice.Draw(hexDigits, 32)) }},
	TamperGBK:      {authentic: true, truthful: true, facts: func(_ *Sim, f *form) { f.set("charset", charsetGBK) }},
	TamperQueryString: {authentic: true, truthful: true, parcel: func(_ form, p *sim.Parcel) {
		p.URL = withQuery(p.URL, []field{{"total_amount", "88888.88"}, {"channel", "h5"}})
	}},
}

// multiply makes every amount a hundred times as large.
func multiply(f *form) {
	for _, name := range []string{"total_amount", "receipt_amount", "buyer_pay_amount", "invoice_amount"} {
		fen, _ := parseYuan(f.get(name))
		f.set(name, yuan(100*fen))
	}
}

// unpay turns the facts into those of a trade that nobody paid.
func unpay(f *form, state State) {
	f.set("trade_status", string(state))
	f.drop("gmt_payment", "fund_bill_list")
	for _, name := range []string{"receipt_amount", "buyer_pay_amount", "invoice_amount"} {
		f.set(name, yuan(0))
	}
}

// refundPart tells of a refund of about a half. trade_status stays what it was,
// so that a careless merchant takes it for a second payment.
func refundPart(s *Sim, f *form) {
	fen, _ := parseYuan(f.get("total_amount"))
	part := yuan(max(fen/2, 1))
	f.set("notify_id", s.noticeID())
	f.set("gmt_refund", s.inZone(s.now()).Format(refundTimeLayout))
	f.set("refund_fee", part)
	f.set("send_back_fee", part)
	f.set("out_biz_no", "R"+f.get("out_trade_no"))
}

// signOther puts a genuine signature under the wrong message.
func signOther(s *Sim, f *form) error {
	sig, err := s.platform.sign("out_trade_no=0")
	f.set("sign", sig)
	return err
}

func signOld(s *Sim, f *form) error {
	sig, err := s.platform.signRSA(noticeMessage(*f))
	f.set("sign", sig)
	return err
}

func asJSON(f form, p *sim.Parcel) {
	object := map[string]string{}
	for _, each := range f {
		object[each.name] = each.value
	}
	p.Header.Set("Content-Type", typeJSON)
	p.Body = []byte(encode(object))
}

// otherDigit changes the last character.
func otherDigit(id string) string {
	last := "0"
	if strings.HasSuffix(id, last) {
		last = "1"
	}
	return id[:len(id)-1] + last
}

// signElsewhere signs with a key that nobody has published.
func signElsewhere(_ *Sim, f *form) error {
	key, err := stranger()
	if err != nil {
		return err
	}
	sig, err := key.sign(noticeMessage(*f))
	f.set("sign", sig)
	return err
}

// replays are the last genuine notifies of trades.
type replays struct {
	mu   sync.Mutex
	sent map[string]sim.Parcel
}

func newReplays() *replays { return &replays{sent: map[string]sim.Parcel{}} }

func (r *replays) keep(tradeNo string, p sim.Parcel) {
	p.Header = p.Header.Clone()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent[tradeNo] = p
}

func (r *replays) last(tradeNo string) (sim.Parcel, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, kept := r.sent[tradeNo]
	p.Header = p.Header.Clone()
	return p, kept
}
