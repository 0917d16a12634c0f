package pos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"guodu/transition"
)

// The kinds of journal records, in the order in which a terminal writes them.
const (
	kindTap         = "TAP"
	kindHold        = "HOLD_RECEIVED"
	kindAbandoned   = "ABANDONED"
	kindWriteIntent = "WRITE_INTENT"
	kindWriteResult = "WRITE_RESULT"
	kindAcked       = "ACKED"
)

// record is one record of a terminal's journal, of any kind.
type record struct {
	Seq           int64          `json:"seq"`
	Kind          string         `json:"kind"`
	At            *time.Time     `json:"at"`
	TapID         string         `json:"tap_id"`
	Load          string         `json:"load"`
	Authorisation string         `json:"authorisation"`
	Reason        string         `json:"reason"`
	Result        *resultRequest `json:"result"`
	reading
	proofFields
}

// reasonMax bounds an ABANDONED's reason in bytes.
const reasonMax = 200

// parseRecord reads a record strictly. The number is 0 if there is none that
// could be used; it may be there although the rest is malformed.
// Errors: errMalformed.
func parseRecord(raw json.RawMessage) (r record, number int64, err error) {
	var numbered struct {
		Seq json.Number `json:"seq"`
	}
	if json.Unmarshal(raw, &numbered) == nil {
		n, err := strconv.ParseInt(numbered.Seq.String(), 10, 64)
		if err == nil && n >= 1 && n <= numberMax {
			number = n
		}
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return record{}, number, fmt.Errorf("%w: %w", errMalformed, err)
	}
	return r, number, r.check()
}

func (r record) check() error {
	bad := func(what string) error { return fmt.Errorf("%w: %s", errMalformed, what) }
	switch {
	case r.Seq < 1 || r.Seq > numberMax:
		return bad("seq must count from 1")
	case r.At == nil:
		return bad("at is missing")
	case !tapForm.MatchString(r.TapID):
		return bad("tap_id must be 8 to 64 of 0-9 A-Z a-z _ -")
	case len(r.Reason) > reasonMax:
		return bad("reason is too long")
	}
	switch r.Kind {
	case kindTap:
		_, err := r.tap().read("")
		return err
	case kindAbandoned:
		_, err := transition.ParseCardUID(r.CardUID)
		return err
	case kindHold, kindWriteIntent, kindWriteResult, kindAcked:
		if _, err := transition.ParseLoadNo(r.Load); err != nil {
			return err
		}
	default:
		return bad("kind")
	}
	if r.Kind == kindHold && r.Authorisation == "" {
		return bad("authorisation is missing")
	}
	if r.Kind == kindWriteResult {
		if r.Result == nil {
			return bad("result is missing")
		}
		return r.Result.check()
	}
	return nil
}

func (r record) tap() tapRequest { return tapRequest{r.TapID, r.reading, r.proofFields} }
