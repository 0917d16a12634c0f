package alipay_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	sdk "github.com/smartwalle/alipay/v3"

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
)

// stage is a bench on which a scenario is played, with a merchant that accepts
// everything.
type stage struct {
	*bench
	in *inbox
}

// broken makes a call that ends without an answer, and returns why.
func (s *stage) broken(f form) error {
	s.t.Helper()
	r, err := s.try(s.t.Context(), s.signed(f))
	if err == nil {
		s.t.Fatalf("there was an answer: %+v", r)
	}
	return err
}

// code is the code of an answer.
func (s *stage) codeOf(f form) string {
	s.t.Helper()
	node := s.post(f).open(s.t).fields(s.t)
	code, _ := node["code"].(string)
	sub, _ := node["sub_code"].(string)
	return strings.TrimSuffix(code+" "+sub, " ")
}

func (s *stage) want(got, want string) {
	s.t.Helper()
	if got != want {
		s.t.Fatalf("it is %q, want %q", got, want)
	}
}

func (s *stage) told(want ...time.Duration) {
	s.t.Helper()
	s.clock.Settle()
	if got := s.in.times(); !slices.Equal(got, want) {
		s.t.Fatalf("told at %v, want %v", got, want)
	}
}

func (s *stage) state(no string, want alipay.State) {
	s.t.Helper()
	s.want(string(s.order(no).State), string(want))
}

func (s *stage) queryForm(no string) form {
	return common("alipay.trade.query", form{"out_trade_no": no})
}

func (s *stage) charge(no string) form {
	return chargeForm(counterForm(no, s.barCode(alipay.BarCodeRequest{}))).with("notify_url", s.in.URL)
}

// billSays is the orders of the day's bill, after it.
func (s *stage) billSays(want string) {
	s.t.Helper()
	s.paid("ROW_1", nowhere)
	s.clock.Advance(24 * time.Hour)
	rows, _ := detail(s.t, s.bill("trade", "2026-03-02"), "业务明细")
	var got []string
	for _, row := range rows {
		got = append(got, strings.TrimSuffix(row[1], "\t"), row[11])
	}
	s.want(strings.Join(got, " "), want)
}

// cashier pays in the app and returns what the page hears.
func (s *stage) cashier(no string) string {
	s.t.Helper()
	return s.tradePay(`{"tradeNO":"` + s.createTo(no, s.in.URL) + `"}`)
}

