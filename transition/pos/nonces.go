package pos

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/internal/redisx"
	"guodu/transition"
)

// Nonces remembers, on the ephemeral Redis, the nonces of calls that move no
// money, for as long as a signature would be accepted. Losing them lets an old
// question be asked again, nothing else.
type Nonces struct {
	client redis.UniversalClient
	prefix string
}

// NewNonces returns the memory under the key prefix ("h" if empty).
func NewNonces(ephemeral redis.UniversalClient, prefix string) Nonces {
	if prefix == "" {
		prefix = "h"
	}
	return Nonces{ephemeral, prefix + ":nonce:"}
}

// Use uses a nonce up.
// Errors: transition.ErrReplay; redisx.ErrUnavailable, redisx.ErrUnknownOutcome.
func (n Nonces) Use(ctx context.Context, nonce transition.Nonce) error {
	err := n.client.SetArgs(ctx, n.prefix+nonce.KeyID+":"+nonce.Value, "1",
		redis.SetArgs{Mode: "NX", TTL: 10 * time.Minute}).Err()
	if errors.Is(err, redis.Nil) {
		return transition.ErrReplay
	}
	if err != nil {
		return fmt.Errorf("use nonce: %w", redisx.Classify(err))
	}
	return nil
}
