package redisx

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrNoServer says that there is no redis-server on the PATH.
var ErrNoServer = errors.New("redis-server is not installed (Debian: apt-get install redis-server; Mac: brew install redis)")

// ErrEnded says that a redis-server ended by itself.
var ErrEnded = errors.New("redis-server ended by itself")

// socketName is the socket of a server without a port, in its data folder.
const socketName = "redis.sock"

const (
	// patience is how long a running process may hold the folder: a command that is
	// about to end.
	patience   = 5 * time.Second
	logTail    = 8 << 10 // bytes of the log that are looked at
	linesShown = 3
)

// socketMax keeps a socket's path below what the kernel takes (sun_path).
const socketMax = 100

// ServerOptions describe a redis-server to run as a child.
type ServerOptions struct {
	// Dir is the data folder; it is made if missing, and locked as long as
	// the child lives, so that two servers never run on one folder.
	Dir string
	// Port is a TCP port on 127.0.0.1. Zero means no port at all: the server
	// listens on the unix socket redis.sock in Dir, for this user only.
	Port int
	// Ephemeral is a server for sessions and limits: what it holds is on disk a
	// second later, and when its memory is full it refuses: a limit that is pushed
	// out is none. Otherwise it is a money server: AOF, fsync always, no eviction.
	Ephemeral bool
	// Unkept keeps nothing of an ephemeral server on disk, for tests.
	Unkept bool
	// Cluster makes it a Cluster node (it owns no slot by itself).
	Cluster bool
	// Examine looks at the folder before the server starts, while nobody else may
	// start one on it; its error is StartServer's. nil looks at nothing.
	Examine func(dir string) error
	// Waits hears who holds the folder, if that must be waited for; nil for nobody.
	Waits func(*HeldError)
	// Lifeline ends the child with SIGTERM when this process dies (Linux).
	Lifeline bool
}

// Server is a running redis-server child.
type Server struct {
	addr string
	cmd  *exec.Cmd
	log  string // its path
	from int64  // where this server's lines begin in it
	done chan struct{}
	err  error // why it ended; read after done
}

// StartServer starts redis-server and waits until it accepts connections. If the
// server of a process that has ended still holds the folder, it waits for it as
// long as ctx lasts.
// Errors: ErrNoServer; *HeldError if a running process holds the folder; an error
// that names the folder, or ends with the last lines of the server's log.
func StartServer(ctx context.Context, o ServerOptions) (*Server, error) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, ErrNoServer
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("data folder %s: %w", o.Dir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	lock, err := lockFolder(ctx, dir, o.Waits)
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Close() }() // the child holds a copy
	if o.Examine != nil {
		if err := o.Examine(dir); err != nil {
			return nil, err
		}
	}
	addr, args, err := arguments(dir, o)
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(dir, "redis.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) // #nosec G304 -- the operator's folder
	if err != nil {
		return nil, fmt.Errorf("redis log: %w", err)
	}
	defer func() { _ = log.Close() }()
	begin, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("redis log: %w", err)
	}
	s := &Server{addr: addr, log: log.Name(), from: begin, cmd: exec.Command(binary, args...), done: make(chan struct{})} // #nosec G204 -- the binary is redis-server from the PATH
	s.cmd.Dir = dir
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.ExtraFiles = []*os.File{lock}
	if err := s.start(o.Lifeline); err != nil {
		return nil, fmt.Errorf("start redis-server: %w", err)
	}
	if err := s.ready(ctx); err != nil {
		s.Kill()
		return nil, fmt.Errorf("%w (its log: %s)", err, log.Name())
	}
	hold(lock, s.PID())
	return s, nil
}

// Running finds the server that another process runs as its child on a data
// folder, without a port: it returns the address, and false if none answers.
func Running(dir string) (addr string, ok bool) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", false
	}
	addr = filepath.Join(dir, socketName)
	conn, err := net.DialTimeout("unix", addr, time.Second)
	if err != nil {
		return "", false
	}
	_ = conn.Close()
	return addr, true
}

// start runs the child from a goroutine that keeps its OS thread: the parent
// death signal follows the thread that made the child, not the process.
func (s *Server) start(lifeline bool) error {
	s.cmd.SysProcAttr = childAttributes(lifeline)
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := s.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		s.err = s.cmd.Wait()
		close(s.done)
	}()
	return <-started
}

