package transition

import (
	"context"
	"time"

	"guodu/internal/redisx"
)

// hint is what a call that went well may have brought about and terminals want to
// know of.
type hint struct {
	pending bool      // money waits for the account's card
	blocks  bool      // a freeze, the account's status or its card may be another one
	cards   []CardUID // other cards whose status may be
}

// hintTime bounds what a hint may add to the call that it follows.
const hintTime = time.Second

type feedPendingCall struct {
	Feed      string    `key:"feed"`
	AccountNo AccountNo `arg:"account_no"`
}

var feedPending = redisx.MustLoad[feedPendingCall, tagOnly](scripts, "feed_pending")

// tell passes a hint on, after the money was moved and never before. It is no part of
// the call: what fails is logged, the next sweep makes the blocklist right, and a lost
// "pending" is only late.
func (s *Store) tell(ctx context.Context, account AccountNo, h hint) {
	if s.quiet || account == "" || !h.pending && !h.blocks { // money in suspense has no account
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hintTime)
	defer cancel()
	if h.blocks {
		err := s.block(ctx, account, h.cards)
		if err != nil {
			s.log.Warn("blocklist is behind until the next sweep", "account", account, "error", err)
		}
	}
	if h.pending {
		_, err := feedPending.Run(ctx, s.run, feedPendingCall{Feed: s.keys.feed(partitionOf(account)), AccountNo: account})
		if err != nil {
			s.log.Warn("terminals are not told of pending money", "account", account, "error", err)
		}
	}
}

// block brings the entries of the account's card, and of others, up to date.
func (s *Store) block(ctx context.Context, account AccountNo, cards []CardUID) error {
	uid, err := s.client().HGet(ctx, s.keys.account(partitionOf(account), account), "card").Result()
	if err := read("card in force", err); err != nil {
		return err
	}
	done := map[CardUID]bool{"": true}
	for _, card := range append([]CardUID{CardUID(uid)}, cards...) {
		if done[card] {
			continue
		}
		done[card] = true
		_, err := s.setBlock(ctx, account, card)
		if err != nil {
			return err
		}
	}
	return nil
}
