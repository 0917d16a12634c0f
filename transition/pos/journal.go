package pos

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

const (
	journalBodyMax = 1 << 20
	recordsMax     = 500
	// asideMax bounds, in bytes, what a lost or retired terminal may leave in
	// quarantine: whoever has it could fill the memory that money needs. It is more
	// than a terminal writes in 35 days.
	asideMax = 16 << 20
)

// journalRequest is the body of POST /journal. Records are read one by one, so
// that a bad one spoils no other.
type journalRequest struct {
	Epoch   *int64            `json:"epoch"`
	Records []json.RawMessage `json:"records"`
}

// verdict is what became of a record.
type verdict struct {
	Seq     int64  `json:"seq"` // 0 if the record has none that could be used
	Verdict string `json:"verdict"`
	Why     why    `json:"why,omitempty"`
}

// journalAnswer is the answer to it.
type journalAnswer struct {
	Verdicts []verdict `json:"verdicts"`
	Accepted int64     `json:"accepted"`
	Archived int64     `json:"archived"`
	Holes    []Hole    `json:"holes"`
}

// journal takes records in. What they prove is done first and the records count
// as here after it: if the hub dies in between, the terminal sends them again,
// and doing it again changes nothing.
func (h *Handler) journal(c call) (any, error) {
	var request journalRequest
	if err := c.read(&request); err != nil {
		return nil, err
	}
	if request.Epoch == nil || *request.Epoch < 0 || *request.Epoch > numberMax {
		return nil, fmt.Errorf("%w: epoch must be a number", errMalformed)
	}
	if len(request.Records) < 1 || len(request.Records) > recordsMax {
		return nil, fmt.Errorf("%w: 1 to %d records", errMalformed, recordsMax)
	}
	if t := c.signed.Terminal; t.State.revoked() && t.Aside > asideMax {
		return nil, fmt.Errorf("%w: terminal %s is %s and has %d bytes there", errFull, t.ID, t.State, t.Aside)
	}
	if err := h.config.Nonces.Use(c.ctx, c.nonce()); err != nil {
		return nil, err
	}
	b := batch{terminal: c.signed.Terminal.ID, epoch: *request.Epoch}
	for _, raw := range request.Records {
		b.filings = append(b.filings, newFiling(raw))
	}
	if err := h.config.Registry.had(c.ctx, &b); err != nil {
		return nil, err
	}
	failure, err := h.judge(c, b)
	if err != nil {
		return nil, err
	}
	if err := h.file(c, b); err != nil {
		return nil, err
	}
	if failure != nil {
		return nil, failure
	}
	progress, err := h.config.Registry.Watermarks(c.ctx, b.terminal, b.epoch)
	if err != nil {
		return nil, err
	}
	answer := journalAnswer{Accepted: progress.Accepted, Archived: progress.Archived, Holes: progress.Holes}
	for _, f := range b.filings {
		answer.Verdicts = append(answer.Verdicts, verdict{f.number, f.verdict, f.why})
	}
	return answer, nil
}

// judge gives each record its verdict, and does what the new ones prove. A record
// that the hub itself fails on gets none and keeps no other from being judged:
// failure is told when those are filed. err says that nothing more can be done
// now.
func (h *Handler) judge(c call, b batch) (failure, err error) {
	first := map[int64]string{} // digests of this batch's new records
	for i := range b.filings {
		f := &b.filings[i]
		before, met := first[f.number]
		switch {
		case f.had == hadSame || f.had == hadArchived:
			f.verdict = verdictDuplicate
			continue
		case c.signed.Terminal.State.revoked():
			f.setAside(whyTerminal)
			continue
		case f.number == 0:
			f.setAside(whyMalformed)
			continue
		case f.had == hadAside || f.had == hadOther || met && before != f.digest():
			f.setAside(whyContent)
			continue
		}
		first[f.number] = f.digest()
		reason, err := h.prove(c, f)
		if transient(err) {
			return nil, err
		}
		if err != nil {
			failure = errors.Join(failure, fmt.Errorf("journal record %d.%d: %w", b.epoch, f.number, err))
			continue
		}
		f.verdict, f.why = verdictAccepted, reason
		if reason != "" {
			f.verdict = verdictQuarantined
		}
	}
	return failure, nil
}

// file puts the judged records where they stay: on the other disk first, since
// the watermark for that moves with those of Redis.
func (h *Handler) file(c call, b batch) error {
	fresh := batch{terminal: b.terminal, epoch: b.epoch}
	var at []int // where in b the fresh ones are
	var lines []filing
	for i, f := range b.filings {
		isNew := f.verdict != "" && f.verdict != verdictDuplicate && f.had != hadAside
		if isNew {
			fresh.filings, at = append(fresh.filings, f), append(at, i)
		}
		if isNew || f.had == hadSame {
			lines = append(lines, f)
		}
	}
	now := h.config.Clock()
	var archived []Hole
	if h.config.Archive != nil && len(lines) > 0 {
		if err := h.config.Archive.Append(now, b.terminal, b.epoch, lines); err != nil {
			return fmt.Errorf("%w: %w", errArchive, err)
		}
		archived = runsOf(lines)
	}
	if len(fresh.filings) == 0 && len(archived) == 0 {
		return nil
	}
	replies, err := h.config.Registry.keep(c.ctx, fresh, archived, now)
	if err != nil {
		return err
	}
	for k, reply := range replies {
		f := &b.filings[at[k]]
		switch {
		case reply == "OTHER":
			f.setAside(whyContent)
		case reply == "SAME" && !f.aside:
			f.verdict, f.why = verdictDuplicate, ""
		}
		log := h.config.Log.With("terminal", b.terminal, "epoch", b.epoch, "seq", f.number, "why", f.why)
		if f.why == whyContent {
			log.Error("journal record's number was used for another record", "alarm", "seq-conflict")
		} else if f.why != "" {
			log.Warn("journal record is quarantined")
		}
	}
	return nil
}

// runsOf are the numbers of records, as ranges.
func runsOf(filings []filing) []Hole {
	var numbers []int64
	for _, f := range filings {
		if f.number > 0 && !f.aside {
			numbers = append(numbers, f.number)
		}
	}
	slices.Sort(numbers)
	var runs []Hole
	for _, n := range slices.Compact(numbers) {
		if last := len(runs) - 1; last >= 0 && runs[last].To == n-1 {
			runs[last].To = n
			continue
		}
		runs = append(runs, Hole{n, n})
	}
	return runs
}
