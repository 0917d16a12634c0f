package sim_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"guodu/mocks/sim"
)

func TestOnlyTheNamesOfThisMachineAreServed(t *testing.T) {
	served := 0
	handler := sim.Loopback(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ }))
	for host, want := range map[string]int{
		"localhost": 200, "localhost:8080": 200, "LOCALHOST:1": 200, "127.0.0.1:9000": 200, "127.0.0.1": 200, "127.3.2.1:9": 200, "[::1]:9000": 200, "[::1]": 200,
		"evil.example": 403, "localhost.evil.example": 403, "127.0.0.1.evil.example:80": 403, "127.0.0.1:80@evil.example": 403, "": 403, "localhost.:80": 403,
		"10.0.0.1": 403, "0.0.0.0:80": 403, "[::ffff:10.0.0.1]": 403, "evil.example:127": 403, "xlocalhost": 403, "127.0.0.1 evil.example": 403, "0177.0.0.1": 403,
	} {
		before := served
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
		r.Host = host
		handler.ServeHTTP(w, r)
		if w.Code != want || (served > before) != (want == 200) || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("Host %q: %d, want %d", host, w.Code, want)
		}
	}
}
