package channeltest

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"guodu/channels"
)

func messageChecks() []check {
	return []check{
		{"a message says what happened and no more", withoutMessages, messageSaid},
		{"a message without a template", withoutMessages, messageWithoutTemplate},
		{"a message to somebody who takes none", withoutMessages, messageNotReached},
		{"a message to nobody", withoutMessages, messageToNobody},
		{"a message of unknown outcome", withoutMessageFaults, messageUnknown},
		{"a message whose context ends", withoutMessageHang, messageOver},
	}
}

func withoutMessages(s Subject) string {
	if _, ok := s.Channel.(channels.Messenger); !ok {
		return "messages"
	}
	return ""
}

func withoutMessageFaults(s Subject) string {
	if len(s.Faults) == 0 {
		return "faults"
	}
	return withoutMessages(s)
}

func withoutMessageHang(s Subject) string {
	if s.Hang == nil {
		return "way to hang"
	}
	return withoutMessages(s)
}

// event is one that nobody was told of.
func event(kind channels.EventKind) channels.Event {
	no := "260901" + rand.Text()[:12]
	e := channels.Event{
		Kind: kind, Ref: no, Order: no, Amount: 123456, Time: time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC),
		URL: "https://card.example.edu/h5/orders/" + no,
	}
	if kind == channels.EventLoaded {
		e.Place = strings.Repeat("一食堂", 100)
	}
	return e
}

func (b *bench) tell(ctx context.Context, e channels.Event) error {
	return b.Channel.(channels.Messenger).Tell(ctx, b.Payer, e)
}

// got is how many messages came about an event.
func (b *bench) got(e channels.Event) int {
	n := 0
	for _, text := range b.Messages() {
		if strings.Contains(text, e.Order) {
			n++
		}
	}
	return n
}

func messageSaid(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	for _, kind := range []channels.EventKind{channels.EventPaid, channels.EventLoaded, channels.EventRefunded} {
		if !b.Channel.(channels.Messenger).Tells(kind) {
			r.Fatalf("it does not tell of %s", kind)
		}
		e := event(kind)
		err := b.tell(ctx, e)
		if err != nil {
			r.Fatalf("Tell of %s: %v", kind, err)
		}
		if b.got(e) != 1 {
			r.Fatalf("%d messages came of %s, want 1", b.got(e), kind)
		}
		all := b.Messages()
		text := all[len(all)-1]
		for _, want := range []string{e.Order, "1234.56元", "2026-11-23 12:00", e.URL} {
			if !strings.Contains(text, want) {
				r.Errorf("the message of %s does not say %q: %s", kind, want, text)
			}
		}
		if strings.Contains(text, b.Payer.ID) {
			r.Errorf("the message of %s shows its reader's id", kind)
		}
	}
}

func messageWithoutTemplate(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	e := event("lost")
	if b.Channel.(channels.Messenger).Tells(e.Kind) {
		r.Errorf("it claims to tell of what no template is for")
	}
	b.untold(r, e, b.tell(ctx, e), channels.ErrSetup)
}

func messageNotReached(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	e := event(channels.EventPaid)
	b.Deaf(true)
	err := b.tell(ctx, e)
	b.Deaf(false)
	b.untold(r, e, err, channels.ErrNotReached)
}

func messageToNobody(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	for _, nobody := range []channels.Payer{{}, {Kind: b.Payer.Kind}, {Kind: "telephone", ID: b.Payer.ID}} {
		e := event(channels.EventPaid)
		err := b.Channel.(channels.Messenger).Tell(ctx, nobody, e)
		b.untold(r, e, err, channels.ErrNotReached)
	}
}

// untold wants an error and no message.
func (b *bench) untold(r reporter, e channels.Event, err, want error) {
	r.Helper()
	if err == nil {
		r.Fatalf("Tell succeeds, want %v", want)
	}
	b.is(r, err, want)
	if b.got(e) != 0 {
		r.Errorf("a message came all the same")
	}
}

// messageUnknown wants one request only. What may be told again never comes twice
// for it.
func messageUnknown(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	for _, fault := range b.Faults {
		e := event(channels.EventPaid)
		before := b.asked(CallMessage)
		err := fault.Set(CallMessage)
		if err != nil {
			r.Fatalf("set %s: %v", fault.Name, err)
		}
		err = b.tell(ctx, e)
		if err == nil {
			r.Fatalf("Tell succeeds after %s", fault.Name)
		}
		if n := b.asked(CallMessage) - before; b.Asked != nil && n != 1 {
			r.Errorf("a message was sent %d times after %s, want once", n, fault.Name)
		}
		if !errors.Is(err, channels.ErrNotNow) {
			b.is(r, err, channels.ErrUnknownOutcome)
			continue
		}
		b.is(r, err, channels.ErrNotNow)
		err = b.tell(ctx, e)
		if err != nil || b.got(e) != 1 {
			r.Errorf("told again after %s: %v, %d messages", fault.Name, err, b.got(e))
		}
	}
}

func messageOver(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	err := b.Hang(CallMessage)
	if err != nil {
		r.Fatalf("hang: %v", err)
	}
	short, end := context.WithTimeout(ctx, 200*time.Millisecond)
	defer end()
	began := time.Now()
	err = b.tell(short, event(channels.EventPaid))
	if err == nil {
		r.Fatalf("Tell succeeds without an answer")
	}
	b.is(r, err, channels.ErrUnknownOutcome)
	if late := time.Since(began); late > patience {
		r.Errorf("Tell came back after %v", late)
	}
}
