package sim

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Loopback lets a request through if it names this machine as its host, and refuses
// all others: a page of somebody else's, whose name was made to point here, is not to
// press buttons (DNS rebinding). What it lets through is never taken for another type
// than it says. names are let through as well.
func Loopback(next http.Handler, names ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if !loopback(r.Host) && !slices.Contains(names, r.Host) {
			http.Error(w, "only localhost, 127.0.0.1 and [::1] are served: this is a simulator", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// loopback says whether a Host header names this machine, with any port or none.
func loopback(host string) bool {
	name := host
	if cut, port, err := net.SplitHostPort(host); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return false
		}
		name = cut
	} else if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		name = host[1 : len(host)-1]
	}
	if strings.EqualFold(name, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.IsLoopback()
}
