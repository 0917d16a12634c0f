package app_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/channels"
	"guodu/cmd/demo/world"
	"guodu/cmd/hub/app"
	"guodu/idempotency"
	"guodu/internal/fen"
	"guodu/internal/redistest"
	"guodu/mocks/alipay"
	"guodu/mocks/sim"
	"guodu/mocks/wechatpay"
	"guodu/transition"
	"guodu/transition/recharge"
)

// soakOrders is how many orders the soak makes; `make soak` asks for 10,000.
var soakOrders = flag.Int("soak", 100, "orders of TestSoak")

// soak is a hub among channels that misbehave in every way they know.
type soak struct {
	t      *testing.T
	ctx    context.Context
	world  *world.World
	hub    *app.Hub
	client redis.UniversalClient
	seed   uint64
	kinds  map[string]map[sim.FaultKind]bool // that were switched on, by channel
}

const (
	soakAccounts = 100
	soakWorkers  = 16
	// fullSoak is a soak that waits until what nobody paid is closed, too, but for
	// one in a hundred.
	fullSoak = 10_000
)

func startSoak(t *testing.T) *soak {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	seed := uint64(time.Now().UnixNano())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	w, err := world.New(ctx, world.Options{
		Dir: t.TempDir(), PublicURL: "http://" + listener.Addr().String(), Alipay: true, AutoDeliver: true, NotifyRefunds: true,
		Seed: int64(seed >> 1), Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	t.Logf("seeds: orders %d, WeChat Pay %d, Alipay %d", seed, w.WeChat.Seed(), w.Alipay.Seed())
	config, err := app.Load(w.ConfigFile)
	if err != nil {
		t.Fatal(err)
	}
	money := redistest.Start(t)
	config.Redis.Addrs = []string{money.Addr()}
	config.Ephemeral.Addrs = []string{redistest.Start(t, redistest.Ephemeral).Addr()}
	config.WeChat.Timeout, config.Alipay.Timeout = 2*time.Second, 2*time.Second // hanging answers cost this much
	config.Poll.PerSecond = 200                                                 // of simulators
	if *soakOrders >= fullSoak {
		config.Order.Expiry = 2 * time.Minute
	}
	hub, err := app.New(ctx, config, app.Options{Log: log, Begin: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Close)
	serving := make(chan struct{})
	go func() {
		defer close(serving)
		_ = hub.ServeOn(ctx, listener)
	}()
	t.Cleanup(func() { cancel(); <-serving })
	var csv strings.Builder
	csv.WriteString("account_no,version,status,arrears_yuan,freeze,card_no,card_uid,card_version,card_profile\n")
	for i := range soakAccounts {
		fmt.Fprintf(&csv, "%s,1,open,,,,,,\n", soakAccount(i))
	}
	if _, err := hub.Import(ctx, strings.NewReader(csv.String()), func(app.Imported) {}); err != nil {
		t.Fatal(err)
	}
	return &soak{
		t: t, ctx: ctx, world: w, hub: hub, client: money.Client(), seed: seed,
		kinds: map[string]map[sim.FaultKind]bool{"WeChat Pay": {}, "Alipay": {}},
	}
}

func soakAccount(i int) transition.AccountNo { return transition.AccountNo(fmt.Sprintf("S%04d", i)) }

// How often one kind of misfortune strikes where it can. What costs the hub its
// whole patience is rarer; what has few occasions is likelier.
const (
	usual  = 0.015
	dear   = 0.005
	common = 0.1
)

// misbehave switches on everything that the two channels can do wrong: with each
// request of the hub, with each callback, around a payment, a close and a refund.
func (s *soak) misbehave() {
	s.t.Helper()
	add := func(gateway sim.Gateway, where string, probability float64, kinds ...sim.FaultKind) {
		name := "Alipay"
		if gateway == sim.Gateway(s.world.WeChat) {
			name = "WeChat Pay"
		}
		for _, kind := range kinds {
			s.kinds[name][kind] = true
			likely := probability
			if slices.Contains([]sim.FaultKind{sim.FaultHangBefore, sim.FaultHangAfter, sim.FaultSlow}, kind) {
				likely = dear
			}
			if err := gateway.Fail(where, sim.Fault{Kind: kind, Probability: likely}); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	wx, ali := s.world.WeChat, s.world.Alipay
	for _, where := range []string{
		wechatpay.EndpointPrepay, wechatpay.EndpointQuery, wechatpay.EndpointClose, wechatpay.EndpointRefund, wechatpay.EndpointRefundQuery,
	} {
		add(wx, where, usual, append(wechatpay.FaultKinds(), sim.FaultGzipPage, sim.FaultSlow, wechatpay.FaultFlipped)...)
	}
	for _, where := range []string{
		alipay.EndpointCreate, alipay.EndpointQuery, alipay.EndpointClose, alipay.EndpointRefund, alipay.EndpointRefundQuery,
	} {
		add(ali, where, usual, append(alipay.FaultKinds(), sim.FaultSlow)...)
	}
	// What is well signed and false is no weather.
	for _, kind := range []wechatpay.Tamper{
		wechatpay.TamperWrongSignature, wechatpay.TamperNoSignature, wechatpay.TamperSigntest, wechatpay.TamperSchemeUnknown,
		wechatpay.TamperOldTimestamp, wechatpay.TamperFutureTimestamp, wechatpay.TamperUnknownSerial, wechatpay.TamperBody,
	} {
		add(wx, wechatpay.PlaceCallback, usual, sim.FaultKind(kind))
	}
	add(wx, wechatpay.PlaceCallback, 0.05, sim.CallbackFaults()...)
	add(wx, wechatpay.PlaceRefundCallback, common, sim.CallbackFaults()...)
	add(ali, alipay.PlaceNotify, 0.05, sim.CallbackFaults()...)
	add(wx, wechatpay.EndpointPrepay, usual, wechatpay.FaultCallbackFirst)
	add(ali, alipay.EndpointCreate, usual, alipay.FaultNoticeFirst)
	add(wx, wechatpay.EndpointClose, common, wechatpay.FaultPaidAtClose)
	// Alipay ends a trade at its expiry by itself, so that the hub's close comes too
	// late for anything to happen around it.
	add(wx, wechatpay.PlacePayment, usual, wechatpay.FaultCoupon)
	add(ali, alipay.EndpointQuery, common, alipay.FaultStaleQuery)
	add(wx, wechatpay.EndpointRefund, common, "refuse-not-enough", "refuse-biz-err-need-retry")
	add(ali, alipay.EndpointRefund, common, "ACQ.SELLER_BALANCE_NOT_ENOUGH", alipay.FaultQuietRefund)
	add(ali, alipay.EndpointRefundQuery, common, alipay.FaultUnseenRefund)
	add(wx, wechatpay.PlaceRefundEnd, common, wechatpay.FaultClosed, sim.FaultDelay)
}

// order is one holder's wish, repeated with its key until its outcome is known,
// and paid with most of them.
func (s *soak) order(i int, dice *rand.Rand) error {
	account, person := soakAccount(i%soakAccounts), fmt.Sprintf("person-%d", i%soakAccounts)
	channel, payer := "wechat", channels.Payer{Kind: "openid", ID: wechatpay.OpenID(s.world.WeChatAppID(), person)}
	if i%2 == 1 {
		channel, payer = "alipay", channels.Payer{Kind: "user_id", ID: s.world.Alipay.Buyer(person)}
	}
	wish := recharge.Wish{Account: account, Channel: channel, Amount: fen.Fen(1 + dice.IntN(2000)), Payer: payer, Key: idempotency.NewKey()}
	var ready recharge.Ready
	var err error
	for range 50 {
		ready, err = s.hub.Orders().Create(s.ctx, wish)
		if !errors.Is(err, channels.ErrUnknownOutcome) {
			break
		}
	}
	var limit *transition.LimitError
	if errors.Is(err, channels.ErrAlreadyPaid) || errors.As(err, &limit) {
		return nil // the open order of another wish, or enough for a day
	}
	if err != nil {
		return fmt.Errorf("order %d: %w", i, err)
	}
	if dice.IntN(10) == 0 {
		return nil // thinks better of it
	}
	return s.pay(ready, channel, payer.ID)
}

func (s *soak) pay(ready recharge.Ready, channel, payer string) error {
	p := ready.Prepay.Params
	var err error
	if channel == "wechat" {
		_, err = s.world.WeChat.Pay(s.ctx, wechatpay.PayRequest{
			AppID: p["appId"], TimeStamp: p["timeStamp"], NonceStr: p["nonceStr"], Package: p["package"], SignType: p["signType"],
			PaySign: p["paySign"], Openid: payer,
		})
		if errors.Is(err, wechatpay.ErrOrderPaid) || errors.Is(err, wechatpay.ErrPrepayReplaced) {
			err = nil // two wishes met in one open order
		}
	} else {
		_, err = s.world.Alipay.Pay(s.ctx, alipay.PayRequest{TradeNO: p["tradeNO"], BuyerID: payer})
		if errors.Is(err, alipay.ErrOrderPaid) {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("pay %s: %w", ready.Order, err)
	}
	return nil
}

// each runs work for 0…n-1 on a few workers, each with dice of its own.
func (s *soak) each(n int, work func(i int, dice *rand.Rand) error) {
	s.t.Helper()
	next := make(chan int)
	var wg sync.WaitGroup
	for worker := range soakWorkers {
		wg.Go(func() {
			dice := rand.New(rand.NewPCG(s.seed, uint64(worker)))
			for i := range next {
				if err := work(i, dice); err != nil {
					s.t.Error(err)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// entry is an order in a channel's own book.
type entry struct {
	no             string
	paid, refunded int64
}

// book is both channels' orders that were paid.
func (s *soak) book() []entry {
	var all []entry
	for _, o := range s.world.WeChat.Book().Orders {
		if o.State == wechatpay.StateSuccess || o.RefundedFen > 0 || !o.PaidAt.IsZero() {
			all = append(all, entry{o.OutTradeNo, o.TotalFen, o.RefundedFen})
		}
	}
	for _, o := range s.world.Alipay.Book().Orders {
		if !o.PaidAt.IsZero() {
			all = append(all, entry{o.OutTradeNo, o.TotalFen, o.RefundedFen})
		}
	}
	return all
}

// differences compares the hub's books with the channels', order by order, and
// the accounts with the orders.
func (s *soak) differences() []string {
	var found []string
	var credited, refunded, refunding int64
	book := s.book()
	for _, e := range book {
		o, err := s.hub.Books().Order(s.ctx, transition.OrderNo(e.no))
		switch {
		case err != nil:
			found = append(found, err.Error())
		case o.State != transition.OrderCredited:
			found = append(found, fmt.Sprintf("%s is paid and %s", e.no, o.State))
		case int64(o.Amount) != e.paid || int64(o.Refunded) != e.refunded:
			found = append(found, fmt.Sprintf("%s: the hub has %d less %d, the channel %d less %d", e.no, o.Amount, o.Refunded, e.paid, e.refunded))
		}
		credited, refunded, refunding = credited+int64(o.Amount), refunded+int64(o.Refunded), refunding+int64(o.Refunding)
	}
	var pending, held int64
	for i := range soakAccounts {
		a, err := s.hub.Books().Account(s.ctx, soakAccount(i))
		if err != nil {
			found = append(found, err.Error())
		}
		pending, held = pending+int64(a.Pending)-int64(a.Clawback), held+int64(a.RefundHeld)
	}
	if pending+held != credited-refunded || held != refunding {
		found = append(found, fmt.Sprintf("accounts have %d and %d held, orders %d less %d, %d under way", pending, held, credited, refunded, refunding))
	}
	if _, err := s.hub.Books().Verify(s.ctx); err != nil {
		found = append(found, err.Error())
	}
	return found
}

// settle waits until the hub has learned all that there is to learn.
func (s *soak) settle() []string {
	// All repeats of a day come at once; what they do not tell, the hub asks for.
	s.world.WeChat.Clock().Advance(25 * time.Hour)
	s.world.Alipay.Clock().Advance(25 * time.Hour)
	looks, limit := 0, time.After(20*time.Minute)
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		s.world.WeChat.FinishRefunds()
		s.hurry()
		found := s.differences()
		open := 0
		for _, e := range s.book() {
			o, err := s.hub.Books().Order(s.ctx, transition.OrderNo(e.no))
			if err == nil && o.Refunding > 0 {
				open++
				s.ask(o)
			}
		}
		unpaid := s.unpaid()
		// A close that fails is tried again after a while: the last ones need not be
		// waited for.
		if len(found) == 0 && open == 0 && unpaid <= *soakOrders/100 {
			return nil
		}
		if looks++; looks%15 == 0 {
			s.t.Logf("%d differences, refunds under way of %d orders, %d orders unpaid: %.300q", len(found), open, unpaid, found[:min(2, len(found))])
		}
		select {
		case <-tick.C:
		case <-limit:
			return append(found, fmt.Sprintf("%d orders with refunds under way, %d unpaid", open, unpaid))
		}
	}
}

// claimed is longer than a poller's lease.
const claimed = 35 * time.Second

// hurry lets the poller's next questions be due at once: its schedule goes up to
// half an hour, and is tested by itself. What a poller has claimed stays its own.
func (s *soak) hurry() {
	now := time.Now()
	for p := range transition.Partitions {
		key := fmt.Sprintf("h:{p%02d}:due", p)
		far := redis.ZRangeBy{Min: strconv.FormatInt(now.Add(claimed).UnixMilli(), 10), Max: "+inf"}
		waiting, err := s.client.ZRangeByScore(s.ctx, key, &far).Result()
		if err != nil {
			s.t.Error(err)
		}
		for _, no := range waiting {
			if err := s.client.ZAddXX(s.ctx, key, redis.Z{Score: float64(now.UnixMilli()), Member: no}).Err(); err != nil {
				s.t.Error(err)
			}
		}
	}
}

// unpaid is how many orders of a full soak still wait at their channel to be paid
// or closed.
func (s *soak) unpaid() int {
	if *soakOrders < fullSoak {
		return 0
	}
	waiting := 0
	for _, o := range s.world.WeChat.Book().Orders {
		if o.State == wechatpay.StateNotPay {
			waiting++
		}
	}
	for _, o := range s.world.Alipay.Book().Orders {
		if o.State == alipay.StateWait {
			waiting++
		}
	}
	return waiting
}

// ask is another hub's look at the refunds of an order, sooner than their time.
func (s *soak) ask(o transition.Order) {
	refunds, err := s.hub.Books().Refunds(s.ctx, o)
	if err != nil {
		s.t.Error(err)
	}
	for _, r := range refunds {
		if r.State != transition.RefundHeld {
			continue
		}
		if err := s.hub.Orders().AskRefund(s.ctx, r.No); err != nil {
			s.t.Error(err)
		}
	}
}

// refund asks for some of what an order still has, as a holder or in the
// merchant's console.
func (s *soak) refund(e entry, dice *rand.Rand) error {
	o, err := s.hub.Books().Order(s.ctx, transition.OrderNo(e.no))
	if err != nil || o.State != transition.OrderCredited {
		return err
	}
	amount := fen.Fen(1 + dice.Int64N(int64(o.Amount)))
	if o.Channel == "alipay" && dice.IntN(4) == 0 {
		_, err := s.world.Alipay.RefundOutside(s.ctx, e.no, int64(amount))
		if err != nil {
			return err
		}
		return s.tell(e.no)
	}
	_, err = s.hub.Orders().Refund(s.ctx, recharge.RefundWish{
		Account: o.Account, Order: o.No, Amount: amount, Key: idempotency.NewKey(), By: "holder", Why: "soak",
	})
	var limit *transition.RefundLimitError
	if errors.As(err, &limit) || errors.Is(err, transition.ErrFrozen) {
		return nil
	}
	return err
}

// tell repeats the notice of a refund made outside until it is accepted, as Alipay
// does for a day: nobody could ask for that refund, and else the bill must tell.
func (s *soak) tell(order string) error {
	for range 50 {
		told, err := s.world.Alipay.DeliverEvent(s.ctx, order, alipay.EventRefunded, 1)
		if err != nil || len(told) == 1 && told[0].Accepted {
			return err
		}
	}
	return fmt.Errorf("order %s: its refund is not taken", order)
}

func TestSoak(t *testing.T) {
	s := startSoak(t)
	s.misbehave()
	started := time.Now()
	s.each(*soakOrders, s.order)
	t.Logf("%d orders after %v", *soakOrders, time.Since(started).Round(time.Second))
	if found := s.settle(); found != nil {
		t.Fatalf("after the poller: %d differences, such as %q", len(found), found[:min(5, len(found))])
	}
	book := s.book()
	s.each(len(book)/5, func(i int, dice *rand.Rand) error { return s.refund(book[i*5], dice) })
	if found := s.settle(); found != nil {
		t.Fatalf("after the refunds: %d differences, such as %q", len(found), found[:min(5, len(found))])
	}
	t.Logf("settled after %v: %d paid orders", time.Since(started).Round(time.Second), len(book))
	s.count()
	s.minusOneFen(book)
	t.Logf("result: %d orders, %d paid, refunds of %d: equal order by order", *soakOrders, len(book), len(book)/5)
}

// enough is how often each kind must strike in a full soak.
const enough = 20

// count prints how often each misfortune struck, wherever it did.
func (s *soak) count() {
	for name, counts := range map[string]map[string]int64{"WeChat Pay": s.world.WeChat.Counts(), "Alipay": s.world.Alipay.Counts()} {
		kinds := 0
		for _, kind := range slices.Sorted(maps.Keys(s.kinds[name])) {
			struck := int64(0)
			for what, n := range counts {
				if strings.HasPrefix(what, "fault.") && strings.HasSuffix(what, "."+string(kind)) {
					struck += n
				}
			}
			s.t.Logf("%-10s %6d  %s", name, struck, kind)
			if *soakOrders >= fullSoak && struck < enough {
				s.t.Errorf("%s: %s struck %d times, want %d", name, kind, struck, enough)
			}
			kinds += int(min(struck, 1))
		}
		if kinds < 10 {
			s.t.Errorf("%s: only %d kinds of misfortune struck", name, kinds)
		}
	}
}

// minusOneFen takes a fen out of an order, and then out of an account: both must
// be found.
func (s *soak) minusOneFen(book []entry) {
	s.t.Helper()
	for _, pattern := range []string{"h:*:o:" + book[0].no, "h:*:a:S*"} {
		keys, err := s.client.Keys(s.ctx, pattern).Result()
		if err != nil || len(keys) == 0 {
			s.t.Fatalf("%s: %v, %v", pattern, keys, err)
		}
		field := "amount"
		if strings.Contains(pattern, ":a:") {
			field = "pending"
		}
		s.client.HIncrBy(s.ctx, keys[0], field, -1)
		if found := s.differences(); len(found) == 0 {
			s.t.Errorf("a fen less in %s of %s is not found", field, keys[0])
		}
		s.client.HIncrBy(s.ctx, keys[0], field, 1)
	}
	if found := s.differences(); len(found) != 0 {
		s.t.Errorf("put back, and still: %q", found)
	}
}
