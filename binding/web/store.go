package web

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/internal/redisx"
)

// errEnded says that the session which a request brought was ended or renewed
// meanwhile, by another request.
var errEnded = errors.New("the session has ended")

// sessionStore keeps sessions for scs. A session that was ended stays so: whoever
// loaded it before cannot write it back.
type sessionStore struct {
	client *redis.Client
	prefix string
}

// brought is the session that a request found under its cookie, as the store knows it.
type brought struct{ token string }

type broughtKey struct{}

// withBrought lets the store remember what this request brings.
func withBrought(ctx context.Context) context.Context {
	return context.WithValue(ctx, broughtKey{}, &brought{})
}

func broughtBy(ctx context.Context) *brought {
	b, ok := ctx.Value(broughtKey{}).(*brought)
	if !ok {
		return &brought{}
	}
	return b
}

// FindCtx implements scs.CtxStore; so do the others.
func (s sessionStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	data, err := s.client.Get(ctx, s.prefix+token).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, redisx.Classify(err)
	}
	broughtBy(ctx).token = token
	return data, true, nil
}

// CommitCtx changes the session that the request brought only while it is there, and
// makes a new one only where none is.
// Errors: errEnded; those of redisx.
func (s sessionStore) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	set := redis.SetArgs{Mode: "NX", TTL: time.Until(expiry)}
	if set.TTL < time.Millisecond {
		return errEnded // Redis would take no life for a life without end
	}
	if broughtBy(ctx).token == token {
		set.Mode = "XX"
	}
	err := s.client.SetArgs(ctx, s.prefix+token, data, set).Err()
	if errors.Is(err, redis.Nil) {
		return errEnded
	}
	if err != nil {
		return redisx.Classify(err)
	}
	broughtBy(ctx).token = token
	return nil
}

// DeleteCtx ends a session. Of several requests that end the one they all brought,
// one does, and the others hear errEnded.
func (s sessionStore) DeleteCtx(ctx context.Context, token string) error {
	gone, err := s.client.Del(ctx, s.prefix+token).Result()
	if err != nil {
		return redisx.Classify(err)
	}
	if b := broughtBy(ctx); b.token == token && token != "" {
		b.token = ""
		if gone == 0 {
			return fmt.Errorf("end session: %w", errEnded)
		}
	}
	return nil
}

// Find is FindCtx without a request.
func (s sessionStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx without a request.
func (s sessionStore) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx without a request.
func (s sessionStore) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
