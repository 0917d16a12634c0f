package wechat_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guodu/channels"
	"guodu/mocks/wechatpay"
)

func TestSimulatorOrderIsPaidAndTold(t *testing.T) {
	j := newJourney(t)
	_, err := j.channel.Query(t.Context(), orderNo)
	mustBe(t, err, channels.ErrOrderNotFound)
	j.prepay(t, orderNo)
	j.mustBeIn(t, orderNo, channels.Unpaid)
	receipt := j.pay(t, orderNo)
	want := channels.Payment{
		Channel: "wechat", Merchant: merchant, OrderNo: orderNo, TransactionID: receipt.TransactionID, State: channels.Paid,
		Amount: 5000, Currency: "CNY", Attach: account, SuccessTime: receipt.PaidAt.Truncate(time.Second),
		Payer: channels.Payer{Kind: "openid", ID: wechatpay.OpenID(appID, person)},
	}
	asked := j.mustBeIn(t, orderNo, channels.Paid)
	if diff := cmp.Diff(want, asked, cmp.Comparer(samePayer)); diff != "" {
		t.Errorf("Query differs (-want +got):\n%s", diff)
	}
	deliveries, err := j.sim.Deliver(t.Context(), orderNo, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, delivery := range deliveries {
		heard := <-j.heard
		if diff := cmp.Diff(want, heard.payment, cmp.Comparer(samePayer)); diff != "" || heard.err != nil || !delivery.Accepted {
			t.Errorf("callback: %v, answered %d, differs (-want +got):\n%s", heard.err, delivery.Status, diff)
		}
	}
	mustBe(t, j.channel.Close(t.Context(), orderNo), channels.ErrAlreadyPaid)
	_, err = j.channel.Prepay(t.Context(), j.request(orderNo))
	mustBe(t, err, channels.ErrAlreadyPaid)
}

func TestSimulatorOrderIsClosedTwice(t *testing.T) {
	j := newJourney(t)
	mustBe(t, j.channel.Close(t.Context(), orderNo), channels.ErrOrderNotFound)
	j.prepay(t, orderNo)
	for range 2 {
		err := j.channel.Close(t.Context(), orderNo)
		if err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	j.mustBeIn(t, orderNo, channels.Closed)
	_, err := j.channel.Prepay(t.Context(), j.request(orderNo))
	mustBe(t, err, channels.ErrOrderClosed)
}

func TestSimulatorTakesAnIdenticalRepeatOnly(t *testing.T) {
	j := newJourney(t)
	req := j.request(orderNo)
	for range 2 {
		_, err := j.channel.Prepay(t.Context(), req)
		if err != nil {
			t.Fatalf("Prepay: %v", err)
		}
	}
	req.Amount++
	_, err := j.channel.Prepay(t.Context(), req)
	mustBe(t, err, channels.ErrRefused)
}

func TestSimulatorTamperedCallbacks(t *testing.T) {
	misdirected := func(what string) func(channels.Payment) bool {
		return func(p channels.Payment) bool { return p.Misdirected == what }
	}
	verdicts := map[wechatpay.Tamper]struct {
		want error
		ok   func(channels.Payment) bool
	}{
		wechatpay.TamperWrongSignature:  {want: channels.ErrNotice},
		wechatpay.TamperNoSignature:     {want: channels.ErrNotice},
		wechatpay.TamperSigntest:        {want: channels.ErrNotice},
		wechatpay.TamperSchemeUnknown:   {want: channels.ErrNotice},
		wechatpay.TamperOldTimestamp:    {want: channels.ErrNotice},
		wechatpay.TamperFutureTimestamp: {want: channels.ErrNotice},
		wechatpay.TamperUnknownSerial:   {want: channels.ErrNotice},
		wechatpay.TamperBody:            {want: channels.ErrNotice},
		wechatpay.TamperNoResource:      {want: channels.ErrMalformed},
		wechatpay.TamperNonceLength:     {want: channels.ErrMalformed},
		wechatpay.TamperOtherAlgorithm:  {want: channels.ErrMalformed},
		wechatpay.TamperOtherKey:        {want: channels.ErrMalformed},
		wechatpay.TamperBrokenPlaintext: {want: channels.ErrMalformed},
		wechatpay.TamperAmountText:      {want: channels.ErrMalformed},
		wechatpay.TamperNotJSON:         {want: channels.ErrMalformed},
		wechatpay.TamperEventRefund:     {want: channels.ErrNotOurs},
		wechatpay.TamperEventPayScore:   {want: channels.ErrNotOurs},
		wechatpay.TamperHugeBody:        {want: channels.ErrTooLarge},
		wechatpay.TamperOtherMchID:      {ok: misdirected("mchid")},
		wechatpay.TamperOtherAppID:      {ok: misdirected("appid")},
		wechatpay.TamperOtherAmount:     {ok: func(p channels.Payment) bool { return p.Amount == 500000 }},
		wechatpay.TamperOtherCurrency:   {ok: func(p channels.Payment) bool { return p.Currency == "USD" }},
		wechatpay.TamperNotSuccess:      {ok: func(p channels.Payment) bool { return p.State == channels.Unpaid && p.Amount == 0 }},
		wechatpay.TamperUnknownOrder:    {ok: func(p channels.Payment) bool { return p.OrderNo != orderNo }},
	}
	j := newJourney(t)
	j.pay(t, orderNo)
	for _, kind := range wechatpay.TamperKinds() {
		t.Run(string(kind), func(t *testing.T) {
			verdict, known := verdicts[kind]
			if !known {
				t.Fatal("no verdict is written down for this kind")
			}
			delivery, err := j.sim.DeliverTampered(t.Context(), orderNo, kind)
			if err != nil {
				t.Fatal(err)
			}
			heard := <-j.heard
			if delivery.Accepted != (verdict.want == nil) {
				t.Errorf("answered %d %q, %v", delivery.Status, delivery.Body, delivery.Err)
			}
			if verdict.want != nil {
				mustBe(t, heard.err, verdict.want)
				mustBeNothing(t, heard.payment)
				return
			}
			if heard.err != nil || !verdict.ok(heard.payment) {
				t.Errorf("ParseNotify = %+v, %v", heard.payment, heard.err)
			}
		})
	}
}

func TestSimulatorFaultsAreUnknownOutcomes(t *testing.T) {
	for _, kind := range wechatpay.FaultKinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			j := newJourney(t)
			req := j.request(orderNo)
			_, err := j.channel.Prepay(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range []struct {
				endpoint string
				do       func(context.Context) error
			}{
				{wechatpay.EndpointToken, func(ctx context.Context) error {
					_, err := j.channel.Exchange(ctx, j.code(t))
					return err
				}},
				{wechatpay.EndpointPrepay, func(ctx context.Context) error {
					_, err := j.channel.Prepay(ctx, req)
					return err
				}},
				{wechatpay.EndpointQuery, func(ctx context.Context) error {
					_, err := j.channel.Query(ctx, orderNo)
					return err
				}},
				{wechatpay.EndpointClose, func(ctx context.Context) error { return j.channel.Close(ctx, orderNo) }},
			} {
				if kind == wechatpay.FaultSigntest && call.endpoint == wechatpay.EndpointToken {
					continue // the web authorization has no signatures
				}
				// A broken idle connection makes net/http repeat a GET.
				err := j.sim.Fail(call.endpoint, wechatpay.Fault{Kind: kind, Times: 2})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
				mustBe(t, call.do(ctx), channels.ErrUnknownOutcome)
				cancel()
				j.sim.ClearFaults()
			}
		})
	}
}

func TestSimulatorTellsWhoIsLooking(t *testing.T) {
	j := newJourney(t)
	code := j.code(t)
	payer, err := j.channel.Exchange(t.Context(), code)
	if err != nil || payer.Kind != "openid" || payer.ID != wechatpay.OpenID(appID, person) {
		t.Fatalf("Exchange = %v, %v", payer, err)
	}
	_, err = j.channel.Exchange(t.Context(), code)
	mustBe(t, err, channels.ErrCode)
	_, err = j.channel.Exchange(t.Context(), "never-issued")
	mustBe(t, err, channels.ErrCode)
	j.sim.SetSnapshot(person, true)
	_, err = j.channel.Exchange(t.Context(), j.code(t))
	mustBe(t, err, channels.ErrVirtualPayer)
}
