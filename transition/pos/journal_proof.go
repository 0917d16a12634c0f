package pos

import (
	"errors"

	"guodu/transition"
)

// prove does what a record proves. why says that it proves nothing and is for
// people; an error is the hub's own.
func (h *Handler) prove(c call, f *filing) (why, error) {
	if f.malformed {
		return whyMalformed, nil
	}
	switch f.record.Kind {
	case kindHold:
		load, err := h.authorised(c, f.record.Authorisation)
		return f.record.matches(load, err)
	case kindAbandoned:
		uid, err := transition.ParseCardUID(f.record.CardUID)
		if err != nil {
			return reasonOf(err)
		}
		abort := transition.Abort{Terminal: c.signed.Terminal.ID, TapID: f.record.TapID, UID: uid}
		if f.record.Authorisation != "" {
			load, err := h.authorised(c, f.record.Authorisation)
			if err != nil {
				return reasonOf(err)
			}
			abort.Load = &load
		}
		_, err = h.abort(c, abort, transition.Nonce{})
		return reasonOf(err)
	case kindWriteResult:
		load, err := h.authorised(c, f.record.Result.Authorisation)
		if reason, err := f.record.matches(load, err); reason != "" || err != nil {
			return reason, err
		}
		_, err = h.apply(c, load, *f.record.Result, transition.Nonce{})
		if errors.Is(err, transition.ErrNoLoad) && f.record.Result.Outcome != "written" {
			return "", nil // it debits nothing, and there is nothing to release
		}
		return reasonOf(err)
	}
	// A reading that is old by now, an intent, a receipt: filed, and no more.
	return "", nil
}

// matches says whether an authorisation is the one that the record is of.
func (r record) matches(load transition.Load, err error) (why, error) {
	if err == nil && (string(load.No) != r.Load || load.TapID != r.TapID) {
		return whyLoadMismatch, nil
	}
	return reasonOf(err)
}

// reasonOf turns what the ledger refuses into the reason for a quarantine.
func reasonOf(err error) (why, error) {
	for _, known := range []struct {
		err error
		why why
	}{
		{ErrAuthorisation, whyAuthorisation},
		{transition.ErrOtherLoad, whyLoadMismatch}, {transition.ErrNoLoad, whyLoadMismatch},
		{transition.ErrNoCard, whyUnknownCard}, {transition.ErrOtherCard, whyUnknownCard},
		{transition.ErrNumber, whyMalformed},
	} {
		if errors.Is(err, known.err) {
			return known.why, nil
		}
	}
	return "", err
}

// transient says that the same again may go well.
func transient(err error) bool {
	for _, down := range passing() {
		if errors.Is(err, down) {
			return true
		}
	}
	return false
}
