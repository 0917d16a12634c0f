package alipay_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"guodu/mocks/sim"
)

// parcel is a notify as it arrived.
type parcel struct {
	query       string
	contentType string
	body        string
	at          time.Duration // on the clock, since the start
}

// inbox is a merchant that keeps what it gets and answers as it is told.
type inbox struct {
	*httptest.Server
	clock *sim.Clock
	mu    sync.Mutex
	got   []parcel
}

func newInbox(t testing.TB, status int, words string) *inbox {
	t.Helper()
	in := &inbox{}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		in.mu.Lock()
		p := parcel{query: r.URL.RawQuery, contentType: r.Header.Get("Content-Type"), body: string(body)}
		if in.clock != nil {
			p.at = in.clock.Now().Sub(start)
		}
		in.got = append(in.got, p)
		in.mu.Unlock()
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, words)
	}))
	t.Cleanup(in.Close)
	return in
}

// times are when each notify came.
func (in *inbox) times() []time.Duration {
	var out []time.Duration
	for _, p := range in.all() {
		out = append(out, p.at)
	}
	return out
}

// statuses are what the notifies said, in their order.
func (in *inbox) statuses() []string {
	var out []string
	for _, p := range in.all() {
		out = append(out, p.fields().Get("trade_status"))
	}
	return out
}

// inbox is one on the bench's clock.
func (b *bench) inbox(status int, words string) *inbox {
	in := newInbox(b.t, status, words)
	in.clock = b.clock
	return in
}

func (in *inbox) all() []parcel {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.got)
}

// fields reads what can be read, like a lenient parser.
func (p parcel) fields() url.Values {
	values, _ := url.ParseQuery(p.body)
	return values
}

// verified checks a notify by the book: without sign, sign_type and
// alipay_cert_sn, everything else kept, all values of a name.
func (b *bench) verified(values url.Values) bool {
	b.t.Helper()
	var pairs []string
	for name, list := range values {
		if name == "sign" || name == "sign_type" || name == "alipay_cert_sn" {
			continue
		}
		for _, value := range list {
			pairs = append(pairs, name+"="+value)
		}
	}
	slices.Sort(pairs)
	return b.signedBy(strings.Join(pairs, "&"), values.Get("sign"))
}
