package channeltest

import (
	"context"
	"net/http"

	"guodu/channels"
)

// Call is a call that a channel makes to the outside.
type Call string

// The calls that a simulator can be told to answer badly.
const (
	CallPrepay   Call = "prepay"
	CallQuery    Call = "query"
	CallClose    Call = "close"
	CallExchange Call = "exchange"
	CallMessage  Call = "message"
)

// Notice is a callback as it arrived.
type Notice struct {
	Header http.Header
	Body   []byte
}

// Fault is a way in which a simulator leaves an outcome open.
type Fault struct {
	Name string
	// Set makes the next request of the call, and only that, end so.
	Set func(call Call) error
}

// Subject is a channel under test and what the suite needs of its simulator.
// Channel, Payer and Pay are needed always.
type Subject struct {
	Channel channels.Channel
	// Payer is who pays, and who Code is about.
	Payer channels.Payer
	// Pay pays a prepared order as Payer, with what the page got. An order that
	// cannot be paid is an error.
	Pay func(ctx context.Context, orderNo string, prepay channels.Prepay) error

	// NotifyURL goes into every order; empty is a well-formed address that
	// nobody listens at.
	NotifyURL string
	// Secrets are texts that no error may show, beside Payer's id.
	Secrets []string

	// Faults are the ways to leave an outcome open; with none those checks do not apply.
	Faults []Fault
	// Hang makes the next request of a call wait until its caller gives up.
	Hang func(call Call) error
	// Asked is how many requests of a call have arrived so far. Without it
	// nobody counts repeats.
	Asked func(call Call) int64

	// Notice is the channel's callback about a paid order, and Heard says whether
	// an answer ends the channel's repeats. A channels.Notifier needs both.
	Notice func(ctx context.Context, orderNo string) (Notice, error)
	Heard  func(status int, body string) bool
	// Forged is a callback about an order in the right form with a signature
	// that is not the channel's for it.
	Forged func(ctx context.Context, orderNo string) (Notice, error)
	// Foreign is an authentic callback of a kind that guodu does not handle.
	Foreign func(ctx context.Context, orderNo string) (Notice, error)

	// Code is what the browser of Payer brings back from the authorization page
	// behind an address. A channels.OAuth needs it.
	Code func(ctx context.Context, authorizeURL string) (string, error)

	// Messages are the texts of the messages that Payer got so far, with their
	// links, and Deaf says whether Payer takes any. A channels.Messenger needs
	// both, and a template for each kind with amount, order and time.
	Messages func() []string
	Deaf     func(on bool)
}

// lacks says what a subject must have and has not, or nothing.
func (s Subject) lacks() string {
	_, notifies := s.Channel.(channels.Notifier)
	_, knows := s.Channel.(channels.OAuth)
	_, tells := s.Channel.(channels.Messenger)
	switch {
	case s.Channel == nil:
		return "Channel"
	case s.Pay == nil:
		return "Pay"
	case notifies && (s.Notice == nil || s.Heard == nil):
		return "Notice and Heard, for a channels.Notifier"
	case knows && s.Code == nil:
		return "Code, for a channels.OAuth"
	case tells && (s.Messages == nil || s.Deaf == nil):
		return "Messages and Deaf, for a channels.Messenger"
	}
	return ""
}
