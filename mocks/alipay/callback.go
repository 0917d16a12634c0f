package alipay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"guodu/mocks/sim"
)

// What can be wrong with asking for a notify.
var (
	ErrNoNotifyURL = errors.New("alipay simulator: trade has no notify_url")
	ErrNoEvent     = errors.New("alipay simulator: nothing has happened to the trade that could be told")
)

const (
	// notifyDeadline is the simulator's choice: the documents name none.
	notifyDeadline = 5 * time.Second

	accepted = "success"

	// PlaceNotify is where the faults of notifies are.
	PlaceNotify = "notify"
	// PlaceCounter is the same for trades that began at a counter, by bar code.
	PlaceCounter = "notify.counter"
)

// Delivery is what became of one notify. Alipay repeats it unless the status is
// 200 and the body is exactly "success", without so much as a newline.
type Delivery = sim.Delivery

// Schedule has the pauses between the sends of a notify, as documents say them
// of trades that began on a page or, with counter, by a bar code.
func Schedule(counter bool) []time.Duration {
	gaps := []time.Duration{
		4 * time.Minute, 10 * time.Minute, 10 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 15 * time.Hour,
	}
	if counter {
		gaps = append(make([]time.Duration, 3), gaps...) // three times at once
	}
	return gaps
}

func place(t trade) string {
	if t.AuthCode != "" {
		return PlaceCounter
	}
	return PlaceNotify
}

func accepts(status int, body []byte) bool {
	return status == http.StatusOK && string(body) == accepted
}

// announce keeps a fact, and tells the merchant if that is wanted.
func (s *Sim) announce(t trade, f fact) {
	f, ok := s.record(f)
	if ok && s.mayTell(t, f) {
		s.begin(t, f)
	}
}

// record keeps a fact under a new notify_id, or says that it is not new.
func (s *Sim) record(f fact) (fact, bool) {
	if f.Event == EventRefunded && !s.does(behaviourRefundNotices) {
		return f, false
	}
	f.ID = s.noticeID()
	return f, s.archive.add(f, f.Event != EventRefunded)
}

func (s *Sim) begin(t trade, f fact) {
	err := s.courier.Begin(f.ID, place(t), t.OutTradeNo)
	if err != nil {
		s.opts.Logger.Error("alipay simulator: notify not begun", slog.String("out_trade_no", t.OutTradeNo), slog.Any("error", err))
	}
}

// mayTell says whether the merchant hears of a fact without asking: which of
// them a gateway tells differs from document to document.
func (s *Sim) mayTell(t trade, f fact) bool {
	told := s.opts.AutoDeliver && t.NotifyURL != ""
	switch f.Event {
	case EventRefunded:
		return told && s.opts.Profile.NotifyRefunds
	case EventClosed:
		return told && s.opts.Profile.NotifyClosings && t.AuthCode == ""
	}
	return told
}

// announcePaid is announce; first tells the merchant before it returns, whether
// or not notifies are wanted.
func (s *Sim) announcePaid(t trade, first bool) {
	if !first {
		s.announce(t, paidFact(t))
		return
	}
	f, ok := s.record(paidFact(t))
	if ok && t.NotifyURL != "" {
		_ = s.courier.BeginNow(f.ID, place(t), t.OutTradeNo) // its id is new
	}
}

// attempt is one send on schedule. A kind that is left for it is a forgery that
// comes in front.
func (s *Sim) attempt(ctx context.Context, e sim.Errand, kind sim.FaultKind) sim.Delivery {
	f := s.archive.get(e.Key)
	t, _ := s.ledger.find(f.TradeNo, "", s.now())
	if bend, forged := tricks[Tamper(kind)]; forged && s.does(behaviourForgeries) {
		p, err := s.pack(t, f, &bend)
		if err != nil {
			return sim.Delivery{Err: err}
		}
		return s.lie(ctx, t, kind, s.replayed(t, Tamper(kind), p))
	}
	p, err := s.pack(t, f, nil)
	if err != nil {
		return sim.Delivery{Err: err}
	}
	return s.tell(ctx, t, p)
}

// tell sends a genuine notify and keeps the book.
func (s *Sim) tell(ctx context.Context, t trade, p sim.Parcel) Delivery {
	s.tally.Add("callback.sent")
	s.ledger.told(t.No, 1, 0)
	s.replays.keep(t.No, p)
	d := s.mailer.Post(ctx, t.OutTradeNo, place(t), "", p)
	if d.Accepted {
		s.tally.Add("callback.accepted")
		s.ledger.told(t.No, 0, 1)
	}
	return d
}

// lie sends a tampered one.
func (s *Sim) lie(ctx context.Context, t trade, kind sim.FaultKind, p sim.Parcel) Delivery {
	s.tally.Add("tamper.sent")
	d := s.mailer.Post(ctx, t.OutTradeNo, place(t), kind, p)
	if d.Accepted {
		s.tally.Add("tamper.accepted")
	}
	return d
}

// Deliver sends n notifies of a paid trade, one after the other: each has its
// own notify_time and signature, and all have the same notify_id. What the
// merchant says is in the deliveries; the error is about sending at all.
// Errors: ErrUnknownOrder, ErrNotPaid, ErrNoNotifyURL, sim.ErrDeliveryCount.
func (s *Sim) Deliver(ctx context.Context, outTradeNo string, n int) ([]Delivery, error) {
	return s.DeliverEvent(ctx, outTradeNo, EventPaid, n)
}

// DeliverEvent is Deliver for the latest event of a kind, whether or not the
// gateway would tell of it unasked.
// Errors: those of Deliver, ErrNoEvent.
func (s *Sim) DeliverEvent(ctx context.Context, outTradeNo string, event Event, n int) ([]Delivery, error) {
	return s.deliver(ctx, outTradeNo, event, n, sim.InTurn)
}

