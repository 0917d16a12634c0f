package sim

import (
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"time"
)

const maxRequestBytes = 64 << 10

// Stand is what all endpoints of one gateway share.
type Stand struct {
	Name     string
	Host     *Host
	Clock    *Clock
	Faults   *Faults
	Kinds    map[FaultKind]KindInfo
	Counts   *Counters
	Timeline *Timeline
	Log      *slog.Logger
}

// Call is one request with its body already read.
type Call struct {
	Endpoint string
	W        http.ResponseWriter
	Request  *http.Request
	Body     []byte
	// Fault is what will be done to the answer, or to the work itself.
	Fault Fault
	// Order is set by the work, for the timeline.
	Order string
	// Data is the gateway's own.
	Data     any
	verdicts []Verdict
}

// Note keeps what was checked, and the result, for the timeline.
func (c *Call) Note(check string, ok bool, text string) {
	c.verdicts = append(c.verdicts, Verdict{check, ok, text})
}

// Answer is what goes over the wire. Code is what it is counted by.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Code   string
}

// Endpoint is one path of a gateway, which answers with its own type A.
type Endpoint[A any] struct {
	// Name is what it is counted by and where its faults are.
	Name string
	// Do does the work.
	Do func(*Call) A
	// Unreadable answers to a body that is too large or broken off.
	Unreadable func(*Call, error) A
	// Say answers a fault of [ActSay].
	Say func(*Call, FaultKind) A
	// Bend changes an answer by a fault of [ActBend].
	Bend func(*Call, A, FaultKind) A
	// Wire signs an answer and makes it fit to send.
	Wire func(*Call, A) (Answer, error)
}

// Serve reads the request, lets a fault come first, works, lets a fault come
// between, answers, and notes it all. The body is read before anything else:
// only then does net/http notice that a caller has gone.
func Serve[A any](st *Stand, e Endpoint[A]) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		st.Counts.Add(e.Name)
		c := &Call{Endpoint: e.Name, W: w, Request: r}
		var err error
		c.Body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBytes))
		if err != nil {
			finish(st, e, c, e.Unreadable(c, err))
			return
		}
		c.Fault = st.Take(e.Name)
		info, faulty := st.Kinds[c.Fault.Kind]
		if faulty && info.When == Before && early(st, e, c, info) {
			return
		}
		a := e.Do(c)
		if faulty && info.When == After {
			late(st, e, c, info, a)
			return
		}
		finish(st, e, c, a)
	})
}

// Take takes the fault that strikes next at a place, and counts it as
// "fault.PLACE.KIND"; its kind is empty if none does.
func (st *Stand) Take(where string) Fault {
	f := st.Faults.Take(where)
	if f.Kind != "" {
		st.Counts.Add("fault." + where + "." + string(f.Kind))
	}
	return f
}

// early acts out a fault before the work. It says whether the request is over.
func early[A any](st *Stand, e Endpoint[A], c *Call, info KindInfo) bool {
	switch info.Act {
	case ActSay:
		finish(st, e, c, e.Say(c, c.Fault.Kind))
	case ActHang:
		hang(st, c)
	case ActReset:
		reset(st, c)
	case ActSlow:
		return !slow(st, c)
	default:
		return false
	}
	return true
}

// late sends what a fault makes of the work's answer.
func late[A any](st *Stand, e Endpoint[A], c *Call, info KindInfo, a A) {
	switch info.Act {
	case ActSay:
		a = e.Say(c, c.Fault.Kind)
	case ActBend:
		a = e.Bend(c, a, c.Fault.Kind)
	case ActHang:
		hang(st, c)
	case ActReset:
		reset(st, c)
		return
	case ActTruncate:
		truncate(st, e, c, a)
		return
	}
	finish(st, e, c, a)
}

// finish counts, notes and sends an answer.
func finish[A any](st *Stand, e Endpoint[A], c *Call, a A) {
	out, err := e.Wire(c, a)
	if err != nil {
		st.Log.Error(st.Name+": answer not made", "endpoint", c.Endpoint, "error", err)
		http.Error(c.W, err.Error(), http.StatusInternalServerError)
		return
	}
	st.Counts.Add(c.Endpoint + "." + out.Code)
	st.Log.Debug(st.Name+": answered", "endpoint", c.Endpoint, "status", out.Status, "code", out.Code)
	st.record(c, out, "")
	maps.Copy(c.W.Header(), out.Header)
	c.W.WriteHeader(out.Status)
	_, err = c.W.Write(out.Body)
	if err != nil {
		st.Log.Debug(st.Name+": answer not delivered", "endpoint", c.Endpoint, "error", err)
	}
}

// record notes the exchange in the timeline.
func (st *Stand) record(c *Call, out Answer, trouble string) {
	st.Timeline.Add(c.Order, Event{
		At: st.Clock.Now(), Stamp: time.Now(), Direction: "in", Name: c.Endpoint,
		Method: c.Request.Method, URL: hideSecret(c.Request.URL), RequestHeader: c.Request.Header.Clone(),
		RequestBody: string(c.Body), Status: out.Status, Code: out.Code, ResponseHeader: out.Header, ResponseBody: string(out.Body),
		Fault: c.Fault.Kind, Error: trouble, Verdicts: c.verdicts,
	})
}

// hideSecret is an address as the timeline keeps it: account secrets travel in
// query strings, and pages get shown to others.
func hideSecret(u *url.URL) string {
	q := u.Query()
	if !q.Has("secret") {
		return u.RequestURI()
	}
	q.Set("secret", "***")
	return u.EscapedPath() + "?" + q.Encode()
}

// incident counts and logs a request that gets no whole answer.
func (st *Stand) incident(c *Call, name, message string) {
	st.Counts.Add(c.Endpoint + "." + name)
	st.Log.Debug(st.Name+": "+message, "endpoint", c.Endpoint)
	st.record(c, Answer{}, message)
}

// hang keeps the caller waiting until it gives up or the simulator closes, and
// then breaks the connection, for anything written would be an answer.
func hang(st *Stand, c *Call) {
	st.incident(c, "hang", "hangs")
	select {
	case <-c.Request.Context().Done():
	case <-st.Host.Context().Done():
	}
	st.Log.Debug(st.Name+": lets go", "endpoint", c.Endpoint)
	panic(http.ErrAbortHandler)
}

// slow waits in real time. It says whether the caller is still there.
func slow(st *Stand, c *Call) bool {
	wait := time.NewTimer(c.Fault.Delay(time.Second))
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-c.Request.Context().Done():
	case <-st.Host.Context().Done():
	}
	return false
}

// truncate promises the whole body and sends half of it.
func truncate[A any](st *Stand, e Endpoint[A], c *Call, a A) {
	out, err := e.Wire(c, a)
	if err != nil || len(out.Body) == 0 {
		reset(st, c) // no body to cut
		return
	}
	st.incident(c, "truncated", "cuts the answer")
	maps.Copy(c.W.Header(), out.Header)
	c.W.WriteHeader(out.Status)
	_, err = c.W.Write(out.Body[:len(out.Body)/2])
	if err == nil {
		// Unflushed bytes would die with the connection, and with them the
		// difference between this fault and a reset.
		_ = http.NewResponseController(c.W).Flush()
	}
	panic(http.ErrAbortHandler)
}

// reset ends the connection with RST rather than FIN where the transport can.
func reset(st *Stand, c *Call) {
	st.incident(c, "reset", "resets the connection")
	conn, _, err := http.NewResponseController(c.W).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	tcp, isTCP := conn.(*net.TCPConn)
	if isTCP {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
