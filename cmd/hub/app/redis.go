package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/internal/redisx"
)

// startLimit bounds the wait for Redis at the start, an earlier hub's child
// that still ends included.
const startLimit = 30 * time.Second

// stores are the two Redis connections and what runs below them.
type stores struct {
	money     redis.UniversalClient
	ephemeral redis.UniversalClient
	children  []*redisx.Server
	log       *slog.Logger
	books     *bookkeeper // nil for an embedded Redis that keeps nothing
}

// stored says what a hub needs of its stores.
type stored struct {
	moneyOnly bool // the ephemeral one stays closed
	beside    bool // those that another hub runs as its children will do
	memory    bool // the money Redis keeps nothing, and has no books to look for
	books     intent
	log       *slog.Logger
}

// openStores connects to the money Redis and the ephemeral one, each given or
// run as a child.
func openStores(ctx context.Context, c Config, need stored) (*stores, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	s := &stores{log: need.log}
	err := c.checkDataDir(need.books.begin)
	if err == nil && !need.moneyOnly {
		s.ephemeral, err = s.open(ctx, c, need.found(c, c.Ephemeral, "ephemeral"), "ephemeral", true)
	}
	if err == nil {
		err = s.openMoney(ctx, c, need)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// openMoney connects to the money Redis once it was compared with the mark.
func (s *stores) openMoney(ctx context.Context, c Config, need stored) (err error) {
	found := need.found(c, c.Redis, "money")
	if need.memory {
		s.money, err = s.open(ctx, c, found, "money", false)
		return err
	}
	b := &bookkeeper{
		config: c, may: need.books, log: need.log, own: len(found.Addrs) == 0,
		marks: marks{dir: c.DataDir, prefix: c.Redis.Prefix},
	}
	if len(c.Ephemeral.Addrs) > 0 {
		b.marks.ephemeral = s.ephemeral // which other hubs read as well
	}
	if err := b.open(ctx); err != nil {
		return err
	}
	if b.own {
		if err := b.before(b.dir()); err != nil {
			return err
		}
	}
	s.books = b
	b.probe, err = s.open(ctx, c, found, "money", false)
	if err != nil {
		return err
	}
	if err := b.start(ctx); err != nil {
		return err
	}
	if b.own {
		found.Addrs = []string{s.children[len(s.children)-1].Addr()}
	}
	s.money, err = s.connect(ctx, found, "money", b.admit)
	return err
}

// found gives a Redis without an address that of a child that already runs.
func (need stored) found(c Config, r RedisConfig, name string) RedisConfig {
	if need.beside && len(r.Addrs) == 0 {
		if addr, ok := redisx.Running(filepath.Join(c.DataDir, name)); ok {
			r.Addrs = []string{addr}
		}
	}
	return r
}

// open connects to a Redis, and runs it first if it has no address.
func (s *stores) open(ctx context.Context, c Config, r RedisConfig, name string, ephemeral bool) (redis.UniversalClient, error) {
	if len(r.Addrs) == 0 {
		o := redisx.ServerOptions{
			Dir: filepath.Join(c.DataDir, name), Ephemeral: ephemeral, Lifeline: true,
			Waits: func(held *redisx.HeldError) { s.log.Warn("waiting for a data folder", "holder", held.Error()) },
		}
		if !ephemeral {
			o.Examine = s.books.before
		}
		child, err := redisx.StartServer(ctx, o)
		if ephemeral && errors.Is(err, redisx.ErrEnded) {
			s.log.Error("ephemeral Redis: its data cannot be used: sessions and limits begin anew", "error", err, "moved_to", o.Dir+".broken")
			err = errors.Join(os.RemoveAll(o.Dir+".broken"), os.Rename(o.Dir, o.Dir+".broken"))
			if err == nil {
				child, err = redisx.StartServer(ctx, o)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s Redis: %w", name, err)
		}
		s.children = append(s.children, child)
		r.Addrs = []string{child.Addr()}
	}
	return s.connect(ctx, r, name, nil)
}

// secure adds TLS to how a Redis is spoken to, if it is configured.
func (r RedisConfig) secure(o *redisx.Options) error {
	if !r.TLS {
		return nil
	}
	o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	if r.CAFile == "" {
		return nil
	}
	text, err := os.ReadFile(r.CAFile) // #nosec G304 -- the operator names the file
	if err != nil {
		return fmt.Errorf("%w: ca_certificate_file: %w", ErrConfig, err)
	}
	o.TLS.RootCAs = x509.NewCertPool()
	if !o.TLS.RootCAs.AppendCertsFromPEM(text) {
		return fmt.Errorf("%w: ca_certificate_file %s holds no certificate", ErrConfig, r.CAFile)
	}
	return nil
}

// remote says whether a Redis is reached over a network.
func (r RedisConfig) remote() bool {
	return slices.ContainsFunc(r.Addrs, func(addr string) bool {
		host, _, err := net.SplitHostPort(addr)
		return err == nil && !local(host)
	})
}

// local says whether a host is this machine.
func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// connect connects to a Redis that runs.
func (s *stores) connect(ctx context.Context, r RedisConfig, name string, admit func(ctx context.Context, runID string) error) (redis.UniversalClient, error) {
	o := redisx.Options{Addrs: r.Addrs, MasterName: r.MasterName, Cluster: r.Cluster, Username: r.Username, Admit: admit}
	if r.PasswordFile != "" {
		password, err := secret(r.PasswordFile)
		if err != nil {
			return nil, err
		}
		o.Password = string(password)
	}
	if err := r.secure(&o); err != nil {
		return nil, err
	}
	client, err := redisx.Connect(o)
	if err != nil {
		return nil, fmt.Errorf("%s Redis: %w", name, err)
	}
	err = redisx.Ping(ctx, client)
	if err != nil {
		_ = client.Close()
		return nil, fmt.Errorf("%s Redis at %s: %w", name, strings.Join(o.Addrs, ", "), err)
	}
	return client, nil
}

func (s *stores) close() {
	clients := []redis.UniversalClient{s.money, s.ephemeral}
	if s.books != nil {
		clients = append(clients, s.books.probe)
	}
	for _, c := range clients {
		if c != nil {
			_ = c.Close()
		}
	}
	for _, child := range s.children {
		child.Stop()
	}
}

// died hears why a child ended by itself.
func (s *stores) died(ctx context.Context) <-chan error {
	dead := make(chan error, len(s.children))
	for _, child := range s.children {
		go func() {
			select {
			case <-child.Done():
				dead <- child.Ended()
			case <-ctx.Done():
			}
		}()
	}
	return dead
}

// watchEvery is the time between two looks at the money Redis.
const watchEvery = 5 * time.Second

// watchDurability asks again and again whether the money Redis still keeps what
// it acknowledges, and tells durable.
func watchDurability(ctx context.Context, client redis.UniversalClient, r RedisConfig, log *slog.Logger, durable func(bool)) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := redisx.CheckDurable(ctx, client, r.Replicas, r.Accept)
		if err != nil && ctx.Err() == nil {
			log.Error("money Redis", "error", err)
		}
		// One that does not answer refuses by itself, and says nothing new.
		if err == nil || errors.Is(err, redisx.ErrWeak) {
			durable(err == nil)
		}
	}
}

// secret reads a secret from its file, without the line end that editors add.
func secret(path string) ([]byte, error) {
	text, err := os.ReadFile(path) // #nosec G304 -- the operator names the file
	if err != nil {
		return nil, fmt.Errorf("%w: secret: %w", ErrConfig, err)
	}
	text = []byte(strings.TrimRight(string(text), "\r\n"))
	if len(text) == 0 {
		return nil, fmt.Errorf("%w: secret file %s is empty", ErrConfig, path)
	}
	return text, nil
}
