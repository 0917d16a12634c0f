package channels_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"guodu/channels"
)

// desk is a channel at one merchant that answers every callback in one way.
type desk struct {
	channels.Channel
	channels.Refunder
	merchant    string
	misdirected string
	err         error
	read        int
}

func (d *desk) Merchant() string { return d.merchant }

func (d *desk) ParseNotify(context.Context, http.Header, []byte) (channels.Payment, error) {
	d.read++
	return channels.Payment{Merchant: d.merchant, Misdirected: d.misdirected}, d.err
}

func (d *desk) ParseRefund(context.Context, http.Header, []byte) (channels.RefundStatus, error) {
	d.read++
	return channels.RefundStatus{Merchant: d.merchant, Misdirected: d.misdirected}, d.err
}

func (d *desk) Answer(w http.ResponseWriter, _ channels.Verdict) { w.WriteHeader(http.StatusTeapot) }

func TestACallbackIsReadAsThatOfTheMerchantItIsTo(t *testing.T) {
	t.Parallel()
	unproven := fmt.Errorf("%w (%w)", channels.ErrMalformed, channels.ErrUnproven)
	forged := channels.ErrNotice
	probe := fmt.Errorf("%w: %w", channels.ErrNotice, channels.ErrProbe)
	sealed := channels.ErrMalformed // verified, and the APIv3 key of another opens it
	for name, tc := range map[string]struct {
		desks []*desk
		want  string // merchant, or empty for an error
		err   error
	}{
		"the current one":                     {[]*desk{{merchant: "1/a"}, {merchant: "2/b", err: forged}}, "1/a", nil},
		"a former one":                        {[]*desk{{merchant: "1/a", err: forged}, {merchant: "2/b"}}, "2/b", nil},
		"a former one with the same key":      {[]*desk{{merchant: "1/a", err: sealed}, {merchant: "2/b"}}, "2/b", nil},
		"a former one with all keys the same": {[]*desk{{merchant: "1/a", misdirected: "mchid"}, {merchant: "2/b"}}, "2/b", nil},
		"nobody's that is configured":         {[]*desk{{merchant: "1/a", err: forged}, {merchant: "2/b", misdirected: "mchid"}}, "2/b", nil},
		"misdirected before unreadable":       {[]*desk{{merchant: "1/a", misdirected: "mchid"}, {merchant: "2/b", err: sealed}}, "1/a", nil},
		"verified and unreadable":             {[]*desk{{merchant: "1/a", err: forged}, {merchant: "2/b", err: sealed}}, "", sealed},
		"a probe":                             {[]*desk{{merchant: "1/a", err: forged}, {merchant: "2/b", err: probe}}, "", channels.ErrProbe},
		"forged":                              {[]*desk{{merchant: "1/a", err: forged}, {merchant: "2/b", err: forged}}, "", forged},
		"no form":                             {[]*desk{{merchant: "1/a", err: unproven}, {merchant: "2/b", err: forged}}, "", channels.ErrUnproven},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := channels.Set{"x": {Current: tc.desks[0], Former: []channels.Channel{tc.desks[1]}}}
			n, ok := set.Notifier("x")
			r, alsoOK := set.RefundNotifier("x")
			if !ok || !alsoOK {
				t.Fatal("no notifiers")
			}
			p, err := n.ParseNotify(t.Context(), nil, nil)
			refund, refundErr := r.ParseRefund(t.Context(), nil, nil)
			if !errors.Is(err, tc.err) || !errors.Is(refundErr, tc.err) || err == nil && (p.Merchant != tc.want || refund.Merchant != tc.want) {
				t.Errorf("read as %q and %q, %v and %v", p.Merchant, refund.Merchant, err, refundErr)
			}
			w := httptest.NewRecorder()
			if n.Answer(w, channels.Accepted); w.Code != http.StatusTeapot {
				t.Errorf("answered %d", w.Code)
			}
		})
	}
}

func TestAnOrderIsFoundAtTheMerchantThatMadeItAndNowhereElse(t *testing.T) {
	t.Parallel()
	current, former := &desk{merchant: "1/a"}, &desk{merchant: "2/b"}
	set := channels.Set{"x": {Current: current, Former: []channels.Channel{former}}, "given-up": {Former: []channels.Channel{former}}}
	for _, tc := range []struct {
		name, merchant string
		want           channels.Channel
	}{
		{"x", "1/a", current}, {"x", "2/b", former}, {"given-up", "2/b", former},
		{"x", "1/b", nil}, {"x", "1", nil}, {"x", "", nil}, {"given-up", "1/a", nil}, {"y", "1/a", nil},
	} {
		if got, ok := set.Of(tc.name, tc.merchant); got != tc.want || ok != (tc.want != nil) {
			t.Errorf("%s of %q is %v, %t", tc.name, tc.merchant, got, ok)
		}
	}
	if err := set.Check(); err != nil {
		t.Error(err)
	}
	set["x"] = channels.Merchants{Current: current, Former: []channels.Channel{former, former}}
	if err := set.Check(); err == nil {
		t.Error("a merchant is there twice")
	}
	if _, ok := set.Notifier("y"); ok {
		t.Error("a channel that is not there has callbacks")
	}
}