// plays are what has to be seen of each scenario.
var plays = map[string]func(*stage){
	"usual-weather": func(s *stage) {
		for _, f := range s.sim.Faults().Waiting() {
			if f.Probability == 0 || f.Times != 0 {
				s.t.Errorf("%+v ends", f)
			}
		}
		s.want(s.codeOf(s.queryForm("NONE")), "40004 ACQ.TRADE_NOT_EXIST") // by this seed
	},
	"lost-notice":       func(s *stage) { s.paid("P1", s.in.URL); s.clock.Advance(48 * time.Hour); s.told() },
	"lost-first-notice": func(s *stage) { s.paid("P1", s.in.URL); s.clock.Advance(48 * time.Hour); s.told(4 * time.Minute) },
	"late-notice":       func(s *stage) { s.paid("P1", s.in.URL); s.clock.Advance(48 * time.Hour); s.told(6 * time.Hour) },
	"repeated-notice":   func(s *stage) { s.paid("P1", s.in.URL); s.clock.Advance(48 * time.Hour); s.told(0, 0) },
	"two-notices-at-once": func(s *stage) {
		s.paid("P1", s.in.URL)
		s.clock.Advance(48 * time.Hour)
		s.told(0, 0)
	},
	"notices-out-of-order": func(s *stage) {
		s.paid("P1", s.in.URL)
		s.clock.Settle()
		s.paid("P2", s.in.URL)
		s.told(0, 0)
		s.want(s.in.all()[0].fields().Get("out_trade_no"), "P2")
	},
	"notice-before-answer": func(s *stage) {
		s.createTo("P1", s.in.URL)
		s.want(strings.Join(s.in.statuses(), " "), "TRADE_SUCCESS")
	},
	"charge-notice-before-answer": func(s *stage) {
		s.post(s.charge("P1"))
		s.want(strings.Join(s.in.statuses(), " "), "TRADE_SUCCESS")
	},
	"forged-notices": func(s *stage) {
		s.paid("P1", s.in.URL)
		s.clock.Advance(48 * time.Hour)
		s.told(0, 4*time.Minute, 14*time.Minute, 24*time.Minute, 84*time.Minute)
		for i, holds := range []bool{false, false, true, true, true} {
			if s.verified(s.in.all()[i].fields()) != holds {
				s.t.Errorf("signature %d holds: %v", i, !holds)
			}
		}
		s.want(s.in.all()[3].fields().Get("total_amount"), "5000.00")
	},
	"old-sign-type": func(s *stage) {
		s.paid("P1", s.in.URL)
		s.clock.Advance(48 * time.Hour)
		s.told(0, 4*time.Minute)
		s.want(s.in.all()[0].fields().Get("sign_type"), "RSA")
	},
	"refund-told-as-success": func(s *stage) {
		s.paid("P1", s.in.URL)
		s.clock.Advance(48 * time.Hour)
		s.told(0, 4*time.Minute)
		s.want(s.in.all()[0].fields().Get("refund_fee"), "25.00")
	},
	"create-unknown": func(s *stage) {
		s.want(s.codeOf(createForm(orderForm("P1"))), "20000 isp.unknow-error")
		s.state("P1", alipay.StateWait)
	},
	"create-cut-off": func(s *stage) {
		if err := s.broken(createForm(orderForm("P1"))); !errors.Is(err, syscall.ECONNRESET) {
			s.t.Error(err)
		}
		s.state("P1", alipay.StateWait)
	},
	"create-hangs": func(s *stage) {
		err := s.leave("create.hang", createForm(orderForm("P1")))
		if !errors.Is(err, context.Canceled) {
			s.t.Error(err)
		}
		s.state("P1", alipay.StateWait)
	},
	"create-storm": func(s *stage) {
		for range 3 {
			s.want(s.codeOf(createForm(orderForm("P1"))), "20000 isp.unknow-error")
		}
		if s.made("P1") {
			s.t.Error("it was made")
		}
		s.create(orderForm("P1"))
	},
	"query-cut-off": func(s *stage) {
		if err := s.broken(s.queryForm("P1")); !errors.Is(err, io.ErrUnexpectedEOF) {
			s.t.Error(err)
		}
	},
	"proxy-page": func(s *stage) {
		first, second := s.query("P1"), s.query("P1")
		if first.status != http.StatusBadGateway || second.status != http.StatusBadGateway || !strings.Contains(first.body, "502") {
			s.t.Errorf("answers are %+v and %+v", first, second)
		}
	},
	"slow-query": func(s *stage) {
		err := s.leave("fault.query.slow", s.queryForm("P1"))
		if !errors.Is(err, context.Canceled) {
			s.t.Error(err)
		}
	},
	"stale-query": func(s *stage) {
		s.paid("P1", nowhere)
		for _, want := range []string{"WAIT_BUYER_PAY", "TRADE_SUCCESS"} {
			s.want(s.wantCode(s.query("P1"), "10000", "")["trade_status"].(string), want)
		}
	},
	"rate-limited": func(s *stage) {
		for range 3 {
			s.want(s.codeOf(s.queryForm("P1")), "40005 isv.app-call-limited")
		}
		s.want(s.codeOf(s.queryForm("P1")), "40004 ACQ.TRADE_NOT_EXIST")
	},
	"unsigned-answer": func(s *stage) { s.want(s.query("P1").open(s.t).sign, "") },
	"flipped-answer": func(s *stage) {
		e := s.query("P1").open(s.t)
		if e.sign == "" || s.signedBy(string(e.node), e.sign) {
			s.t.Errorf("answer is %+v", e)
		}
	},
	"rolled-certificate": func(s *stage) {
		b := setup(s.t, func(o *alipay.Options) { o.Certificates, o.Scenarios = true, []string{"rolled-certificate"} })
		old := string(b.sim.AlipayCertPEM())
		_, err := b.sdkCertified().TradeQuery(s.t.Context(), sdk.TradeQuery{OutTradeNo: "P1"})
		if err != nil || string(b.sim.AlipayCertPEM()) == old {
			s.t.Errorf("query: %v", err)
		}
	},
	"paid-while-closing": func(s *stage) {
		s.createTo("P1", s.in.URL)
		s.wantCode(s.closeTrade("P1"), "40004", "ACQ.TRADE_STATUS_ERROR")
		s.state("P1", alipay.StateSuccess)
		s.told(0)
	},
	"paid-while-cancelling": func(s *stage) {
		s.createTo("P1", s.in.URL)
		s.want(s.wantCode(s.post(cancelForm("P1")), "10000", "")["action"].(string), "refund")
		s.state("P1", alipay.StateClosed)
		s.told(0)
	},
	"cancel-again": func(s *stage) {
		s.create(orderForm("P1"))
		for _, want := range []string{"Y", "N"} {
			s.want(s.wantCode(s.post(cancelForm("P1")), "10000", "")["retry_flag"].(string), want)
		}
	},
	"charge-unknown": func(s *stage) {
		s.want(s.codeOf(s.charge("P1")), "20000 isp.unknow-error")
		s.state("P1", alipay.StateSuccess)
	},
	"charge-cut-off": func(s *stage) {
		if err := s.broken(s.charge("P1")); !errors.Is(err, syscall.ECONNRESET) {
			s.t.Error(err)
		}
		s.state("P1", alipay.StateSuccess)
	},
	"refund-unknown": func(s *stage) {
		s.paid("P1", nowhere)
		s.want(s.codeOf(refundForm("P1", "R1", "50.00")), "40004 ACQ.SYSTEM_ERROR")
		s.state("P1", alipay.StateClosed)
	},
	"refund-quiet": func(s *stage) {
		s.paid("P1", nowhere)
		s.want(s.wantCode(s.post(refundForm("P1", "R1", "20.00")), "10000", "")["fund_change"].(string), "N")
		if node := s.wantCode(s.post(refundQuery("P1", "R1")), "10000", ""); node["refund_status"] != nil {
			s.t.Errorf("it is seen: %v", node)
		}
		s.want(s.wantCode(s.post(refundQuery("P1", "R1")), "10000", "")["refund_status"].(string), "REFUND_SUCCESS")
	},
	"refund-without-money": func(s *stage) {
		s.paid("P1", nowhere)
		s.want(s.codeOf(refundForm("P1", "R1", "20.00")), "40004 ACQ.SELLER_BALANCE_NOT_ENOUGH")
		s.want(s.codeOf(refundForm("P1", "R1", "20.00")), "10000")
	},
	"refunded-outside": func(s *stage) {
		s.want(s.cashier("P1"), "9000")
		s.state("P1", alipay.StateSuccess)
		s.clock.Advance(time.Hour)
		s.state("P1", alipay.StateClosed)
		if made := s.sim.Book().Refunds; len(made) != 1 || !made[0].Outside || made[0].Fen != 5000 {
			s.t.Errorf("refunds are %+v", made)
		}
	},
	"paid-with-coupon": func(s *stage) {
		s.want(s.cashier("P1"), "9000")
		s.clock.Settle()
		wantFields(s.t, s.in.all()[0].fields(), map[string]string{"total_amount": "50.00", "receipt_amount": "45.00"})
	},
	"page-says-cancelled": func(s *stage) { s.want(s.cashier("P1"), "6001"); s.state("P1", alipay.StateSuccess) },
	"page-says-unknown":   func(s *stage) { s.want(s.cashier("P1"), "6004"); s.state("P1", alipay.StateSuccess) },
	"page-hears-nothing": func(s *stage) {
		_, err := s.exchange(s.t.Context(), http.MethodPost, s.base+"/_sim/cashier", `{"tradeNO":"`+s.createTo("P1", s.in.URL)+`"}`)
		if !errors.Is(err, syscall.ECONNRESET) {
			s.t.Error(err)
		}
		s.state("P1", alipay.StateSuccess)
	},
	"bill-lacks-row": func(s *stage) {
		s.paid("ROW_0", nowhere)
		s.clock.Advance(time.Second)
		s.billSays("ROW_1 50.00")
	},
	"bill-has-stranger": func(s *stage) { s.billSays("ROW_1 50.00 UNKNOWN20260302 8.88") },
	"bill-other-amount": func(s *stage) { s.billSays("ROW_1 50.01") },
	"bill-address-dead": func(s *stage) {
		s.paid("ROW_1", nowhere)
		s.clock.Advance(24 * time.Hour)
		if dead := s.get(s.billURL("trade", "2026-03-02")); strings.HasPrefix(dead.body, "PK") {
			s.t.Error("it lives")
		}
		s.bill("trade", "2026-03-02")
	},
	"bill-limited": func(s *stage) { s.want(s.codeOf(billForm("trade", "2026-03-01")), "40004 USER_RATE_LIMIT") },
	"authorization-fails": func(s *stage) {
		f := tokenForm(s.code(""))
		for range 2 {
			s.want(s.codeOf(f), "20000 isp.unknow-error")
		}
		if node := s.post(f).open(s.t).fields(s.t); node["user_id"] == nil {
			s.t.Errorf("token is %v", node)
		}
	},
	"message-refused": func(s *stage) {
		f := messageForm(alipay.BuyerID(person), alipay.DefaultTemplate)
		s.want(s.codeOf(f), "40004 PUB.MSG_BATCH_SD_OVER")
		s.want(s.codeOf(f), "10000")
	},
}

