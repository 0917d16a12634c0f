package channeltest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"guodu/channels"
)

// A suite that passes every channel proves nothing. Each channel below breaks
// one promise, and the check of that promise has to say so.

// recorder is a reporter that remembers only whether there was a complaint.
type recorder struct {
	mu   sync.Mutex
	said []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// complaints are what one check has to say of a subject.
func complaints(t *testing.T, name string, s Subject) string {
	t.Helper()
	for _, c := range checks() {
		if c.name != name {
			continue
		}
		if c.lacks != nil && c.lacks(s) != "" {
			t.Fatalf("the check does not run for want of %s", c.lacks(s))
		}
		r := &recorder{}
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.do(r, &bench{s})
		}()
		<-done
		return strings.Join(r.said, "\n")
	}
	t.Fatalf("there is no check %q", name)
	return ""
}

// spoiled is cash with some methods replaced, and with a bell for callbacks.
type spoiled struct {
	*cash
	prepay func(context.Context, channels.PrepayRequest) (channels.Prepay, error)
	query  func(context.Context, string) (channels.Payment, error)
	page   func(context.Context, channels.PrepayRequest) (channels.Prepay, error)
	close  func(context.Context, string) error
	parse  func(http.Header, []byte) (channels.Payment, error)
	answer func(http.ResponseWriter, channels.Verdict)
	swap   func(string) (channels.Payer, error)
	tell   func(channels.Payer, channels.Event) error
	inbox  []string
}

// letter is what cash would write if it did.
func letter(e channels.Event) string { return e.Order + " " + e.URL + " 1234.56元 2026-11-23 12:00" }

func (s *spoiled) Tells(kind channels.EventKind) bool { return kind != "lost" }

func (s *spoiled) Tell(_ context.Context, to channels.Payer, e channels.Event) error {
	return s.tell(to, e)
}

func (s *spoiled) Prepay(ctx context.Context, req channels.PrepayRequest) (channels.Prepay, error) {
	if s.prepay != nil {
		return s.prepay(ctx, req)
	}
	return s.cash.Prepay(ctx, req)
}

func (s *spoiled) Query(ctx context.Context, no string) (channels.Payment, error) {
	if s.query != nil {
		return s.query(ctx, no)
	}
	return s.cash.Query(ctx, no)
}

func (s *spoiled) Close(ctx context.Context, no string) error {
	if s.close != nil {
		return s.close(ctx, no)
	}
	return s.cash.Close(ctx, no)
}

func (s *spoiled) PrepayPage(ctx context.Context, req channels.PrepayRequest) (channels.Prepay, error) {
	return s.page(ctx, req)
}

func (s *spoiled) ParseNotify(_ context.Context, header http.Header, body []byte) (channels.Payment, error) {
	return s.parse(header, body)
}

func (s *spoiled) Answer(w http.ResponseWriter, verdict channels.Verdict) { s.answer(w, verdict) }

func (s *spoiled) AuthorizeURL(string, string) string { return "https://example.com/?state=1" }

func (s *spoiled) Exchange(_ context.Context, code string) (channels.Payer, error) {
	return s.swap(code)
}

