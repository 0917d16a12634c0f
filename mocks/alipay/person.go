package alipay

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
)

// An open_id is a part that all of one app share, a part for the person, and a
// proof that this package made it: so a foreign one can be told without a
// register of persons.
const (
	openIDAppChars    = 8
	openIDPersonChars = 32
	openIDProofChars  = 7
	openIDBodyChars   = openIDAppChars + openIDPersonChars
)

// BuyerID is the user_id (2088 and twelve digits) of a person: always the same
// for the same name, whichever app asks.
func BuyerID(person string) string {
	return fmt.Sprintf("2088%012d", hash("buyer", person)%1_000_000_000_000)
}

// OpenID is the open_id by which the app appID knows a person: always the same
// 47 characters for the same two arguments, others under another app.
func OpenID(appID, person string) string {
	body := mixed(openIDAppChars, "app", appID) + mixed(openIDPersonChars, "person", appID, person)
	return body + mixed(openIDProofChars, "proof", body)
}

// madeFor says whether an open_id belongs to the app.
func madeFor(openID, appID string) bool {
	if len(openID) != openIDBodyChars+openIDProofChars {
		return false
	}
	body := openID[:openIDBodyChars]
	return strings.HasPrefix(body, mixed(openIDAppChars, "app", appID)) &&
		openID[openIDBodyChars:] == mixed(openIDProofChars, "proof", body)
}

// Buyer is the id by which this simulator's app knows a person: [OpenID] with
// [Options.UseOpenID], else [BuyerID].
func (s *Sim) Buyer(person string) string {
	if s.opts.UseOpenID {
		return OpenID(s.opts.AppID, person)
	}
	return BuyerID(person)
}

// maskedLogon is a telephone number as Alipay shows it to merchants.
func maskedLogon(buyer string) string {
	n := hash("logon", buyer)
	return fmt.Sprintf("1%02d****%04d", 30+n%70, n/70%10_000)
}

func hash(parts ...string) uint64 {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return binary.BigEndian.Uint64(sum[:])
}

func mixed(chars int, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:chars]
}
