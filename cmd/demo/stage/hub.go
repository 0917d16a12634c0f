package stage

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// ErrHub says that the hub process ended before it served.
var ErrHub = errors.New("stage: the hub does not start")

// Line is one line of the hub's log: its message and its attributes.
type Line struct {
	Message string
	Fields  map[string]any
}

// Text is an attribute as text, "" if there is none.
func (l Line) Text(name string) string {
	value, found := l.Fields[name]
	if !found || value == nil {
		return ""
	}
	if number, ok := value.(json.Number); ok {
		return number.String()
	}
	return fmt.Sprint(value)
}

// process is the running hub.
type process struct {
	cmd     *exec.Cmd
	stdin   io.Closer // closing it asks the hub to end
	serving chan string
	done    chan struct{} // closed when it has ended and its log is read
}

// StartHub starts the hub and waits until it serves.
// Errors: ErrHub, or that of ctx.
func (s *Stage) StartHub(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hub != nil {
		return nil
	}
	p, err := s.launch()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrHub, err)
	}
	select {
	case addr := <-p.serving:
		s.hub = p
		s.front.to(addr)
		return nil
	case <-p.done:
		return fmt.Errorf("%w: %s", ErrHub, p.cmd.ProcessState)
	case <-ctx.Done():
		_ = p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("start the hub: %w", ctx.Err())
	}
}

// launch starts this program as a hub.
func (s *Stage) launch() (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(program), serving: make(chan string, 1), done: make(chan struct{})} // #nosec G204 -- this very program
	p.cmd.Env = append(os.Environ(), envHub+"="+s.World.ConfigFile, envSabotage+"="+s.options.Sabotage,
		"GUODU_LISTEN=127.0.0.1:0", "GUODU_REDIS__ADDRS="+s.redis.money, "GUODU_EPHEMERAL__ADDRS="+s.redis.ephemeral)
	if s.Memory() {
		p.cmd.Env = append(p.cmd.Env, envMemory+"=1")
	}
	p.cmd.Stderr = os.Stderr
	p.stdin, err = p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.done)
		s.read(stdout, p.serving)
		_ = p.cmd.Wait() // how it ended is in ProcessState
	}()
	return p, nil
}

// read hands on the hub's log, line by line, and where the hub serves.
func (s *Stage) read(log io.Reader, serving chan<- string) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decoder.UseNumber()
		line := Line{Fields: map[string]any{}}
		if decoder.Decode(&line.Fields) != nil {
			continue // not of the log
		}
		line.Message = line.Text("msg")
		if line.Message == "hub serves" {
			serving <- line.Text("listen")
		}
		if s.options.Hear != nil {
			s.options.Hear(line)
		}
	}
	_, _ = io.Copy(io.Discard, log) // a line too long must not stop the hub
}

// KillHub ends the hub by SIGKILL and waits for its end. It returns the process
// id, 0 if no hub was running.
func (s *Stage) KillHub() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.hub
	if p == nil {
		return 0
	}
	s.hub = nil
	s.front.to("")
	_ = p.cmd.Process.Kill()
	<-p.done
	return p.cmd.Process.Pid
}

// stopHub ends the hub in good order.
func (s *Stage) stopHub() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hub == nil {
		return
	}
	_ = s.hub.stdin.Close()
	<-s.hub.done
	s.hub = nil
}

// HubRuns says whether the hub runs.
func (s *Stage) HubRuns() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hub != nil
}
