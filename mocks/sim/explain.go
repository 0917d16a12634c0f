package sim

// Finding is one part of a signed message, looked at by itself.
type Finding struct {
	Part string `json:"part"`
	OK   bool   `json:"ok"`
	Text string `json:"text"`
}

// Candidate is a guess at what went wrong: with that one part changed, would
// the signature hold?
type Candidate struct {
	// Part is "timestamp", "nonce", "body", "serial", "key", …
	Part string
	// Text tells a person what to change.
	Text  string
	Holds func() bool
}

// Explanation says which part of a signed message is wrong.
type Explanation struct {
	// Valid says that there is nothing wrong.
	Valid bool `json:"valid"`
	// Differs is the part that has to change, "" if none of the guesses helps.
	Differs string `json:"differs,omitempty"`
	// Text is for a person.
	Text string `json:"text"`
	// Message is the string that the signature should be over.
	Message  string    `json:"message,omitempty"`
	Findings []Finding `json:"findings,omitempty"`
}

// Explain tries the message as it is and then each candidate in turn: the first
// under which the signature holds says what differs. findings are what was
// wrong even apart from the signature.
func Explain(message string, holds bool, findings []Finding, guesses []Candidate) Explanation {
	out := Explanation{Message: message, Findings: findings}
	if holds {
		out.Text = "the signature is right"
		for _, f := range findings {
			if !f.OK {
				out.Differs, out.Text = f.Part, f.Text
				return out
			}
		}
		out.Valid = true
		return out
	}
	for _, g := range guesses {
		if g.Holds() {
			out.Differs, out.Text = g.Part, g.Text
			return out
		}
	}
	out.Text = "the signature fits no variant of this message: it was made with another key, or over something else altogether"
	return out
}

// ExplainRequest is a message that was pasted by a person, or taken from a
// timeline by its order and position.
type ExplainRequest struct {
	// Order and Event name an event of a timeline; then the rest is not needed.
	Order string `json:"order,omitempty"`
	Event int    `json:"event,omitempty"`

	Method string            `json:"method,omitempty"`
	URL    string            `json:"url,omitempty"`
	Header map[string]string `json:"header,omitempty"`
	Body   string            `json:"body,omitempty"`
}
