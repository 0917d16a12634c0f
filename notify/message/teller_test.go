package message_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"guodu/channels"
	"guodu/internal/redistest"
	"guodu/notify/message"
)

// post is a channel that tells of paid and loaded, the way its answers say.
type post struct {
	mu      sync.Mutex
	answers []error       // of the calls, in their order; nil after the last
	takes   time.Duration // each, if nobody gives up before
	calls   []channels.Event
	to      []channels.Payer
}

func (p *post) Tells(kind channels.EventKind) bool { return kind != channels.EventRefunded }

func (p *post) Tell(ctx context.Context, to channels.Payer, e channels.Event) error {
	if p.takes > 0 {
		select {
		case <-time.After(p.takes): // on the clock of the bubble
		case <-ctx.Done():
			return channels.ErrUnknownOutcome
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls, p.to = append(p.calls, e), append(p.to, to)
	if len(p.answers) < len(p.calls) {
		return nil
	}
	return p.answers[len(p.calls)-1]
}

// bystanders are who is told, whatever happens.
type bystanders []message.Recipient

func (b bystanders) Of(context.Context, message.Event) ([]message.Recipient, error) {
	return append([]message.Recipient(nil), b...), nil
}

type nowhere struct{}

func (nowhere) Of(context.Context, message.Event) ([]message.Recipient, error) {
	return nil, errors.New("no such book")
}

// slate is Marks in memory.
type slate struct {
	mu   sync.Mutex
	seen map[string]bool
	fail error
}

func (s *slate) First(_ context.Context, e message.Event) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return false, s.fail
	}
	key := string(e.Kind) + e.Ref
	first := !s.seen[key]
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	s.seen[key] = true
	return first, nil
}

func paid(ref string) message.Event {
	return message.Event{Event: channels.Event{Kind: channels.EventPaid, Ref: ref, Order: ref, Amount: 5000}}
}

const openid = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"

func holder() bystanders {
	return bystanders{{Channel: "wechat", Payer: channels.Payer{Kind: "openid", ID: openid}, URL: "https://card.example.edu/1"}}
}

// told runs do with a Teller, lets it finish, and returns it and its log.
func told(t *testing.T, p *post, c message.Config, do func(*message.Teller)) (*message.Teller, string) {
	t.Helper()
	var log strings.Builder
	c.Messengers = map[string]channels.Messenger{"wechat": p}
	if c.Audience == nil {
		c.Audience = holder()
	}
	if c.Marks == nil {
		c.Marks = &slate{}
	}
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	teller := message.NewTeller(c)
	ctx, end := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		teller.Run(ctx)
		close(done)
	}()
	do(teller)
	end()
	<-done
	return teller, log.String()
}

// bubble is a test on a clock of its own.
func bubble(t *testing.T, name string, do func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, do) })
}

func TestAnEventIsToldOnce(t *testing.T) {
	bubble(t, "however often it is told of", func(t *testing.T) {
		p := &post{}
		told(t, p, message.Config{}, func(teller *message.Teller) {
			for range 100 {
				teller.Tell(paid("N1"))
			}
		})
		if len(p.calls) != 1 || p.calls[0].URL != "https://card.example.edu/1" || p.to[0].ID != openid {
			t.Errorf("told %v", p.calls)
		}
	})
	bubble(t, "to each who is there", func(t *testing.T) {
		p := &post{}
		audience := append(holder(), bystanders{
			{Channel: "wechat", Payer: channels.Payer{Kind: "openid", ID: "oAnother"}}, {Channel: "alipay", Payer: channels.Payer{Kind: "user_id", ID: "2088"}},
		}...)
		told(t, p, message.Config{Audience: audience}, func(teller *message.Teller) { teller.Tell(paid("N1")) })
		if len(p.calls) != 2 || p.to[0] == p.to[1] {
			t.Errorf("told %v", p.to)
		}
	})
	bubble(t, "and not at all without a template", func(t *testing.T) {
		p, marks := &post{}, &slate{}
		e := paid("N1")
		e.Kind = channels.EventRefunded
		told(t, p, message.Config{Marks: marks}, func(teller *message.Teller) { teller.Tell(e) })
		if len(p.calls) != 0 || len(marks.seen) != 0 {
			t.Errorf("told %v, marked %v", p.calls, marks.seen)
		}
	})
}

