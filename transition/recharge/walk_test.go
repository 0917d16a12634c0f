package recharge_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"guodu/channels"
	"guodu/idempotency"
	"guodu/internal/fen"
	"guodu/transition"
	"guodu/transition/recharge"
	"guodu/transition/transitiontest"
)

// fact is a payment as its channel has it.
type fact struct {
	no      string
	txn     string
	paid    fen.Fen
	attach  string
	refunds map[string]*channels.RefundStatus
}

func (f *fact) back(states ...channels.RefundState) fen.Fen {
	var sum fen.Fen
	for _, r := range f.refunds {
		if slices.Contains(states, r.State) {
			sum += r.Amount
		}
	}
	return sum
}

// truthful is a channel with a memory: whatever is asked of it, it says what it
// has, or nothing at all.
type truthful struct {
	name   string
	named  bool // payments tell of refunds by sum and last number, as Alipay's do
	dice   *rand.Rand
	facts  map[string]*fact
	mute   bool // may say nothing
	nextNo int
}

func (c *truthful) silent() bool { return c.mute && c.dice.IntN(6) == 0 }

func (c *truthful) Name() string                        { return c.name }
func (c *truthful) Merchant() string                    { return merchant }
func (c *truthful) Close(context.Context, string) error { return channels.ErrUnknownOutcome }
func (c *truthful) RefundPause() time.Duration          { return 0 }
func (c *truthful) Prepay(_ context.Context, r channels.PrepayRequest) (channels.Prepay, error) {
	return ready(r)
}

func (c *truthful) Query(_ context.Context, no string) (channels.Payment, error) {
	f := c.facts[no]
	switch {
	case c.silent():
		return channels.Payment{}, channels.ErrUnknownOutcome
	case f == nil:
		return channels.Payment{}, channels.ErrOrderNotFound
	}
	p := c.told(f, "")
	if c.named && f.back(channels.RefundMade) < f.paid {
		p.Refunded, p.RefundedTotal = false, 0 // a partial refund does not show in Alipay's query
	}
	return p, nil
}

// told is a payment as the channel tells of it now, with the refund that a notice
// is about.
func (c *truthful) told(f *fact, about string) channels.Payment {
	p := paid(transition.OrderNo(f.no), f.paid)
	p.Channel, p.TransactionID, p.Attach = c.name, f.txn, f.attach
	made := f.back(channels.RefundMade)
	p.Refunded = made > 0
	if c.named && p.Refunded {
		p.RefundedTotal = made
		if about != "" {
			p.RefundNos = []string{about}
		}
	}
	return p
}

func (c *truthful) Refund(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
	f := c.facts[r.OrderNo]
	if c.silent() || f == nil {
		return channels.RefundStatus{}, channels.ErrUnknownOutcome
	}
	if f.refunds[r.RefundNo] == nil {
		if r.Total != f.paid || r.Amount > f.paid-f.back(channels.RefundMade, channels.RefundProcessing) {
			return channels.RefundStatus{}, channels.ErrRefused
		}
		f.refunds[r.RefundNo] = &channels.RefundStatus{Channel: c.name, Merchant: merchant, OrderNo: r.OrderNo, No: r.RefundNo, State: channels.RefundProcessing, Amount: r.Amount}
	}
	if c.silent() {
		return channels.RefundStatus{}, channels.ErrUnknownOutcome
	}
	return *f.refunds[r.RefundNo], nil
}

func (c *truthful) QueryRefund(_ context.Context, order, no string) (channels.RefundStatus, error) {
	f := c.facts[order]
	switch {
	case c.silent():
		return channels.RefundStatus{}, channels.ErrUnknownOutcome
	case f == nil || f.refunds[no] == nil:
		return channels.RefundStatus{}, channels.ErrRefundNotFound
	}
	return *f.refunds[no], nil
}

// walk is a history of payments, refunds and decisions at random.
type walk struct {
	*recharge.Service
	t       *testing.T
	dice    *rand.Rand
	bench   transitiontest.Bench
	now     *time.Time
	account transition.AccountNo
	gates   map[string]*truthful
	mail    []func() error // what the channels have told, and may tell again
	said    []string       // the history, for whoever looks for a bug
}

func (w *walk) say(format string, args ...any) { w.said = append(w.said, fmt.Sprintf(format, args...)) }

// fails says whether an error is one of the store's or a programming error; what a
// person is refused is none.
func (w *walk) must(what string, err error) {
	w.t.Helper()
	for _, fine := range []error{
		nil, channels.ErrUnknownOutcome, channels.ErrNotNow, recharge.ErrNotCreditable, recharge.ErrNotRefundable, transition.ErrSuspense,
		transition.ErrCaseEnded, transition.ErrRefunding, transition.ErrNotPaid, transition.ErrRecent, transition.ErrAccepted, transition.ErrFrozen,
		transition.ErrMoved,
	} {
		if errors.Is(err, fine) {
			return
		}
	}
	var limit *transition.RefundLimitError
	if !errors.As(err, &limit) {
		w.t.Errorf("%s: %v\n%q", what, err, w.said)
	}
}

