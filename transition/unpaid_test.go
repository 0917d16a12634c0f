package transition

import (
	"context"
	"errors"
	"testing"
	"time"

	"guodu/internal/fen"
	"guodu/internal/redistest"
	"guodu/internal/redisx"
)

// TestSomeOrdersOfAnAccountMayBeUnpaidAtOnce: one more waits until the first of them
// is paid, closed or over; the same wish again is none more.
func TestSomeOrdersOfAnAccountMayBeUnpaidAtOnce(t *testing.T) {
	ctx := context.Background()
	st, err := newStage(ctx, redisx.NewRunner(redistest.Start(t, redistest.Ephemeral).Client(), redisx.RunnerOptions{Rewrite: redistest.Strict}))
	if err != nil {
		t.Fatal(err)
	}
	st.imports(ctx, st.statement(1, 0))
	wish := func(amount fen.Fen, minutes int) (OrderNo, error) {
		no, _, err := st.CreateOrder(ctx, NewOrder{
			No: NewOrderNo(accountA, st.at), Account: accountA, Amount: amount, Channel: "wechat", Merchant: "1/a", PayerKind: "openid", Payer: "oA",
			Request: []byte("{}"), Expires: st.at.Add(time.Duration(minutes) * time.Minute), FirstDue: st.at,
			Limits: Limits{Order: 100000, Day: 100000, Balance: 100000, Unpaid: 3},
		})
		return no, err
	}
	first, err := wish(100, 15)
	for i, amount := range []fen.Fen{200, 300} {
		if err == nil {
			_, err = wish(amount, 5+i)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	full := func(when string) {
		t.Helper()
		_, err := wish(450, 15)
		var limit *LimitError
		if !errors.As(err, &limit) || limit.Limit != "unpaid" || limit.Left != 0 {
			t.Fatalf("%s: %v", when, err)
		}
		if when == "three are unpaid" && !limit.At.Equal(st.at.Add(5*time.Minute)) {
			t.Errorf("come back at %s, and the first of them ends at %s", limit.At, st.at.Add(5*time.Minute))
		}
	}
	full("three are unpaid")
	if again, err := wish(100, 15); err != nil || again != first {
		t.Errorf("the same wish gives order %s, %v; want %s", again, err, first)
	}
	o, err := st.Order(ctx, first)
	if err == nil {
		_, err = st.CloseOrder(ctx, o, "1/a")
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wish(400, 15); err != nil {
		t.Errorf("after one was closed: %v", err)
	}
	full("another one was made")
	st.at = st.at.Add(5 * time.Minute)
	if _, err := wish(500, 15); err != nil {
		t.Errorf("after one was over: %v", err)
	}
	full("it was replaced")
}
