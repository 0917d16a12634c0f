package terminal

import "time"

// Tap is the body of POST /pos/v1/taps: what the terminal read off the card.
type Tap struct {
	TapID   string `json:"tap_id"`
	CardNo  string `json:"card_no"`
	CardUID string `json:"card_uid"`
	Version string `json:"version"`
	L       int64  `json:"L"`           // load counter
	B       int64  `json:"B"`           // balance in fen
	P       *int64 `json:"P,omitempty"` // purchase counter, if the card has one

	// By the card's profile:
	MAC1   string   `json:"mac1,omitempty"`
	Random string   `json:"random,omitempty"`
	TAC    string   `json:"tac,omitempty"`    // of the newest load
	TACAt  string   `json:"tac_at,omitempty"` // yyyyMMddHHmmss
	Log    *CardLog `json:"log,omitempty"`
}

// CardLog is the newest load in the log of a card of profile shared.
type CardLog struct {
	AmountFen int64  `json:"amount_fen"`
	Terminal  string `json:"terminal"`
}

// TapAnswer is the hub's answer to a tap.
type TapAnswer struct {
	Outcome string `json:"outcome"` // "load" or "none"

	// With "load":
	Load          string    `json:"load"`
	AmountFen     int64     `json:"amount_fen"`
	Attempt       int64     `json:"attempt"`
	L0            int64     `json:"L0"`
	B0            int64     `json:"B0"` // fen
	NotAfter      time.Time `json:"not_after"`
	Authorisation string    `json:"authorisation"`
	MAC2          string    `json:"mac2"`    // for a card of profile epurse
	MAC2At        string    `json:"mac2_at"` // yyyyMMddHHmmss

	// With "none":
	Reason    string `json:"reason"`
	Challenge string `json:"challenge"`

	// With either:
	PendingFen int64      `json:"pending_fen"`
	Confirmed  *Confirmed `json:"confirmed"`
}

// Confirmed is an earlier load that a tap proved.
type Confirmed struct {
	Load      string `json:"load"`
	AmountFen int64  `json:"amount_fen"`
}

// Authorisation is the payload of a signed authorisation.
type Authorisation struct {
	Load      string `json:"load"`
	Account   string `json:"account"`
	CardUID   string `json:"card_uid"`
	CardNo    string `json:"card_no"`
	Version   string `json:"version"`
	L0        int64  `json:"L0"`
	B0        int64  `json:"B0"` // fen
	P0        string `json:"P0"`
	AmountFen int64  `json:"amount_fen"`
	Attempt   int64  `json:"attempt"`
	Terminal  string `json:"terminal"`
	TapID     string `json:"tap_id"`
	NotAfter  int64  `json:"not_after"` // Unix time in milliseconds
}

// The outcomes of a write, as a result says them.
const (
	ResultWritten = "written"
	ResultUnknown = "unknown"
)

// Result is the body of POST /pos/v1/loads/{load}/result. L, B and P are there
// only if the card was read back in the presence of the write.
type Result struct {
	Authorisation string `json:"authorisation"`
	Outcome       string `json:"outcome"`
	L             *int64 `json:"L,omitempty"`
	B             *int64 `json:"B,omitempty"` // fen
	P             *int64 `json:"P,omitempty"`

	TAC   string   `json:"tac,omitempty"`
	TACAt string   `json:"tac_at,omitempty"`
	Log   *CardLog `json:"log,omitempty"`
}

// Receipt is the hub's answer to a result.
type Receipt struct {
	State     string    `json:"state"`
	First     bool      `json:"first"`
	AmountFen int64     `json:"amount_fen"`
	At        time.Time `json:"at"`
}

// CardPending is the hub's answer to GET /pos/v1/cards/{card_no}/pending.
type CardPending struct {
	CardNo      string   `json:"card_no"`
	PendingFen  int64    `json:"pending_fen"`
	LoadHeldFen int64    `json:"load_held_fen"`
	Frozen      bool     `json:"frozen"`
	Reasons     []string `json:"reasons"`
}

// The outcomes of a re-read, as the hub says them.
const (
	RereadAgrees   = "agrees"       // the first reading was late or wrong
	RereadConflict = "conflict"     // the account is frozen, a case is open
	RereadAhead    = "unknown_load" // the counter is ahead of the books indeed
	RereadFiled    = "filed"        // a desk's reading, for the people who decide
	RereadRepair   = "repair"       // people decided: L and B have to be on the card
	RereadRepaired = "repaired"     // the card is as it should be
)

// RereadAnswer is the hub's answer to POST /pos/v1/cards/{card_no}/reread.
type RereadAnswer struct {
	Outcome string `json:"outcome"`
	L       *int64 `json:"L"`
	B       *int64 `json:"B"` // fen
}

// LoadStatus is the hub's answer to GET /pos/v1/loads/{load}/status.
type LoadStatus struct {
	Load      string `json:"load"`
	State     string `json:"state"`
	AmountFen int64  `json:"amount_fen"`
	Attempts  int64  `json:"attempts"`
	Live      int64  `json:"live"`
}
