package show

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guodu/cmd/demo/stage"
	"guodu/internal/fen"
)

func TestEachFenIsInOnePlace(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		paid, refunded, credited, pending, held, card fen.Fen

		want  books
		holds bool
	}{
		"nothing":                      {holds: true},
		"paid, no callback yet":        {paid: 50, want: books{Paid: 50, Flying: 50}, holds: true},
		"credited":                     {paid: 50, credited: 50, pending: 50, want: books{Paid: 50, Pending: 50}, holds: true},
		"held for a load":              {paid: 50, credited: 50, held: 50, want: books{Paid: 50, Held: 50}, holds: true},
		"on the card, nobody has told": {paid: 50, credited: 50, held: 50, card: 50, want: books{Paid: 50, Card: 50, Doubled: 50}, holds: true},
		"confirmed":                    {paid: 50, credited: 50, card: 50, want: books{Paid: 50, Card: 50}, holds: true},
		"held for a refund":            {paid: 50, credited: 50, pending: 30, held: 20, want: books{Paid: 50, Pending: 30, Held: 20}, holds: true},
		"refunded, nobody has told":    {paid: 50, refunded: 20, credited: 50, pending: 30, held: 20, want: books{Paid: 30, Pending: 30, Doubled: 20}, holds: true},
		"refunded":                     {paid: 50, refunded: 20, credited: 50, pending: 30, want: books{Paid: 30, Pending: 30}, holds: true},
		"credited twice":               {paid: 50, credited: 50, pending: 100, want: books{Paid: 50, Pending: 100}, holds: false},
		"lost":                         {paid: 50, credited: 50, want: books{Paid: 50}, holds: false},
	} {
		got := place(tc.paid, tc.refunded, tc.credited, tc.pending, tc.held, tc.card)
		if diff := cmp.Diff(tc.want, got); diff != "" || got.holds() != tc.holds {
			t.Errorf("%s: holds %t, want %t (-want +got):\n%s", name, got.holds(), tc.holds, diff)
		}
	}
}

func TestTheLogIsToldInBothLanguages(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		line   string
		tone   string
		zh, en string // in it; empty: the line is left out
	}{
		{`{"msg":"settle","order":"26","amount_fen":5000,"outcome":"credited","source":"query"}`, "good", "主动查询：订单 26 入账 50.00 元", "order 26 is credited, 50.00 yuan"},
		{`{"msg":"settle","order":"26","amount_fen":5000,"outcome":"duplicate","source":"callback"}`, "good", "早已入账", "nothing moves"},
		{`{"msg":"tap","load":"40","attempt":2,"amount_fen":2000}`, "", "第 2 次", "attempt 2"},
		{`{"msg":"tap","reason":"nothing_pending","confirmed":"40"}`, "", "已写卡", "was written"},
		{`{"msg":"tap","reason":"nothing_pending","confirmed":""}`, "", "", ""},
		{`{"msg":"order","order":"26","amount_fen":100,"channel":"alipay","new":true}`, "", "支付宝预下单", "told to Alipay"},
		{`{"msg":"order","order":"26","amount_fen":100,"channel":"alipay","new":false}`, "", "", ""},
		{`{"level":"ERROR","msg":"page","error":"read account: redis: unavailable: dial unix /x"}`, "bad", "连不上 Redis", "cannot reach Redis"},
		{`{"level":"INFO","msg":"query"}`, "", "", ""},
	} {
		l := stage.Line{Fields: map[string]any{}}
		decoder := json.NewDecoder(strings.NewReader(tc.line))
		decoder.UseNumber()
		if err := decoder.Decode(&l.Fields); err != nil {
			t.Fatal(err)
		}
		l.Message = l.Text("msg")
		text, tone, told := words(l)
		if told != (tc.zh != "") {
			t.Errorf("%s is told: %t", tc.line, told)
		}
		if told && (tone != tc.tone || !strings.Contains(text.ZH, tc.zh) || !strings.Contains(text.EN, tc.en)) {
			t.Errorf("%s is %q %q %q", tc.line, tone, text.ZH, text.EN)
		}
	}
}

func TestAnotherSitePressesNoButtons(t *testing.T) {
	t.Parallel()
	pressed := 0
	handler := fromHere(func(http.ResponseWriter, *http.Request) { pressed++ })
	for origin, want := range map[string]int{
		"http://127.0.0.1:8080": http.StatusOK, "http://evil.example": http.StatusForbidden, "": http.StatusForbidden, "null": http.StatusForbidden,
	} {
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8080/demo/do/tap", nil)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("from %q: %d, want %d", origin, w.Code, want)
		}
	}
	if pressed != 1 {
		t.Errorf("pressed %d times, want once", pressed)
	}
}

func TestALatePageIsToldWhatWasAndALaggingOneIsSentAway(t *testing.T) {
	t.Parallel()
	f := newFeed()
	f.send("said", map[string]string{"text": "first"})
	f.send("state", map[string]int{"n": 1})
	f.send("state", map[string]int{"n": 2})
	reader := f.open()
	if got := <-reader; !strings.Contains(got, "first") {
		t.Errorf("first told is %q", got)
	}
	if got := <-reader; !strings.Contains(got, `{"n":2}`) {
		t.Errorf("then %q, want the last state", got)
	}
	for range kept + ahead + 1 {
		f.send("said", map[string]string{"text": "more"})
	}
	told := 0
	for range reader { // ends, because it was closed
		told++
	}
	if told != kept+ahead {
		t.Errorf("told %d lines before it was sent away, want %d", told, kept+ahead)
	}
}

func TestPagesInTheFrameGetTheBridgeAndOthersAreUntouched(t *testing.T) {
	t.Parallel()
	const page = "<html><head><title>x</title></head><body></body></html>"
	agent := ""
	handler := inApp(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		agent = r.UserAgent()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("X-Frame-Options", "DENY")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		_, _ = w.Write([]byte(page))
	}))
	for _, framed := range []bool{true, false} {
		r := httptest.NewRequest(http.MethodGet, "/h5/alipay/card", nil)
		if framed {
			r.Header.Set("Sec-Fetch-Dest", "iframe")
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		bridged := strings.Contains(w.Body.String(), "bridge.js") && strings.Contains(agent, "AlipayClient") &&
			w.Header().Get("X-Frame-Options") == "" && strings.Contains(w.Header().Get("Content-Security-Policy"), "frame-ancestors 'self'")
		untouched := w.Body.String() == page && agent == "" && w.Header().Get("X-Frame-Options") == "DENY" &&
			strings.Contains(w.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'")
		if bridged != framed || untouched == framed {
			t.Errorf("framed %t: %s %v, as %q", framed, w.Body, w.Header(), agent)
		}
	}
}
