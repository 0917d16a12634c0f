package redisx_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"guodu/internal/redistest"
	"guodu/internal/redisx"
)

type keyCall struct {
	Key string `key:"key"`
}

type countReply struct {
	Tag string
	N   string `reply:"n"`
}

// script is a script with one key.
func script(t *testing.T, name, body string) *redisx.Script[keyCall, countReply] {
	t.Helper()
	library, err := redisx.NewLibrary(lua(name, "-- "+name+": is for a test.\n-- KEYS key\n-- REPLY N n | OK\n"+body))
	if err != nil {
		t.Fatal(err)
	}
	s, err := redisx.Load[keyCall, countReply](library, name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func count(t *testing.T) *redisx.Script[keyCall, countReply] {
	t.Helper()
	return script(t, "count", "return { 'N', redis.call('INCR', KEYS.key) .. '' }")
}

func TestRunSurvivesALostScriptCache(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	client := redistest.Start(t).Client()
	run := redisx.NewRunner(client, redisx.RunnerOptions{})
	counts := count(t)
	for _, want := range []string{"1", "2"} {
		reply, err := counts.Run(ctx, run, keyCall{"k"})
		if err != nil || reply.N != want {
			t.Fatalf("reply %v, %v; want %s", reply, err, want)
		}
		if err := client.ScriptFlush(ctx).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRunRefusesForeignSlotsAndUndeclaredKeys(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	client := redistest.Start(t, redistest.Cluster).Client()
	foreign := script(t, "foreign", "redis.call('GET', KEYS.key) redis.call('SET', '{b}', '1') return { 'OK' }")
	_, err := foreign.Run(ctx, redisx.NewRunner(client, redisx.RunnerOptions{}), keyCall{"{a}"})
	if err == nil {
		t.Error("a key of another slot was written")
	}
	near := script(t, "near", "redis.call('GET', KEYS.key) redis.call('SET', '{a}2', '1') return { 'OK' }")
	_, err = near.Run(ctx, redisx.NewRunner(client, redisx.RunnerOptions{Rewrite: redistest.Strict}), keyCall{"{a}"})
	if err == nil || !strings.Contains(err.Error(), "not declared") {
		t.Errorf("an undeclared key of the same slot: %v, want the guard's refusal", err)
	}
}

func TestNoReplyIsAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, cut := range []redistest.Cut{redistest.BeforeRun, redistest.AfterRun} {
		server := redistest.Start(t)
		proxy := redistest.NewProxy(t, server)
		client, err := redisx.Connect(redisx.Options{Addrs: []string{proxy.Addr()}})
		if err != nil {
			t.Fatal(err)
		}
		run := redisx.NewRunner(client, redisx.RunnerOptions{})
		if _, err := count(t).Run(ctx, run, keyCall{"k"}); err != nil {
			t.Fatal(err)
		}
		struck := proxy.Arm("count", cut)
		_, err = count(t).Run(ctx, run, keyCall{"k"})
		if !errors.Is(err, redisx.ErrUnknownOutcome) {
			t.Errorf("cut %d: %v, want ErrUnknownOutcome", cut, err)
		}
		<-struck
		_, err = count(t).Run(ctx, run, keyCall{"k"})
		if !errors.Is(err, redisx.ErrUnavailable) && !errors.Is(err, redisx.ErrUnknownOutcome) {
			t.Errorf("with the server gone: %v, want ErrUnavailable", err)
		}
		server.Restart()
		want := map[redistest.Cut]string{redistest.BeforeRun: "1", redistest.AfterRun: "2"}[cut]
		got, err := client.Get(ctx, "k").Result()
		if err != nil || got != want {
			t.Errorf("cut %d: after the restart k is %q, %v; want %q", cut, got, err, want)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestMissingReplicasAreAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	for _, server := range []*redistest.Server{redistest.Start(t), redistest.Start(t, redistest.Cluster)} {
		run := redisx.NewRunner(server.Client(), redisx.RunnerOptions{Replicas: 1, Wait: 1})
		_, err := count(t).Run(context.Background(), run, keyCall{"k"})
		if !errors.Is(err, redisx.ErrUnknownOutcome) {
			t.Errorf("%v, want ErrUnknownOutcome", err)
		}
	}
}

func TestRefusalsOfTheServerAreUnavailable(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	client := redistest.Start(t).Client()
	if err := client.ConfigSet(ctx, "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	_, err := count(t).Run(ctx, redisx.NewRunner(client, redisx.RunnerOptions{}), keyCall{"k"})
	if !errors.Is(err, redisx.ErrUnavailable) {
		t.Errorf("out of memory: %v, want ErrUnavailable", err)
	}
}