func (s *Server) ready(ctx context.Context) error {
	network := "tcp"
	if filepath.IsAbs(s.addr) {
		network = "unix"
	}
	for {
		conn, err := net.DialTimeout(network, s.addr, time.Second)
		if err == nil && s.answers(conn) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("redis-server does not accept connections: %w", ctx.Err())
		case <-s.done:
			return s.Ended()
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// answers says whether it is this child that listens, with its data loaded: somebody
// else's server may have taken the port first, and a file that cannot be read ends the
// child while it loads.
func (s *Server) answers(conn net.Conn) bool {
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := conn.Write([]byte("INFO server persistence\r\n")); err != nil {
		return false
	}
	ours := "process_id:" + strconv.Itoa(s.PID())
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		switch text := lines.Text(); {
		case strings.HasPrefix(text, "process_id:") && text != ours:
			return false
		case strings.HasPrefix(text, "loading:"):
			return text == "loading:0"
		}
	}
	return false
}

// Ended is why the child ended by itself, with the last lines of its log; call it
// after Done.
func (s *Server) Ended() error {
	err := s.err
	if err == nil {
		err = errors.New("exit status 0")
	}
	lines := lastLines(s.log, s.from)
	for _, line := range lines {
		// Of a write that was cut short Redis names no cause.
		if strings.Contains(line, "No space left on device") || strings.Contains(line, "Short write while writing to the AOF file") {
			return fmt.Errorf("%w: the disk is full (%s): %w", ErrEnded, filepath.Dir(s.log), err)
		}
	}
	if len(lines) == 0 {
		return fmt.Errorf("%w: %w", ErrEnded, err)
	}
	return fmt.Errorf("%w: %w; its last lines: %s", ErrEnded, err, strings.Join(lines, " | "))
}

// Addr is the address for Options.Addrs.
func (s *Server) Addr() string { return s.addr }

// PID is the child's process id.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Done is closed when the child has ended, for whatever reason.
func (s *Server) Done() <-chan struct{} { return s.done }

// Stop asks the child to end properly and waits for it.
func (s *Server) Stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(10 * time.Second):
		s.Kill()
	}
}

// Kill ends the child at once, as a power cut would, and waits for it.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	<-s.done
}

// HeldError says that another process holds a data folder.
type HeldError struct {
	Dir           string
	Owner, Server int  // process ids
	Ended         bool // the owner has, and its server is about to
}

func (e *HeldError) Error() string {
	if e.Ended {
		return fmt.Sprintf("data folder %s is in use by a redis-server (process %d) whose hub (process %d) has ended", e.Dir, e.Server, e.Owner)
	}
	return fmt.Sprintf("data folder %s is in use by process %d (its redis-server is process %d): another hub or command runs on it", e.Dir, e.Owner, e.Server)
}

// hold writes down who holds the lock: this process and its server.
func hold(lock *os.File, server int) {
	_ = lock.Truncate(0)
	_, _ = lock.WriteAt(fmt.Appendf(nil, "%d %d\n", os.Getpid(), server), 0)
}

// holder reads what hold wrote; zeros if nothing did.
func holder(lock *os.File) (owner, server int) {
	text := make([]byte, 64)
	n, _ := lock.ReadAt(text, 0)
	_, _ = fmt.Sscan(string(text[:n]), &owner, &server)
	return owner, server
}

// alive says whether a process still runs.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// lastLines are the last troubles that a server wrote into its log. What it says at
// each start, and notices, are left out.
func lastLines(path string, from int64) []string {
	file, err := os.Open(path) // #nosec G304 -- the operator's folder
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err == nil {
		from = max(from, info.Size()-logTail)
	}
	text, err := io.ReadAll(io.NewSectionReader(file, from, logTail))
	if err != nil {
		return nil
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		_, said, found := strings.Cut(strings.TrimSpace(line), " # ") // Redis marks a warning so
		if found && !strings.HasPrefix(said, "WARNING") && !strings.HasPrefix(said, "oO0O") && !strings.HasSuffix(said, "just started") && said != "Configuration loaded" && said != "Server initialized" {
			lines = append(lines, said)
		}
	}
	return lines[max(0, len(lines)-linesShown):]
}

// lockFolder takes the folder's lock, waiting for the end of an owner that is gone.
func lockFolder(ctx context.Context, dir string, waits func(*HeldError)) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600) // #nosec G304 -- the operator's folder
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	for told, begun := false, time.Now(); ; {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			hold(file, 0)
			return file, nil
		}
		owner, server := holder(file)
		held := &HeldError{Dir: dir, Owner: owner, Server: server, Ended: owner == os.Getpid() || !alive(owner)}
		if !held.Ended && time.Since(begun) > patience {
			_ = file.Close()
			return nil, held
		}
		if !told && waits != nil && owner != os.Getpid() {
			told = true
			waits(held)
		}
		select {
		case <-ctx.Done():
			_ = file.Close()
			return nil, fmt.Errorf("another redis-server holds %s: %w", dir, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func arguments(dir string, o ServerOptions) (addr string, args []string, err error) {
	addr = filepath.Join(dir, socketName)
	args = []string{"--port", strconv.Itoa(o.Port), "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--daemonize", "no"}
	if o.Port != 0 {
		addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(o.Port))
	} else {
		if len(addr) > socketMax {
			return "", nil, fmt.Errorf("data folder %s: its path is too long for a socket; choose one of at most %d characters", dir, socketMax-len(socketName)-1)
		}
		args = append(args, "--unixsocket", addr, "--unixsocketperm", "700")
	}
	if o.Ephemeral {
		kept := "yes"
		if o.Unkept {
			kept = "no"
		}
		args = append(args, "--appendonly", kept, "--appendfsync", "everysec", "--maxmemory", "256mb", "--maxmemory-policy", "noeviction")
	} else {
		args = append(args, "--appendonly", "yes", "--appendfsync", "always",
			"--no-appendfsync-on-rewrite", "no", "--maxmemory-policy", "noeviction")
	}
	if o.Cluster {
		args = append(args, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(o.Port+1))
	}
	return addr, args, nil
}
