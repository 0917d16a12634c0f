package alipay_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"guodu/mocks/alipay"
)

// profiles are the points that documents leave open, each with another answer
// than the default, which is in the tests of the behaviours.
var profiles = map[string]struct {
	change func(*alipay.Profile)
	check  func(*bench)
}{
	"sub code for no buyer": {
		func(p *alipay.Profile) { p.NoBuyerCode = "ACQ.BUYER_NOT_EXIST" },
		func(b *bench) {
			b.wantCode(b.post(createForm(orderForm("OPEN_1").without("buyer_id"))), "40004", "ACQ.BUYER_NOT_EXIST")
		},
	},
	"refund window": {
		func(p *alipay.Profile) { p.RefundWindow = 90 * 24 * time.Hour },
		func(b *bench) {
			b.paid("OPEN_1", nowhere)
			b.clock.Advance(90 * 24 * time.Hour)
			b.wantCode(b.post(refundForm("OPEN_1", "R1", "1.00")), "40004", "ACQ.TRADE_HAS_FINISHED")
		},
	},
	"no refund spacing": {
		func(p *alipay.Profile) { p.RefundSpacing = -1 },
		func(b *bench) {
			b.paid("OPEN_1", nowhere)
			for _, no := range []string{"R1", "R2"} {
				b.wantCode(b.post(refundForm("OPEN_1", no, "1.00")), "10000", "")
			}
		},
	},
	"sub code for a refund too soon": {
		func(p *alipay.Profile) { p.RefundTooSoonCode = "ACQ.REFUND_TOO_OFTEN" },
		func(b *bench) {
			b.paid("OPEN_1", nowhere)
			b.wantCode(b.post(refundForm("OPEN_1", "R1", "1.00")), "10000", "")
			b.wantCode(b.post(refundForm("OPEN_1", "R2", "1.00")), "40004", "ACQ.REFUND_TOO_OFTEN")
		},
	},
	"cancel window": {
		func(p *alipay.Profile) { p.CancelWindow = time.Minute },
		func(b *bench) {
			b.create(orderForm("OPEN_1"))
			b.clock.Advance(time.Minute + time.Second)
			b.wantCode(b.post(cancelForm("OPEN_1")), "40004", "ACQ.TRADE_CANCEL_TIME_OUT")
		},
	},
	"life of a bar code and the amount for a password": {
		func(p *alipay.Profile) { p.BarCodeLife, p.PasswordAboveFen = time.Hour, 4999 },
		func(b *bench) {
			code := b.barCode(alipay.BarCodeRequest{})
			b.clock.Advance(59 * time.Minute)
			b.wantCode(b.post(chargeForm(counterForm("OPEN_1", code))), "10003", "")
		},
	},
	"life of a code and of a token": {
		func(p *alipay.Profile) { p.CodeLife, p.TokenSeconds = 24*time.Hour, 300 },
		func(b *bench) {
			code := b.code("")
			b.clock.Advance(23 * time.Hour)
			if node := b.post(tokenForm(code)).open(b.t).fields(b.t); node["expires_in"] != 300.0 {
				b.t.Errorf("token is %v", node)
			}
		},
	},
	"deny parameter": {
		func(p *alipay.Profile) { p.DenyParameter = "denied" },
		func(b *bench) {
			body := url.Values{"request": {authorizeForm().with("scope", "auth_user").encode()}, "action": {"deny"}}
			r, err := b.exchange(b.t.Context(), http.MethodPost, b.base+"/_sim/consent", body.Encode())
			if err != nil {
				b.t.Fatal(err)
			}
			back, err := url.Parse(r.header.Get("Location"))
			if err != nil || !back.Query().Has("denied") {
				b.t.Errorf("back to %v, %v", back, err)
			}
		},
	},
	"day of registration": {
		func(p *alipay.Profile) { p.Registered = start.Add(-24 * time.Hour) },
		func(b *bench) {
			b.wantCode(b.post(billForm("trade", "2026-02-28")), "40004", "BILL_DATE_BEFORE_REGISTRATION")
		},
	},
	"codes of bills as seen live": {
		func(p *alipay.Profile) { p.LiveBillCodes = true },
		func(b *bench) { b.wantCode(b.post(billForm("trade", "2026-03-01")), "40004", "isp.bill_not_exist") },
	},
	"documented sub code for an unknown template": {
		func(p *alipay.Profile) { p.NoTemplateCode = "PUB.MSG_TEMPLATE_NOT_EXIST" },
		func(b *bench) {
			b.wantCode(b.post(messageForm(alipay.BuyerID(person), "TM000001")), "40004", "PUB.MSG_TEMPLATE_NOT_EXIST")
		},
	},
	"no dashes in numbers of orders": {
		func(p *alipay.Profile) { p.NoDashes = true },
		func(b *bench) {
			b.wantCode(b.post(createForm(orderForm("OPEN-1"))), "40004", "ACQ.INVALID_PARAMETER")
			b.wantCode(b.post(createForm(orderForm("OPEN_1"))), "10000", "")
		},
	},
	"sub code for somebody who does not follow": {
		func(p *alipay.Profile) { p.NotFollowerCode = "PUB.NOBODY" },
		func(b *bench) {
			b.sim.Unfollow(person)
			b.wantCode(b.post(messageForm(alipay.BuyerID(person), alipay.DefaultTemplate)), "40004", "PUB.NOBODY")
		},
	},
}

func TestEachProfileChangesItsPoint(t *testing.T) {
	t.Parallel()
	for name, c := range profiles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.check(setup(t, func(o *alipay.Options) { c.change(&o.Profile) }))
		})
	}
}

func TestRefundsOutsideNeedMoneyThatIsThere(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.paid("OUT_1", nowhere)
	no, err := b.sim.RefundOutside(t.Context(), "OUT_1", 2000)
	if err != nil || no == "" {
		t.Fatalf("part: %s, %v", no, err)
	}
	node := b.wantCode(b.post(refundQuery("OUT_1", no)), "10000", "")
	if node["refund_amount"] != "20.00" {
		t.Errorf("refund query says %v", node)
	}
	for name, c := range map[string]struct {
		order string
		fen   int64
		want  error
	}{
		"too much": {"OUT_1", 3001, alipay.ErrTooMuch}, "negative": {"OUT_1", -1, alipay.ErrTooMuch}, "unknown": {"OUT_0", 1, alipay.ErrUnknownOrder},
	} {
		_, err = b.sim.RefundOutside(t.Context(), c.order, c.fen)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	_, err = b.sim.RefundOutside(t.Context(), "OUT_1", 0) // all that is left, within 3 s
	if err != nil || b.order("OUT_1").State != alipay.StateClosed || b.sim.Count("refunded.outside") != 2 {
		t.Errorf("rest: %v, %+v", err, b.order("OUT_1"))
	}
}
