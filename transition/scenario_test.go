package transition

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/redis/go-redis/v9"

	"guodu/idempotency"
	"guodu/internal/fen"
	"guodu/internal/redisx"
)

// stage is a store on which everything that is random otherwise is fixed, and
// which writes down what was called, what came back and what is stored.
type stage struct {
	*Store
	at     time.Time
	loads  int
	nonce  int
	tokens int
	log    strings.Builder
}

func newStage(ctx context.Context, run *redisx.Runner) (*stage, error) {
	st := &stage{at: time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)}
	run.Client().HSet(ctx, keyring{"h"}.meta(), "books", "books-of-a-stage")
	store, err := Open(ctx, run, Options{Clock: func() time.Time { return st.at }})
	if err != nil {
		return nil, err
	}
	store.loadNo = func(p partition, _ time.Time) LoadNo {
		st.loads++
		var id ulid.ULID
		id[15] = byte(st.loads)
		return LoadNo(p.digits() + id.String())
	}
	store.token = func() string {
		st.tokens++
		return fmt.Sprintf("challenge-%d", st.tokens)
	}
	st.Store = store
	return st, nil
}

// say writes down an outcome; every call of a scenario passes through it.
func (st *stage) say(what string, got any, err error) {
	st.at = st.at.Add(time.Second)
	if err != nil {
		fmt.Fprintf(&st.log, "%s: error: %v\n", what, err)
		return
	}
	fmt.Fprintf(&st.log, "%s: %s\n", what, plain(got))
}

// show writes down a hash as it stands in the middle of a scenario.
func (st *stage) show(ctx context.Context, key string) {
	h, err := st.client().HGetAll(ctx, key).Result()
	st.say(key, h, err)
}

func plain(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// accountA is the account of most scenarios, in partition 07.
const accountA AccountNo = "A1"

func (st *stage) statement(version int64, arrears fen.Fen, freeze ...string) Statement {
	return Statement{
		Account: accountA, Version: version, Open: true, Arrears: arrears, Freeze: freeze,
		Card: Card{UID: "04A1B2C3", No: "70001", Version: "1", Profile: "stamp"},
	}
}

func (st *stage) imports(ctx context.Context, s Statement) {
	n, err := st.Import(ctx, s)
	st.say(fmt.Sprintf("import %s version %d", s.Account, s.Version), n, err)
}

// orderNo is a valid order number of accountA with a serial number in it.
func orderNo(i int) OrderNo {
	body := fmt.Sprintf("26112307%016d", i)
	return OrderNo(body + string(checkCharacter(body)))
}

// merchantA is where orders are made.
const merchantA = "1900000109/wx8888888888888888"

func (st *stage) create(ctx context.Context, i int, amount fen.Fen, key string) {
	no, fresh, err := st.CreateOrder(ctx, st.wish(i, amount, key))
	st.say(fmt.Sprintf("create order %d of %s", i, amount), []any{no, fresh}, err)
}

func (st *stage) wish(i int, amount fen.Fen, key string) NewOrder {
	return NewOrder{
		No: orderNo(i), Account: accountA, Amount: amount, Channel: "wechat", Merchant: merchantA, PayerKind: "openid", Payer: "oPayerOne",
		Request: json.RawMessage(`{"n":1}`), Key: idempotency.Key(key), Expires: st.at.Add(15 * time.Minute),
		FirstDue: st.at.Add(5 * time.Second), Limits: Limits{Order: 50_000, Day: 200_000, Balance: 500_000},
	}
}

func (st *stage) credit(ctx context.Context, i int, amount fen.Fen, change func(*Credit)) {
	c := Credit{
		Order: orderNo(i), Account: accountA, Channel: "wechat", Merchant: merchantA, Txn: fmt.Sprintf("4200%d", i), Amount: amount,
		PayerKind: "openid", Payer: "oPayerOne", Source: "callback", Success: st.at,
	}
	if change != nil {
		change(&c)
	}
	r, err := st.Credit(ctx, c)
	st.say(fmt.Sprintf("credit order %d with %s", i, amount), r, err)
}

func (st *stage) reading(tap string, counter int64, balance fen.Fen) Reading {
	p := int64(7)
	return Reading{
		Terminal: "T1", TapID: tap, UID: "04A1B2C3", CardNo: "70001", Version: "1", L: counter, B: balance, P: &p,
	}
}

func (st *stage) freshNonce() Nonce {
	st.nonce++
	return Nonce{KeyID: "T1", Value: fmt.Sprintf("nonce-%d", st.nonce)}
}

func (st *stage) tapped(ctx context.Context, r Reading) TapResult {
	t, err := st.Tap(ctx, r, st.freshNonce(), TapTimes{NotAfter: time.Minute, Deadline: 2 * time.Minute})
	st.say(fmt.Sprintf("tap %s at L=%d B=%s", r.TapID, r.L, r.B), t, err)
	return t
}

func (st *stage) result(ctx context.Context, l Load, written bool, counter int64, balance fen.Fen) {
	if l.No == "" {
		st.log.WriteString("no load was offered\n")
		return
	}
	w := WriteResult{Load: l, Written: written, L: &counter, B: &balance}
	if !written {
		w.L, w.B = nil, nil
	}
	r, err := st.Result(ctx, w, st.freshNonce())
	st.say(fmt.Sprintf("result of %s attempt %d written=%t", l.No, l.Attempt, written), r, err)
}

// dump writes the whole keyspace as text.
func dump(ctx context.Context, client redis.UniversalClient) (string, error) {
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		return "", errors.New("dump wants a one-node Cluster")
	}
	var out strings.Builder
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		keys, err := node.Keys(ctx, "*").Result()
		if err != nil {
			return err
		}
		sort.Strings(keys)
		for _, key := range keys {
			if err := dumpKey(ctx, node, &out, key); err != nil {
				return err
			}
		}
		return nil
	})
	return out.String(), err
}

func dumpKey(ctx context.Context, node *redis.Client, out *strings.Builder, key string) error {
	kind, err := node.Type(ctx, key).Result()
	if err != nil {
		return err
	}
	ttl, err := node.PTTL(ctx, key).Result()
	if err != nil {
		return err
	}
	life := ""
	if ttl > 0 {
		life = " (expires)"
	}
	fmt.Fprintf(out, "\n%s %s%s\n", kind, key, life)
	switch kind {
	case "hash":
		h, err := node.HGetAll(ctx, key).Result()
		if err != nil {
			return err
		}
		for _, field := range sorted(h) {
			fmt.Fprintf(out, "  %s = %s\n", field, h[field])
		}
	case "list":
		list, err := node.LRange(ctx, key, 0, -1).Result()
		if err != nil {
			return err
		}
		for _, line := range list {
			fmt.Fprintf(out, "  %s\n", line)
		}
	case "zset":
		zs, err := node.ZRangeWithScores(ctx, key, 0, -1).Result()
		if err != nil {
			return err
		}
		for _, z := range zs {
			fmt.Fprintf(out, "  %.0f %v\n", z.Score, z.Member)
		}
	case "stream":
		events, err := node.XRange(ctx, key, "-", "+").Result()
		if err != nil {
			return err
		}
		for _, e := range events {
			fmt.Fprintf(out, "  %s %s\n", e.ID, plain(e.Values))
		}
	default:
		text, err := node.Get(ctx, key).Result()
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  %s\n", text)
	}
	return nil
}
