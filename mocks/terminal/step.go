package terminal

import "fmt"

// Step is a point at which the terminal can die.
type Step string

// The steps of a load, in order. Before each of them [Options.Before] is called,
// with all that stands earlier in this list done and durable.
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

// The steps beside a load, in order for each call.
const (
	StepSignIn   Step = "sign-in"   // next: the sign-in goes to the hub
	StepSignedIn Step = "signed-in" // its answer is in memory; next: the disk

	StepAbandon   Step = "abandon"    // a tap is let go; next: the ABANDONED record
	StepAbortSend Step = "abort-send" // next: the abort goes to the hub
	StepAborted   Step = "aborted"    // its answer, or a re-read's, is in memory; next: the disk

	StepReread     Step = "reread"      // the ABANDONED record is durable; next: the card is read once more
	StepRereadSend Step = "reread-send" // next: that reading goes to the hub

	StepChallenge     Step = "challenge"      // the hub wants the card read again; next: that
	StepChallengeSend Step = "challenge-send" // next: that reading goes to the hub

	StepRepair   Step = "repair"   // people decided; next: the repair write
	StepRepaired Step = "repaired" // the repair write is over; next: reading back

	StepUploadSend Step = "upload-send" // next: a batch of the journal goes to the hub
	StepUploaded   Step = "uploaded"    // its verdicts are in memory; next: the disk
	StepDelete     Step = "delete"      // next: old records are deleted
)

// LoadSteps lists the steps of a load, in order. A tap that loads nothing ends
// after StepTapSend; Resume begins at StepResultSend.
func LoadSteps() []Step {
	return []Step{StepTap, StepTapSend, StepAnswerReceived, StepIntent, StepWrite, StepWritten, StepResultSend, StepAcked}
}

// Steps lists all steps, those of a load first.
func Steps() []Step {
	return append(LoadSteps(), StepSignIn, StepSignedIn, StepAbandon, StepAbortSend, StepAborted, StepReread, StepRereadSend,
		StepChallenge, StepChallengeSend, StepRepair, StepRepaired, StepUploadSend, StepUploaded, StepDelete)
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
