package terminal

import (
	"crypto/ed25519"
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
)

// toldFile holds what the hub told the terminal.
const toldFile = "told.json"

// Blocked is a card that gets nothing.
type Blocked struct {
	CardUID string `json:"card_uid"`
	CardNo  string `json:"card_no"`
	Reason  string `json:"reason"`
}

// Parameters are the hub's for its terminals, by name.
type Parameters struct {
	Version int64                      `json:"version"`
	Values  map[string]json.RawMessage `json:"values,omitempty"`
}

// memory is toldFile's content.
type memory struct {
	BusinessDay   string             `json:"business_day,omitempty"`
	State         string             `json:"state,omitempty"`
	Role          string             `json:"role,omitempty"`
	HeartbeatS    int64              `json:"heartbeat_s,omitempty"`
	ClockOffsetMS int64              `json:"clock_offset_ms,omitempty"`
	HubKeys       [][]byte           `json:"hub_keys,omitempty"`
	Params        Parameters         `json:"params"`
	Blocklist     string             `json:"blocklist,omitempty"` // the cursor
	Blocked       map[string]Blocked `json:"blocked,omitempty"`   // by card_uid
	Feed          string             `json:"feed,omitempty"`      // the cursor
}

// told is what the hub told, in memory and on the disk.
type told struct{ kept[memory] }

func openTold(d disk, dir string) (*told, error) {
	t := &told{kept[memory]{disk: d, path: filepath.Join(dir, toldFile), copied: copiedMemory}}
	return t, t.open()
}

func copiedMemory(m memory) memory {
	m.Params.Values = maps.Clone(m.Params.Values)
	m.Blocked = maps.Clone(m.Blocked)
	m.HubKeys = slices.Clone(m.HubKeys)
	return m
}

// blocked finds a card in the blocklist.
func (t *told) blocked(uid string) (Blocked, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b, found := t.is.Blocked[uid]
	return b, found
}

// hubKeys are the keys that the hub may sign with.
func (t *Terminal) hubKeys() []ed25519.PublicKey {
	t.told.mu.Lock()
	defer t.told.mu.Unlock()
	keys := []ed25519.PublicKey{t.hubKey}
	for _, key := range t.told.is.HubKeys {
		keys = append(keys, key)
	}
	return keys
}
