package stage_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"guodu/cmd/demo/stage"
)

// TestOnlyThisMachinesNamesReachTheDemo: a page of somebody else's, whose name points
// here, is served nothing and presses no button.
func TestOnlyThisMachinesNamesReachTheDemo(t *testing.T) {
	s, err := stage.Open(t.Context(), stage.Options{Seed: 1, Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	reached := 0
	s.Show(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			reached++
			_, _ = io.WriteString(w, "done")
		})
	})
	for host, want := range map[string]int{"": 200, "localhost:80": 200, "evil.example": 403, "127.0.0.1.evil.example": 403} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/kill/hub", strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		req.Header.Set("Origin", "http://"+host)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("Host %q: %d, want %d", host, res.StatusCode, want)
		}
	}
	if reached != 2 {
		t.Errorf("%d requests reached what is shown, want 2", reached)
	}
}
