package wechatpay

import (
	"net"
	"net/http"
)

// dialect is how one family of endpoints says that it is in trouble.
type dialect struct {
	broken  func(*Sim) answer
	tooMany func(*Sim) answer
}

var (
	apiDialect = dialect{
		broken:  func(*Sim) answer { return systemError() },
		tooMany: func(*Sim) answer { return frequencyLimited() },
	}
	tokenDialect = dialect{
		broken:  func(s *Sim) answer { return s.tokenError(-1, "system error") },
		tooMany: func(s *Sim) answer { return s.tokenError(45011, "api minute-quota reach limit, must slower") },
	}
	pageDialect = dialect{
		broken: func(*Sim) answer {
			return page(http.StatusInternalServerError, "<h1>500 Internal Server Error</h1>")
		},
		tooMany: func(*Sim) answer {
			return page(http.StatusTooManyRequests, "<h1>429 Too Many Requests</h1>")
		},
	}
)

func page(status int, html string) answer {
	return answer{status: status, kind: typeHTML, body: []byte("<html><body>" + html + "</body></html>")}
}

// before acts out the faults that come before the work. done says that the
// request is over; otherwise the work goes on.
func (s *Sim) before(c *call, d dialect, kind FaultKind) (done bool) {
	switch kind {
	case FaultErrorBefore:
		s.finish(c, d.broken(s))
	case FaultTooMany:
		s.finish(c, d.tooMany(s))
	case FaultBadGateway:
		s.finish(c, page(http.StatusBadGateway, "<h1>502 Bad Gateway</h1>"))
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
func (s *Sim) after(c *call, d dialect, kind FaultKind, a answer) {
	switch kind {
	case FaultErrorAfter:
		s.finish(c, d.broken(s))
	case FaultHangAfter:
		s.hang(c)
	case FaultResetAfter:
		s.reset(c)
	case FaultTruncate:
		s.truncate(c, a)
	case FaultSigntest:
		a.signtest = a.signed && a.status < http.StatusMultipleChoices
		s.finish(c, a)
	default:
		s.finish(c, a)
	}
}

// note counts and logs a request that gets no whole answer.
func (s *Sim) note(c *call, counter, message string) {
	s.counts.add(c.endpoint + counter)
	s.opts.Logger.Debug(message, "endpoint", c.endpoint)
}

// hang keeps the caller waiting until it gives up or the simulator closes, and
// then breaks the connection, for anything written would be an answer.
func (s *Sim) hang(c *call) {
	s.note(c, ".hang", "wechatpay simulator: hangs")
	select {
	case <-c.request.Context().Done():
	case <-s.ctx.Done():
	}
	s.opts.Logger.Debug("wechatpay simulator: lets go", "endpoint", c.endpoint)
	panic(http.ErrAbortHandler)
}

// truncate promises the whole body and sends half of it.
func (s *Sim) truncate(c *call, a answer) {
	if len(a.body) == 0 {
		s.reset(c) // no body to cut
		return
	}
	s.note(c, ".truncated", "wechatpay simulator: cuts the answer")
	h, err := s.header(a)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	for name, values := range h {
		c.w.Header()[name] = values
	}
	c.w.WriteHeader(a.status)
	_, err = c.w.Write(a.body[:len(a.body)/2])
	if err == nil {
		// Unflushed bytes would die with the connection, and with them the
		// difference between this fault and a reset.
		_ = http.NewResponseController(c.w).Flush()
	}
	panic(http.ErrAbortHandler)
}

// reset ends the connection with RST rather than FIN where the transport can.
func (s *Sim) reset(c *call) {
	s.note(c, ".reset", "wechatpay simulator: resets the connection")
	conn, _, err := http.NewResponseController(c.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
