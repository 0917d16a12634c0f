package app

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"guodu/internal/keyfile"
	"guodu/transition"
	"guodu/transition/pos"
)

// ImportedTerminals counts what an import of terminals did.
type ImportedTerminals struct{ Terminals, Registered, Known, Refused int }

// ImportTerminals registers the terminals of a CSV file (UTF-8, with the heading
// id, key, place in any order): terminals of role pos that sign with Ed25519. One
// that is registered with its key changes its place at most. A bad line is reported
// and passed over; the others go on, and the file may be imported again when it is
// mended. The counts are good whatever the error is.
// Errors: ErrLine joined for all refused lines; a broken file or store at once, with
// the line that was not reached.
func (h *Hub) ImportTerminals(ctx context.Context, r io.Reader, now time.Time) (ImportedTerminals, error) {
	var done ImportedTerminals
	lines := csv.NewReader(r)
	lines.TrimLeadingSpace = true
	header, err := lines.Read()
	if err != nil {
		return done, fmt.Errorf("read the header: %w", err)
	}
	column, err := columns(header, []string{"id", "key", "place"})
	if err != nil {
		return done, err
	}
	var refused []error
	refuse := func(line int, err error) {
		refused = append(refused, fmt.Errorf("%w: line %d: %w", ErrLine, line, err))
		done.Terminals++
		done.Refused++
	}
	for {
		line, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return done, errors.Join(refused...)
		}
		var broken *csv.ParseError
		if errors.As(err, &broken) {
			refuse(broken.Line, broken.Err)
			continue
		}
		if err != nil {
			return done, errors.Join(append(refused, err)...)
		}
		at, _ := lines.FieldPos(0)
		added, err := h.importTerminal(ctx, now, func(name string) string { return strings.TrimSpace(line[column[name]]) })
		switch {
		case errors.Is(err, transition.ErrUnavailable), errors.Is(err, transition.ErrUnknownOutcome), ctx.Err() != nil:
			return done, errors.Join(append(refused, fmt.Errorf("stopped at line %d: %w", at, err))...)
		case err != nil:
			refuse(at, err)
			continue
		case added:
			done.Registered++
		default:
			done.Known++
		}
		done.Terminals++
	}
}

func (h *Hub) importTerminal(ctx context.Context, now time.Time, field func(string) string) (added bool, err error) {
	key, err := keyfile.ParsePublic([]byte(field("key")))
	if err != nil {
		return false, fmt.Errorf("key: %w", err)
	}
	return h.registry.Add(ctx, pos.Terminal{ID: field("id"), Key: pos.Key{Public: key}, Place: field("place"), Added: now})
}