func TestTheSuiteComplains(t *testing.T) {
	altered := func(change func(*channels.Payment)) func(*spoiled) {
		return func(s *spoiled) {
			s.query = func(ctx context.Context, no string) (channels.Payment, error) {
				p, err := s.cash.Query(ctx, no)
				if p.State == channels.Paid {
					change(&p)
				}
				return p, err
			}
		}
	}
	payer := func(p channels.Payer, err error) func(*spoiled) {
		return func(s *spoiled) { s.swap = func(string) (channels.Payer, error) { return p, err } }
	}
	words := func(answer func(http.ResponseWriter, channels.Verdict)) func(*spoiled) {
		return func(s *spoiled) { s.answer = answer }
	}
	believing := func(s *spoiled) {
		s.parse = func(http.Header, []byte) (channels.Payment, error) {
			return channels.Payment{OrderNo: "X", State: channels.Paid, Amount: 1}, nil
		}
	}
	telling := func(tell func(s *spoiled, to channels.Payer, e channels.Event) error) func(*spoiled) {
		return func(s *spoiled) {
			s.tell = func(to channels.Payer, e channels.Event) error { return tell(s, to, e) }
		}
	}
	told := func(err error, texts ...func(channels.Event) string) func(*spoiled) {
		return telling(func(s *spoiled, _ channels.Payer, e channels.Event) error {
			for _, text := range texts {
				s.inbox = append(s.inbox, text(e))
			}
			return err
		})
	}
	paged := func(s *spoiled) {
		s.page = func(ctx context.Context, req channels.PrepayRequest) (channels.Prepay, error) {
			p, err := s.cash.Prepay(ctx, req)
			p.Params = map[string]string{"url": "https://pay.example.com/" + req.OrderNo}
			return p, err
		}
	}
	// heard is a callback whose body is its order's number; what is none is refused so.
	heard := func(refusal error) func(*spoiled) {
		return func(s *spoiled) {
			s.parse = func(_ http.Header, body []byte) (channels.Payment, error) {
				p, err := s.cash.Query(context.Background(), string(body))
				if err != nil {
					return channels.Payment{}, refusal
				}
				return p, nil
			}
		}
	}
	broken := []struct {
		check, fault string
		spoil        func(*spoiled)
	}{
		{"an order is paid with what Prepay gave", "another amount", altered(func(p *channels.Payment) { p.Amount++ })},
		{"an order is paid with what Prepay gave", "another currency", altered(func(p *channels.Payment) { p.Currency = "" })},
		{"an order is paid with what Prepay gave", "times of another zone", altered(func(p *channels.Payment) { p.SuccessTime = p.SuccessTime.Add(8 * time.Hour) })},
		{"an order is paid with what Prepay gave", "somebody else", altered(func(p *channels.Payment) { p.Payer.ID += "0" })},
		{"an order is paid with what Prepay gave", "no number", altered(func(p *channels.Payment) { p.TransactionID = "" })},
		{"an order is paid with what Prepay gave", "payments called closed", altered(func(p *channels.Payment) {
			*p = channels.Payment{Channel: "cash", OrderNo: p.OrderNo, State: channels.Closed}
		})},
		{"an identical Prepay is safe", "no repeat", func(s *spoiled) {
			s.prepay = func(ctx context.Context, req channels.PrepayRequest) (channels.Prepay, error) {
				if s.orders[req.OrderNo] != nil {
					return channels.Prepay{}, channels.ErrRefused
				}
				return s.cash.Prepay(ctx, req)
			}
		}},
		{"Prepay of a paid order", "paid orders prepaid", func(s *spoiled) {
			s.prepay = func(ctx context.Context, req channels.PrepayRequest) (channels.Prepay, error) {
				p, err := s.cash.Prepay(ctx, req)
				if errors.Is(err, channels.ErrAlreadyPaid) {
					return channels.Prepay{}, fmt.Errorf("cash: %w", channels.ErrRefused)
				}
				return p, err
			}
		}},
		{"Query of an unknown order", "unknown orders unpaid", func(s *spoiled) {
			s.query = func(_ context.Context, no string) (channels.Payment, error) {
				return channels.Payment{Channel: "cash", OrderNo: no, State: channels.Unpaid}, nil
			}
		}},
		{"closing twice is safe", "closing once", func(s *spoiled) {
			s.close = func(ctx context.Context, no string) error {
				if d := s.orders[no]; d != nil && d.state == channels.Closed {
					return fmt.Errorf("cash: %w", channels.ErrRefused)
				}
				return s.cash.Close(ctx, no)
			}
		}},
		{"a closed order is unpayable", "orders that stay open", func(s *spoiled) { s.close = func(context.Context, string) error { return nil } }},
		{"Close of a paid order", "paid orders closed", func(s *spoiled) { s.close = func(context.Context, string) error { return nil } }},
		{"Close of an unknown order", "anything closed", func(s *spoiled) { s.close = func(context.Context, string) error { return nil } }},
		{"a context that is over", "no look at the context", func(s *spoiled) {
			s.query = func(_ context.Context, no string) (channels.Payment, error) {
				return s.cash.Query(context.Background(), no)
			}
		}},
		{"an unknown outcome is called one, once", "unknown called refused", func(s *spoiled) {
			s.query = func(context.Context, string) (channels.Payment, error) {
				return channels.Payment{}, channels.ErrRefused
			}
		}},
		{"an unknown outcome is called one, once", "two errors at once", func(s *spoiled) {
			s.prepay = func(context.Context, channels.PrepayRequest) (channels.Prepay, error) {
				return channels.Prepay{}, errors.Join(channels.ErrUnknownOutcome, channels.ErrRefused)
			}
		}},
		{"an unknown outcome is called one, once", "a payer in the error", func(s *spoiled) {
			s.prepay = func(_ context.Context, req channels.PrepayRequest) (channels.Prepay, error) {
				return channels.Prepay{}, fmt.Errorf("%w: for %s", channels.ErrUnknownOutcome, req.PayerID)
			}
		}},
		{"a callback says what Query says", "callbacks of another order", believing},
		{"a forged callback", "forgery believed", believing},
		{"a callback that is none", "junk believed", believing},
		{"a callback that is too large", "no limit", believing},
		{"a callback of another kind", "other kinds believed", believing},
		{"a forged callback", "forgery called unreadable", func(s *spoiled) {
			s.parse = func(http.Header, []byte) (channels.Payment, error) { return channels.Payment{}, channels.ErrMalformed }
		}},
		{"an altered callback", "every byte ignored", believing},
		{"Answer speaks the channel's words", "an end to all repeats", words(func(w http.ResponseWriter, _ channels.Verdict) { _, _ = w.Write([]byte("ok")) })},
		{"Answer speaks the channel's words", "no end to repeats", words(func(w http.ResponseWriter, _ channels.Verdict) { w.WriteHeader(http.StatusServiceUnavailable) })},
		{"the authorization page gets state and way back", "its own state", payer(worker, nil)},
		{"a code tells the payer, once", "codes for ever", payer(worker, nil)},
		{"a code tells the payer, once", "somebody else", payer(channels.Payer{Kind: "staff", ID: "x"}, nil)},
		{"a code that never was", "any code", payer(worker, nil)},
		{"a message says what happened and no more", "nothing sent", told(nil)},
		{"a message says what happened and no more", "two of one", told(nil, letter, letter)},
		{"a message says what happened and no more", "another text", told(nil, func(e channels.Event) string { return e.Order })},
		{"a message says what happened and no more", "its reader's id", told(nil, func(e channels.Event) string { return letter(e) + worker.ID })},
		{"a message without a template", "any template", told(nil, letter)},
		{"a message to somebody who takes none", "sent all the same", told(channels.ErrNotReached, letter)},
		{"a message to somebody who takes none", "refused", told(channels.ErrRefused)},
		{"a message to nobody", "sent all the same", told(nil)},
		{"a message of unknown outcome", "unknown called refused", told(channels.ErrRefused)},
		{"a message of unknown outcome", "twice after a repeat", func(s *spoiled) {
			again := map[string]bool{}
			telling(func(s *spoiled, _ channels.Payer, e channels.Event) error {
				s.inbox = append(s.inbox, letter(e))
				if again[e.Ref] {
					return nil
				}
				again[e.Ref] = true
				return channels.ErrNotNow
			})(s)
		}},
		{"a message whose context ends", "unknown called sent", told(nil)},
		{"an order is paid on a page", "no page", func(s *spoiled) {
			s.page = func(context.Context, channels.PrepayRequest) (channels.Prepay, error) {
				return channels.Prepay{}, channels.ErrRefused
			}
		}},
		{"an order is paid on a page", "no address", func(s *spoiled) { s.page = s.cash.Prepay }},
		{"an order is paid on a page", "another amount", func(s *spoiled) {
			paged(s)
			altered(func(p *channels.Payment) { p.Amount++ })(s)
		}},
		{"a page for nonsense", "a page for anything", func(s *spoiled) {
			s.page = func(context.Context, channels.PrepayRequest) (channels.Prepay, error) { return channels.Prepay{}, nil }
		}},
		{"callbacks at once", "one for another", believing},
		{"an altered callback", "refused as unknown", heard(channels.ErrUnknownOutcome)},
		{"a callback that is none", "refused as too large", heard(channels.ErrTooLarge)},
		{"a callback that is none", "refused in two ways", heard(errors.Join(channels.ErrMalformed, channels.ErrNotice))},
		{"a context that ends on the way", "no look at the context", func(s *spoiled) {
			s.query = func(_ context.Context, no string) (channels.Payment, error) {
				return s.cash.Query(context.Background(), no)
			}
			s.prepay = func(context.Context, channels.PrepayRequest) (channels.Prepay, error) { return channels.Prepay{}, nil }
		}},
		{"a context that ends on the way", "unknown called refused", func(s *spoiled) {
			s.prepay = func(ctx context.Context, req channels.PrepayRequest) (channels.Prepay, error) {
				if ctx.Value(s) == nil && s.orders[req.OrderNo] != nil {
					return channels.Prepay{}, channels.ErrRefused
				}
				return s.cash.Prepay(ctx, req)
			}
		}},
		{"an exchange of unknown outcome", "unknown called a bad code", payer(channels.Payer{}, channels.ErrCode)},
	}
	for _, tc := range broken {
		t.Run(tc.check+": "+tc.fault, func(t *testing.T) {
			said := complaints(t, tc.check, spoil(tc.spoil))
			if said == "" {
				t.Fatal("the suite has nothing to say")
			}
			t.Log(said)
		})
	}
	t.Logf("result: %d broken channels, each found", len(broken))
}

