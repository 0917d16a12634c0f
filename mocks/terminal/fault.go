package terminal

import "errors"

// ErrUnknownSpoil says that a Request named a kind of spoil that there is not.
var ErrUnknownSpoil = errors.New("terminal simulator: unknown spoil")

// SpoilKind is one thing wrong with an otherwise sound request. For the altered
// kinds the request goes out as it was asked for and the signature is over
// another one: what a forger wants done is what the hub sees.
type SpoilKind string

// Who signed.
const (
	SpoilUnsigned         SpoilKind = "unsigned"          // neither Signature nor Signature-Input
	SpoilKey              SpoilKind = "key-wrong"         // signed with another key
	SpoilKeyIDUnknown     SpoilKind = "keyid-unknown"     // an id that nobody registered
	SpoilKeyIDNumber      SpoilKind = "keyid-number"      // keyid=5
	SpoilKeyIDMissing     SpoilKind = "keyid-missing"     //
	SpoilSignatureCut     SpoilKind = "signature-cut"     // a byte short
	SpoilSignatureGarbled SpoilKind = "signature-garbled" // not base64
	SpoilInputGarbled     SpoilKind = "input-garbled"     // Signature-Input ends within the list
)

// What was signed.
const (
	SpoilMethod          SpoilKind = "method-altered"
	SpoilAuthority       SpoilKind = "authority-altered"
	SpoilPath            SpoilKind = "path-altered"
	SpoilQuery           SpoilKind = "query-altered"           // a query was added after signing
	SpoilBody            SpoilKind = "body-altered"            // digest and signature are of the old body
	SpoilBodyDigest      SpoilKind = "body-digest-altered"     // the signature is over the old digest
	SpoilDigest          SpoilKind = "digest-altered"          // the body is the signed one
	SpoilDigestMissing   SpoilKind = "digest-missing"          // covered, but there is no such field
	SpoilDigestAlgorithm SpoilKind = "digest-sha-512"          // right, but not sha-256
	SpoilDigestTwice     SpoilKind = "digest-duplicate"        // two lines, the signature over both
	SpoilNoMethod        SpoilKind = "component-no-method"     // "@method" is not covered
	SpoilNoAuthority     SpoilKind = "component-no-authority"  // "@authority" is not covered
	SpoilNoPath          SpoilKind = "component-no-path"       // "@path" is not covered
	SpoilNoQuery         SpoilKind = "component-no-query"      // "@query" is not covered
	SpoilNoDigest        SpoilKind = "component-no-digest"     // "content-digest" is not covered
	SpoilComponentReq    SpoilKind = "component-req"           // "@path";req with the path
	SpoilComponentEmpty  SpoilKind = "component-req-empty"     // "@path";req with nothing
	SpoilComponentTwice  SpoilKind = "component-duplicate"     // "@path" twice
	SpoilEscaped         SpoilKind = "path-escaped"            // the last / is %2F, and signed so
	SpoilEscapedDecoded  SpoilKind = "path-escaped-as-decoded" // the last / is %2F, and signed as /
)

// When, and how often.
const (
	SpoilReplay          SpoilKind = "replay"           // the same request once more, byte for byte
	SpoilNonceReused     SpoilKind = "nonce-reused"     // the same request and nonce, signed a second earlier
	SpoilNonceMissing    SpoilKind = "nonce-missing"    //
	SpoilNonceShort      SpoilKind = "nonce-short"      // 15 characters
	SpoilNonceLong       SpoilKind = "nonce-long"       // 65 characters
	SpoilNonceLetters    SpoilKind = "nonce-letters"    // a character outside the alphabet
	SpoilNonceToken      SpoilKind = "nonce-token"      // without quotation marks
	SpoilCreatedOld      SpoilKind = "created-old"      // 302 seconds old
	SpoilCreatedFuture   SpoilKind = "created-future"   // 90 seconds ahead
	SpoilCreatedText     SpoilKind = "created-text"     // created="abc"
	SpoilCreatedFraction SpoilKind = "created-fraction" // a decimal
	SpoilCreatedMissing  SpoilKind = "created-missing"  //
)

