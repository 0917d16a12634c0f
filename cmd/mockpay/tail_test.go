package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"guodu/channels"
	"guodu/mocks/sim"
)

// paper is an output that tests wait on.
type paper struct {
	mu    sync.Mutex
	text  bytes.Buffer
	wrote chan struct{}
}

func newPaper() *paper { return &paper{wrote: make(chan struct{}, 1)} }

func (p *paper) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case p.wrote <- struct{}{}:
	default:
	}
	return p.text.Write(text)
}

func (p *paper) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// wait returns when a pattern is on the paper.
func (p *paper) wait(t *testing.T, pattern string) {
	t.Helper()
	form := regexp.MustCompile(pattern)
	deadline := time.After(2 * time.Minute)
	for !form.MatchString(p.String()) {
		select {
		case <-p.wrote:
		case <-deadline:
			t.Fatalf("no %s in:\n%s", pattern, p)
		}
	}
}

func TestTailShowsALineForEachRequestAndCallbackAndNoSecret(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(context.Background())
	out := newPaper()
	status := make(chan int, 1)
	go func() { status <- start(ctx, append([]string{"--calm", "--tail"}, anywhere...), out, io.Discard) }()
	t.Cleanup(func() {
		stop()
		<-status
	})
	out.wait(t, regexp.QuoteMeta(lastLine))
	s := &serving{printed: out.String()}
	s.read(t)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "no") {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = w.Write([]byte("success"))
	}))
	defer shop.Close()
	wx, ali := hubChannels(t, s)
	payers := map[string]channels.Payer{"wechat": {Kind: "openid", ID: s.merchant.WeChat.PayerOpenID}, "alipay": {Kind: "user_id", ID: s.merchant.Alipay.BuyerID}}
	for name, channel := range map[string]channels.Channel{"wechat": wx, "alipay": ali} {
		base := map[string]string{"wechat": s.merchant.WeChat.Base, "alipay": s.merchant.Alipay.AuthorizeBase}[name]
		for order0, path := range map[string]string{"order0001": "/yes", "order0002": "/no"} {
			made, err := channel.Prepay(t.Context(), order(order0, payers[name], shop.URL+path))
			if err != nil {
				t.Fatal(err)
			}
			post(t, base+"/_sim/cashier", made.Params)
		}
		_, _ = channel.Query(t.Context(), "order0003")
	}
	stamp := `(?m)^\d\d:\d\d:\d\d  `
	for _, line := range []string{
		`wechat  order0001  <- prepay: 200$`, `wechat  order0001  -> callback: 200, accepted$`, `wechat  order0002  -> callback: 500, not accepted$`,
		`wechat  order0003  <- query: 404 ORDER_NOT_EXIST$`, `wechat  order0001  <- cashier: 200$`,
		`alipay  order0001  <- create: 10000$`, `alipay  order0001  -> notify: 200, accepted$`, `alipay  order0002  -> notify: 500, not accepted$`,
		`alipay  order0003  <- query: 40004 ACQ\.TRADE_NOT_EXIST$`,
	} {
		out.wait(t, stamp+line)
	}
	_, lines, _ := strings.Cut(out.String(), lastLine)
	var all map[string]any
	if err := json.Unmarshal(get(t, s.help+"/merchant.json"), &all); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"wechat", "alipay", "portal", "terminals"} {
		for name, value := range all[part].(map[string]any) {
			text, _ := value.(string)
			if text != "" && strings.Contains(lines, text) {
				t.Errorf("%s.%s is in the tail", part, name)
			}
		}
	}
}

func TestATailLineTellsWhatHappenedAndNothingElse(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 18, 0, 5, 0, time.Local)
	for want, c := range map[string]struct {
		gateway, order string
		e              sim.Event
	}{
		"18:00:05  wechat  order0001 refund R1  <- refund: 200": {"wechat", "order0001", sim.Event{Direction: "in", Name: "refund",
			RequestBody: `{"out_trade_no":"order0001","out_refund_no":"R1"}`, Status: 200}},
		"18:00:05  wechat  - refund R2  <- refund.query: 404 RESOURCE_NOT_EXISTS": {"wechat", "", sim.Event{Direction: "in", Name: "refund.query",
			URL: "/v3/refund/domestic/refunds/R2", Status: 404, ResponseBody: `{"code":"RESOURCE_NOT_EXISTS","message":"secret"}`}},
		"18:00:05  alipay  order0001 refund R3  <- refund: 40004 ACQ.TRADE_HAS_CLOSE": {"alipay", "order0001", sim.Event{Direction: "in", Name: "refund",
			RequestBody: "biz_content=%7B%22out_request_no%22%3A%22R3%22%7D&sign=secret", Status: 200, Code: "40004",
			ResponseBody: `{"alipay_trade_refund_response":{"code":"40004","sub_code":"ACQ.TRADE_HAS_CLOSE"}}`}},
		"18:00:05  wechat  order0001  -> callback: no answer, connection refused (on purpose: twice)": {"wechat", "order0001", sim.Event{Direction: "out", Name: "callback",
			Error: `callback: Post "http://127.0.0.1:1/n?token=secret": dial tcp 127.0.0.1:1: connect: connection refused`, Fault: "twice"}},
		"18:00:05  wechat  order0001  <- prepay: 401, the signature does not hold": {"wechat", "order0001", sim.Event{Direction: "in", Name: "prepay", Status: 401,
			Verdicts: []sim.Verdict{{Check: "signature", Text: "secret"}}}},
		"18:00:05  alipay  bad?[31m  <- query: 10000": {"alipay", "bad\x1b[31m", sim.Event{Direction: "in", Name: "query", Status: 200, Code: "10000"}},
		"18:00:05  portal  -  <- verify: 401":         {"portal", "", sim.Event{Direction: "in", Name: "verify", Status: 401, RequestBody: `{"password":"secret"}`}},
	} {
		c.e.Stamp = at
		if got := tailLine(c.gateway, c.order, c.e); got != want || strings.Contains(got, "secret") {
			t.Errorf("it is  %s\nwant   %s", got, want)
		}
	}
	if got := word(strings.Repeat("长", 100)); len([]rune(got)) != maxWord+1 {
		t.Errorf("a long number has %d characters", len([]rune(got)))
	}
}

// stuck is a terminal that stands still until it is let go.
type stuck struct{ begun, free chan struct{} }

func (s stuck) Write(text []byte) (int, error) {
	select {
	case s.begun <- struct{}{}:
	default:
	}
	<-s.free
	return len(text), nil
}

func TestATerminalThatStandsStillHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	terminal := stuck{make(chan struct{}, 1), make(chan struct{})}
	tail := newTail(terminal)
	tail.say("the first")
	<-terminal.begun // and it stands still with that one
	for range 2 * keptLines {
		tail.say("line") // would wait for ever
	}
	if tail.lost != keptLines {
		t.Errorf("%d lines are lost", tail.lost)
	}
	close(terminal.free)
	tail.close()
	tail.say("late")
	tail.close()
}
