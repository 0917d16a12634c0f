package pos

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Sentinels of the registry.
var (
	// ErrTerminal says that an id, key, role or place cannot be a terminal's.
	ErrTerminal = errors.New("not a terminal")
	// ErrTerminalTaken says that the id is registered with another key,
	// algorithm or role.
	ErrTerminalTaken = errors.New("terminal id is registered otherwise")
	// ErrNoTerminal says that no terminal has this id.
	ErrNoTerminal = errors.New("no such terminal")
	// ErrTerminalState says that a terminal in this state cannot do that.
	ErrTerminalState = errors.New("terminal is not in a state for that")
	// ErrOverlap says that another key is still being rotated out.
	ErrOverlap = errors.New("terminal has two keys already")
)

// State is where a terminal stands. Only a running one gets money's words.
type State string

// The states of a terminal.
const (
	Registered State = "registered" // an operator added it; it has not signed in
	Running    State = "running"
	Suspended  State = "suspended" // may be resumed
	Lost       State = "lost"      // whoever has it; its journal is for people
	Retired    State = "retired"   // taken out of use; likewise
)

// revoked says that nothing of such a terminal counts by itself any more.
func (s State) revoked() bool { return s == Lost || s == Retired }

// Role is what a terminal may do beside loading.
type Role string

// The roles of a terminal.
const (
	RolePOS  Role = "pos"
	RoleDesk Role = "desk" // at the card centre: its re-reading can end a conflict
)

// Algorithm is how a terminal signs. It is a property of the registered key and
// never read from a request.
type Algorithm string

// The algorithms that a terminal may be registered with.
const (
	Ed25519 Algorithm = "ed25519"
	HMAC    Algorithm = "hmac-sha256"
)

// Key is one key of a terminal.
type Key struct {
	Public ed25519.PublicKey // with Ed25519
	Number int64             // with HMAC: which of the terminal's secrets, from 1
}

// text is a key's form in Redis.
func (k Key) text() string {
	if k.Number > 0 {
		return strconv.FormatInt(k.Number, 10)
	}
	return base64.StdEncoding.EncodeToString(k.Public)
}

func parseKey(alg Algorithm, text string) (Key, bool) {
	switch alg {
	case Ed25519:
		raw, err := base64.StdEncoding.Strict().DecodeString(text)
		return Key{Public: raw}, err == nil && len(raw) == ed25519.PublicKeySize
	case HMAC:
		n, err := strconv.ParseInt(text, 10, 64)
		return Key{Number: n}, err == nil && n > 0
	}
	return Key{}, false
}

// Terminal is a terminal as registered.
type Terminal struct {
	ID        string // 1 to 32 of [0-9A-Za-z_-]; the keyid of its signatures
	Algorithm Algorithm
	Key       Key
	OldKey    Key       // accepted as well, until OldUntil
	OldUntil  time.Time // zero: there is no old key
	Role      Role
	Place     string // where it stands, for people
	State     State
	Added     time.Time

	Seq      Seq    // the newest message that the hub has seen
	Missed   int64  // message numbers that never came
	Alarms   int64  // how often something said that two devices share its key
	Alarm    string // the last of these: what, which number, when
	Seen     Seen   // what it said of itself
	Journals int64  // newest epoch of its journal; 0 before the first record
	Aside    int64  // bytes of its records that are quarantined without a number's place
}

// Seen is what a terminal said of itself when it last signed in or beat.
type Seen struct {
	At           time.Time // zero: never
	SignedIn     time.Time
	Firmware     string
	Params       int64
	Blocklist    string
	ClockOffset  time.Duration // the hub's time less the terminal's
	JournalDepth int64
	OldestUnsent time.Time
}

// keys are those that a signature may be made with now, the newest first.
func (t Terminal) keys(now time.Time) []Key {
	keys := []Key{t.Key}
	if now.Before(t.OldUntil) {
		keys = append(keys, t.OldKey)
	}
	return keys
}

// Journal is the epoch of the journal that the terminal writes.
func (t Terminal) Journal() int64 { return max(t.Journals, t.Seq.Epoch) }

var terminalID = regexp.MustCompile(`^[0-9A-Za-z_-]{1,32}$`)

// check says what of a terminal to be added cannot be.
func (t Terminal) check() error {
	if !terminalID.MatchString(t.ID) || t.ID == hubKeyID {
		return fmt.Errorf("%w: id %.40q (1 to 32 of 0-9 A-Z a-z _ -, and not %q)", ErrTerminal, t.ID, hubKeyID)
	}
	if _, ok := parseKey(t.Algorithm, t.Key.text()); !ok {
		return fmt.Errorf("%w: algorithm %.20q with a key of %d bytes, Ed25519 has %d", ErrTerminal, t.Algorithm, len(t.Key.Public), ed25519.PublicKeySize)
	}
	if t.Role != RolePOS && t.Role != RoleDesk {
		return fmt.Errorf("%w: role %.20q (pos or desk)", ErrTerminal, t.Role)
	}
	if len(t.Place) > 200 {
		return fmt.Errorf("%w: place of %d bytes, at most 200", ErrTerminal, len(t.Place))
	}
	return nil
}

// terminalOf reads a terminal's record; false if it is none.
func terminalOf(id string, h map[string]string) (Terminal, bool) {
	t := Terminal{
		ID: id, Algorithm: Algorithm(h["alg"]), Role: Role(h["role"]), Place: h["place"], State: State(h["state"]), Added: millis(h["added"]),
		Seq: Seq{Epoch: count(h["epoch"]), N: count(h["seq"])}, Missed: count(h["missed"]), Alarms: count(h["alarms"]), Alarm: h["alarm"],
		Journals: count(h["j_epoch"]), Aside: count(h["aside"]),
		Seen: Seen{
			At: millis(h["seen"]), SignedIn: millis(h["signed_in"]), Firmware: h["firmware"], Params: count(h["params"]),
			Blocklist: h["blocklist"], ClockOffset: clockOffset(count(h["clock"])),
			JournalDepth: count(h["depth"]), OldestUnsent: millis(h["oldest"]),
		},
	}
	if t.Role == "" {
		t.Role = RolePOS // added before there were roles
	}
	key, ok := parseKey(t.Algorithm, h["key"])
	t.Key = key
	if old, found := parseKey(t.Algorithm, h["old_key"]); found {
		t.OldKey, t.OldUntil = old, millis(h["old_until"])
	}
	return t, ok && t.State != ""
}

// count reads a number of a record; absent is 0.
func count(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}
