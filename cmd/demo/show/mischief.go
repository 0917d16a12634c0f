package show

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// startLimit bounds a new start of hub or Redis.
const startLimit = 20 * time.Second

// act is a button.
func (s *Show) act(w http.ResponseWriter, r *http.Request) {
	acts := map[string]func() error{
		"tap": s.pos.tap, "pull": s.pos.pullCard, "power": s.pos.power,
		"lose": func() error { return s.arm("lose") }, "twice": func() error { return s.arm("twice") },
		"redis": s.redis, "hub": s.hub,
	}
	act, known := acts[r.PathValue("what")]
	if !known {
		http.NotFound(w, r)
		return
	}
	if err := act(); err != nil {
		s.options.Log.Error("button", "what", r.PathValue("what"), "error", err)
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	s.money.look()
	w.WriteHeader(http.StatusNoContent)
}

func (s *Show) arm(what string) error {
	on := s.courier.arm(what)
	text := map[bool]map[string]phrase{
		true: {
			"lose":  {"下一个回调将会丢失", "The next callback will be lost"},
			"twice": {"下一个回调将会来两次", "The next callback will come twice"},
		},
		false: {
			"lose": {"下一个回调照常送达", "The next callback will come as it should"}, "twice": {"下一个回调照常送达", "The next callback will come as it should"},
		},
	}[on][what]
	s.say("mischief", "", text)
	return nil
}

// redis kills the money Redis, or starts it again.
func (s *Show) redis() error {
	if s.stage.RedisRuns() {
		pid, err := s.stage.KillRedis()
		if err != nil {
			s.say("mischief", "", phrase{"没有 redis-server，钱在内存里：没有可以杀掉的进程", "No redis-server here, the money is in memory: there is nothing to kill"})
			return nil
		}
		s.money.killed("redis")
		s.say("mischief", "bad", phrase{fmt.Sprintf("kill -9 redis-server（进程 %d）", pid), fmt.Sprintf("kill -9 redis-server (process %d)", pid)})
		return nil
	}
	ctx, cancel := context.WithTimeout(s.ctx, startLimit)
	defer cancel()
	if err := s.stage.StartRedis(ctx); err != nil {
		return err
	}
	s.say("mischief", "good", phrase{"redis-server 重新启动，从 AOF 文件恢复", "redis-server runs again, from its append-only file"})
	return nil
}

// hub kills the hub, or starts it again.
func (s *Show) hub() error {
	if s.stage.HubRuns() {
		pid := s.stage.KillHub()
		s.money.killed("hub")
		s.say("mischief", "bad", phrase{fmt.Sprintf("kill -9 hub（进程 %d）", pid), fmt.Sprintf("kill -9 hub (process %d)", pid)})
		return nil
	}
	if !s.stage.RedisRuns() {
		s.say("mischief", "bad", phrase{"hub 没有 Redis 不会启动：先启动 Redis", "Without Redis the hub does not start: start Redis first"})
		return nil
	}
	ctx, cancel := context.WithTimeout(s.ctx, startLimit)
	defer cancel()
	return s.stage.StartHub(ctx)
}
