package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"guodu/mocks/terminal"
)

// ErrCards says that a list of cards cannot be used.
var ErrCards = errors.New("fleet: cards")

// Holder is a card of the list, and what has to come on to it.
type Holder struct {
	Card terminal.CardData
	// ExpectFen is what the hub should load in this run, all together; nil is
	// whatever it loads.
	ExpectFen *int64
}

// ReadCards reads a list of cards: CSV with a heading, or JSON, an array of
// objects, by the file's name. Columns: card_no and card_uid; and, if they are
// there, version (1 if not), profile, B (fen), L, P ("none" for a card without
// one), expect_fen, and account, which is for people.
// Errors: ErrCards.
func ReadCards(path string) ([]Holder, error) {
	rows, err := table(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCards, err)
	}
	var holders []Holder
	seen := map[string]bool{}
	for i, row := range rows {
		h, err := holder(row)
		if err == nil && (seen[h.Card.CardNo] || seen["uid "+h.Card.UID]) {
			err = fmt.Errorf("card %s %s is there twice", h.Card.CardNo, h.Card.UID)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %s, card %d: %w", ErrCards, path, i+1, err)
		}
		seen[h.Card.CardNo], seen["uid "+h.Card.UID] = true, true
		holders = append(holders, h)
	}
	if len(holders) == 0 {
		return nil, fmt.Errorf("%w: %s holds none", ErrCards, path)
	}
	return holders, nil
}

// table reads the rows by column.
func table(path string) ([]map[string]string, error) {
	var rows []map[string]string
	if strings.EqualFold(filepath.Ext(path), ".json") {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var objects []map[string]json.RawMessage
		err = json.Unmarshal(text, &objects)
		for _, object := range objects {
			row := map[string]string{}
			for name, value := range object {
				row[name] = strings.Trim(string(value), `"`)
			}
			rows = append(rows, row)
		}
		return rows, err
	}
	lines, err := readCSV(path)
	if err != nil {
		return nil, err
	}
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, name := range lines[0] {
			row[strings.TrimSpace(name)] = strings.TrimSpace(line[i])
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func holder(row map[string]string) (Holder, error) {
	h := Holder{Card: terminal.CardData{Version: "1"}}
	numbers := map[string]*int64{"B": &h.Card.B, "L": &h.Card.L, "P": &h.Card.P}
	for name, value := range row {
		switch name {
		case "card_no":
			h.Card.CardNo = value
		case "card_uid":
			h.Card.UID = value
		case "profile":
			h.Card.Profile = terminal.Profile(value)
		case "version":
			if value != "" {
				h.Card.Version = value
			}
		case "account":
		case "expect_fen", "B", "L", "P":
			if value == "" {
				continue
			}
			if name == "P" && value == "none" {
				h.Card.NoP = true
				continue
			}
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil || n < 0 {
				return h, fmt.Errorf("%s is %q", name, value)
			}
			if name == "expect_fen" {
				h.ExpectFen = &n
			} else {
				*numbers[name] = n
			}
		default:
			return h, fmt.Errorf("there is no column %q", name)
		}
	}
	if h.Card.CardNo == "" || h.Card.UID == "" {
		return h, errors.New("card_no or card_uid is missing")
	}
	return h, nil
}
