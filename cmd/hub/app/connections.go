package app

import (
	"context"
	"net"
	"net/netip"
	"sync"

	"guodu/internal/limit"
	"guodu/internal/refusal"
)

// connectionsShare is the part of all connections that one address may have.
const connectionsShare = 4

// bounded is a listener that closes at once what is above its bounds: a flood is not
// to keep others waiting. It is safe for concurrent use.
type bounded struct {
	net.Listener
	most     int
	trusted  func(netip.Addr) bool // proxies, through which all come
	refusals *refusal.Log

	mu   sync.Mutex
	open int
	of   map[netip.Addr]int
}

// limitConnections bounds the connections of a listener, and those of one address (of
// IPv6, of its /64) to a quarter of them. This machine and trusted proxies have all.
func limitConnections(l net.Listener, most int, trusted func(netip.Addr) bool, refusals *refusal.Log) net.Listener {
	return &bounded{Listener: l, most: most, trusted: trusted, refusals: refusals, of: map[netip.Addr]int{}}
}

// Accept implements net.Listener.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := peer(conn)
		if b.take(from) {
			return &counted{Conn: conn, end: func() { b.give(from) }}, nil
		}
		b.refusals.Note(context.Background(), "connection", "too_many", "address", from.String())
		_ = conn.Close()
	}
}

func peer(conn net.Conn) netip.Addr {
	at, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

func (b *bounded) take(from netip.Addr) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	exempt, from := from.IsLoopback() || b.trusted != nil && b.trusted(from), limit.NetworkOf(from)
	if b.open >= b.most || !exempt && b.of[from] >= max(1, b.most/connectionsShare) {
		return false
	}
	b.open++
	b.of[from]++
	return true
}

func (b *bounded) give(from netip.Addr) {
	from = limit.NetworkOf(from)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open--
	b.of[from]--
	if b.of[from] == 0 {
		delete(b.of, from)
	}
}

// counted is a connection that is counted until it is closed.
type counted struct {
	net.Conn
	once sync.Once
	end  func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.end)
	return err
}
