package message

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/internal/redisx"
)

// markLife is how long an event counts as told.
const markLife = 30 * 24 * time.Hour

// RedisMarks are Marks on the ephemeral Redis. Losing them can make a message
// come twice where an event is told of twice, and nothing else.
type RedisMarks struct {
	client redis.UniversalClient
	prefix string
}

// NewRedisMarks returns the marks under the key prefix ("h" if empty).
func NewRedisMarks(ephemeral redis.UniversalClient, prefix string) RedisMarks {
	if prefix == "" {
		prefix = "h"
	}
	return RedisMarks{ephemeral, prefix + ":told:"}
}

// First implements Marks.
// Errors: redisx.ErrUnavailable, redisx.ErrUnknownOutcome.
func (m RedisMarks) First(ctx context.Context, e Event) (bool, error) {
	err := m.client.SetArgs(ctx, m.prefix+string(e.Kind)+":"+e.Ref, "1", redis.SetArgs{Mode: "NX", TTL: markLife}).Err()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("mark as told: %w", redisx.Classify(err))
	}
	return true, nil
}
