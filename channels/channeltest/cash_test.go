package channeltest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"guodu/channels"
)

// cash is a third channel as somebody may add one: a machine that takes notes.
// It has no callbacks and no OAuth, and nothing between it and its drawer.
type cash struct {
	mu     sync.Mutex
	orders map[string]*drawer
}

type drawer struct {
	req   channels.PrepayRequest
	state channels.State
	no    string
	at    time.Time
}

var (
	_ channels.Channel = (*cash)(nil)

	errDrawer = errors.New("cash: the drawer does not open")
	cashForm  = regexp.MustCompile(`^[0-9A-Z]{1,32}$`)
)

func newCash() *cash { return &cash{orders: map[string]*drawer{}} }

func (c *cash) Name() string     { return "cash" }
func (c *cash) Merchant() string { return "till/1" }

// find is an order, with what every call looks at first.
func (c *cash) find(ctx context.Context, no string) (*drawer, error) {
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("cash %s: %w", no, channels.ErrUnknownOutcome)
	case !cashForm.MatchString(no):
		return nil, fmt.Errorf("cash %.8q: %w", no, channels.ErrRefused)
	case c.orders[no] == nil:
		return nil, fmt.Errorf("cash %s: %w", no, channels.ErrOrderNotFound)
	}
	return c.orders[no], nil
}

func (c *cash) Prepay(ctx context.Context, req channels.PrepayRequest) (channels.Prepay, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, err := c.find(ctx, req.OrderNo)
	switch {
	case err != nil && !errors.Is(err, channels.ErrOrderNotFound):
		return channels.Prepay{}, err
	case req.Amount <= 0, d != nil && d.req != req:
		return channels.Prepay{}, fmt.Errorf("cash %s: %w", req.OrderNo, channels.ErrRefused)
	case d == nil:
		c.orders[req.OrderNo] = &drawer{req: req, state: channels.Unpaid}
	case d.state == channels.Paid:
		return channels.Prepay{}, fmt.Errorf("cash %s: %w", req.OrderNo, channels.ErrAlreadyPaid)
	case d.state == channels.Closed:
		return channels.Prepay{}, fmt.Errorf("cash %s: %w", req.OrderNo, channels.ErrOrderClosed)
	}
	return channels.Prepay{Handle: req.OrderNo, Params: map[string]string{"slip": req.OrderNo}}, nil
}

func (c *cash) Query(ctx context.Context, no string) (channels.Payment, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, err := c.find(ctx, no)
	if err != nil {
		return channels.Payment{}, err
	}
	p := channels.Payment{Channel: c.Name(), OrderNo: no, State: d.state, Attach: d.req.Attach}
	if d.state == channels.Paid {
		p.Amount, p.Currency, p.TransactionID, p.SuccessTime = d.req.Amount, "CNY", d.no, d.at
		p.Payer = channels.Payer{Kind: d.req.PayerKind, ID: d.req.PayerID}
	}
	return p, nil
}

func (c *cash) Close(ctx context.Context, no string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, err := c.find(ctx, no)
	switch {
	case err != nil:
		return err
	case d.state == channels.Paid:
		return fmt.Errorf("cash %s: %w", no, channels.ErrAlreadyPaid)
	}
	d.state = channels.Closed
	return nil
}

func (c *cash) pay(_ context.Context, no string, prepay channels.Prepay) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.orders[no]
	if d == nil || prepay.Params["slip"] != no || d.state != channels.Unpaid {
		return errDrawer
	}
	d.state, d.at, d.no = channels.Paid, time.Now(), "CASH"+strconv.Itoa(len(c.orders))
	return nil
}

var worker = channels.Payer{Kind: "staff", ID: "2026-0001-0001"}

func TestAThirdChannelPasses(t *testing.T) {
	Run(t, func(*testing.T) Subject {
		c := newCash()
		return Subject{Channel: c, Payer: worker, Pay: c.pay}
	})
}
