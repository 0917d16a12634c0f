package stage

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
)

// front is the public address: a reverse proxy before the hub, as a web server
// would be, and beside it whatever else is shown.
type front struct {
	hub   atomic.Pointer[url.URL] // nil while there is none
	other atomic.Pointer[http.Handler]
	proxy *httputil.ReverseProxy
}

// prefixes are the hub's paths.
func prefixes() []string { return []string{"/h5/", "/notify/", "/pos/"} }

func newFront(log *slog.Logger) *front {
	f := &front{}
	f.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(f.hub.Load())
			r.Out.Host = r.In.Host // what terminals sign
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			log.Debug("front", "error", err)
			away(w)
		},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return f
}

// to points the front at a hub, or at none.
func (f *front) to(addr string) {
	if addr == "" {
		f.hub.Store(nil)
		return
	}
	f.hub.Store(&url.URL{Scheme: "http", Host: addr})
}

// ServeHTTP implements http.Handler.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if other := f.other.Load(); other != nil {
		(*other).ServeHTTP(w, r)
		return
	}
	f.toHub(w, r)
}

func (f *front) toHub(w http.ResponseWriter, r *http.Request) {
	for _, prefix := range prefixes() {
		if !strings.HasPrefix(r.URL.Path, prefix) {
			continue
		}
		if f.hub.Load() == nil {
			away(w)
			return
		}
		f.proxy.ServeHTTP(w, r)
		return
	}
	http.NotFound(w, r)
}

// away is what a web server says while the hub behind it is dead. A page asks
// again by itself; a channel and a terminal do so too.
func away(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Refresh", "1")
	w.WriteHeader(http.StatusBadGateway)
	fmt.Fprintln(w, `<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">`+
		`<title>502</title><body style="font-family: sans-serif; text-align: center; padding: 4em 1em"><h1>502</h1><p>hub 没有运行，正在等它回来……</p>`+
		`<p lang="en">The hub is not running. Waiting for it.</p></body></html>`)
}
