package terminal

import (
	"fmt"
	"slices"
)

// admit refuses a record that may not come now. The order is the terminal's
// promise: after ABANDONED or WRITE_INTENT no answer to that tap is used.
func (j *Journal) admit(r Record) error {
	if r.Seq != j.seq+1 {
		return fmt.Errorf("%w: record %d after %d", ErrJournal, r.Seq, j.seq)
	}
	if !j.follows(r, j.find(r.TapID)) {
		return fmt.Errorf("%w: record %d: %s of tap %q is out of order", ErrJournal, r.Seq, r.Kind, r.TapID)
	}
	return nil
}

// find returns the place of a tap among the open loads, or -1.
func (j *Journal) find(tapID string) int {
	return slices.IndexFunc(j.open, func(o *Open) bool { return o.TapID == tapID })
}

// apply moves the picture of the open loads on by an admitted record.
func (j *Journal) apply(r Record) {
	i := j.find(r.TapID)
	j.seq = r.Seq
	switch r.Kind {
	case TapSent:
		j.tapped = r.Tap
	case HoldReceived:
		j.open = append(j.open, &Open{TapID: r.TapID, CardUID: j.tapped.CardUID, Load: r.Load, Authorisation: r.Authorisation})
		j.tapped = nil
	case WriteIntent:
		j.open[i].Intent = true
	case WriteResult:
		j.open[i].Result, j.open[i].Message = r.Result, r.Message
	case ResultAcked:
		j.open = slices.Delete(j.open, i, i+1)
	case TapAbandoned:
		d := Dropped{Seq: r.Seq, TapID: r.TapID, CardUID: r.CardUID, Message: r.Message}
		if i < 0 {
			j.tapped = nil
		} else {
			d.Load, d.Authorisation = j.open[i].Load, j.open[i].Authorisation
			j.open = slices.Delete(j.open, i, i+1)
		}
		j.dropped = append(j.dropped, d)
	}
}

// follows says whether r may come now; i is what find says of its tap.
func (j *Journal) follows(r Record, i int) bool {
	if r.TapID == "" {
		return false
	}
	newest := i < 0 && j.tapped != nil && j.tapped.TapID == r.TapID
	switch r.Kind {
	case TapSent:
		return i < 0 && !newest && r.Tap != nil
	case HoldReceived:
		return newest && r.Authorisation != ""
	case TapAbandoned:
		return newest || i >= 0 && !j.open[i].Intent
	case WriteIntent:
		return i >= 0 && !j.open[i].Intent
	case WriteResult:
		return i >= 0 && j.open[i].Intent && j.open[i].Result == nil && r.Result != nil
	case ResultAcked:
		return i >= 0 && j.open[i].Result != nil && r.Receipt != nil
	}
	return false
}
