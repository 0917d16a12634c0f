package transition

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Made is the channel and the merchant that an order was made at.
type Made struct{ Channel, Merchant string }

// Waiting is what the hub has to ask a merchant about.
type Waiting struct{ Orders, Refunds int }

// waitingMost bounds what of each list of each partition is looked at.
const waitingMost = 1000

// Waiting counts the orders and refunds that are due, by the merchant that has to
// be asked about them: up to 1,000 of each partition.
func (s *Store) Waiting(ctx context.Context) (map[Made]Waiting, error) {
	all := map[Made]Waiting{}
	for p := range partition(Partitions) {
		err := s.waiting(ctx, s.keys.due(p), func(no string) string { return s.keys.order(p, OrderNo(no)) },
			func(m Made) { all[m] = Waiting{all[m].Orders + 1, all[m].Refunds} })
		if err != nil {
			return nil, err
		}
		err = s.waiting(ctx, s.keys.refundsDue(p), func(no string) string { return s.keys.refund(p, no) },
			func(m Made) { all[m] = Waiting{all[m].Orders, all[m].Refunds + 1} })
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// waiting reads what the members of one list say of their merchant.
func (s *Store) waiting(ctx context.Context, list string, key func(member string) string, count func(Made)) error {
	members, err := s.client().ZRange(ctx, list, 0, waitingMost-1).Result()
	if err := read("due list", err); err != nil || len(members) == 0 {
		return err
	}
	replies := make([]*redis.SliceCmd, len(members))
	pipe := s.client().Pipeline()
	for i, member := range members {
		replies[i] = pipe.HMGet(ctx, key(member), "channel", "merchant")
	}
	if err := exec(ctx, "due list", pipe); err != nil {
		return err
	}
	for _, reply := range replies {
		values := reply.Val()
		channel, there := values[0].(string)
		merchant, _ := values[1].(string)
		if there { // a lost order is no merchant's
			count(Made{channel, merchant})
		}
	}
	return nil
}
