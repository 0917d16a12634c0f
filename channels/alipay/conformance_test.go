package alipay_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"guodu/channels/channeltest"
	simulator "guodu/mocks/alipay"
	"guodu/mocks/sim"
)

func TestConformance(t *testing.T) {
	channeltest.Run(t, func(t *testing.T) channeltest.Subject { return newJourney(t, nil).subject() })
}

func TestConformanceOfAnAppThatKnowsOpenIDsOnly(t *testing.T) {
	channeltest.Run(t, func(t *testing.T) channeltest.Subject {
		return newJourney(t, func(o *simulator.Options) { o.UseOpenID = true }).subject()
	})
}

func TestConformanceWithUnsignedBusinessErrors(t *testing.T) {
	channeltest.Run(t, func(t *testing.T) channeltest.Subject {
		return newJourney(t, func(o *simulator.Options) { o.Profile.UnsignedBusinessErrors = true }).subject()
	})
}

// subject is the adapter and its simulator in the suite's words.
func (j *journey) subject() channeltest.Subject {
	return channeltest.Subject{
		Channel: j.channel, Payer: j.payer(), NotifyURL: j.notify, Secrets: []string{"authbse", "Set-Cookie"},
		Pay: j.pay, Notice: j.notice, Code: j.code,
		Heard: func(status int, body string) bool { return status == http.StatusOK && body == "success" },
		Asked: func(call channeltest.Call) int64 { return j.sim.Count(endpoint(call)) },
		Hang: func(call channeltest.Call) error {
			return j.sim.Fail(endpoint(call), sim.Fault{Kind: sim.FaultHangAfter})
		},
		Forged: func(ctx context.Context, no string) (channeltest.Notice, error) {
			return j.tampered(ctx, no, simulator.TamperWrongSignature)
		},
		Faults: j.faults(),
		Messages: func() []string {
			var texts []string
			for _, m := range j.sim.Messages() {
				if m.To == j.sim.Buyer(person) {
					texts = append(texts, fmt.Sprint(m.URL, m.Values))
				}
			}
			return texts
		},
		Deaf: func(on bool) {
			if on {
				j.sim.Unfollow(person)
			} else {
				j.sim.Follow(person)
			}
		},
	}
}

func endpoint(call channeltest.Call) string {
	return map[channeltest.Call]string{
		channeltest.CallPrepay: simulator.EndpointCreate, channeltest.CallQuery: simulator.EndpointQuery,
		channeltest.CallClose: simulator.EndpointClose, channeltest.CallExchange: simulator.EndpointToken,
		channeltest.CallMessage: simulator.EndpointMessage,
	}[call]
}

// faults are all that end by themselves.
func (j *journey) faults() []channeltest.Fault {
	var all []channeltest.Fault
	for _, kind := range simulator.FaultKinds() {
		if kind == sim.FaultHangBefore || kind == sim.FaultHangAfter {
			continue
		}
		all = append(all, channeltest.Fault{Name: string(kind), Set: func(call channeltest.Call) error {
			return j.sim.Fail(endpoint(call), sim.Fault{Kind: kind})
		}})
	}
	return all
}