func (w *walk) gate() *truthful {
	return w.gates[[]string{"wechat", "alipay"}[w.dice.IntN(2)]]
}

// pays makes an order and lets it be paid: as it is, of another amount, or lost
// by the hub.
func (w *walk) pays() {
	c := w.gate()
	amount := fen.Fen(100 + w.dice.IntN(900))
	r, err := w.Create(context.Background(), recharge.Wish{
		Account: w.account, Channel: c.name, Amount: amount, Key: idempotency.NewKey(),
		Payer: channels.Payer{Kind: "openid", ID: "oPayer" + string(idempotency.NewKey())},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	no := string(r.Order)
	switch w.dice.IntN(4) {
	case 0:
		amount += 50
	case 1:
		no = string(transition.NewOrderNo(w.account, *w.now)) // as if the record were lost
	}
	c.nextNo++
	f := &fact{no: no, txn: fmt.Sprintf("%s%06d", c.name[:2], c.nextNo), paid: amount, attach: string(w.account), refunds: map[string]*channels.RefundStatus{}}
	c.facts[no] = f
	w.say("%s paid %s with %s by %s", c.name, no, amount, f.txn)
	w.tells(c, f, "")
}

// tells puts a notice into the mail, as it stands now.
func (w *walk) tells(c *truthful, f *fact, about string) {
	p := c.told(f, about)
	w.mail = append(w.mail, func() error {
		out, err := w.Settle(context.Background(), p, "callback")
		w.say("told of %s, refunded %s by %v: %s %v", p.OrderNo, p.RefundedTotal, p.RefundNos, out, err)
		return err
	})
}

// any is one of the payments.
func (w *walk) any() (*truthful, *fact) {
	c := w.gate()
	if len(c.facts) == 0 {
		return c, nil
	}
	all := slices.Sorted(maps.Keys(c.facts))
	return c, c.facts[all[w.dice.IntN(len(all))]]
}

// outside refunds something in the merchant's console.
func (w *walk) outside() {
	c, f := w.any()
	if f == nil {
		return
	}
	left := f.paid - f.back(channels.RefundMade, channels.RefundProcessing)
	if left <= 0 {
		return
	}
	c.nextNo++
	no, amount := fmt.Sprintf("console%d", c.nextNo), 1+fen.Fen(w.dice.Int64N(int64(left)))
	f.refunds[no] = &channels.RefundStatus{Channel: c.name, Merchant: merchant, OrderNo: f.no, No: no, State: channels.RefundMade, Amount: amount}
	w.say("outside refund %s of %s, %s", no, f.no, amount)
	w.refundTold(c, f, no)
}

// refundTold is the notice of a refund: Alipay's is one of the trade.
func (w *walk) refundTold(c *truthful, f *fact, no string) {
	if c.named {
		w.tells(c, f, no)
		return
	}
	status := *f.refunds[no]
	w.mail = append(w.mail, func() error {
		out, err := w.SettleRefund(context.Background(), status, "callback")
		w.say("told of refund %s: %s %v", status.No, out, err)
		return err
	})
}

// ends lets the channel end a refund that is under way.
func (w *walk) ends() {
	c, f := w.any()
	if f == nil {
		return
	}
	for _, no := range slices.Sorted(maps.Keys(f.refunds)) {
		r := f.refunds[no]
		if r.State != channels.RefundProcessing {
			continue
		}
		r.State = channels.RefundMade
		if w.dice.IntN(4) == 0 {
			r.State = channels.RefundClosed
		}
		w.say("refund %s is %s", no, r.State)
		if r.State == channels.RefundMade || !c.named {
			w.refundTold(c, f, no)
		}
	}
}

func (w *walk) deliver() {
	if len(w.mail) > 0 {
		w.must("notice", w.mail[w.dice.IntN(len(w.mail))]())
	}
}

// asks is a poller's look at refunds.
func (w *walk) asks() {
	*w.now = w.now.Add(time.Hour)
	due, err := w.RefundsDue(context.Background(), time.Second, 50)
	w.must("due", err)
	for _, no := range due {
		w.must("ask", w.AskRefund(context.Background(), no))
	}
}

// refunds is a holder who wants money back.
func (w *walk) refunds() {
	_, f := w.any()
	if f == nil {
		return
	}
	no := transition.OrderNo(f.no)
	r, err := w.Refund(context.Background(), recharge.RefundWish{
		Account: w.account, Order: no, Amount: 1 + fen.Fen(w.dice.Int64N(int64(f.paid))), Key: idempotency.NewKey(), By: "holder", Frozen: true,
	})
	w.say("holder refunds of %s: %s %s %v", no, r.No, r.Amount, err)
	if !errors.Is(err, transition.ErrNoOrder) {
		w.must("refund", err)
	}
}

// decides lets people work a case.
func (w *walk) decides() {
	_, f := w.any()
	if f == nil {
		return
	}
	c := w.gates["wechat"]
	if w.gates["alipay"].facts[f.no] == f {
		c = w.gates["alipay"]
	}
	id := c.name + ":" + f.txn
	var err error
	action := w.dice.IntN(5)
	switch action {
	case 0, 1:
		_, err = w.CreditCase(context.Background(), id, "", twoPeople)
	case 2:
		made := ""
		if names := slices.Sorted(maps.Keys(f.refunds)); len(names) > 0 {
			made = names[w.dice.IntN(len(names))]
		}
		_, err = w.RefundCase(context.Background(), id, made, twoPeople)
	case 3:
		err = w.CloseCase(context.Background(), id, w.dice.IntN(4) == 0, twoPeople)
	case 4:
		err = w.ReopenCase(context.Background(), id, twoPeople)
	}
	w.say("people decide %d of %s: %v", action, id, err)
	if !errors.Is(err, transition.ErrNoCase) {
		w.must("decide", err)
	}
}

func (w *walk) step() {
	switch w.dice.IntN(12) {
	case 0, 1:
		w.pays()
	case 2, 3, 4, 5:
		w.deliver()
	case 6:
		w.outside()
	case 7:
		w.ends()
	case 8:
		w.asks()
	case 9:
		w.refunds()
	default:
		w.decides()
	}
}

// rest tells everything, again and again, until nothing is under way.
func (w *walk) rest() {
	for _, c := range w.gates {
		c.mute = false
	}
	for range 6 {
		for _, c := range w.gates {
			for _, f := range c.facts {
				for no, r := range f.refunds {
					if r.State == channels.RefundProcessing {
						r.State = channels.RefundMade
						w.refundTold(c, f, no)
					}
				}
			}
		}
		w.asks()
		for _, tell := range w.mail {
			w.must("notice", tell())
		}
	}
}

// agrees compares what the channel has of a payment with what the hub has.
func (w *walk) agrees(c *truthful, f *fact) {
	made := f.back(channels.RefundMade)
	one, err := w.bench.CaseOf(context.Background(), f.no, c.name+":"+f.txn)
	cased := err == nil
	if cased && one.Decision == transition.DecidedDisowned {
		return // it is no business of the hub's
	}
	o, err := w.bench.Order(context.Background(), transition.OrderNo(f.no))
	credited := err == nil && o.State == transition.OrderCredited
	switch {
	case credited && (o.Amount != f.paid || o.Refunded != made):
		w.t.Errorf("%s: the hub has %s less %s, the channel %s less %s", f.no, o.Amount, o.Refunded, f.paid, made)
	case !credited && !cased:
		w.t.Errorf("%s is neither credited nor a case", f.no)
	case !credited && one.Suspense+one.Returned != f.paid:
		w.t.Errorf("case %s holds %s, gave back %s, of %s", one.ID, one.Suspense, one.Returned, f.paid)
	case !credited && one.Returned != made && (!one.Open || one.Suspense == 0):
		w.t.Errorf("case %s gave back %s, the channel %s", one.ID, one.Returned, made)
	}
}

// Whatever is paid, refunded, told late, twice or in another order, and whatever
// people decide in between: no payment is credited or given back beyond what it
// is, and in the end the books say what the channels say.
func TestAtRandomTheBooksEndAsTheChannelsSay(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	now := time.Now()
	bench := transitiontest.New(t, func() time.Time { return now })
	const histories, steps = 12, 120
	for i := range histories {
		w := &walk{t: t, bench: bench, now: &now, account: transition.AccountNo(fmt.Sprintf("R%d", i)), dice: rand.New(rand.NewPCG(seed, uint64(i)))}
		bench.Account(t, w.account, 0)
		w.gates = map[string]*truthful{}
		for _, name := range []string{"wechat", "alipay"} {
			w.gates[name] = &truthful{name: name, named: name == "alipay", dice: w.dice, facts: map[string]*fact{}, mute: true, nextNo: 1000 * i}
		}
		w.Service = recharge.New(recharge.Config{
			Ledger: bench.Store, Channels: channels.Set{"wechat": {Current: w.gates["wechat"]}, "alipay": {Current: w.gates["alipay"]}},
			Clock: func() time.Time { return now }, NotifyURL: func(c string) string { return "https://card.example.edu/notify/" + c },
			Description: "校园卡充值", Limits: transition.Limits{Order: 500_000, Day: 20_000_000, Balance: 50_000_000}, Log: slog.New(slog.DiscardHandler),
		})
		for range steps {
			w.step()
		}
		w.rest()
		for _, c := range w.gates {
			for _, f := range c.facts {
				w.agrees(c, f)
			}
		}
		transitiontest.MustBalance(t, bench.Store)
		if t.Failed() {
			t.Fatalf("history %d of seed %d:\n%q", i, seed, w.said)
		}
	}
	t.Logf("result: %d histories of %d steps, equal payment by payment", histories, steps)
}
