package terminal

import "fmt"

// Step is a point of a load at which the terminal can die.
type Step string

// The steps, in order. Before each of them [Options.Before] is called, with all
// that stands earlier in this list done and durable.
const (
	StepTap            Step = "tap"             // the card is read; next: the TAP record
	StepTapSend        Step = "tap-send"        // next: the tap goes to the hub
	StepAnswerReceived Step = "answer-received" // a good authorisation is in memory; next: the HOLD_RECEIVED record
	StepIntent         Step = "intent"          // next: the card is compared again, the WRITE_INTENT record
	StepWrite          Step = "write"           // next: the card command
	StepWritten        Step = "written"         // the card command is over; next: reading back, the WRITE_RESULT record
	StepResultSend     Step = "result-send"     // next: the result goes to the hub
	StepAcked          Step = "acked"           // the receipt is in memory; next: the ACKED record
)

// Steps lists the steps in order. A tap that loads nothing ends after
// StepTapSend; Resume begins at StepResultSend.
func Steps() []Step {
	return []Step{StepTap, StepTapSend, StepAnswerReceived, StepIntent, StepWrite, StepWritten, StepResultSend, StepAcked}
}

// step calls the hook; an error from it is the terminal's death.
func (t *Terminal) step(s Step) error {
	if t.before == nil {
		return nil
	}
	err := t.before(s)
	if err == nil {
		return nil
	}
	t.halt(ErrCrashed)
	t.count(EventCrash)
	_ = t.journal.Close() // every record is on the disk already
	t.log.Info("crash", "before", string(s))
	return fmt.Errorf("%w before %s: %w", ErrCrashed, s, err)
}
