package terminal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// hugeBody is the size in bytes of SpoilHuge.
const hugeBody = 1 << 20

// otherBody stands for the body that was signed when another one is sent.
const otherBody = `{"signed":"another body"}`

// spoil spoils a sound message in one thing. Errors: ErrUnknownSpoil.
func spoil(m *message, kind SpoilKind) error {
	if !slices.Contains(SpoilKinds(), kind) && kind != SpoilForeignHost {
		return fmt.Errorf("%w: %q", ErrUnknownSpoil, kind)
	}
	if kind.PostOnly() && len(m.seqs) == 0 {
		return fmt.Errorf("%w: %q of a %s", ErrUnknownSpoil, kind, m.method)
	}
	m.spoilSigner(kind)
	m.spoilValues(kind)
	m.spoilSeq(kind)
	m.spoilCover(kind)
	m.spoilParams(kind)
	m.spoilForm(kind)
	return nil
}

func (m *message) spoilSigner(kind SpoilKind) {
	seed := sha256.Sum256([]byte("not the key of " + m.who.id))
	sign := m.sign
	switch kind {
	case SpoilKey:
		stranger := identity{secret: seed[:]}
		if m.who.key != nil {
			stranger.key = ed25519.NewKeyFromSeed(seed[:])
		}
		m.sign = stranger.sign
	case SpoilSignatureCut:
		m.sign = func(base string) []byte { whole := sign(base); return whole[:len(whole)-1] }
	case SpoilUnsigned:
		m.finish = func(h http.Header) { h.Del("Signature"); h.Del("Signature-Input") }
	case SpoilSignatureGarbled:
		m.finish = func(h http.Header) { h.Set("Signature", m.label+"=:***:") }
	case SpoilInputGarbled:
		m.finish = func(h http.Header) { h.Set("Signature-Input", m.label+`=("@method`) }
	}
}

func (m *message) spoilValues(kind SpoilKind) {
	other := contentDigest([]byte(otherBody))
	switch kind {
	case SpoilMethod:
		m.values[onMethod] = http.MethodGet
		if m.method == http.MethodGet {
			m.values[onMethod] = http.MethodPost
		}
	case SpoilAuthority:
		m.values[onAuthority] = "other.example"
	case SpoilForeignHost:
		m.values[onAuthority] = "other.example"
		m.foreign = "other.example"
	case SpoilPath:
		m.values[onPath] = "/pos/v1/another"
	case SpoilQuery:
		m.query = "?spoilt=1"
	case SpoilBody:
		m.values[onDigest] = other
		m.digests = []string{other}
	case SpoilBodyDigest:
		m.values[onDigest] = other
	case SpoilDigest:
		m.digests = []string{other}
	case SpoilDigestMissing:
		m.digests = nil
	case SpoilDigestAlgorithm:
		sum := sha512.Sum512(m.body)
		m.digests = []string{"sha-512=" + byteSequence(sum[:])}
		m.values[onDigest] = m.digests[0]
	case SpoilDigestTwice:
		m.digests = append(m.digests, m.digests[0])
		m.values[onDigest] = strings.Join(m.digests, ", ") // RFC 9421 section 2.1
	case SpoilEscaped, SpoilEscapedDecoded:
		i := strings.LastIndexByte(m.path, '/')
		m.path = m.path[:i] + "%2F" + m.path[i+1:]
		if kind == SpoilEscaped {
			m.values[onPath] = m.path
		}
	}
}

func (m *message) spoilSeq(kind SpoilKind) {
	switch kind {
	case SpoilSeqMissing:
		m.seqs = nil
	case SpoilSeqAltered:
		epoch, seq, _ := strings.Cut(m.seqs[0], ".")
		number, _ := strconv.ParseInt(seq, 10, 64) // fill wrote it, or the caller meant what it says
		m.seqs = []string{epoch + "." + strconv.FormatInt(number+1, 10)}
	case SpoilSeqMalformed:
		epoch, _, _ := strings.Cut(m.seqs[0], ".")
		m.seqs, m.values[onSeq] = []string{epoch}, epoch
	case SpoilSeqTwice:
		m.seqs = append(m.seqs, m.seqs[0])
		m.values[onSeq] = strings.Join(m.seqs, ", ") // RFC 9421 section 2.1
	case SpoilSeqReused:
		// A space behind the document keeps it the same JSON, and makes it
		// another message.
		m.setBody(append(slices.Clone(m.body), ' '))
		// The hub must not refuse it for its nonce.
		m.setParam("nonce", strconv.Quote(strings.Repeat("again", 4)+m.nonce(16)))
	}
}