func TestOnlyAClearNotNowIsTriedAgain(t *testing.T) {
	busy := fmt.Errorf("busy: %w", channels.ErrNotNow)
	for name, tc := range map[string]struct {
		answers []error
		calls   int
		after   time.Duration
		log     string
	}{
		"sent":                  {nil, 1, 0, "level=INFO msg=\"message is sent\""},
		"busy once":             {[]error{busy}, 2, 2 * time.Second, "message is sent"},
		"busy twice":            {[]error{busy, busy}, 3, 12 * time.Second, "message is sent"},
		"busy for good":         {[]error{busy, busy, busy, busy}, 3, 12 * time.Second, "level=WARN msg=\"message may not be sent\""},
		"unknown outcome":       {[]error{channels.ErrUnknownOutcome}, 1, 0, "level=WARN msg=\"message may not be sent\""},
		"unknown after busy":    {[]error{busy, channels.ErrUnknownOutcome}, 2, 2 * time.Second, "message may not be sent"},
		"takes no message":      {[]error{channels.ErrNotReached}, 1, 0, "level=INFO msg=\"message reaches nobody\""},
		"template is not there": {[]error{channels.ErrSetup}, 1, 0, "level=ERROR msg=\"messages are not set up\""},
	} {
		bubble(t, name, func(t *testing.T) {
			p, begin := &post{answers: tc.answers}, time.Now()
			var took time.Duration
			_, log := told(t, p, message.Config{}, func(teller *message.Teller) {
				teller.Tell(paid("N1"))
				synctest.Wait()
				for len(p.seen()) < tc.calls && time.Since(begin) < time.Minute {
					<-time.After(time.Second) // on the clock of the bubble
					synctest.Wait()
				}
				took = time.Since(begin)
			})
			if len(p.calls) != tc.calls || took != tc.after {
				t.Errorf("%d calls after %v, want %d after %v", len(p.calls), took, tc.calls, tc.after)
			}
			if !strings.Contains(log, tc.log) || strings.Contains(log, openid) {
				t.Errorf("the log lacks %q, or shows the reader:\n%s", tc.log, log)
			}
		})
	}
}

func (p *post) seen() []channels.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

func TestAChannelThatHangsDelaysNobodyAndLosesMessagesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, begin := &post{takes: time.Hour}, time.Now()
		teller, log := told(t, p, message.Config{}, func(teller *message.Teller) {
			for i := range 1000 {
				teller.Tell(paid(strconv.Itoa(i)))
			}
			if waited := time.Since(begin); waited != 0 {
				t.Errorf("telling waited %v", waited)
			}
		})
		if len(p.calls) != 0 || teller.Lost() < 900 || !strings.Contains(log, "messages are dropped") {
			t.Errorf("%d told, %d lost:\n%s", len(p.calls), teller.Lost(), log)
		}
		if took := time.Since(begin); took > 3*time.Second {
			t.Errorf("the end took %v", took)
		}
	})
}

func TestNothingIsToldWithoutAMarkOrAnAudience(t *testing.T) {
	for name, c := range map[string]message.Config{
		"no mark": {Marks: &slate{fail: errors.New("redis is away")}}, "no audience": {Audience: nowhere{}},
	} {
		bubble(t, name, func(t *testing.T) {
			p := &post{}
			_, log := told(t, p, c, func(teller *message.Teller) { teller.Tell(paid("N1")) })
			if len(p.calls) != 0 || !strings.Contains(log, "nobody is told") {
				t.Errorf("told %v:\n%s", p.calls, log)
			}
		})
	}
}

func TestWhatWaitsIsToldByARunThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &post{}
		teller := message.NewTeller(message.Config{
			Messengers: map[string]channels.Messenger{"wechat": p}, Audience: holder(), Marks: &slate{}, Log: slog.New(slog.DiscardHandler),
		})
		for i := range 20 {
			teller.Tell(paid(strconv.Itoa(i)))
		}
		ended, end := context.WithCancel(context.Background())
		end()
		teller.Run(ended)
		if len(p.calls) != 20 || teller.Lost() != 0 {
			t.Errorf("%d told, %d lost", len(p.calls), teller.Lost())
		}
	})
}

func TestMarksAreSharedByAllHubsForThirtyDays(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Ephemeral)
	ctx, client := context.Background(), server.Client()
	one, two := message.NewRedisMarks(client, ""), message.NewRedisMarks(client, "h")
	var firsts sync.Map
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			marks := []message.RedisMarks{one, two}[i%2]
			first, err := marks.First(ctx, paid("N1"))
			if err != nil {
				t.Error(err)
			}
			if first {
				firsts.Store(i, true)
			}
		})
	}
	all.Wait()
	n := 0
	firsts.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d of 100 were first", n)
	}
	left, err := client.TTL(ctx, "h:told:paid:N1").Result()
	if err != nil || left < 29*24*time.Hour || left > 30*24*time.Hour {
		t.Errorf("the mark lives for %v, %v", left, err)
	}
	server.Kill()
	if first, err := one.First(ctx, paid("N2")); first || err == nil {
		t.Errorf("without Redis: first %t, %v", first, err)
	}
}
