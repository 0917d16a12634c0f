package terminal

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// Profile is what kind of card it is.
type Profile string

// The profiles.
const (
	// ProfileStamp keeps balance and load counter, moved by hub loads only, in
	// one block: a write happens or does not.
	ProfileStamp Profile = "stamp"
	// ProfileBlocks keeps them in blocks of their own: backup first, then the
	// balance, the counter last. A write can be torn between any two.
	ProfileBlocks Profile = "stamp-blocks"
	// ProfileEPurse moves balance and counter together and gives a TAC for it.
	ProfileEPurse Profile = "epurse"
	// ProfileShared has a counter that other machines move too, and a log of its
	// own with the newest load.
	ProfileShared Profile = "shared"
)

// known says that there is such a profile; empty is ProfileStamp.
func (p Profile) known() bool {
	switch p {
	case "", ProfileStamp, ProfileBlocks, ProfileEPurse, ProfileShared:
		return true
	}
	return false
}

// SecurityModule computes for a card of ProfileEPurse what its keys would.
type SecurityModule interface {
	// Initialize is INITIALIZE FOR LOAD: a random number, and MAC1 over it and
	// the card, both hex.
	Initialize(card CardData) (random, mac1 string, err error)
	// Credit is CREDIT FOR LOAD: it refuses a wrong MAC2 and returns the TAC, hex,
	// of the card as it is after the load.
	Credit(after CardData, c Credit, random string) (tac string, err error)
}

// Placeholder is a SecurityModule without keys: its values have the form of the
// real ones and prove nothing, and any MAC2 will do.
type Placeholder struct{}

// Initialize makes values that differ from card to card and from load to load.
func (Placeholder) Initialize(card CardData) (random, mac1 string, err error) {
	random = placeholder("random", card)
	return random, placeholder("mac1"+random, card), nil
}

// Credit takes any MAC2 that is there.
func (Placeholder) Credit(after CardData, c Credit, random string) (string, error) {
	if c.MAC2 == "" || random == "" {
		return "", errors.New("no MAC2, or no INITIALIZE FOR LOAD before")
	}
	return placeholder("tac"+random, after), nil
}

// placeholder is four bytes in hex, as MAC and TAC are.
func placeholder(what string, card CardData) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d %d %d", what, card.UID, card.L, card.B, card.P))
	return hex.EncodeToString(sum[:4])
}

// takes says whether an answer holds what this card needs for a write.
func (p *presence) takes(answer TapAnswer) error {
	if p.reading.Profile == ProfileEPurse && (answer.MAC2 == "" || answer.MAC2At == "") {
		return fmt.Errorf("%w: no MAC2 for an electronic purse", ErrAuthorisation)
	}
	return nil
}
