package alipay

import (
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
)

// trouble is what an endpoint can be in without breaking the connection.
type trouble int

const (
	broken trouble = iota
	brokenInside
	limited
)

// dialect is how one family of endpoints says that it is in trouble.
type dialect func(*Sim, *call, trouble) answer

func inGateway(s *Sim, c *call, what trouble) answer {
	reasons := map[trouble]*refusal{broken: unavailable(), brokenInside: systemError(), limited: callLimited()}
	return s.fail(c, reasons[what])
}

func inPage(_ *Sim, _ *call, what trouble) answer {
	if what == limited {
		return textPage(http.StatusTooManyRequests, "系统繁忙，请稍后再试")
	}
	return textPage(http.StatusInternalServerError, "系统错误")
}

func inBridge(_ *Sim, _ *call, what trouble) answer {
	if what == limited {
		return bridge(resultNetwork, "")
	}
	return bridge(resultUnknown, "")
}

// before acts out the faults that come before the work. done says that the
// request is over; otherwise the work goes on.
func (s *Sim) before(c *call, say dialect, kind FaultKind) (done bool) {
	switch kind {
	case FaultErrorBefore:
		s.send(c, say(s, c, broken))
	case FaultSystemErrorBefore:
		s.send(c, say(s, c, brokenInside))
	case FaultCallLimited:
		s.send(c, say(s, c, limited))
	case FaultBadGateway:
		s.send(c, textPage(http.StatusBadGateway, "502 Bad Gateway"))
	case FaultHangBefore:
		s.hang(c)
	case FaultResetBefore:
		s.reset(c)
	default:
		return false
	}
	return true
}

// after sends what the work came to, or what the fault makes of it.
func (s *Sim) after(c *call, say dialect, kind FaultKind, a answer) {
	switch kind {
	case FaultErrorAfter:
		a = say(s, c, broken)
	case FaultSystemErrorAfter:
		a = say(s, c, brokenInside)
	case FaultUnsigned:
		a.signed = false
	case FaultFlipped:
		a.flipped = a.signed
	case FaultHangAfter:
		s.hang(c)
	case FaultResetAfter:
		s.reset(c)
		return
	case FaultTruncate:
		s.truncate(c, a)
	}
	s.send(c, a)
}

// hang keeps the caller waiting until it gives up or the simulator closes, and
// then breaks the connection, for anything written would be an answer.
func (s *Sim) hang(c *call) {
	s.incident(c, "hang")
	select {
	case <-c.request.Context().Done():
	case <-s.ctx.Done():
	}
	s.opts.Logger.Debug("alipay simulator: lets go", slog.String("endpoint", c.endpoint))
	panic(http.ErrAbortHandler)
}

// truncate promises the whole body and sends half of it, at least if there is
// one to cut.
func (s *Sim) truncate(c *call, a answer) {
	a, err := s.finished(a)
	s.incident(c, "truncated")
	if err == nil && a.body != "" {
		maps.Copy(c.w.Header(), a.header())
		c.w.WriteHeader(a.status)
		_, _ = io.WriteString(c.w, a.body[:len(a.body)/2])
		// Unflushed bytes would die with the connection, and then this would be
		// no different from a reset.
		_ = http.NewResponseController(c.w).Flush()
	}
	panic(http.ErrAbortHandler)
}

// reset ends the connection with RST rather than FIN where the transport can.
func (s *Sim) reset(c *call) {
	s.incident(c, "reset")
	conn, _, err := http.NewResponseController(c.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	tcp, isTCP := conn.(*net.TCPConn)
	if isTCP {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// incident counts and logs a request that gets no whole answer.
func (s *Sim) incident(c *call, name string) {
	s.tally.add(c.endpoint + "." + name)
	s.opts.Logger.Debug("alipay simulator: "+name, slog.String("endpoint", c.endpoint))
}
