package channels

// Outcome is what became of what a channel told, about a payment or a refund.
type Outcome string

// The outcomes.
const (
	OutcomeCredited  Outcome = "credited"  // the first credit of the order
	OutcomeDuplicate Outcome = "duplicate" // credited before; counted
	OutcomeCase      Outcome = "case"      // a person decides; its money is in suspense
	OutcomeWaiting   Outcome = "waiting"   // not paid so far
	OutcomeClosed    Outcome = "closed"    // not paid, and never will be
	OutcomeRefunded  Outcome = "refunded"  // of a refund: it left the books
	OutcomeReturned  Outcome = "returned"  // of a refund: its money is pending again
)

// Ended says whether nothing is left to ask the channel about.
func (o Outcome) Ended() bool { return o != OutcomeCase && o != OutcomeWaiting }
