package channels

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"guodu/internal/fen"
)

// Sentinels of messages, beside ErrRefused, ErrNotNow and ErrUnknownOutcome.
var (
	// ErrNotReached says that this person takes no message: does not follow the
	// account, has refused, or is nobody that the account knows. Others do.
	ErrNotReached = errors.New("channel: person takes no message")
	// ErrSetup says that an operator has to act before anybody gets a message of
	// this kind: no such template, other fields than it has, no right to send.
	ErrSetup = errors.New("channel: messages are not set up")
)

// Messenger is a channel that can tell a person what happened, outside of any
// page: WeChat by a template message of the official account (模板消息), Alipay by
// one of the life account (生活号单发模板消息).
type Messenger interface {
	// Tells says whether there is a template for events of a kind.
	Tells(kind EventKind) bool

	// Tell sends the message of an event to a person, or says why not. Except
	// after ErrUnknownOutcome, nothing was sent; after ErrNotNow the same call may
	// be repeated, and never makes a second message.
	// Errors: ErrNotReached, ErrSetup, ErrNotNow, ErrRefused, ErrUnknownOutcome.
	Tell(ctx context.Context, to Payer, e Event) error
}

// EventKind is what sort of thing happened.
type EventKind string

// The kinds of event.
const (
	// EventPaid is an order that was credited.
	EventPaid EventKind = "paid"
	// EventLoaded is money that is on the card.
	EventLoaded EventKind = "loaded"
	// EventRefunded is money that went back to its payer.
	EventRefunded EventKind = "refunded"
)

// Event is what a person is told, and all of it: nothing here is personal beyond
// an amount, a number and a place.
type Event struct {
	Kind EventKind
	// Ref is the event's own name within its kind, the same in every repeat.
	Ref    string
	Order  string // the number that the person may ask by: the order, or the load
	Amount fen.Fen
	Time   time.Time
	Place  string // where the terminal stands; of EventLoaded alone
	URL    string // the person's page about it
}

// Template is a message as the channel's platform has it, and what stands in its
// fields.
type Template struct {
	ID string
	// Fields gives each field, by the platform's name for it, one of the words
	// order, amount, time and place, or = and a text that is always the same.
	Fields map[string]string
}

// Templates are the messages that a channel sends; a kind without one is not told.
type Templates map[EventKind]Template

// fixed begins what a field always says.
const fixed = "="

// words are what a field may say of an event.
func words(kind EventKind) []string {
	if kind == EventLoaded {
		return []string{"amount", "order", "place", "time"}
	}
	return []string{"amount", "order", "time"}
}

// Check says what of the templates cannot be used.
func (t Templates) Check() error {
	var wrong []error
	for _, kind := range slices.Sorted(maps.Keys(t)) {
		switch kind {
		case EventPaid, EventLoaded, EventRefunded:
			wrong = append(wrong, t[kind].check(kind))
		default:
			wrong = append(wrong, fmt.Errorf("%q is none of paid, loaded and refunded", kind))
		}
	}
	return errors.Join(wrong...)
}

func (t Template) check(kind EventKind) error {
	if t.ID == "" || len(t.Fields) == 0 {
		return fmt.Errorf("%s: wants a template and its fields", kind)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Fields)) {
		text, always := strings.CutPrefix(t.Fields[name], fixed)
		if always && text == "" || !always && !slices.Contains(words(kind), text) {
			return fmt.Errorf("%s: field %s is %q; it is one of %s, or = and a text", kind, name, t.Fields[name], strings.Join(words(kind), ", "))
		}
	}
	return nil
}

// Values are what stands in the fields for an event, in Chinese form, each one
// line of at most so many characters. None is empty: platforms refuse that.
func (t Template) Values(e Event, most func(field string) int) map[string]string {
	values := map[string]string{}
	for name, word := range t.Fields {
		values[name] = line(e.word(word), most(name))
	}
	return values
}

func (e Event) word(word string) string {
	text, always := strings.CutPrefix(word, fixed)
	switch {
	case always:
		return text
	case word == "amount":
		return e.Amount.Yuan() + "元"
	case word == "time":
		// Beijing's, also in a container without zone data.
		return e.Time.In(time.FixedZone("UTC+8", 8*60*60)).Format("2006-01-02 15:04")
	case word == "place":
		return e.Place
	}
	return e.Order
}

// line is a text as one line of at most so many characters.
func line(text string, most int) string {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text))
	if text == "" {
		return "-"
	}
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
