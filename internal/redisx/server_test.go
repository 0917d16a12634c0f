package redisx_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guodu/internal/redisx"
)

func start(t *testing.T, dir string) (*redisx.Server, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return redisx.StartServer(ctx, redisx.ServerOptions{Dir: dir, Lifeline: true})
}

// folder is a short folder: a socket's path must fit the kernel's limit.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gd-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestChildKeepsWhatItAcknowledgedOverAKill(t *testing.T) {
	t.Parallel()
	ctx, dir := context.Background(), folder(t)
	for round := range 3 {
		server, err := start(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		client, err := redisx.Connect(redisx.Options{Addrs: []string{server.Addr()}})
		if err != nil {
			t.Fatal(err)
		}
		if err := redisx.CheckDurable(ctx, client, 0, nil); err != nil {
			t.Error(err)
		}
		got, err := client.Incr(ctx, "k").Result()
		if err != nil || got != int64(round+1) {
			t.Fatalf("round %d: k is %d, %v", round, got, err)
		}
		_ = client.Close()
		server.Kill()
	}
}

func TestTwoChildrenNeverRunOnOneFolder(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	first, err := start(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err = redisx.StartServer(ctx, redisx.ServerOptions{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "another redis-server holds") {
		t.Fatalf("the second child: %v, want a refusal that names the folder", err)
	}
	waiting := make(chan error)
	go func() {
		second, err := start(t, dir)
		if err == nil {
			second.Stop()
		}
		waiting <- err
	}()
	first.Stop()
	if err := <-waiting; err != nil {
		t.Errorf("after the first has ended: %v", err)
	}
}

func TestFolderThatCannotHoldASocketIsRefusedInWords(t *testing.T) {
	t.Parallel()
	_, err := start(t, filepath.Join(folder(t), strings.Repeat("d", 100)))
	if err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("%v, want an error about the path's length", err)
	}
}

// TestChildEndsWithItsHub kills a process that runs a child and expects the
// folder to become free.
func TestChildEndsWithItsHub(t *testing.T) {
	dir := os.Getenv("GUODU_TEST_HUB_DIR")
	if dir != "" { // the process that is killed
		server, err := start(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("child runs")
		<-server.Done()
		return
	}
	t.Parallel()
	dir = folder(t)
	hub := exec.Command(os.Args[0], "-test.run", "^TestChildEndsWithItsHub$")
	hub.Env = append(os.Environ(), "GUODU_TEST_HUB_DIR="+dir)
	out, err := hub.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := hub.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fscanf(out, "child runs"); err != nil {
		t.Fatal(err)
	}
	if err := hub.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = hub.Wait()
	next, err := start(t, dir) // waits for the lock that the child holds
	if err != nil {
		t.Fatal(err)
	}
	next.Stop()
}
