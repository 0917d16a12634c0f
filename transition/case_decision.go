package transition

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"guodu/internal/fen"
)

// Sentinels of deciding a case. None of them moved anything.
var (
	// ErrCaseEnded says that a case is closed, or that what was asked for cannot
	// be done with it any more.
	ErrCaseEnded = errors.New("case is closed")
	// ErrSuspense says that a case still holds money.
	ErrSuspense = errors.New("case holds money")
)

// NoteCase writes down who does what with a case, and why, before it is done.
// Errors: ErrNoCase.
func (s *Store) NoteCase(ctx context.Context, c Case, note string) error {
	line := strings.Join(strings.Fields(note), " ")
	reply, err := s.run.Run(ctx, s.scripts.caseNote, []string{s.keys.cases(c.home)}, c.ID, line)
	if err != nil {
		return err
	}
	return caseRefused("case_note", c, reply, "NOTED")
}

// EndCase closes a case on people's word. Money that it holds leaves the books
// with disown: it was never the hub's, or went back where no channel tells of it.
// Closing twice is safe.
// Errors: ErrNoCase, ErrSuspense, ErrRefunding.
func (s *Store) EndCase(ctx context.Context, c Case, disown bool) error {
	may := ""
	if disown {
		may = "1"
	}
	reply, err := s.enter(ctx, s.scripts.caseEnd, s.caseKeys(c), c.ID, s.now(), may)
	if err != nil {
		return err
	}
	return caseRefused("case_end", c, reply, "CLOSED", "DUP")
}

// ReopenCase takes EndCase back, with the money. Repeating it is safe.
// Errors: ErrNoCase, ErrCaseEnded (its money was credited or given back).
func (s *Store) ReopenCase(ctx context.Context, c Case) error {
	reply, err := s.enter(ctx, s.scripts.caseReopen, s.caseKeys(c), c.ID, s.now())
	if err != nil {
		return err
	}
	return caseRefused("case_reopen", c, reply, "REOPENED", "DUP")
}

// RetellCase takes back a larger sum of refunds that the channel once told of a
// payment: all is what people know to be refunded. c.Refunded is the sum that they
// knew to be told; ErrMoved says that more was told meanwhile.
// Errors: ErrCaseEnded, ErrMoved.
func (s *Store) RetellCase(ctx context.Context, c Case, near string, all fen.Fen) error {
	keys := []string{s.keys.cases(c.home), s.keys.cases(c.home)}
	if p, no := caseHome(near); no != "" && p == c.home {
		keys[1] = s.keys.order(p, no)
	}
	reply, err := s.enter(ctx, s.scripts.caseRetell, keys, c.ID, all.String(), c.Refunded.String())
	if err != nil {
		return err
	}
	return caseRefused("case_retell", c, reply, "RETOLD")
}

// caseKeys are the keys of what moves the money of a case.
func (s *Store) caseKeys(c Case) []string {
	return []string{s.keys.cases(c.home), s.keys.tot(c.home), s.keys.houseAccount(c.home), s.keys.houseEntries(c.home)}
}

// caseRefused puts a script's refusal into an error; nil for what is good.
func caseRefused(script string, c Case, reply []string, good ...string) error {
	for _, tag := range good {
		if reply[0] == tag {
			return nil
		}
	}
	known := map[string]error{
		"NO_CASE": ErrNoCase, "ENDED": ErrCaseEnded, "SETTLED": ErrCaseEnded, "HOLDS": ErrSuspense, "REFUNDING": ErrRefunding,
		"LIMIT": ErrMismatch, "EXISTS": ErrRefundExists, "MISMATCH": ErrMismatch, "NO_ACCOUNT": ErrNoAccount,
		"OTHER_ACCOUNT": ErrMismatch, "CREDITED": ErrCaseEnded, "NO_ORDER": ErrNoOrder, "RETRY": ErrMoved,
	}
	why, found := known[reply[0]]
	if !found {
		return unexpected(script, reply)
	}
	return fmt.Errorf("case %s: %w", c.ID, why)
}
