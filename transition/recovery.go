package transition

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/internal/redisx"
)

// RecoveryState is how far a store's recovery is.
type RecoveryState struct {
	Partitions int       // that are in recovery
	Since      time.Time // the earliest
	Why        string    // of that one
}

// BeginRecovery stops new holds, new refunds and the adoption of counters in every
// partition: writes that were acknowledged may have been lost. Everything else goes
// on, and terminals' journals bring back what was lost.
func (s *Store) BeginRecovery(ctx context.Context, by, why string) error {
	return s.recover(ctx, "begin", by, "", why)
}

// EndRecovery ends it: every running terminal has sent its journal past the
// beginning, or two people say so.
// Errors: ErrTwoNames.
func (s *Store) EndRecovery(ctx context.Context, by, second, why string) error {
	if err := people(by, second, why); err != nil {
		return err
	}
	return s.recover(ctx, "end", by, second, why)
}

func (s *Store) recover(ctx context.Context, verb, by, second, why string) error {
	for p := range partition(Partitions) {
		err := s.recoverPartition(ctx, p, verb, by, second, why)
		if err != nil {
			return err
		}
	}
	return nil
}

type recoveryCall struct {
	Epoch    string `key:"epoch"`
	Verb     string `arg:"verb"`
	Process  string `arg:"process"`
	Replaced bool   `arg:"replaced"`
	decision
}

type recoveryReply struct {
	Tag   string
	Since string `reply:"since"`
}

var recoveryScript = redisx.MustLoad[recoveryCall, recoveryReply](scripts, "recovery")

func (s *Store) recoverPartition(ctx context.Context, p partition, verb, by, second, why string) error {
	_, err := recoveryScript.Run(ctx, s.run, recoveryCall{
		Epoch: s.keys.epoch(p), Verb: verb, decision: decision{By: by, Second: second, Why: why, Now: s.now()},
	})
	if err != nil {
		return fmt.Errorf("%s recovery of partition p%s: %w", verb, p.digits(), err)
	}
	return nil
}

// NotePrimary compares the process that holds each partition with the one that held
// it when it was looked at last. If another one may lack writes (mayLose: replicas
// that nobody waits for, or a server that forgets), the partition goes into recovery.
// It returns how many did.
func (s *Store) NotePrimary(ctx context.Context, mayLose bool) (begun int, err error) {
	_, many := s.client().(*redis.ClusterClient)
	id := ""
	for p := range partition(Partitions) {
		if many || id == "" {
			id, err = s.runID(ctx, p)
			if err != nil {
				return begun, err
			}
		}
		noted, err := s.client().HGet(ctx, s.keys.epoch(p), "run").Result()
		if err := read("epoch", err); err != nil {
			return begun, err
		}
		if noted == id {
			continue
		}
		reply, err := recoveryScript.Run(ctx, s.run, recoveryCall{
			Epoch: s.keys.epoch(p), Verb: "primary", Process: id, Replaced: mayLose,
			decision: decision{By: "hub", Why: "another server holds the books, and writes may be lost", Now: s.now()},
		})
		if err != nil {
			return begun, err
		}
		if reply.Tag == "BEGUN" {
			begun++
		}
	}
	return begun, nil
}

// runID is the id of the process that holds a partition.
func (s *Store) runID(ctx context.Context, p partition) (string, error) {
	var node redis.Cmdable = s.client()
	if cluster, ok := s.client().(*redis.ClusterClient); ok {
		master, err := cluster.MasterForKey(ctx, s.keys.epoch(p))
		if err != nil {
			return "", fmt.Errorf("find partition p%s: %w", p.digits(), redisx.Classify(err))
		}
		node = master
	}
	return redisx.RunID(ctx, node)
}

// Recovery reads how far it is; zero if there is none.
func (s *Store) Recovery(ctx context.Context) (RecoveryState, error) {
	var state RecoveryState
	for p := range partition(Partitions) {
		f, err := s.client().HMGet(ctx, s.keys.epoch(p), "recovery", "why").Result()
		if err := read("epoch", err); err != nil {
			return RecoveryState{}, err
		}
		since, _ := f[0].(string)
		if since == "" {
			continue
		}
		var n number
		at := n.time(since)
		if n.err != nil {
			return RecoveryState{}, n.err
		}
		if state.Partitions == 0 || at.Before(state.Since) {
			state.Since = at
			state.Why, _ = f[1].(string)
		}
		state.Partitions++
	}
	return state, nil
}
