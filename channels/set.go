package channels

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Set is the channels of a hub by name.
type Set map[string]Merchants

// Merchants are the ways into one channel.
type Merchants struct {
	// Current is where new orders are made and people are known; nil if the hub has
	// given the channel up.
	Current Channel
	// Former are asked about the orders that were made there, refund them, and open
	// their callbacks.
	Former []Channel
}

// All is every one of them, the current one first.
func (m Merchants) All() []Channel {
	if m.Current == nil {
		return m.Former
	}
	return append([]Channel{m.Current}, m.Former...)
}

// Of is the channel that an order was made at. No other can say what became of
// the order: for all others it does not exist.
func (s Set) Of(name, merchant string) (Channel, bool) {
	m := s[name]
	if m.Current != nil && m.Current.Merchant() == merchant {
		return m.Current, true
	}
	for _, c := range m.Former {
		if c.Merchant() == merchant {
			return c, true
		}
	}
	return nil, false
}

// Check says which merchant is there twice.
func (s Set) Check() error {
	var wrong []error
	for name, merchants := range s {
		seen := map[string]bool{}
		for _, c := range merchants.All() {
			if seen[c.Merchant()] {
				wrong = append(wrong, fmt.Errorf("%s: merchant %s is there twice", name, c.Merchant()))
			}
			seen[c.Merchant()] = true
		}
	}
	return errors.Join(wrong...)
}

// Payee is the merchant's number alone: money goes there, whatever the app.
func Payee(merchant string) string {
	number, _, _ := strings.Cut(merchant, "/")
	return number
}

// Notifier reads a channel's callbacks, to whichever of its merchants they are;
// false if the channel has none.
func (s Set) Notifier(name string) (Notifier, bool) {
	all, ok := able[Notifier](s[name].All())
	return notifiers(all), ok
}

// RefundNotifier is Notifier for refunds.
func (s Set) RefundNotifier(name string) (RefundNotifier, bool) {
	all, ok := able[RefundNotifier](s[name].All())
	return refundNotifiers(all), ok
}

// able is all channels as what they can do; false if one cannot, or there is none.
func able[T any](all []Channel) (can []T, ok bool) {
	for _, c := range all {
		t, ok := c.(T)
		if !ok {
			return nil, false
		}
		can = append(can, t)
	}
	return can, len(can) > 0
}

// notifiers and refundNotifiers are those of all merchants of one channel.
type (
	notifiers       []Notifier
	refundNotifiers []RefundNotifier
)

var (
	_ Excerpter = notifiers{}
	_ Excerpter = refundNotifiers{}
)

// ParseNotify implements Notifier.
func (all notifiers) ParseNotify(ctx context.Context, header http.Header, body []byte) (Payment, error) {
	return addressed(all, func(n Notifier) (Payment, string, error) {
		p, err := n.ParseNotify(ctx, header, body)
		return p, p.Misdirected, err
	})
}

// Answer implements Notifier.
func (all notifiers) Answer(w http.ResponseWriter, verdict Verdict) { all[0].Answer(w, verdict) }

// Excerpt implements Excerpter.
func (all notifiers) Excerpt(header http.Header, body []byte, authentic bool) Excerpt {
	return excerpt(all[0], header, body, authentic)
}

// ParseRefund implements RefundNotifier.
func (all refundNotifiers) ParseRefund(ctx context.Context, header http.Header, body []byte) (RefundStatus, error) {
	return addressed(all, func(n RefundNotifier) (RefundStatus, string, error) {
		r, err := n.ParseRefund(ctx, header, body)
		return r, r.Misdirected, err
	})
}

// Answer implements RefundNotifier.
func (all refundNotifiers) Answer(w http.ResponseWriter, verdict Verdict) { all[0].Answer(w, verdict) }

// Excerpt implements Excerpter.
func (all refundNotifiers) Excerpt(header http.Header, body []byte, authentic bool) Excerpt {
	return excerpt(all[0], header, body, authentic)
}

func excerpt(channel any, header http.Header, body []byte, authentic bool) Excerpt {
	if e, ok := channel.(Excerpter); ok {
		return e.Excerpt(header, body, authentic)
	}
	return Excerpt{}
}

// addressed has a callback read as each merchant's and returns what says most:
// a callback to that very merchant; one that is authentic and to somebody else;
// one that is authentic and cannot be read; and last one that nobody signed. The
// order decides nothing but what is said of junk: merchants may share a key.
func addressed[N, T any](all []N, read func(N) (told T, misdirected string, err error)) (T, error) {
	var (
		best    T
		bestErr error
		rank    = -1
	)
	for _, n := range all {
		told, misdirected, err := read(n)
		if r := says(misdirected, err); r > rank {
			best, bestErr, rank = told, err, r
		}
		if rank == saysAll {
			break
		}
	}
	return best, bestErr
}

// saysAll is the rank of a callback to the very merchant that read it.
const saysAll = 4

// says is how much a reading says, from nothing to saysAll.
func says(misdirected string, err error) int {
	switch {
	case err == nil && misdirected == "":
		return saysAll
	case err == nil:
		return 3
	case Authentic(err):
		return 2
	case errors.Is(err, ErrProbe):
		return 1
	}
	return 0
}

// Authentic says whether an error of ParseNotify or ParseRefund, or none, is about
// a callback that the channel signed.
func Authentic(err error) bool {
	if err == nil {
		return true
	}
	read := errors.Is(err, ErrMalformed) || errors.Is(err, ErrNotOurs)
	return read && !errors.Is(err, ErrUnproven)
}
