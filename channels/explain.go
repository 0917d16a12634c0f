package channels

import "net/http"

// Explainer is a channel that can say of a callback, part by part, what of its
// signature is as it should be.
type Explainer interface {
	// Explain looks at a callback as it was received. Where the signature does not
	// hold, it tries what usually changes a message on its way, and says which of
	// it makes the signature hold. It costs many checks of a signature: it is for
	// people, not for the way of a callback. What it says holds no secret.
	Explain(header http.Header, body []byte) []Part
}

// Part is what was found of one part of a message.
type Part struct {
	Name string // "timestamp", "body", …
	Good bool
	Text string // what was found; if it is not good, also what to do
}
