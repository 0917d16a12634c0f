package sim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// ErrNotLoopback says that something would leave this machine, or comes from
// outside of it.
var ErrNotLoopback = errors.New("simulator: loopback only")

// LoopbackHost says whether a host name is this machine.
func LoopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// PublicHost says whether a gateway in the internet could reach a host.
func PublicHost(host string) bool {
	ip := net.ParseIP(host)
	if ip != nil {
		return ip.IsGlobalUnicast() && !ip.IsPrivate()
	}
	return strings.Contains(host, ".") && !strings.HasSuffix(host, ".localhost")
}

// WebAddress is a complete http or https address, or nil.
func WebAddress(text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return nil
	}
	return u
}

// FromPages lets pages of other servers on this machine use a cashier: in the
// real world it is part of the app, where no origin matters.
func FromPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		u := WebAddress(origin)
		if u != nil && LoopbackHost(u.Hostname()) {
			h := w.Header()
			h.Set("Vary", "Origin")
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Credentials", "true") // the sim_person cookie
			h.Set("Access-Control-Allow-Headers", "Content-Type")
			h.Set("Access-Control-Allow-Methods", http.MethodPost)
		}
		next.ServeHTTP(w, r)
	})
}

// Preflight answers a browser's OPTIONS behind FromPages.
func Preflight(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

// LoopbackClient cannot reach anything but this machine, so that a real
// notify_url in a test never hears from a simulator.
func LoopbackClient() *http.Client {
	dialer := &net.Dialer{}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err == nil && !LoopbackHost(host) {
			err = ErrNotLoopback
		}
		if err != nil {
			return nil, fmt.Errorf("dial %s: %w", address, err)
		}
		return dialer.DialContext(ctx, network, address)
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 64}}
}

// CallbackClient is client with a gateway's rules: redirects are answers, and
// the deadline is the callback's own. Nil is [LoopbackClient].
func CallbackClient(client *http.Client) *http.Client {
	if client == nil {
		client = LoopbackClient()
	}
	own := *client
	own.Timeout = 0
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}
