package app

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"guodu/internal/refusal"
)

// script is a listener whose connections come from these addresses.
type script struct {
	net.Listener
	from []string
}

func (s *script) Accept() (net.Conn, error) {
	if len(s.from) == 0 {
		return nil, errors.New("no more")
	}
	addr := net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(s.from[0]), 1))
	s.from = s.from[1:]
	a, b := net.Pipe()
	_ = b.Close()
	return from{a, addr}, nil
}

type from struct {
	net.Conn
	addr net.Addr
}

func (f from) RemoteAddr() net.Addr { return f.addr }

func TestConnectionsAreBoundedInAllAndOfOneAddress(t *testing.T) {
	registry := prometheus.NewRegistry()
	source := &script{}
	l := limitConnections(source, 8, func(a netip.Addr) bool { return a == netip.MustParseAddr("10.0.0.1") },
		refusal.New(refusal.Config{Registry: registry}))
	accepted := func(from ...string) (got []net.Conn) {
		source.from = from
		for {
			conn, err := l.Accept()
			if err != nil {
				return got
			}
			got = append(got, conn)
		}
	}
	six := accepted("2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:0:ffff::4", "2001:db8:0:1::1")
	if len(six) != 3 {
		t.Errorf("one network of IPv6 and another have %d of 8 connections, want 2 and 1", len(six))
	}
	for _, conn := range six {
		_ = conn.Close()
	}
	flood := accepted("192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1")
	if len(flood) != 2 {
		t.Errorf("one address has %d of 8 connections", len(flood))
	}
	proxied := accepted("10.0.0.1", "10.0.0.1", "10.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1")
	if len(proxied) != 6 {
		t.Errorf("the proxy and this machine have %d connections, want the 6 that are left", len(proxied))
	}
	if more := accepted("192.0.2.2", "127.0.0.1"); len(more) != 0 {
		t.Errorf("%d connections above all that there may be", len(more))
	}
	_ = flood[0].Close()
	_ = flood[0].Close() // counted once
	if more := accepted("192.0.2.2", "192.0.2.3"); len(more) != 1 {
		t.Errorf("one was closed, and %d come in", len(more))
	}
	if n := testutil.CollectAndCount(registry, "guodu_refusals_total"); n != 1 {
		t.Errorf("%d counters", n)
	}
	families, err := registry.Gather()
	if err != nil || families[0].GetMetric()[0].GetCounter().GetValue() != 7 {
		t.Errorf("refused: %v, %v; want 7", families, err)
	}
}
