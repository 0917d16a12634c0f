package alipay

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"

	"guodu/mocks/sim"
)

// An open_id is a part that all of one app share, a part for the person, and a
// proof that this package made it: so a foreign one can be told without a
// register of persons.
const (
	openIDAppChars    = 8
	openIDPersonChars = 32
	openIDProofChars  = 7
	openIDBodyChars   = openIDAppChars + openIDPersonChars

	maxCodes = 200_000
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
	s.people.meet(person, BuyerID(person), OpenID(s.opts.AppID, person))
	if s.opts.UseOpenID {
		return OpenID(s.opts.AppID, person)
	}
	return BuyerID(person)
}

const personKind = "person"

// people remembers whose an id is: an app that knows both kinds has to find the
// one by the other.
type people struct {
	mu    sync.Mutex
	store *sim.Store
	names map[string]string
}

func newPeople(store *sim.Store) (*people, error) {
	p := &people{store: store, names: map[string]string{}}
	return p, sim.Each(store, personKind, func(id, person string) error {
		p.names[id] = person
		return nil
	})
}

func (p *people) meet(person string, ids ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		if _, known := p.names[id]; !known && len(p.names) < maxCodes {
			p.names[id] = person
			p.store.Put(personKind, id, person)
		}
	}
}

func (p *people) name(id string) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	person, known := p.names[id]
	return person, known
}

// canonical is the id under which a trade is kept: that of the app's own kind,
// as far as it can be known.
func (s *Sim) canonical(id string) string {
	person, known := s.people.name(id)
	if known && s.opts.BothIDs {
		return s.Buyer(person)
	}
	return id
}

// identity is a buyer as the app gets to see it.
func (s *Sim) identity(buyer string) who {
	w := who{LogonID: maskedLogon(buyer)}
	if accountForm.MatchString(buyer) {
		w.UserID = buyer
	} else {
		w.OpenID = buyer
	}
	person, known := s.people.name(buyer)
	if known && (s.opts.BothIDs || !s.does(behaviourIdentity)) {
		w.UserID, w.OpenID = BuyerID(person), OpenID(s.opts.AppID, person)
	}
	return w
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
