package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// ErrDeliveryCount says that so many callbacks at once cannot be asked for.
var ErrDeliveryCount = errors.New("simulator: number of callbacks out of range")

const (
	maxReplyBytes = 64 << 10
	maxDeliveries = 1000
)

// Delivery is what became of one callback.
type Delivery struct {
	// Status is the merchant's HTTP status, 0 if there was no answer.
	Status int
	// Body is the start of its answer, at most 64 KiB.
	Body []byte
	// Err is why there was no answer: the deadline was over, the connection broke.
	Err error
	// Accepted says that the gateway would not repeat it.
	Accepted bool
	Took     time.Duration

	header http.Header
}

// Parcel is a callback ready to be sent.
type Parcel struct {
	URL    string
	Header http.Header
	Body   []byte
}

// Mailer sends callbacks and notes them in the timeline.
type Mailer struct {
	Stand  *Stand
	Client *http.Client
	// Deadline covers everything from the connection on, in real time.
	Deadline time.Duration
	// Accepts says whether the merchant's answer ends the repeats.
	Accepts func(status int, body []byte) bool
}

// Post sends a parcel about an order. What the merchant says is in the
// delivery; a redirect is an answer.
func (m *Mailer) Post(ctx context.Context, order, topic string, kind FaultKind, p Parcel) Delivery {
	ctx, cancel := context.WithTimeout(ctx, m.Deadline)
	defer cancel()
	p.Header.Set(HeaderSimulator, m.Stand.Name)
	began := time.Now()
	d := m.exchange(ctx, p)
	d.Took = time.Since(began)
	d.Accepted = d.Err == nil && m.Accepts(d.Status, d.Body)
	e := Event{
		At: m.Stand.Clock.Now(), Stamp: began, Direction: "out", Name: topic, Method: http.MethodPost, URL: p.URL,
		RequestHeader: p.Header, RequestBody: string(p.Body), Status: d.Status, ResponseHeader: d.header,
		ResponseBody: string(d.Body), Fault: kind,
		Verdicts: []Verdict{{Check: "accepted", OK: d.Accepted, Text: d.Took.String()}},
	}
	if d.Err != nil {
		e.Error = d.Err.Error()
	}
	m.Stand.Timeline.Add(order, e)
	return d
}

func (m *Mailer) exchange(ctx context.Context, p Parcel) Delivery {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, bytes.NewReader(p.Body))
	if err != nil {
		return Delivery{Err: fmt.Errorf("callback: %w", err)}
	}
	req.Header = p.Header
	res, err := m.Client.Do(req)
	if err != nil {
		return Delivery{Err: fmt.Errorf("callback: %w", err)}
	}
	defer func() { _ = res.Body.Close() }()
	d := Delivery{Status: res.StatusCode, header: res.Header}
	d.Body, err = io.ReadAll(io.LimitReader(res.Body, maxReplyBytes))
	if err != nil {
		d.Err = fmt.Errorf("callback answer: %w", err)
	}
	return d
}

// InTurn sends n callbacks, one after the other. Each is packed just before,
// because a stamp made ahead would age while others wait.
// Errors: ErrDeliveryCount, and those of pack.
func InTurn(n int, pack func() (Parcel, error), send func(Parcel) Delivery) ([]Delivery, error) {
	if n < 1 || n > maxDeliveries {
		return nil, fmt.Errorf("%d callbacks: %w", n, ErrDeliveryCount)
	}
	out := make([]Delivery, n)
	for i := range out {
		p, err := pack()
		if err != nil {
			return nil, err
		}
		out[i] = send(p)
	}
	return out, nil
}

// AtOnce is InTurn with all at the same time: they are packed first, and none
// is sent before all the senders stand ready.
// Errors: ErrDeliveryCount, and those of pack.
func AtOnce(n int, pack func() (Parcel, error), send func(Parcel) Delivery) ([]Delivery, error) {
	if n < 1 || n > maxDeliveries {
		return nil, fmt.Errorf("%d callbacks: %w", n, ErrDeliveryCount)
	}
	parcels := make([]Parcel, n)
	for i := range parcels {
		p, err := pack()
		if err != nil {
			return nil, err
		}
		parcels[i] = p
	}
	out := make([]Delivery, n)
	start := make(chan struct{})
	var ready, done sync.WaitGroup
	ready.Add(n)
	for i, p := range parcels {
		done.Go(func() {
			ready.Done()
			<-start
			out[i] = send(p)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return out, nil
}