func spoil(how func(*spoiled)) Subject {
	s := &spoiled{cash: newCash()}
	how(s)
	notice := func(_ context.Context, no string) (Notice, error) { return Notice{http.Header{}, []byte(no)}, nil }
	return Subject{
		Channel: s, Payer: worker, Pay: s.pay, Notice: notice, Forged: notice, Foreign: notice,
		Heard:    func(status int, _ string) bool { return status == http.StatusOK },
		Code:     func(context.Context, string) (string, error) { return "code", nil },
		Faults:   []Fault{{"silence", func(Call) error { return nil }}},
		Hang:     func(Call) error { return nil },
		Messages: func() []string { return s.inbox }, Deaf: func(bool) {},
	}
}

func TestASubjectThatLacksSomethingIsTold(t *testing.T) {
	c := newCash()
	notifier := &spoiled{cash: c}
	for want, s := range map[string]Subject{
		"Channel": {Pay: c.pay}, "Pay": {Channel: c},
		"Notice and Heard, for a channels.Notifier": {Channel: notifier, Pay: c.pay},
		"Messages and Deaf, for a channels.Messenger": {
			Channel: notifier, Pay: c.pay, Notice: func(context.Context, string) (Notice, error) { return Notice{}, nil },
			Heard: func(int, string) bool { return true }, Code: func(context.Context, string) (string, error) { return "", nil },
		},
		"": {Channel: c, Pay: c.pay},
	} {
		if got := s.lacks(); got != want {
			t.Errorf("it lacks %q, want %q", got, want)
		}
	}
}

// A channel that asks again on its own is told by the count of its requests.
func TestTheSuiteCountsRequests(t *testing.T) {
	asked := int64(0)
	s := &spoiled{cash: newCash()}
	again := false
	s.prepay = func(ctx context.Context, req channels.PrepayRequest) (channels.Prepay, error) {
		again = !again
		asked += 2
		if again {
			return channels.Prepay{}, fmt.Errorf("cash: %w", channels.ErrUnknownOutcome)
		}
		return s.cash.Prepay(ctx, req)
	}
	said := complaints(t, "an unknown outcome is called one, once", Subject{
		Channel: s, Payer: worker, Pay: s.pay, Asked: func(Call) int64 { return asked },
		Faults: []Fault{{"silence", func(Call) error { return nil }}},
	})
	if !strings.Contains(said, "2 times") {
		t.Fatalf("the suite says %q", said)
	}
}