// Which message of the terminal's it is. They exist for POST only
// ([SpoilKind.PostOnly]).
const (
	SpoilSeqMissing   SpoilKind = "seq-missing"      // neither field nor component
	SpoilNoSeq        SpoilKind = "component-no-seq" // "terminal-seq" is not covered
	SpoilSeqAltered   SpoilKind = "seq-altered"      // the number is one higher than the signed one
	SpoilSeqMalformed SpoilKind = "seq-malformed"    // the epoch alone, and signed so
	SpoilSeqTwice     SpoilKind = "seq-duplicate"    // two lines, the signature over both
	SpoilSeqReused    SpoilKind = "seq-reused"       // the number of a message with another body
)

// The form of the message.
const (
	SpoilAlg            SpoilKind = "alg"                     // alg="ed25519", or whatever is right
	SpoilAlgConfused    SpoilKind = "alg-hmac"                // an HMAC with the public key as the secret; Ed25519 of the secret for an HMAC terminal
	SpoilParameter      SpoilKind = "parameter-other"         // tag="x"
	SpoilLabel          SpoilKind = "label-other"             // sig2 alone
	SpoilTwoSignatures  SpoilKind = "two-signatures"          // sig1 and sig2, both right
	SpoilLabelTwice     SpoilKind = "label-duplicate"         // sig1 twice in one line
	SpoilSignatureTwice SpoilKind = "signature-duplicate"     // two lines of Signature
	SpoilInputTwice     SpoilKind = "input-duplicate"         // two lines of Signature-Input
	SpoilHuge           SpoilKind = "body-huge"               // sound, 1 MiB
	SpoilHugeChunked    SpoilKind = "body-huge-undeclared"    // the same without Content-Length
	SpoilForeignHost    SpoilKind = "authority-foreign-sound" // Host and signature both say other.example
)

// Repeats says that the request is done once, soundly, before it is spoilt: its
// effect is there, and must not be there twice.
func (k SpoilKind) Repeats() bool {
	return k == SpoilReplay || k == SpoilNonceReused || k == SpoilSeqReused
}

// PostOnly says that the kind spoils what only a POST has.
func (k SpoilKind) PostOnly() bool {
	switch k {
	case SpoilSeqMissing, SpoilNoSeq, SpoilSeqAltered, SpoilSeqMalformed, SpoilSeqTwice, SpoilSeqReused:
		return true
	}
	return false
}

// SpoilKinds lists the kinds that a hub must refuse, each of them whatever the
// request, those of [SpoilKind.PostOnly] if it is a POST. SpoilForeignHost is not among them: only a hub that knows its own
// name can refuse it.
func SpoilKinds() []SpoilKind {
	return []SpoilKind{
		SpoilUnsigned, SpoilKey, SpoilKeyIDUnknown, SpoilKeyIDNumber, SpoilKeyIDMissing,
		SpoilSignatureCut, SpoilSignatureGarbled, SpoilInputGarbled,
		SpoilMethod, SpoilAuthority, SpoilPath, SpoilQuery, SpoilBody, SpoilBodyDigest,
		SpoilDigest, SpoilDigestMissing, SpoilDigestAlgorithm, SpoilDigestTwice,
		SpoilNoMethod, SpoilNoAuthority, SpoilNoPath, SpoilNoQuery, SpoilNoDigest,
		SpoilComponentReq, SpoilComponentEmpty, SpoilComponentTwice, SpoilEscaped, SpoilEscapedDecoded,
		SpoilReplay, SpoilNonceReused, SpoilNonceMissing, SpoilNonceShort, SpoilNonceLong, SpoilNonceLetters, SpoilNonceToken,
		SpoilCreatedOld, SpoilCreatedFuture, SpoilCreatedText, SpoilCreatedFraction, SpoilCreatedMissing,
		SpoilSeqMissing, SpoilNoSeq, SpoilSeqAltered, SpoilSeqMalformed, SpoilSeqTwice, SpoilSeqReused,
		SpoilAlg, SpoilAlgConfused, SpoilParameter, SpoilLabel, SpoilTwoSignatures, SpoilLabelTwice,
		SpoilSignatureTwice, SpoilInputTwice, SpoilHuge, SpoilHugeChunked,
	}
}
