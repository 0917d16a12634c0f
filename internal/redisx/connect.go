package redisx

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

var (
	// ErrUnknownOutcome says that a request may have been carried out although
	// no reply came.
	ErrUnknownOutcome = errors.New("redis: outcome unknown")
	// ErrUnavailable says that nothing was carried out: no connection, or a
	// server that refuses (loading, read-only, out of memory).
	ErrUnavailable = errors.New("redis: unavailable")
)

// Options say which Redis to use. The zero value of each field is safe.
type Options struct {
	// Addrs are host:port pairs, or the path of a unix socket. More than one
	// means Cluster, or the sentinels if MasterName is set.
	Addrs      []string
	MasterName string
	Cluster    bool // a Cluster although Addrs holds one address
	Username   string
	Password   string
	TLS        *tls.Config // nil speaks without TLS
	PoolSize   int         // connections for each server; 64 if zero
	// Admit says whether a server may be used, by the id of its process: each new
	// connection asks before its first command. nil admits all.
	Admit func(ctx context.Context, runID string) error
}

// Connect opens a client that never repeats a command by itself: a repeated
// bare write would count twice, and whether a repeat is safe only the caller
// knows. It does not wait for the server; Ping does.
func Connect(o Options) (redis.UniversalClient, error) {
	if len(o.Addrs) == 0 {
		return nil, errors.New("redis: no address given")
	}
	if o.PoolSize == 0 {
		o.PoolSize = 64
	}
	u := &redis.UniversalOptions{
		Addrs: o.Addrs, MasterName: o.MasterName, IsClusterMode: o.Cluster,
		Username: o.Username, Password: o.Password, TLSConfig: o.TLS,
		MaxRetries: -1, MaxRedirects: -1, DialerRetries: 1,
		DialTimeout: time.Second, ReadTimeout: 2 * time.Second, WriteTimeout: 2 * time.Second,
		PoolSize: o.PoolSize, PoolTimeout: time.Second, MinIdleConns: 1,
		ContextTimeoutEnabled:    true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if o.Admit != nil {
		u.OnConnect = func(ctx context.Context, conn *redis.Conn) error {
			id, err := RunID(ctx, conn)
			if err == nil {
				err = o.Admit(ctx, id)
			}
			if err != nil {
				return fmt.Errorf("%w: %w", ErrUnavailable, err) // no command was sent
			}
			return nil
		}
	}
	if o.MasterName == "" && (o.Cluster || len(o.Addrs) > 1) {
		c := u.Cluster()
		c.ClusterStateReloadInterval = time.Second // the default takes longer than a failover
		return redis.NewClusterClient(c), nil
	}
	return redis.NewUniversalClient(u), nil
}

// RunID is the id of a server's process: another one has another, on the same
// address and the same data as well.
func RunID(ctx context.Context, server redis.Cmdable) (string, error) {
	info, err := server.Info(ctx, "server").Result()
	if err != nil {
		return "", fmt.Errorf("read server: %w", Classify(err))
	}
	for line := range strings.Lines(info) {
		if id, found := strings.CutPrefix(line, "run_id:"); found {
			return strings.TrimSpace(id), nil
		}
	}
	return "", fmt.Errorf("read server: %w: it names no run_id", ErrUnavailable)
}

// RunIDs are those of all servers that a client writes to, sorted.
func RunIDs(ctx context.Context, client redis.UniversalClient) ([]string, error) {
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		id, err := RunID(ctx, client)
		return []string{id}, err
	}
	var (
		mu  sync.Mutex
		ids []string
	)
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		id, err := RunID(ctx, node)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		ids = append(ids, id)
		return nil
	})
	slices.Sort(ids)
	return ids, err
}

// Ping waits until the server answers, at most until ctx ends.
func Ping(ctx context.Context, c redis.UniversalClient) error {
	for {
		err := c.Ping(ctx).Err()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("ping: %w (last answer: %w)", ErrUnavailable, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// refusals are the first words of error replies that a server gives instead of
// running a script.
const refusals = " OOM READONLY LOADING MASTERDOWN CLUSTERDOWN NOREPLICAS MISCONF BUSY TRYAGAIN MOVED ASK NOAUTH WRONGPASS NOPERM "

// Classify wraps a client error with ErrUnavailable or ErrUnknownOutcome, so
// that callers branch on what may have happened. Error replies of a script
// that ran are passed on as they are.
func Classify(err error) error {
	if err == nil || errors.Is(err, ErrUnknownOutcome) || errors.Is(err, ErrUnavailable) {
		return err
	}
	var reply redis.Error
	if errors.As(err, &reply) && !errors.Is(err, redis.Nil) {
		word, _, _ := strings.Cut(reply.Error(), " ")
		if strings.Contains(refusals, " "+word+" ") {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return err
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrClosed) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
}