func (m *message) spoilCover(kind SpoilKind) {
	without := map[SpoilKind]string{
		SpoilNoMethod: onMethod, SpoilNoAuthority: onAuthority, SpoilNoPath: onPath, SpoilNoQuery: onQuery, SpoilNoDigest: onDigest,
		SpoilNoSeq: onSeq, SpoilSeqMissing: onSeq,
	}
	if name, ok := without[kind]; ok {
		m.covered = slices.DeleteFunc(m.covered, func(c string) bool { return c == name })
	}
	const withReq = onPath + ";req"
	switch kind {
	case SpoilComponentReq, SpoilComponentEmpty:
		m.covered[slices.Index(m.covered, onPath)] = withReq
		if kind == SpoilComponentReq {
			m.values[withReq] = m.path
		}
	case SpoilComponentTwice:
		m.covered = append(m.covered, onPath)
	}
}

func (m *message) spoilParams(kind SpoilKind) {
	created, _ := strconv.ParseInt(m.param("created"), 10, 64) // newMessage wrote it
	switch kind {
	case SpoilKeyIDUnknown:
		m.setParam("keyid", `"nobody-has-this-id"`)
	case SpoilKeyIDNumber:
		m.setParam("keyid", "5")
	case SpoilKeyIDMissing:
		m.setParam("keyid", "")
	case SpoilNonceReused:
		m.setParam("created", strconv.FormatInt(created-1, 10))
	case SpoilNonceMissing:
		m.setParam("nonce", "")
	case SpoilNonceShort:
		m.setParam("nonce", strconv.Quote(m.nonce(15)))
	case SpoilNonceLong:
		m.setParam("nonce", strconv.Quote(m.nonce(65)))
	case SpoilNonceLetters:
		m.setParam("nonce", strconv.Quote(m.nonce(15)+"!"))
	case SpoilNonceToken:
		m.setParam("nonce", "t"+m.nonce(21)) // a token begins with a letter
	case SpoilCreatedOld:
		m.setParam("created", strconv.FormatInt(created-302, 10))
	case SpoilCreatedFuture:
		m.setParam("created", strconv.FormatInt(created+90, 10))
	case SpoilCreatedText:
		m.setParam("created", `"abc"`)
	case SpoilCreatedFraction:
		m.setParam("created", m.param("created")+".5")
	case SpoilCreatedMissing:
		m.setParam("created", "")
	case SpoilAlg:
		m.params = append(m.params, param{"alg", strconv.Quote(m.who.algorithm())})
	case SpoilParameter:
		m.params = append(m.params, param{"tag", `"x"`})
	}
}

func (m *message) spoilForm(kind SpoilKind) {
	switch kind {
	case SpoilAlgConfused:
		other := m.who.confused()
		m.params = append(m.params, param{"alg", strconv.Quote(other.algorithm())})
		m.sign = other.sign
	case SpoilLabel:
		m.label = "sig2"
	case SpoilTwoSignatures, SpoilLabelTwice:
		label := map[SpoilKind]string{SpoilTwoSignatures: "sig2", SpoilLabelTwice: "sig1"}[kind]
		m.finish = func(h http.Header) {
			for _, name := range []string{"Signature", "Signature-Input"} {
				h.Set(name, h.Get(name)+", "+label+strings.TrimPrefix(h.Get(name), m.label))
			}
		}
	case SpoilSignatureTwice:
		m.finish = func(h http.Header) { h.Add("Signature", h.Get("Signature")) }
	case SpoilInputTwice:
		m.finish = func(h http.Header) { h.Add("Signature-Input", h.Get("Signature-Input")) }
	case SpoilHuge, SpoilHugeChunked:
		m.chunked = kind == SpoilHugeChunked
		// Spaces behind the document keep it the same JSON.
		m.setBody(append(slices.Clone(m.body), bytes.Repeat([]byte(" "), max(0, hugeBody-len(m.body)))...))
	}
}

func (i identity) algorithm() string {
	if i.key != nil {
		return "ed25519"
	}
	return "hmac-sha256"
}

// confused signs with the other algorithm, with what the hub's record holds of
// this identity.
func (i identity) confused() identity {
	if i.key != nil {
		return identity{id: i.id, secret: i.key[ed25519.PrivateKeySize-ed25519.PublicKeySize:]}
	}
	return identity{id: i.id, key: ed25519.NewKeyFromSeed(i.secret)}
}

// param returns a parameter as serialised.
func (m *message) param(name string) string {
	i := slices.IndexFunc(m.params, func(p param) bool { return p.name == name })
	return m.params[i].value
}

// setParam replaces a parameter; the empty value takes it away.
func (m *message) setParam(name, value string) {
	i := slices.IndexFunc(m.params, func(p param) bool { return p.name == name })
	if value == "" {
		m.params = slices.Delete(m.params, i, i+1)
		return
	}
	m.params[i].value = value
}

// nonce is n characters that begin like the message's own nonce, so that it is
// as fresh as that one.
func (m *message) nonce(n int) string {
	own := strings.Trim(m.param("nonce"), `"`)
	return strings.Repeat(own, n/len(own)+1)[:n]
}
