package wechatpay

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// An openid is "o", five characters that all openids of one account share (as
// real ones share a beginning), sixteen for the person, and six that prove
// that this package made it. So a simulator can tell a foreign openid from
// nonsense without a register of persons.
const (
	openidAccountChars = 5
	openidPersonChars  = 16
	openidProofChars   = 6
	openidChars        = 1 + openidAccountChars + openidPersonChars + openidProofChars
)

// OpenID is the id by which the account appID knows a person: always the same
// 28 characters for the same two arguments, other ones under another account.
// A person is any name.
func OpenID(appID, person string) string {
	id := "o" + scramble(openidAccountChars, "account", appID) +
		scramble(openidPersonChars, "person", appID, person)
	return id + scramble(openidProofChars, "proof", id)
}

// snapshotOpenID is the virtual account that stands in for a person in snapshot
// page mode.
func snapshotOpenID(appID, person string) string {
	return OpenID(appID, "snapshot\x00"+person)
}

func scramble(chars int, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:chars]
}

type openidOwner int

const (
	openidOurs openidOwner = iota
	openidForeign
	openidInvalid
)

// ownerOf says whether an openid was made for that account.
func ownerOf(openid, appID string) openidOwner {
	if len(openid) != openidChars {
		return openidInvalid
	}
	id, proof := openid[:openidChars-openidProofChars], openid[openidChars-openidProofChars:]
	if proof != scramble(openidProofChars, "proof", id) {
		return openidInvalid
	}
	if id[1:1+openidAccountChars] != scramble(openidAccountChars, "account", appID) {
		return openidForeign
	}
	return openidOurs
}
