package terminal

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
)

// Memory is what the hub told the terminal, as its disk has it.
type Memory struct {
	BusinessDay, State, Role string
	ClockOffsetMS            int64
	Params                   Parameters
	Blocked                  map[string]Blocked // by card_uid
	Blocklist, Feed          string             // cursors
	Epoch                    int64
	Watermarks               Watermarks
}

// Memory is what the hub told the terminal, as its disk has it.
func (t *Terminal) Memory() Memory {
	m := t.told.read()
	return Memory{
		BusinessDay: m.BusinessDay, State: m.State, Role: m.Role, ClockOffsetMS: m.ClockOffsetMS, Params: m.Params,
		Blocked: m.Blocked, Blocklist: m.Blocklist, Feed: m.Feed, Epoch: t.numbers.epoch(), Watermarks: t.delivered.read().Watermarks,
	}
}

// Params fetches the parameters if there are newer ones, and returns those in
// force. Errors: ErrNoAnswer, ErrAnswer, *Problem, ErrJournal, ErrCrashed, ErrClosed.
func (t *Terminal) Params(ctx context.Context) (Parameters, error) {
	has := t.told.read().Params
	return t.params(ctx, has.Version)
}

func (t *Terminal) params(ctx context.Context, since int64) (Parameters, error) {
	var p Parameters
	err := t.get(ctx, "/pos/v1/params", "since="+strconv.FormatInt(since, 10), &p)
	if err != nil {
		return Parameters{}, fmt.Errorf("params: %w", err)
	}
	if p.Values != nil {
		err = t.told.change(func(m *memory) { m.Params = p })
	}
	return t.told.read().Params, err
}

// blocklist is the hub's answer to GET /pos/v1/blocklist.
type blocklist struct {
	Cursor  string    `json:"cursor"`
	Full    bool      `json:"full"`
	Block   []Blocked `json:"block"`
	Unblock []string  `json:"unblock"`
}

// Blocklist brings the list of blocked cards up to date, by the differences if
// the hub still has them, and returns it by card_uid.
// Errors: ErrNoAnswer, ErrAnswer, *Problem, ErrJournal, ErrCrashed, ErrClosed.
func (t *Terminal) Blocklist(ctx context.Context) (map[string]Blocked, error) {
	return t.blocklist(ctx, t.told.read().Blocklist)
}

func (t *Terminal) blocklist(ctx context.Context, since string) (map[string]Blocked, error) {
	query := ""
	if since != "" {
		query = "since=" + url.QueryEscape(since)
	}
	var list blocklist
	err := t.get(ctx, "/pos/v1/blocklist", query, &list)
	if err == nil && since == "" && !list.Full {
		err = fmt.Errorf("%w: differences to nothing", ErrAnswer)
	}
	if err != nil {
		return nil, fmt.Errorf("blocklist: %w", err)
	}
	err = t.told.change(func(m *memory) {
		m.Blocklist = list.Cursor
		if list.Full || m.Blocked == nil {
			m.Blocked = map[string]Blocked{}
		}
		for _, uid := range list.Unblock {
			delete(m.Blocked, uid)
		}
		for _, b := range list.Block {
			m.Blocked[b.CardUID] = b
		}
	})
	return t.told.read().Blocked, err
}
