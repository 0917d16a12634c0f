package alipay_test

import (
	"strings"
	"testing"
	"time"

	"guodu/channels"
	"guodu/channels/alipay"
	simulator "guodu/mocks/alipay"
	"guodu/mocks/sim"
)

// messages are templates as an operator configures them.
func messages() channels.Templates {
	fields := map[string]string{"first": "=校园卡", "keyword1": "amount", "keyword2": "order", "keyword3": "time"}
	loaded := map[string]string{"keyword1": "amount", "keyword2": "order", "keyword3": "time", "keyword4": "place"}
	return channels.Templates{
		channels.EventPaid:     {ID: simulator.DefaultTemplate, Fields: fields},
		channels.EventLoaded:   {ID: simulator.DefaultTemplate, Fields: loaded},
		channels.EventRefunded: {ID: simulator.DefaultTemplate, Fields: fields},
	}
}

func paidEvent() channels.Event {
	return channels.Event{
		Kind: channels.EventPaid, Ref: orderNo, Order: orderNo, Amount: 5000, Time: time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC),
		URL: "https://card.example.edu/h5/alipay/orders/" + orderNo,
	}
}

func TestWhatALifeAccountSaysOfAMessageIsTold(t *testing.T) {
	j := newJourney(t, func(o *simulator.Options) { o.Profile.MessagesPerDay = 1 })
	if err := j.channel.Tell(t.Context(), j.payer(), paidEvent()); err != nil {
		t.Fatal(err)
	}
	mustBe(t, j.channel.Tell(t.Context(), j.payer(), paidEvent()), channels.ErrNotNow)
	for kind, want := range map[sim.FaultKind]error{
		"PUB.MSG_BATCH_SD_OVER":            channels.ErrNotNow,
		"isv.insufficient-isv-permissions": channels.ErrSetup,
		"isv.not-online-app":               channels.ErrSetup,
		"aop.invalid-auth-token":           channels.ErrRefused,
		"isv.method-call-limited":          channels.ErrUnknownOutcome,
		"aop.unknow-error":                 channels.ErrUnknownOutcome,
	} {
		if err := j.sim.Fail(simulator.EndpointMessage, sim.Fault{Kind: kind}); err != nil {
			t.Fatal(err)
		}
		mustBe(t, j.channel.Tell(t.Context(), j.payer(), paidEvent()), want)
	}
}

func TestATemplateOfTheLibraryIsTheMerchantsMistake(t *testing.T) {
	j := newJourney(t, func(o *simulator.Options) { o.Templates = []string{"another"} })
	mustBe(t, j.channel.Tell(t.Context(), j.payer(), paidEvent()), channels.ErrSetup)
}

func TestAlipayTemplatesAreChecked(t *testing.T) {
	cfg := config()
	cfg.Messages = channels.Templates{channels.EventPaid: {ID: "T", Fields: map[string]string{"keyword1": "balance"}}}
	_, err := alipay.New(cfg)
	if err == nil || !strings.Contains(err.Error(), "Messages") || !strings.Contains(err.Error(), "keyword1") {
		t.Errorf("New: %v", err)
	}
}
