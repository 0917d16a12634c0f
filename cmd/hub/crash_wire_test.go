package main_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// wire stands between terminals and the public address. It loses what it is told
// to lose, and keeps what shall arrive later.
type wire struct {
	url    string
	host   string
	front  string
	client *http.Client
	revive func() // after an answer that says that something behind it has died

	mu   sync.Mutex
	jobs []*job
}

// way is what the wire does to one message.
type way int

const (
	keepRequest way = iota // it does not arrive; deliver brings it later
	copyRequest            // it arrives, and deliver brings it once more
	loseAnswer             // it arrives, and nobody hears what came of it
)

// job waits for one message of one terminal.
type job struct {
	wire     *wire
	terminal string
	suffix   string
	way      way
	done     bool
	request  *http.Request // as it went over the wire
	body     []byte
}

func newWire(t *testing.T, front string) *wire {
	t.Helper()
	w := &wire{front: front, client: &http.Client{}, revive: func() {}}
	server := httptest.NewServer(http.HandlerFunc(w.pass))
	t.Cleanup(server.Close)
	t.Cleanup(w.client.CloseIdleConnections)
	w.url, w.host = server.URL, strings.TrimPrefix(server.URL, "http://")
	return w
}

// next does this to the terminal's next message whose path ends so.
func (w *wire) next(terminal, suffix string, do way) *job {
	j := &job{wire: w, terminal: terminal, suffix: suffix, way: do}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.jobs = append(w.jobs, j)
	return j
}

var keyID = regexp.MustCompile(`;keyid="([^"]+)"`)

// take finds the job that waits for this request.
func (w *wire) take(r *http.Request, body []byte) *job {
	found := keyID.FindStringSubmatch(r.Header.Get("Signature-Input"))
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, j := range w.jobs {
		if found != nil && !j.done && j.terminal == found[1] && strings.HasSuffix(r.URL.Path, j.suffix) {
			j.done, j.request, j.body = true, r, body
			return j
		}
	}
	return nil
}

func (w *wire) pass(out http.ResponseWriter, in *http.Request) {
	body, err := io.ReadAll(in.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	j := w.take(in, body)
	if j != nil && j.way == keepRequest {
		panic(http.ErrAbortHandler) // the connection is cut: no answer
	}
	answer, text, err := w.send(in.Context(), in, body)
	if err != nil || answer.StatusCode == http.StatusBadGateway || answer.StatusCode == http.StatusServiceUnavailable {
		w.revive()
		panic(http.ErrAbortHandler)
	}
	if j != nil && j.way == loseAnswer {
		panic(http.ErrAbortHandler)
	}
	for name, values := range answer.Header {
		out.Header()[name] = values
	}
	out.WriteHeader(answer.StatusCode)
	_, _ = out.Write(text)
}

// send passes a request on byte for byte: it is signed.
func (w *wire) send(ctx context.Context, in *http.Request, body []byte) (*http.Response, []byte, error) {
	to, err := url.Parse(w.front)
	if err != nil {
		return nil, nil, err
	}
	to.Path, to.RawQuery = in.URL.Path, in.URL.RawQuery
	out, err := http.NewRequestWithContext(ctx, in.Method, to.String(), bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	out.Header, out.Host = in.Header.Clone(), in.Host
	answer, err := w.client.Do(out)
	if err != nil {
		return nil, nil, err
	}
	text, err := io.ReadAll(answer.Body)
	if closed := answer.Body.Close(); err == nil {
		err = closed
	}
	return answer, text, err
}

// deliver brings the message that was kept, and returns what nobody waits for any
// more: it must be one that the hub answers as it should.
func (j *job) deliver(s *scene) string {
	s.t.Helper()
	if j.request == nil {
		s.t.Fatalf("no message %s of terminal %s has come by", j.suffix, j.terminal)
	}
	answer, text, err := j.wire.send(s.c.ctx, j.request, j.body)
	if err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", answer.StatusCode, text)
}

// met fails the test unless the message came by.
func (j *job) met(s *scene) {
	s.t.Helper()
	j.wire.mu.Lock()
	defer j.wire.mu.Unlock()
	if !j.done {
		s.t.Errorf("no message %s of terminal %s came by", j.suffix, j.terminal)
	}
}
