package alipay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// What can be wrong with asking for a notify.
var (
	ErrNotPaid       = errors.New("alipay simulator: trade is not paid")
	ErrNoNotifyURL   = errors.New("alipay simulator: trade has no notify_url")
	ErrDeliveryCount = errors.New("alipay simulator: number of notifies out of range")
	ErrNotLoopback   = errors.New("alipay simulator: notifies go to loopback only")
)

const (
	// notifyDeadline is the simulator's choice: the documents name none.
	notifyDeadline = 5 * time.Second
	maxDeliveries  = 1000
	maxReplyBytes  = 64 << 10

	accepted = "success"
)

// Delivery is what became of one notify.
type Delivery struct {
	// Status is the merchant's HTTP status, 0 if there was no answer.
	Status int
	// Body is the start of its answer, at most 64 KiB.
	Body []byte
	// Err is why there was no answer: the 5 s were over, the connection broke.
	Err error
	// Accepted says that Alipay would not repeat it: the status is 200 and the
	// body is exactly "success", without so much as a newline.
	Accepted bool
	Took     time.Duration
}

// Deliver sends n notifies of a paid trade, one after the other: each has its
// own notify_time and signature, and all have the same notify_id. What the
// merchant says is in the deliveries; the error is about sending at all.
// Errors: ErrUnknownOrder, ErrNotPaid, ErrNoNotifyURL, ErrDeliveryCount.
func (s *Sim) Deliver(ctx context.Context, outTradeNo string, n int) ([]Delivery, error) {
	t, err := s.deliverable(outTradeNo, n)
	if err != nil {
		return nil, err
	}
	out := make([]Delivery, 0, n)
	for range n {
		p, err := s.pack(t, nil)
		if err != nil {
			return nil, fmt.Errorf("deliver %s: %w", outTradeNo, err)
		}
		out = append(out, s.tell(ctx, t, p))
	}
	return out, nil
}

// DeliverConcurrently is Deliver with all n at once: none is sent before all
// the senders stand ready.
// Errors: ErrUnknownOrder, ErrNotPaid, ErrNoNotifyURL, ErrDeliveryCount.
func (s *Sim) DeliverConcurrently(ctx context.Context, outTradeNo string, n int) ([]Delivery, error) {
	t, err := s.deliverable(outTradeNo, n)
	if err != nil {
		return nil, err
	}
	p, err := s.pack(t, nil)
	if err != nil {
		return nil, fmt.Errorf("deliver %s: %w", outTradeNo, err)
	}
	out := make([]Delivery, n)
	var lined, done sync.WaitGroup
	lined.Add(n)
	for i := range out {
		done.Go(func() {
			lined.Done()
			lined.Wait()
			out[i] = s.tell(ctx, t, p)
		})
	}
	done.Wait()
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
	if t.state != StateSuccess {
		if bend.truthful {
			return Delivery{}, fmt.Errorf("deliver %s as %q: %w", outTradeNo, kind, ErrNotPaid)
		}
		t.state, t.paidAt, t.noticeID = StateSuccess, s.now(), s.dice.draw(hexDigits, noticeIDChars)
	}
	p, err := s.pack(t, &bend)
	if err != nil {
		return Delivery{}, fmt.Errorf("deliver %s as %q: %w", outTradeNo, kind, err)
	}
	s.tally.add("tamper.sent")
	d := s.post(ctx, p)
	if d.Accepted {
		s.tally.add("tamper.accepted")
	}
	return d, nil
}

func (s *Sim) notifiable(outTradeNo string) (trade, error) {
	t, found := s.ledger.find("", outTradeNo, s.now())
	switch {
	case !found:
		return trade{}, fmt.Errorf("deliver %s: %w", outTradeNo, ErrUnknownOrder)
	case t.notifyURL == "":
		return trade{}, fmt.Errorf("deliver %s: %w", outTradeNo, ErrNoNotifyURL)
	}
	return t, nil
}

// deliverable finds a trade that n genuine notifies can be about.
func (s *Sim) deliverable(outTradeNo string, n int) (trade, error) {
	t, err := s.notifiable(outTradeNo)
	switch {
	case err != nil:
		return trade{}, err
	case t.state != StateSuccess:
		return trade{}, fmt.Errorf("deliver %s: %w", outTradeNo, ErrNotPaid)
	case n < 1 || n > maxDeliveries:
		return trade{}, fmt.Errorf("deliver %s %d times: %w", outTradeNo, n, ErrDeliveryCount)
	}
	return t, nil
}

// deliverOnce is for Options.AutoDeliver.
func (s *Sim) deliverOnce(ctx context.Context, t trade) {
	p, err := s.pack(t, nil)
	if err != nil {
		s.opts.Logger.Error("alipay simulator: notify not made", slog.String("out_trade_no", t.outTradeNo), slog.Any("error", err))
		return
	}
	d := s.tell(ctx, t, p)
	s.opts.Logger.Debug("alipay simulator: notify sent", slog.String("out_trade_no", t.outTradeNo),
		slog.Int("status", d.Status), slog.Bool("accepted", d.Accepted), slog.Any("error", d.Err))
}

// tell sends a genuine notify and keeps the book.
func (s *Sim) tell(ctx context.Context, t trade, p parcel) Delivery {
	s.tally.add("callback.sent")
	s.ledger.told(t.no, 1, 0)
	d := s.post(ctx, p)
	if d.Accepted {
		s.tally.add("callback.accepted")
		s.ledger.told(t.no, 0, 1)
	}
	return d
}

// post sends a parcel; the deadline covers everything from the connection on.
func (s *Sim) post(ctx context.Context, p parcel) Delivery {
	ctx, cancel := context.WithTimeout(ctx, notifyDeadline)
	defer cancel()
	began := time.Now()
	var d Delivery
	d.Status, d.Body, d.Err = s.reply(ctx, p)
	d.Accepted = d.Err == nil && d.Status == http.StatusOK && string(d.Body) == accepted
	d.Took = time.Since(began)
	return d
}

func (s *Sim) reply(ctx context.Context, p parcel) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, strings.NewReader(p.body))
	if err != nil {
		return 0, nil, fmt.Errorf("notify: %w", err)
	}
	req.Header.Set("Content-Type", p.contentType)
	req.Header.Set("User-Agent", "Mozilla/4.0")
	res, err := s.client.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("notify: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxReplyBytes))
	if err != nil {
		return res.StatusCode, body, fmt.Errorf("answer to notify: %w", err)
	}
	return res.StatusCode, body, nil
}

// notifyClient is client with Alipay's rules: a redirect is an answer, and the
// deadline is the notify's own.
func notifyClient(client *http.Client) *http.Client {
	return &http.Client{Transport: client.Transport, Jar: client.Jar, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// loopbackClient cannot reach anything but this machine, so that a real
// notify_url in a test never hears from a simulator.
func loopbackClient() *http.Client {
	var dialer net.Dialer
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err == nil && !loopbackHost(host) {
			err = ErrNotLoopback
		}
		if err != nil {
			return nil, fmt.Errorf("dial %s: %w", address, err)
		}
		return dialer.DialContext(ctx, network, address)
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 64}}
}
