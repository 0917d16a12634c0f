package main

import (
	"bufio"
	"context"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// The line that the demo prints for whoever wants a terminal to play with is run as it
// stands, from the shell of a person.
func TestATerminalOfTheVisitorsOwnSpeaksToTheDemo(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan int)
	go func() {
		status := start(ctx, []string{"--listen", "127.0.0.1:0"}, in, in)
		_ = in.Close()
		ended <- status
	}()
	lines := bufio.NewScanner(out)
	var line string
	for line == "" && lines.Scan() {
		if command := strings.TrimSpace(lines.Text()); strings.HasPrefix(command, "go run ./cmd/terminal ") {
			line = command
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	if line == "" {
		t.Fatal("the demo names no terminal to play with")
	}
	shell := exec.CommandContext(ctx, "sh", "-c", line) // #nosec G204 -- the demo's own words
	shell.Dir, shell.Stdin = "../..", strings.NewReader("tap\nquit\n")
	said, err := shell.CombinedOutput()
	if err != nil || !strings.Contains(string(said), "reason=nothing_pending") {
		t.Errorf("%s: %v\n%s", line, err, said)
	}
	stop()
	if status := <-ended; status != 0 {
		t.Errorf("the demo ends with %d", status)
	}
}
