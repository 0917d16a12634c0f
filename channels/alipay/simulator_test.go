package alipay_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guodu/channels"
	simulator "guodu/mocks/alipay"
	"guodu/mocks/sim"
)

func (j *journey) request() channels.PrepayRequest {
	req := prepayRequest()
	req.NotifyURL, req.Expires = j.notify, time.Now().Add(time.Hour)
	req.PayerKind, req.PayerID = j.payer().Kind, j.payer().ID
	return req
}

func TestSimulatorTamperedCallbacks(t *testing.T) {
	misdirected := func(what string) func(channels.Payment) bool {
		return func(p channels.Payment) bool { return p.Misdirected == what }
	}
	right := func(p channels.Payment) bool {
		return p.State == channels.Paid && p.Amount == 5000 && p.Misdirected == "" && !p.Refunded
	}
	moves := func(p channels.Payment) bool { return p.State == channels.Unpaid && p.Amount == 0 }
	verdicts := map[simulator.Tamper]struct {
		want error
		ok   func(channels.Payment) bool
	}{
		simulator.TamperWrongSignature:   {want: channels.ErrNotice},
		simulator.TamperNoSignature:      {want: channels.ErrNotice},
		simulator.TamperSignTypeRSA:      {want: channels.ErrNotice},
		simulator.TamperEmptySign:        {want: channels.ErrNotice},
		simulator.TamperOtherKey:         {want: channels.ErrNotice},
		simulator.TamperReplay:           {ok: right},
		simulator.TamperAltered:          {want: channels.ErrNotice},
		simulator.TamperEmptyValues:      {want: channels.ErrNotice},
		simulator.TamperCertSN:           {want: channels.ErrNotice},
		simulator.TamperDuplicated:       {want: channels.ErrMalformed},
		simulator.TamperDuplicatedSigned: {want: channels.ErrMalformed},
		simulator.TamperBrokenEncoding:   {want: channels.ErrMalformed},
		simulator.TamperJSON:             {want: channels.ErrMalformed},
		simulator.TamperHugeBody:         {want: channels.ErrTooLarge},
		simulator.TamperOtherAppID:       {ok: misdirected("appid")},
		simulator.TamperOtherSellerID:    {ok: misdirected("mchid")},
		simulator.TamperOtherAmount:      {ok: func(p channels.Payment) bool { return p.Amount == 500000 }},
		simulator.TamperUnknownOrder:     {ok: func(p channels.Payment) bool { return p.OrderNo != orderNo }},
		simulator.TamperClosed:           {ok: moves},
		simulator.TamperWaiting:          {ok: moves},
		simulator.TamperRefund:           {ok: func(p channels.Payment) bool { return p.Refunded && len(p.Refunds) == 0 && p.Amount == 5000 }},
		simulator.TamperFinished:         {ok: right},
		simulator.TamperQueryString:      {ok: right},
		simulator.TamperGBK:              {ok: right},
	}
	j := newJourney(t, nil)
	prepay, err := j.channel.Prepay(t.Context(), j.request())
	if err != nil {
		t.Fatal(err)
	}
	err = j.pay(t.Context(), orderNo, prepay)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range simulator.TamperKinds() {
		t.Run(string(kind), func(t *testing.T) {
			verdict, known := verdicts[kind]
			if !known {
				t.Fatal("no verdict is written down for this kind")
			}
			notice, err := j.tampered(t.Context(), orderNo, kind)
			if err != nil {
				t.Fatal(err)
			}
			got, err := j.channel.ParseNotify(t.Context(), notice.Header, notice.Body)
			if verdict.want != nil {
				mustBe(t, err, verdict.want)
				mustBeNothing(t, got)
				return
			}
			if err != nil || !verdict.ok(got) {
				t.Errorf("ParseNotify = %+v, %v", got, err)
			}
		})
	}
}

func TestSimulatorFaultsAreUnknownOutcomes(t *testing.T) {
	j := newJourney(t, nil)
	req := j.request()
	_, err := j.channel.Prepay(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range simulator.FaultKinds() {
		for endpoint, call := range map[string]func(context.Context) error{
			simulator.EndpointCreate: func(ctx context.Context) error { _, err := j.channel.Prepay(ctx, req); return err },
			simulator.EndpointQuery:  func(ctx context.Context) error { _, err := j.channel.Query(ctx, orderNo); return err },
			simulator.EndpointToken:  func(ctx context.Context) error { _, err := j.channel.Exchange(ctx, "code"); return err },
		} {
			t.Run(string(kind)+" of "+endpoint, func(t *testing.T) {
				err := j.sim.Fail(endpoint, sim.Fault{Kind: kind})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				defer cancel()
				err = call(ctx)
				if endpoint == simulator.EndpointToken && (kind == simulator.FaultUnsigned || kind == simulator.FaultFlipped) && errors.Is(err, channels.ErrCode) {
					return // the refusal of this code has no signature anyway
				}
				mustBe(t, err, channels.ErrUnknownOutcome)
			})
		}
	}
}

// What a page is about does not exist until somebody looks at it.
func TestSimulatorPageBeginsWithItsVisitor(t *testing.T) {
	j := newJourney(t, nil)
	prepay, err := j.channel.PrepayPage(t.Context(), j.request())
	if err != nil {
		t.Fatal(err)
	}
	_, err = j.channel.Query(t.Context(), orderNo)
	mustBe(t, err, channels.ErrOrderNotFound)
	mustBe(t, j.channel.Close(t.Context(), orderNo), channels.ErrOrderNotFound)
	_, err = j.sim.OpenWap(t.Context(), prepay.Params["url"], j.sim.Buyer(person))
	if err != nil {
		t.Fatal(err)
	}
	got, err := j.channel.Query(t.Context(), orderNo)
	if err != nil || got.State != channels.Unpaid {
		t.Fatalf("Query = %+v, %v", got, err)
	}
	err = j.channel.Close(t.Context(), orderNo)
	if err != nil {
		t.Fatal(err)
	}
}

func TestSimulatorOrderEndsAtItsExpiry(t *testing.T) {
	clock := sim.NewClock(time.Now())
	j := newJourney(t, func(o *simulator.Options) { o.Clock = clock })
	req := j.request()
	_, err := j.channel.Prepay(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Until(req.Expires) + time.Second)
	got, err := j.channel.Query(t.Context(), orderNo)
	want := channels.Payment{Channel: "alipay", Merchant: merchant, OrderNo: orderNo, State: channels.Closed, Payer: j.payer()}
	if diff := cmp.Diff(want, got, cmp.Comparer(samePayer)); diff != "" || err != nil {
		t.Fatalf("Query: %v, differs (-want +got):\n%s", err, diff)
	}
	err = j.channel.Close(t.Context(), orderNo)
	if err != nil {
		t.Fatalf("Close: %v", err)
	}
	_, err = j.channel.Prepay(t.Context(), req)
	mustBe(t, err, channels.ErrOrderClosed)
}
