package app

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"guodu/internal/fen"
	"guodu/transition"
)

// ErrLine says which line of a file cannot be imported.
var ErrLine = errors.New("line not imported")

// importColumns are the columns of an account file, in any order.
func importColumns() []string {
	return []string{"account_no", "version", "status", "arrears_yuan", "freeze", "card_no", "card_uid", "card_version", "card_profile"}
}

// Imported counts what an import did.
type Imported struct{ Accounts, Changed, Unchanged, Refused int }

// Import reads accounts from CSV (UTF-8, with a header line) and imports each.
// A bad line is reported and passed over; the others go on, and the file may be
// imported again when it is mended. progress is called after each line.
// Errors: ErrLine joined for all refused lines; a broken file or store at once.
func (h *Hub) Import(ctx context.Context, r io.Reader, progress func(Imported)) (Imported, error) {
	var done Imported
	lines := csv.NewReader(r)
	lines.TrimLeadingSpace = true
	header, err := lines.Read()
	if err != nil {
		return done, fmt.Errorf("read the header: %w", err)
	}
	column, err := columns(header, importColumns())
	if err != nil {
		return done, err
	}
	var refused []error
	for {
		line, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return done, errors.Join(refused...)
		}
		var broken *csv.ParseError
		if errors.As(err, &broken) {
			refused = append(refused, fmt.Errorf("%w: line %d: %w", ErrLine, broken.Line, broken.Err))
			done.Accounts++
			done.Refused++
			continue
		}
		if err != nil {
			return done, errors.Join(append(refused, err)...)
		}
		done.Accounts++
		n, err := h.importLine(ctx, func(name string) string { return strings.TrimSpace(line[column[name]]) })
		switch {
		case errors.Is(err, transition.ErrUnavailable), errors.Is(err, transition.ErrUnknownOutcome):
			return done, errors.Join(append(refused, err)...)
		case err != nil:
			at, _ := lines.FieldPos(0)
			refused = append(refused, fmt.Errorf("%w: line %d: %w", ErrLine, at, err))
			done.Refused++
		case n == 0:
			done.Unchanged++
		default:
			done.Changed++
		}
		progress(done)
	}
}

func (h *Hub) importLine(ctx context.Context, field func(string) string) (int64, error) {
	version, err := strconv.ParseInt(field("version"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("version %.20q is not a number", field("version"))
	}
	arrears := fen.Fen(0)
	if text := field("arrears_yuan"); text != "" {
		arrears, err = fen.Parse(text)
		if err != nil {
			return 0, err
		}
	}
	status := field("status")
	if status != "open" && status != "closed" {
		return 0, fmt.Errorf("status %.20q is neither open nor closed", status)
	}
	st := transition.Statement{
		Account: transition.AccountNo(field("account_no")), Version: version, Open: status == "open", Arrears: arrears,
		Freeze: strings.FieldsFunc(field("freeze"), func(r rune) bool { return r == ';' || r == ' ' }),
	}
	if field("card_uid") == "" && field("card_no")+field("card_version")+field("card_profile") != "" {
		return 0, errors.New("a card without card_uid")
	}
	if field("card_uid") != "" {
		st.Card = transition.Card{
			UID: transition.CardUID(field("card_uid")), No: field("card_no"), Version: field("card_version"), Profile: field("card_profile"),
		}
	}
	if st.Card.Profile == "epurse" {
		// Without one no load of it would ever be proved.
		return 0, errors.New("card_profile epurse needs a security module for MAC and TAC, and this hub has none")
	}
	return h.books.Import(ctx, st)
}

// columns finds the place of each column that there must be; a missing or unknown
// one is an error.
func columns(header, known []string) (map[string]int, error) {
	at := map[string]int{}
	for i, name := range header {
		name = strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))
		if _, twice := at[name]; twice {
			return nil, fmt.Errorf("column %s is there twice", name)
		}
		at[name] = i
	}
	for _, name := range known {
		if _, ok := at[name]; !ok {
			return nil, fmt.Errorf("column %s is missing; the columns are %s", name, strings.Join(known, ","))
		}
	}
	if len(at) != len(known) {
		return nil, fmt.Errorf("unknown columns in %s; the columns are %s", strings.Join(header, ","), strings.Join(known, ","))
	}
	return at, nil
}
