package stage

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/alicebob/miniredis/v2"

	"guodu/internal/redisx"
)

// ErrMemory says that the embedded server cannot be killed: what it holds would
// be gone, and nothing would be learnt.
var ErrMemory = errors.New("stage: the money is in memory, without redis-server there is nothing to kill")

// databases are the money Redis and the ephemeral one: two servers, or in
// memory.
type databases struct {
	money, ephemeral string // addresses
	dir              string
	servers          [2]*redisx.Server // money, ephemeral; nil while one is dead
	embedded         []*miniredis.Miniredis
}

// openDatabases starts both: in memory if that is asked for or there is no
// redis-server.
func openDatabases(ctx context.Context, dir string, memory bool) (*databases, error) {
	d := &databases{dir: dir}
	_, missing := exec.LookPath("redis-server")
	var err error
	if memory || missing != nil {
		err = d.embed()
	} else {
		err = errors.Join(d.startMoney(ctx), d.startEphemeral(ctx))
	}
	if err != nil {
		d.close()
		return nil, fmt.Errorf("stage: %w", err)
	}
	return d, nil
}

func (d *databases) embed() error {
	for _, addr := range []*string{&d.money, &d.ephemeral} {
		server, err := miniredis.Run()
		if err != nil {
			return err
		}
		d.embedded = append(d.embedded, server)
		*addr = server.Addr()
	}
	return nil
}

func (d *databases) startMoney(ctx context.Context) (err error) {
	d.servers[0], err = redisx.StartServer(ctx, redisx.ServerOptions{Dir: filepath.Join(d.dir, "money"), Lifeline: true})
	if err == nil {
		d.money = d.servers[0].Addr()
	}
	return err
}

func (d *databases) startEphemeral(ctx context.Context) (err error) {
	d.servers[1], err = redisx.StartServer(ctx, redisx.ServerOptions{Dir: filepath.Join(d.dir, "ephemeral"), Ephemeral: true, Lifeline: true})
	if err == nil {
		d.ephemeral = d.servers[1].Addr()
	}
	return err
}

func (d *databases) close() {
	for _, server := range d.servers {
		if server != nil {
			server.Stop()
		}
	}
	for _, server := range d.embedded {
		server.Close()
	}
}

// KillRedis ends the money redis-server by SIGKILL. It returns the process id,
// 0 if none was running. Errors: ErrMemory.
func (s *Stage) KillRedis() (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Memory() {
		return 0, ErrMemory
	}
	server := s.redis.servers[0]
	if server == nil {
		return 0, nil
	}
	s.redis.servers[0] = nil
	server.Kill()
	return server.PID(), nil
}

// StartRedis starts the money redis-server again, on the file that the last one
// left, and waits until it answers.
func (s *Stage) StartRedis(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Memory() || s.redis.servers[0] != nil {
		return nil
	}
	return s.redis.startMoney(ctx)
}

// RedisRuns says whether the money Redis runs.
func (s *Stage) RedisRuns() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Memory() || s.redis.servers[0] != nil
}

// Databases says what the money lies in, for people.
func (s *Stage) Databases() string {
	if s.Memory() {
		return "in memory, at " + s.redis.money
	}
	return "redis-server, appendfsync always, at " + s.redis.money
}
