package wechatpay

import (
	"context"
	"fmt"

	"guodu/mocks/sim"
)

// The methods of sim.Gateway, for the admin handler under /_sim/.

// Name is what pages call it.
func (s *Sim) Name() string { return "WeChat Pay" }

// Orders lists every order in the order of creation.
func (s *Sim) Orders() []sim.OrderLine {
	var out []sim.OrderLine
	for _, o := range s.orders.all() {
		out = append(out, o.line())
	}
	return out
}

// Line is one order.
func (s *Sim) Line(outTradeNo string) (sim.OrderLine, bool) {
	o, ok := s.orders.find(outTradeNo)
	return o.line(), ok
}

func (o *order) line() sim.OrderLine {
	l := sim.OrderLine{
		No: o.OutTradeNo, State: string(o.tradeState()), TotalFen: o.TotalFen, Refunded: o.done(),
		CreatedAt: o.CreatedAt, Title: o.Description,
	}
	if o.paid() {
		l.PaidFen = o.TotalFen
	}
	return l
}

// Events is what went over the wire about an order; "-" is for what belongs to
// none.
func (s *Sim) Events(outTradeNo string) []sim.Event { return s.stand.Timeline.Of(outTradeNo) }

// Changed rings whenever an order has changed.
func (s *Sim) Changed() *sim.Bell { return s.changed }

// Wait returns when an order has a state: a trade_state, or "paid", "unpaid",
// "closed", "refunded".
// Errors: that of ctx.
func (s *Sim) Wait(ctx context.Context, outTradeNo, state string) error {
	_, err := sim.WaitOrder(ctx, s, outTradeNo, state)
	return err
}

// Resend tells the merchant of a payment now, past all faults. When it is
// accepted, the repeats end.
// Errors: ErrUnknownOrder, ErrNotPaid, ErrNoNotifyURL.
func (s *Sim) Resend(ctx context.Context, outTradeNo string) (sim.Resent, error) {
	sent, err := s.Deliver(ctx, outTradeNo, 1)
	if err != nil {
		return sim.Resent{}, err
	}
	d := sent[0]
	out := sim.Resent{Accepted: d.Accepted, Status: d.Status, Answer: string(d.Body)}
	switch {
	case d.Err != nil:
		out.Why = "no answer: " + d.Err.Error()
	case !d.Accepted:
		out.Why = fmt.Sprintf("the merchant answered %d, and only 200 and 204 are heard", d.Status)
	default:
		s.courier.Done(paymentErrand(outTradeNo))
	}
	return out, nil
}

// RefundOutside is [Sim.Refund] for the admin.
func (s *Sim) RefundOutside(_ context.Context, outTradeNo string, fen int64) (string, error) {
	return s.Refund(outTradeNo, fen, "商户平台退款")
}

// Scenarios are those that can be played, by name.
func (s *Sim) Scenarios() sim.Scenarios { return s.scenarios }

// Play queues the faults of a scenario.
// Errors: sim.ErrUnknownScenario.
func (s *Sim) Play(name string) error { return s.scenarios.Play(name, s.stand.Faults) }

// Counts are all the counters; see [Sim.Count].
func (s *Sim) Counts() map[string]int64 { return s.stand.Counts.All() }

// Callbacks are those that were begun, finished ones too.
func (s *Sim) Callbacks() []sim.Errand { return s.courier.All() }

// Behaviours is the table of what is simulated.
func (s *Sim) Behaviours() sim.Behaviours { return Behaviours() }
