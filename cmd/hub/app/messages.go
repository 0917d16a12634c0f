package app

import (
	"context"
	"errors"

	"guodu/binding"
	"guodu/channels"
	"guodu/notify/message"
	"guodu/transition"
	"guodu/transition/pos"
)

// MessageConfig is a template of a channel's platform and what its fields hold.
type MessageConfig struct {
	Template string            `koanf:"template"`
	Fields   map[string]string `koanf:"fields"`
}

// templates are the same as a channel takes them.
func templates(configured map[string]MessageConfig) channels.Templates {
	all := channels.Templates{}
	for kind, m := range configured {
		all[channels.EventKind(kind)] = channels.Template{ID: m.Template, Fields: m.Fields}
	}
	return all
}

// messengers are the channels that can tell people of events.
func messengers(inUse channels.Set) map[string]channels.Messenger {
	all := map[string]channels.Messenger{}
	for name, merchants := range inUse {
		if m, ok := merchants.Current.(channels.Messenger); ok {
			all[name] = m
		}
	}
	return all
}

// audience finds who is told of an event: an order's payer, or whoever has bound
// the account whose card was loaded. It implements message.Audience.
type audience struct {
	books     *transition.Store
	links     *binding.Store
	publicURL string
	inUse     channels.Set
}

// Of implements message.Audience.
func (a audience) Of(ctx context.Context, e message.Event) ([]message.Recipient, error) {
	if e.Kind == channels.EventLoaded {
		return a.bound(ctx, e.Account)
	}
	o, err := a.books.Order(ctx, transition.OrderNo(e.Order))
	if errors.Is(err, transition.ErrNoOrder) || errors.Is(err, transition.ErrNumber) {
		return nil, nil // money of a case, whose order is none of the hub's
	}
	if err != nil {
		return nil, err
	}
	if current := a.inUse[o.Channel].Current; current == nil || current.Merchant() != o.Merchant {
		return nil, nil // the payer is known to the former app by another id
	}
	return []message.Recipient{{
		Channel: o.Channel, Payer: channels.Payer{Kind: o.PayerKind, ID: o.Payer}, URL: a.page(o.Channel, "orders/"+string(o.No)),
	}}, nil
}

func (a audience) bound(ctx context.Context, account string) ([]message.Recipient, error) {
	payers, err := a.links.Payers(ctx, account)
	if err != nil {
		return nil, err
	}
	people := make([]message.Recipient, 0, len(payers))
	for _, p := range payers {
		people = append(people, message.Recipient{
			Channel: p.Channel, Payer: channels.Payer{Kind: p.Kind, ID: p.ID}, URL: a.page(p.Channel, "card"),
		})
	}
	return people, nil
}

func (a audience) page(channel, path string) string {
	return a.publicURL + "/h5/" + channel + "/" + path
}

// tell hands an event of an order on.
func (h *Hub) tell(e channels.Event) { h.teller.Tell(message.Event{Event: e}) }

// tellLoaded hands a load that is on its card on.
func (h *Hub) tellLoaded(l pos.Loaded) {
	h.teller.Tell(message.Event{Account: string(l.Account), Event: channels.Event{
		Kind: channels.EventLoaded, Ref: string(l.No), Order: string(l.No), Amount: l.Amount, Time: l.At, Place: l.Place,
	}})
}

// tellRest tells what a command that serves nothing has brought about.
func (h *Hub) tellRest() {
	if h.teller == nil {
		return
	}
	over, end := context.WithCancel(context.Background())
	end()
	h.teller.Run(over)
}
