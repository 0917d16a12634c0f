package app_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"guodu/cmd/demo/world"
	"guodu/cmd/hub/app"
	"guodu/internal/redistest"
	"guodu/mocks/terminal"
)

// inFlight is how many requests a benchmark has under way at once.
const inFlight = 64

// recorder keeps the requests that pass through it.
type recorder struct {
	next     http.Handler
	requests []*http.Request
	bodies   [][]byte
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	r.requests, r.bodies = append(r.requests, request.Clone(context.Background())), append(r.bodies, body)
	request.Body = io.NopCloser(bytes.NewReader(body))
	r.next.ServeHTTP(w, request)
}

// running is a hub in this process over a real Redis, in a world.
func running(b *testing.B) (*world.World, *app.Hub, *recorder) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	w, err := world.New(ctx, world.Options{Dir: b.TempDir(), PublicURL: "http://" + listener.Addr().String(), Seed: 1, Log: log})
	if err != nil {
		b.Fatal(err)
	}
	config, err := app.Load(w.ConfigFile)
	if err != nil {
		b.Fatal(err)
	}
	config.Redis.Addrs = []string{redistest.Start(b).Addr()}
	config.Ephemeral.Addrs = []string{redistest.Start(b, redistest.Ephemeral).Addr()}
	hub, err := app.New(ctx, config, app.Options{Log: log, Begin: true})
	if err != nil {
		b.Fatal(err)
	}
	if err := w.Furnish(ctx, hub); err != nil {
		b.Fatal(err)
	}
	record := &recorder{next: hub.Handler()}
	server := &http.Server{Handler: record} // #nosec G112 -- loopback, in a benchmark
	go func() { _ = server.Serve(listener) }()
	b.Cleanup(func() {
		_ = server.Close()
		hub.Close()
		w.Close()
		cancel()
	})
	return w, hub, record
}

// serve runs a handler on requests, inFlight at once, and wants one status.
func serve(b *testing.B, handler http.Handler, status int, request func() *http.Request) {
	b.SetParallelism(inFlight / 2)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, request())
			if w.Code != status {
				b.Errorf("status %d, want %d: %s", w.Code, status, w.Body)
				return
			}
		}
	})
}

func bare(b *testing.B, body []byte) {
	e := echo.New()
	e.POST("/", func(c echo.Context) error {
		_, _ = io.Copy(io.Discard, c.Request().Body)
		return c.NoContent(http.StatusNoContent)
	})
	serve(b, e, http.StatusNoContent, func() *http.Request {
		return httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	})
}

// BenchmarkCallback replays one signed callback: verified, settled as a
// duplicate (which writes, with an fsync), answered.
func BenchmarkCallback(b *testing.B) {
	ctx := context.Background()
	w, hub, record := running(b)
	holder, err := w.Phone("wechat")
	if err != nil {
		b.Fatal(err)
	}
	if err := holder.Bind(ctx, world.Username, world.Password); err != nil {
		b.Fatal(err)
	}
	order, err := holder.Recharge(ctx, "50.00")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := w.WeChat.Deliver(ctx, order, 1); err != nil {
		b.Fatal(err)
	}
	last := len(record.requests) - 1
	header, body := record.requests[last].Header, record.bodies[last]
	b.Run("bare", func(b *testing.B) { bare(b, body) })
	b.Run("whole", func(b *testing.B) {
		serve(b, hub.Handler(), http.StatusNoContent, func() *http.Request {
			r := httptest.NewRequest(http.MethodPost, "/notify/wechat", bytes.NewReader(body))
			r.Header = header
			return r
		})
	})
}

// BenchmarkTap sends signed taps of a card for which nothing is pending; each
// uses up its nonce (with an fsync) and gets a signed answer. Signing by the
// terminal is part of the time.
func BenchmarkTap(b *testing.B) {
	ctx := context.Background()
	w, hub, _ := running(b)
	pos, err := w.Terminal(nil)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := pos.SignIn(ctx); err != nil {
		b.Fatal(err)
	}
	body := []byte(`{"tap_id":"benchmark","card_no":"` + world.CardNo + `","card_uid":"` + world.CardUID + `","version":"1","L":0,"B":0,"P":0}`)
	b.Run("bare", func(b *testing.B) { bare(b, body) })
	b.Run("whole", func(b *testing.B) {
		serve(b, hub.Handler(), http.StatusOK, func() *http.Request {
			r, err := pos.Build(ctx, terminal.Request{Method: http.MethodPost, Path: "/pos/v1/taps", Body: body})
			if err != nil {
				b.Error(err)
			}
			r.RequestURI = "/pos/v1/taps"
			r.Host = r.URL.Host
			return r
		})
	})
}
