package wechatpay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"guodu/mocks/sim/simtest"
	"guodu/mocks/wechatpay"
)

// scene is a shop in which one scenario was played.
type scene struct {
	*bench
	d *diary
}

func (s *scene) form(no string) form { return orderForm(no).with("notify_url", s.d.URL+"/n") }

// comes pays an order and wants its callbacks at these times.
func (s *scene) comes(want ...time.Duration) []parcel {
	s.t.Helper()
	s.paid(s.form("SCENE001"))
	s.clock.Advance(72 * time.Hour)
	if got := s.d.times(); !slices.Equal(got, want) {
		s.t.Fatalf("callbacks came at %v, want %v", got, want)
	}
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	return slices.Clone(s.d.got)
}

func (s *scene) genuine(p parcel) bool { return s.verify(p.header, p.body) == nil }

// answers wants a status for a request, 0 for none.
func (s *scene) answers(method, path, body string, want int) reply {
	s.t.Helper()
	patience := time.Second // with what hangs or breaks off
	if want != 0 {
		patience = time.Minute
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	res, err := s.http.Do(s.request(method, path, body).WithContext(ctx))
	r := reply{}
	if err == nil {
		r.status, r.header = res.StatusCode, res.Header
		r.body, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
	}
	if err != nil {
		r.status = 0
	}
	if r.status != want {
		s.t.Fatalf("%s %s: %d %s %v, want %d", method, path, r.status, r.body, err, want)
	}
	return r
}

func (s *scene) prepayAnswers(no string, want int) reply {
	s.t.Helper()
	return s.answers(http.MethodPost, prepayURL, s.form(no).json(s.t), want)
}

func (s *scene) made(no string, want wechatpay.State) {
	s.t.Helper()
	if o, _ := s.sim.Book().Order(no); o.State != want {
		s.t.Fatalf("order %s is %q, want %q", no, o.State, want)
	}
}

func (s *scene) refunded(want int64) {
	s.t.Helper()
	s.paid(s.form("SCENE001"))
	s.clock.Advance(time.Hour)
	b := s.sim.Book()
	if b.RefundedFen != want || len(b.Refunds) != 1 || !b.Refunds[0].Outside {
		s.t.Fatalf("the book has %+v", b)
	}
	s.made("SCENE001", wechatpay.StateRefund)
}

func (s *scene) ends(want string) {
	s.t.Helper()
	s.paid(s.form("SCENE001"))
	s.want(s.refund(refundForm("SCENE001", "R1", 10)), http.StatusOK, "")
	s.clock.Advance(time.Hour)
	if got := s.refundStatus("R1"); got != want {
		s.t.Fatalf("it ended %s", got)
	}
}

// billDiffers wants the first bill wrong by so many rows, and the second right.
func (s *scene) billDiffers(rows int) {
	s.t.Helper()
	s.paid(s.form("SCENE001"))
	s.paid(s.form("SCENE002"))
	s.clock.Advance(24 * time.Hour)
	const path = tradeBillURL + "2026-03-02"
	first, second := s.download(path), s.download(path)
	if more := strings.Count(first, "\r\n") - strings.Count(second, "\r\n"); first == second || more != rows {
		s.t.Fatalf("the first bill has %d rows more", more)
	}
}

func isProbe(r reply) bool {
	return strings.HasPrefix(r.header.Get("Wechatpay-Signature"), "WECHATPAY/SIGNTEST/")
}

// scenes say what each scenario does, seen from the merchant.
var scenes = map[string]func(*scene){
	"callback-lost":          func(s *scene) { s.comes(15 * time.Second) },
	"callback-never":         func(s *scene) { s.comes() },
	"callback-late":          func(s *scene) { s.comes(10 * time.Minute) },
	"callback-repeated":      func(s *scene) { s.comes(0, 0) },
	"callback-twice-at-once": func(s *scene) { s.comes(0, 0) },
	"callback-before-prepay-answer": func(s *scene) {
		s.prepay(s.form("SCENE001"))
		if len(s.d.times()) != 1 {
			s.t.Fatal("nobody was told")
		}
	},
	"refund-before-payment": func(s *scene) {
		s.paid(s.form("SCENE001"))
		s.clock.Settle()
		s.refund(refundForm("SCENE001", "R1", 10).with("notify_url", s.d.URL+"/r"))
		s.clock.Advance(2 * time.Minute)
		s.clock.Settle()
		if want := []string{"REFUND.SUCCESS", "TRANSACTION.SUCCESS"}; !slices.Equal(s.d.events, want) {
			s.t.Fatalf("they came as %v", s.d.events)
		}
	},
	"probe-callback": func(s *scene) {
		if got := s.comes(0, 15*time.Second); s.genuine(got[0]) || !s.genuine(got[1]) {
			s.t.Fatal("want a probe and then the real one")
		}
	},
	"probe-answer": func(s *scene) {
		if !isProbe(s.prepayAnswers("SCENE001", 200)) || isProbe(s.prepayAnswers("SCENE001", 200)) {
			s.t.Fatal("want one probe")
		}
	},
	"probe-query": func(s *scene) {
		probes := 0
		s.prepay(s.form("SCENE001"))
		for range 100 {
			if isProbe(s.answers(http.MethodGet, queryURL("SCENE001"), "", 200)) {
				probes++
			}
		}
		if probes != 3 {
			s.t.Fatalf("%d probes", probes)
		}
	},
	"key-migration": func(s *scene) { s.byCertificate() },
	"certificate-rotated": func(s *scene) {
		s.byCertificate()
	},
	"forged-callback": func(s *scene) {
		got := s.comes(0, 15*time.Second, 30*time.Second)
		if s.genuine(got[0]) || s.genuine(got[1]) || !s.genuine(got[2]) {
			s.t.Fatal("want two forgeries and the real one")
		}
	},
	"replayed-callback": func(s *scene) {
		got := s.comes(0, 15*time.Second)
		if s.age(got[0]) < 5*time.Minute || s.age(got[1]) > 5*time.Minute {
			s.t.Fatalf("they are %v and %v old", s.age(got[0]), s.age(got[1]))
		}
	},
	"hostile-callback": func(s *scene) {
		for i, p := range s.comes(0, 15*time.Second, 30*time.Second, time.Minute) {
			_, err := p.read(s.t).open()
			if !s.genuine(p) || (err == nil) != (i == 3) {
				s.t.Fatalf("callback %d: %v", i, err)
			}
		}
	},
	"foreign-callback": func(s *scene) {
		for i, p := range s.comes(0, 15*time.Second, 30*time.Second, time.Minute) {
			c, err := p.read(s.t).open()
			ours := err == nil && c["mchid"] == mchID && c["appid"] == appID && amountOf(c)["total"] == 5000.0
			if ours != (i == 3) {
				s.t.Fatalf("callback %d says %v", i, c)
			}
		}
	},
	"prepay-unknown-outcome": func(s *scene) {
		s.prepayAnswers("SCENE001", 500)
		s.made("SCENE001", wechatpay.StateNotPay)
		s.prepayAnswers("SCENE001", 200)
	},
	"prepay-reset": func(s *scene) {
		_, err := s.attempt(s.t.Context(), s.form("SCENE001"))
		if !errors.Is(err, syscall.ECONNRESET) {
			s.t.Fatalf("it says %v", err)
		}
		s.made("SCENE001", wechatpay.StateNotPay)
	},
	"query-down": func(s *scene) {
		for _, want := range []int{500, 500, 0, 0, 404} {
			s.answers(http.MethodGet, queryURL("SCENE001"), "", want)
		}
	},
	"proxy-in-the-way": func(s *scene) {
		for _, r := range []reply{s.answers(http.MethodGet, queryURL("SCENE001"), "", 502), s.prepayAnswers("SCENE001", 502)} {
			if r.header.Get("Wechatpay-Signature") != "" {
				s.t.Fatal("a proxy has signed")
			}
		}
	},
	"rate-limited": func(s *scene) {
		for _, want := range []int{429, 429, 429, 200} {
			s.prepayAnswers("SCENE001", want)
		}
		s.answers(http.MethodGet, queryURL("SCENE001"), "", 429)
	},
	"paid-while-closing": func(s *scene) {
		s.prepay(s.form("SCENE001"))
		s.want(s.call(http.MethodPost, closeURL("SCENE001"), closeBody), 400, "ORDER_PAID")
	},
	"close-unknown-outcome": func(s *scene) {
		s.prepay(s.form("SCENE001"))
		s.answers(http.MethodPost, closeURL("SCENE001"), closeBody, 500)
		s.made("SCENE001", wechatpay.StateClosed)
	},
	"refund-unknown-outcome": func(s *scene) {
		s.paid(s.form("SCENE001"))
		for _, want := range []int{500, 200} {
			s.answers(http.MethodPost, refundURL, refundForm("SCENE001", "R1", 10).json(s.t), want)
		}
		if len(s.sim.Book().Refunds) != 1 {
			s.t.Fatal("it was refunded twice")
		}
	},
	"refund-not-enough": func(s *scene) {
		s.paid(s.form("SCENE001"))
		s.want(s.refund(refundForm("SCENE001", "R1", 10)), 403, "NOT_ENOUGH")
		s.want(s.refund(refundForm("SCENE001", "R1", 10)), 200, "")
	},
	"refund-abnormal": func(s *scene) { s.ends("ABNORMAL") },
	"refund-closed":   func(s *scene) { s.ends("CLOSED") },
	"refund-outside":  func(s *scene) { s.refunded(5000) },
	"chargeback":      func(s *scene) { s.refunded(100) },
	"coupon": func(s *scene) {
		s.paid(s.form("SCENE001"))
		if r := s.answers(http.MethodGet, queryURL("SCENE001"), "", 200); !strings.Contains(string(r.body), `"payer_total":4900`) {
			s.t.Fatalf("paid: %s", r.body)
		}
	},
	"bill-row-missing":    func(s *scene) { s.billDiffers(-1) },
	"bill-row-extra":      func(s *scene) { s.billDiffers(1) },
	"bill-amount-differs": func(s *scene) { s.billDiffers(0) },
	"bill-cut-short": func(s *scene) {
		s.paid(s.form("SCENE001"))
		s.clock.Advance(24 * time.Hour)
		_, link := s.bill(tradeBillURL + "2026-03-02")
		s.answers(http.MethodGet, link, "", 0)
	},
	"oauth-lost-answer": func(s *scene) {
		code := s.code("")
		for _, want := range []int{-1, 40163} {
			if got := s.exchange(exchangeOf(code)); got.Errcode != want {
				s.t.Fatalf("it says %+v", got)
			}
		}
	},
	"answer-altered": func(s *scene) {
		r := s.prepayAnswers("SCENE001", 200)
		if s.verify(r.header, r.body) == nil || isProbe(r) {
			s.t.Fatal("nothing was altered")
		}
	},
	"rough-day":      func(s *scene) { s.goesWrong(60, 2, 20) },
	"usual-rudeness": func(s *scene) { s.goesWrong(200, 2, 30) },
}

// goesWrong counts the prepays that are not answered well.
func (s *scene) goesWrong(of, least, most int) {
	s.t.Helper()
	bad := 0
	for i := range of {
		r, err := s.attempt(s.t.Context(), s.form(fmt.Sprintf("SCENE%03d", i)))
		if err != nil || r.status != 200 || isProbe(r) {
			bad++
		}
	}
	if bad < least || bad > most {
		s.t.Fatalf("%d of %d went wrong", bad, of)
	}
}

func (s *scene) age(p parcel) time.Duration {
	unix, _ := time.ParseDuration(p.header.Get("Wechatpay-Timestamp") + "s")
	return time.Since(time.Unix(int64(unix/time.Second), 0))
}

func (s *scene) byCertificate() {
	s.t.Helper()
	got := s.comes(0)
	key, serial := s.certificateKey()
	if s.genuine(got[0]) || !holds(key, got[0].header, got[0].body) || got[0].header.Get("Wechatpay-Serial") != serial {
		s.t.Fatal("it is not signed by the certificate")
	}
}

func stageOf(t testing.TB, name string) *scene {
	b := setup(t, func(o *wechatpay.Options) {
		o.AutoDeliver = true
		if name != "" {
			o.Profile.TidyFields = name == "coupon" // its test looks at payer_total, which decides nothing
			o.Scenarios = []string{name}
		}
	})
	return &scene{b, newDiary(b, func(int) int { return 200 })}
}

// TestScenariosDoWhatTheySay plays each one, and also sees to it that its scene
// is another without it.
func TestScenariosDoWhatTheySay(t *testing.T) {
	t.Parallel()
	all, err := wechatpay.Scenarios()
	if err != nil || len(all) < 20 || len(all) != len(scenes) {
		t.Fatalf("%d scenarios, %d scenes, %v", len(all), len(scenes), err)
	}
	for _, each := range all {
		t.Run(each.Name, func(t *testing.T) {
			t.Parallel()
			play := scenes[each.Name]
			if play == nil {
				t.Fatal("there is no scene for it")
			}
			play(stageOf(t, each.Name))
			if said := simtest.Complaints(t, func(tb testing.TB) { play(stageOf(tb, "")) }); len(said) == 0 {
				t.Error("without it the scene is the same")
			}
		})
	}
}

func TestRudeGatewaysPlayTheirDefaults(t *testing.T) {
	t.Parallel()
	for rude, want := range map[bool]int{true: 6, false: 0} {
		b := setup(t, func(o *wechatpay.Options) { o.Rude = rude })
		if got := len(b.sim.Faults().Waiting()); got != want {
			t.Errorf("rude %v: %d faults wait", rude, got)
		}
	}
	opts := options()
	opts.Scenarios = []string{"no-such-day"}
	if _, err := wechatpay.New(opts); err == nil {
		t.Error("an unknown scenario was played")
	}
}