// loud says whether notices are told by themselves: not where it matters that
// one is there before an answer.
func loud(scenario string) bool { return !strings.HasSuffix(scenario, "before-answer") }

func TestEachScenarioDoesWhatItSays(t *testing.T) {
	t.Parallel()
	all := setup(t, nil).sim.Scenarios()
	if len(all) < 40 || len(all) != len(plays) {
		t.Fatalf("%d scenarios, %d tests", len(all), len(plays))
	}
	for _, each := range all {
		t.Run(each.Name, func(t *testing.T) {
			t.Parallel()
			play := plays[each.Name]
			if play == nil {
				t.Fatal("it has no test")
			}
			b := setup(t, func(o *alipay.Options) {
				if each.Name != "paid-with-coupon" { // its test looks at the receipt, which decides nothing
					untidy(o)
				}
				o.AutoDeliver, o.Scenarios = loud(each.Name), []string{each.Name}
			})
			play(&stage{b, b.inbox(http.StatusOK, "success")})
			for _, left := range b.sim.Faults().Waiting() {
				if left.Probability == 0 && each.Name != "rolled-certificate" {
					t.Errorf("it never came to %+v", left)
				}
			}
		})
	}
}

func TestScenariosArePlayedByName(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	err := b.sim.Play("tsunami")
	if !errors.Is(err, sim.ErrUnknownScenario) {
		t.Errorf("unknown: %v", err)
	}
	err = b.sim.Play("proxy-page")
	if err != nil || len(b.sim.Faults().Waiting()) != 2 {
		t.Errorf("played: %v, %+v", err, b.sim.Faults().Waiting())
	}
	opts := options()
	opts.Scenarios = []string{"tsunami"}
	_, err = alipay.New(opts)
	if !errors.Is(err, sim.ErrUnknownScenario) {
		t.Errorf("unknown at the start: %v", err)
	}
}

// Without its scenario nothing of it happens: what a play sees is the
// scenario's doing.
func TestWithoutItsScenarioEachPlayComplains(t *testing.T) {
	t.Parallel()
	for name, play := range plays {
		if name == "rolled-certificate" || name == "usual-weather" {
			continue // one brings its own simulator, the other is about chances
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := complaintsWithout(t, name, play)
			if len(said) == 0 {
				t.Error("the play is content without the scenario")
			}
		})
	}
}
