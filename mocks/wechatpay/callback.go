package wechatpay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// What can be wrong with asking for a callback.
var (
	ErrNotPaid       = errors.New("wechatpay simulator: order is not paid")
	ErrDeliveryCount = errors.New("wechatpay simulator: number of callbacks out of range")
	ErrNotLoopback   = errors.New("wechatpay simulator: callbacks go to loopback only")
)

const (
	callbackDeadline = 5 * time.Second
	maxDeliveries    = 1000
	maxReplyBytes    = 64 << 10
)

// Delivery is what became of one callback.
type Delivery struct {
	// Status is the merchant's HTTP status, 0 if there was no answer.
	Status int
	// Body is the start of its answer, at most 64 KiB.
	Body []byte
	// Err is why there was no answer: the 5 s were over, the connection broke.
	Err error
	// Accepted says that WeChat Pay would not repeat it: 200 or 204.
	Accepted bool
	Took     time.Duration
}

// Deliver sends n callbacks about a paid order, one after the other: each is
// signed and encrypted afresh and all have the same id. What the merchant
// says is in the deliveries; the error is about sending at all.
// Errors: ErrUnknownOrder, ErrNotPaid, ErrDeliveryCount.
func (s *Sim) Deliver(ctx context.Context, outTradeNo string, n int) ([]Delivery, error) {
	o, err := s.paidOrder(outTradeNo, n)
	if err != nil {
		return nil, err
	}
	out := make([]Delivery, n)
	for i := range out {
		// Made one by one: a stamp made ahead would age while others wait.
		p, err := s.pack(o, nil)
		if err != nil {
			return nil, fmt.Errorf("deliver %s: %w", outTradeNo, err)
		}
		out[i] = s.tell(ctx, o, p)
	}
	return out, nil
}

// DeliverConcurrently is Deliver with all n at once: they are made first, and
// none is sent before all the senders stand ready.
// Errors: ErrUnknownOrder, ErrNotPaid, ErrDeliveryCount.
func (s *Sim) DeliverConcurrently(ctx context.Context, outTradeNo string, n int) ([]Delivery, error) {
	o, err := s.paidOrder(outTradeNo, n)
	if err != nil {
		return nil, err
	}
	parcels := make([]parcel, n)
	for i := range parcels {
		parcels[i], err = s.pack(o, nil)
		if err != nil {
			return nil, fmt.Errorf("deliver %s: %w", outTradeNo, err)
		}
	}
	out := make([]Delivery, n)
	start := make(chan struct{})
	var ready, done sync.WaitGroup
	ready.Add(n)
	for i, p := range parcels {
		done.Go(func() {
			ready.Done()
			<-start
			out[i] = s.tell(ctx, o, p)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return out, nil
}

// DeliverTampered sends one bad callback. The order need not be paid: a forger
// would not wait for that, and the callback then claims a payment that never
// was. It counts under tamper.sent and tamper.accepted only.
// Errors: ErrUnknownOrder, ErrUnknownTamper.
func (s *Sim) DeliverTampered(ctx context.Context, outTradeNo string, kind Tamper) (Delivery, error) {
	o, ok := s.orders.find(outTradeNo)
	if !ok {
		return Delivery{}, fmt.Errorf("deliver %s: %w", outTradeNo, ErrUnknownOrder)
	}
	bend, ok := tricks[kind]
	if !ok {
		return Delivery{}, fmt.Errorf("deliver %s as %q: %w", outTradeNo, kind, ErrUnknownTamper)
	}
	if o.state != StateSuccess {
		now := s.now()
		o.state, o.paidAt = StateSuccess, now
		o.transactionID, o.noticeID = s.transactionID(now), s.dice.uuid()
	}
	p, err := s.pack(o, &bend)
	if err != nil {
		return Delivery{}, fmt.Errorf("deliver %s as %q: %w", outTradeNo, kind, err)
	}
	s.counts.add("tamper.sent")
	d := s.send(ctx, p)
	if d.Accepted {
		s.counts.add("tamper.accepted")
	}
	return d, nil
}

// paidOrder finds an order that n genuine callbacks can be about.
func (s *Sim) paidOrder(outTradeNo string, n int) (order, error) {
	o, ok := s.orders.find(outTradeNo)
	switch {
	case !ok:
		return order{}, fmt.Errorf("deliver %s: %w", outTradeNo, ErrUnknownOrder)
	case o.state != StateSuccess:
		return order{}, fmt.Errorf("deliver %s: %w", outTradeNo, ErrNotPaid)
	case n < 1 || n > maxDeliveries:
		return order{}, fmt.Errorf("deliver %s %d times: %w", outTradeNo, n, ErrDeliveryCount)
	}
	return o, nil
}

// deliverOnce is for Options.AutoDeliver.
func (s *Sim) deliverOnce(ctx context.Context, o order) {
	p, err := s.pack(o, nil)
	if err != nil {
		s.opts.Logger.Error("wechatpay simulator: callback not made", "out_trade_no", o.outTradeNo, "error", err)
		return
	}
	d := s.tell(ctx, o, p)
	s.opts.Logger.Debug("wechatpay simulator: callback sent",
		"out_trade_no", o.outTradeNo, "status", d.Status, "accepted", d.Accepted, "error", d.Err)
}

// tell sends a genuine callback and keeps the book.
func (s *Sim) tell(ctx context.Context, o order, p parcel) Delivery {
	s.counts.add("callback.sent")
	s.orders.told(o.outTradeNo, 1, 0)
	d := s.send(ctx, p)
	if d.Accepted {
		s.counts.add("callback.accepted")
		s.orders.told(o.outTradeNo, 0, 1)
	}
	return d
}

// send posts a parcel; the deadline covers everything from the connection on.
func (s *Sim) send(ctx context.Context, p parcel) Delivery {
	ctx, cancel := context.WithTimeout(ctx, callbackDeadline)
	defer cancel()
	began := time.Now()
	d := s.exchange(ctx, p)
	d.Took = time.Since(began)
	d.Accepted = d.Err == nil && (d.Status == http.StatusOK || d.Status == http.StatusNoContent)
	return d
}

func (s *Sim) exchange(ctx context.Context, p parcel) Delivery {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(p.body))
	if err != nil {
		return Delivery{Err: fmt.Errorf("callback: %w", err)}
	}
	req.Header = p.header
	res, err := s.client.Do(req)
	if err != nil {
		return Delivery{Err: fmt.Errorf("callback: %w", err)}
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxReplyBytes))
	if err != nil {
		return Delivery{Status: res.StatusCode, Body: body, Err: fmt.Errorf("callback answer: %w", err)}
	}
	return Delivery{Status: res.StatusCode, Body: body}
}

// callbackClient is client with WeChat Pay's rules: redirects are answers, and
// the deadline is the callback's own.
func callbackClient(client *http.Client) *http.Client {
	own := *client
	own.Timeout = 0
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// loopbackClient cannot reach anything but this machine, so that a real
// notify_url in a test never gets a simulator's callback.
func loopbackClient() *http.Client {
	dialer := &net.Dialer{}
	return &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 64,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, fmt.Errorf("callback address: %w", err)
			}
			if !loopbackHost(host) {
				return nil, fmt.Errorf("%s: %w", host, ErrNotLoopback)
			}
			return dialer.DialContext(ctx, network, address)
		},
	}}
}
