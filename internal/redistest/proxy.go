package redistest

import (
	"bufio"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Cut is what a Proxy does to the script that it waits for.
type Cut int

// The two ways in which a script can be sent and stay without a reply.
const (
	// BeforeRun ends the server before it gets the script.
	BeforeRun Cut = iota
	// AfterRun lets the server run the script and answer, keeps the answer
	// back, and ends the server.
	AfterRun
)

// Proxy stands between a hub and a Server. It passes everything on until the
// script that it was armed for comes by; then it ends the server with SIGKILL,
// and the caller never hears what became of the script.
type Proxy struct {
	tb       testing.TB
	server   *Server
	listener net.Listener

	mu     sync.Mutex
	names  map[string]string // SHA-1 of a script's text → its name
	armed  string
	cut    Cut
	struck chan struct{}
	conns  map[net.Conn]bool
}

// NewProxy starts a Proxy in front of the server, until the test ends.
func NewProxy(tb testing.TB, server *Server) *Proxy {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{tb: tb, server: server, listener: listener, names: map[string]string{}, conns: map[net.Conn]bool{}}
	go p.accept()
	tb.Cleanup(func() {
		_ = listener.Close()
		p.drop()
	})
	return p
}

// Addr is where the hub connects to.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Arm waits for the next run of the script with this name (that of its file).
// The channel is closed once the server is dead.
func (p *Proxy) Arm(script string, cut Cut) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed, p.cut, p.struck = script, cut, make(chan struct{})
	return p.struck
}

func (p *Proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.serve(conn)
	}
}

func (p *Proxy) keep(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = true
	}
}

// drop cuts every connection.
func (p *Proxy) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
	p.conns = map[net.Conn]bool{}
}

// serve passes commands on one by one, and the replies as they come.
func (p *Proxy) serve(client net.Conn) {
	upstream, err := net.Dial("tcp", p.server.Addr())
	if err != nil {
		_ = client.Close()
		return
	}
	p.keep(client, upstream)
	quiet := make(chan struct{}) // closed when a reply must be kept back
	heard := make(chan struct{}) // closed when the kept-back reply has come
	go func() {
		defer func() { _ = client.Close() }()
		buffer := make([]byte, 32<<10)
		for {
			n, err := upstream.Read(buffer)
			select {
			case <-quiet:
				if n > 0 {
					close(heard)
					return
				}
			default:
			}
			if n > 0 {
				if _, err := client.Write(buffer[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	defer func() { _ = upstream.Close() }()
	in := bufio.NewReader(client)
	for {
		raw, words, err := command(in)
		if err != nil {
			return
		}
		struck := p.meets(words)
		if struck == nil {
			if _, err := upstream.Write(raw); err != nil {
				return
			}
			continue
		}
		if p.cut == AfterRun {
			close(quiet)
			if _, err := upstream.Write(raw); err != nil {
				return
			}
			<-heard
		}
		p.server.Kill()
		p.drop()
		close(struck)
		return
	}
}

// meets learns the names of scripts, and says whether this is the awaited one.
func (p *Proxy) meets(words []string) chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(words) < 2 {
		return nil
	}
	name := ""
	switch strings.ToUpper(words[0]) {
	case "EVAL":
		sum := sha1.Sum([]byte(words[1]))
		name = scriptName(words[1])
		p.names[hex.EncodeToString(sum[:])] = name
	case "EVALSHA":
		name = p.names[words[1]]
	}
	if name == "" || name != p.armed {
		return nil
	}
	p.armed = ""
	return p.struck
}

var head = regexp.MustCompile(`(?m)^-- ([a-z_]+): `)

// scriptName reads a script's name from its head, which begins with "-- name: …" and
// has a line "-- REPLY"; what it includes stands before it.
func scriptName(text string) string {
	before, _, _ := strings.Cut(text, "\n-- REPLY ")
	found := head.FindAllStringSubmatch(before, -1)
	if found == nil {
		return ""
	}
	return found[len(found)-1][1]
}

// errProtocol says that a client does not send arrays of bulk strings.
var errProtocol = errors.New("not a command")

// command reads one command, as bytes and as words.
func command(in *bufio.Reader) (raw []byte, words []string, err error) {
	number := func(kind byte) (int, error) {
		line, err := in.ReadString('\n')
		if err != nil {
			return 0, err
		}
		raw = append(raw, line...)
		if len(line) < 4 || line[0] != kind {
			return 0, fmt.Errorf("%w: %q", errProtocol, line)
		}
		return strconv.Atoi(line[1 : len(line)-2])
	}
	count, err := number('*')
	if err != nil {
		return nil, nil, err
	}
	for range count {
		size, err := number('$')
		if err != nil {
			return nil, nil, err
		}
		word := make([]byte, size+2)
		if _, err := io.ReadFull(in, word); err != nil {
			return nil, nil, err
		}
		raw = append(raw, word...)
		words = append(words, string(word[:size]))
	}
	return raw, words, nil
}