// DeliverConcurrently is Deliver with all n at once: none is sent before all
// the senders stand ready.
// Errors: those of Deliver.
func (s *Sim) DeliverConcurrently(ctx context.Context, outTradeNo string, n int) ([]Delivery, error) {
	return s.deliver(ctx, outTradeNo, EventPaid, n, sim.AtOnce)
}

// manner is how several notifies are sent.
type manner func(n int, pack func() (sim.Parcel, error), send func(sim.Parcel) Delivery) ([]Delivery, error)

func (s *Sim) deliver(ctx context.Context, outTradeNo string, event Event, n int, send manner) ([]Delivery, error) {
	t, f, err := s.deliverable(outTradeNo, event)
	if err != nil {
		return nil, err
	}
	out, err := send(n, func() (sim.Parcel, error) { return s.pack(t, f, nil) }, func(p sim.Parcel) Delivery { return s.tell(ctx, t, p) })
	if err != nil {
		return nil, fmt.Errorf("deliver %s: %w", outTradeNo, err)
	}
	return out, nil
}

// DeliverTampered sends one bad notify. The trade need not be paid: a forger
// would not wait for that, and the notify then claims a payment that never was.
// Only a kind that is [Tamper.Truthful] wants it paid. It counts under
// tamper.sent and tamper.accepted only.
// Errors: ErrUnknownOrder, ErrNotPaid, ErrNoNotifyURL, ErrUnknownTamper.
func (s *Sim) DeliverTampered(ctx context.Context, outTradeNo string, kind Tamper) (Delivery, error) {
	bend, known := tricks[kind]
	if !known {
		return Delivery{}, fmt.Errorf("deliver %s as %q: %w", outTradeNo, kind, ErrUnknownTamper)
	}
	t, err := s.notifiable(outTradeNo)
	if err != nil {
		return Delivery{}, err
	}
	if !t.paid() {
		if bend.truthful {
			return Delivery{}, fmt.Errorf("deliver %s as %q: %w", outTradeNo, kind, ErrNotPaid)
		}
		t.State, t.PaidAt = StateSuccess, s.now().Truncate(time.Second)
	}
	f, real := s.archive.last(t.No, ofEvent(EventPaid))
	if !real {
		f = paidFact(t)
		f.ID = s.noticeID()
	}
	hand := &bend
	if !s.does(behaviourForgeries) {
		hand = nil
	}
	p, err := s.pack(t, f, hand)
	if err != nil {
		return Delivery{}, fmt.Errorf("deliver %s as %q: %w", outTradeNo, kind, err)
	}
	return s.lie(ctx, t, sim.FaultKind(kind), s.replayed(t, kind, p)), nil
}

// replayed is what was sent last in place of p, for TamperReplay.
func (s *Sim) replayed(t trade, kind Tamper, p sim.Parcel) sim.Parcel {
	old, kept := s.replays.last(t.No)
	if kept && kind == TamperReplay {
		return old
	}
	return p
}

func ofEvent(event Event) func(fact) bool { return func(f fact) bool { return f.Event == event } }

func (s *Sim) notifiable(outTradeNo string) (trade, error) {
	t, found := s.ledger.find("", outTradeNo, s.now())
	switch {
	case !found:
		return trade{}, fmt.Errorf("deliver %s: %w", outTradeNo, ErrUnknownOrder)
	case t.NotifyURL == "":
		return trade{}, fmt.Errorf("deliver %s: %w", outTradeNo, ErrNoNotifyURL)
	}
	return t, nil
}

// deliverable finds the latest event of a kind that a genuine notify can tell.
func (s *Sim) deliverable(outTradeNo string, event Event) (trade, fact, error) {
	t, err := s.notifiable(outTradeNo)
	if err != nil {
		return trade{}, fact{}, err
	}
	f, happened := s.archive.last(t.No, ofEvent(event))
	switch {
	case happened:
		return t, f, nil
	case event == EventPaid:
		return trade{}, fact{}, fmt.Errorf("deliver %s: %w", outTradeNo, ErrNotPaid)
	}
	return trade{}, fact{}, fmt.Errorf("deliver %s, %s: %w", outTradeNo, event, ErrNoEvent)
}

// Resend tells the latest event of a trade once more, at once and past all
// faults, and says why if it did not arrive.
// Errors: sim.ErrUnknownOrder, ErrNoNotifyURL, ErrNoEvent.
func (s *Sim) Resend(ctx context.Context, outTradeNo string) (sim.Resent, error) {
	t, err := s.notifiable(outTradeNo)
	if err != nil {
		return sim.Resent{}, err
	}
	f, happened := s.archive.last(t.No, func(fact) bool { return true })
	if !happened {
		return sim.Resent{}, fmt.Errorf("resend %s: %w", outTradeNo, ErrNoEvent)
	}
	p, err := s.pack(t, f, nil)
	if err != nil {
		return sim.Resent{}, fmt.Errorf("resend %s: %w", outTradeNo, err)
	}
	d := s.tell(ctx, t, p)
	out := sim.Resent{Accepted: d.Accepted, Status: d.Status, Answer: string(d.Body)}
	switch {
	case d.Accepted:
		s.courier.Done(f.ID)
	case d.Err != nil:
		out.Why = d.Err.Error()
	default:
		out.Why = fmt.Sprintf("the answer has status %d and body %.100q; it must be 200 and exactly %q", d.Status, d.Body, accepted)
	}
	return out, nil
}

func parcelTo(target, kind, body string) sim.Parcel {
	return sim.Parcel{URL: target, Body: []byte(body), Header: http.Header{
		"Content-Type": {kind}, "User-Agent": {"Mozilla/4.0"},
	}}
}
