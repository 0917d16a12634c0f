package transition

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"guodu/internal/fen"
	"guodu/internal/redisx"
)

// Sentinels of deciding a case. None of them moved anything.
var (
	// ErrCaseEnded says that a case is closed, or that what was asked for cannot
	// be done with it any more.
	ErrCaseEnded = errors.New("case is closed")
	// ErrSuspense says that a case still holds money.
	ErrSuspense = errors.New("case holds money")
)

type caseNoteCall struct {
	Case string `key:"case"`
	ID   string `arg:"id"`
	Note string `arg:"note"`
}

type caseEndCall struct {
	houseKeys
	ID  string `arg:"id"`
	Now string `arg:"now"`
	May bool   `arg:"may"`
}

type caseEndReply struct {
	Tag      string
	Decision string `reply:"decision"`
	Fen      string `reply:"fen"`
}

type caseReopenCall struct {
	houseKeys
	ID  string `arg:"id"`
	Now string `arg:"now"`
}

type caseRetellCall struct {
	Case     string  `key:"case"`
	Order    string  `key:"order"`
	ID       string  `arg:"id"`
	Refunded fen.Fen `arg:"refunded"`
	Known    fen.Fen `arg:"known"`
}

var (
	caseNote   = redisx.MustLoad[caseNoteCall, tagOnly](scripts, "case_note")
	caseEnd    = redisx.MustLoad[caseEndCall, caseEndReply](scripts, "case_end")
	caseReopen = redisx.MustLoad[caseReopenCall, caseEndReply](scripts, "case_reopen")
	caseRetell = redisx.MustLoad[caseRetellCall, tagOnly](scripts, "case_retell")
)

// NoteCase writes down who does what with a case, and why, before it is done.
// Errors: ErrNoCase.
func (s *Store) NoteCase(ctx context.Context, c Case, note string) error {
	line := strings.Join(strings.Fields(note), " ")
	reply, err := caseNote.Run(ctx, s.run, caseNoteCall{Case: s.keys.cases(c.home), ID: c.ID, Note: line})
	if err != nil {
		return err
	}
	return caseRefused(c, reply.Tag)
}

// EndCase closes a case on people's word. Money that it holds leaves the books
// with disown: it was never the hub's, or went back where no channel tells of it.
// Closing twice is safe.
// Errors: ErrNoCase, ErrSuspense, ErrRefunding.
func (s *Store) EndCase(ctx context.Context, c Case, disown bool) error {
	reply, err := caseEnd.Run(ctx, s.run, caseEndCall{houseKeys: s.keys.suspense(c.home), ID: c.ID, Now: s.now(), May: disown})
	if err != nil {
		return err
	}
	return caseRefused(c, reply.Tag)
}

// ReopenCase takes EndCase back, with the money. Repeating it is safe.
// Errors: ErrNoCase, ErrCaseEnded (its money was credited or given back).
func (s *Store) ReopenCase(ctx context.Context, c Case) error {
	reply, err := caseReopen.Run(ctx, s.run, caseReopenCall{houseKeys: s.keys.suspense(c.home), ID: c.ID, Now: s.now()})
	if err != nil {
		return err
	}
	return caseRefused(c, reply.Tag)
}

// RetellCase takes back a larger sum of refunds that the channel once told of a
// payment: all is what people know to be refunded. c.Refunded is the sum that they
// knew to be told; ErrMoved says that more was told meanwhile.
// Errors: ErrCaseEnded, ErrMoved.
func (s *Store) RetellCase(ctx context.Context, c Case, near string, all fen.Fen) error {
	call := caseRetellCall{Case: s.keys.cases(c.home), Order: s.keys.cases(c.home), ID: c.ID, Refunded: all, Known: c.Refunded}
	if p, no := caseHome(near); no != "" && p == c.home {
		call.Order = s.keys.order(p, no)
	}
	reply, err := caseRetell.Run(ctx, s.run, call)
	if err != nil {
		return err
	}
	return caseRefused(c, reply.Tag)
}

// caseRefused is the error of a script's refusal; nil for what is good.
func caseRefused(c Case, tag string) error {
	known := map[string]error{
		"NO_CASE": ErrNoCase, "ENDED": ErrCaseEnded, "SETTLED": ErrCaseEnded, "HOLDS": ErrSuspense, "REFUNDING": ErrRefunding,
		"LIMIT": ErrMismatch, "EXISTS": ErrRefundExists, "MISMATCH": ErrMismatch, "NO_ACCOUNT": ErrNoAccount,
		"OTHER_ACCOUNT": ErrMismatch, "CREDITED": ErrCaseEnded, "NO_ORDER": ErrNoOrder, "RETRY": ErrMoved,
	}
	if why, found := known[tag]; found {
		return fmt.Errorf("case %s: %w", c.ID, why)
	}
	return nil
}
