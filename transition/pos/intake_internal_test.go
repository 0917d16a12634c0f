package pos

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// watched says whether anybody read from it.
type watched struct {
	io.Reader
	read bool
}

func (w *watched) Read(p []byte) (int, error) {
	w.read = true
	return w.Reader.Read(p)
}

func (w *watched) Close() error { return nil }

func TestNothingOfABodyIsReadBeforeItsSenderIsProven(t *testing.T) {
	h := NewHandler(Config{Registry: &Registry{}})
	for name, change := range map[string]func(*http.Request){
		"unsigned":       func(*http.Request) {},
		"declared large": func(r *http.Request) { r.ContentLength = bodyMax + 1 },
		"another host":   func(r *http.Request) { r.Host = "evil.example" },
	} {
		body := &watched{Reader: strings.NewReader("{}")}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://hub/pos/v1/taps", body)
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		_, err = h.proven(r, endpoint{bodyMax: bodyMax})
		if err == nil || body.read {
			t.Errorf("%s: %v, read %v", name, err, body.read)
		}
	}
}

func TestBodiesThatAreBeingReadAreBounded(t *testing.T) {
	i := &intake{}
	first, err := i.take("T1", journalBodyMax)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.take("T1", journalBodyMax); !errors.Is(err, errBusy) {
		t.Errorf("a second journal of one terminal at once: %v", err)
	}
	second, err := i.take("T2", journalBodyMax)
	if err != nil {
		t.Errorf("a journal of another terminal: %v", err)
	}
	first()
	if third, err := i.take("T1", journalBodyMax); err != nil {
		t.Errorf("when the first was read: %v", err)
	} else {
		third()
	}
	second()
	taken := 0
	for n := range 100 {
		if _, err := i.take(strings.Repeat("x", n+1), journalBodyMax); err == nil {
			taken++
		}
	}
	if taken != intakeMax/journalBodyMax {
		t.Errorf("%d journals at once, want %d", taken, intakeMax/journalBodyMax)
	}
}

func TestABodyIsReadToItsBoundAndComparedWithItsDigest(t *testing.T) {
	const empty = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
	for name, tc := range map[string]struct {
		body   string
		length int64
		digest string
		want   error
	}{
		"empty":            {"", 0, empty, nil},
		"another one":      {"x", 1, empty, ErrSignature},
		"too long, unsaid": {strings.Repeat("x", 20), -1, empty, errTooLarge},
		"too long, said":   {"x", 11, empty, errTooLarge},
	} {
		r := &http.Request{Header: http.Header{"Content-Digest": {tc.digest}}, ContentLength: tc.length, Body: io.NopCloser(strings.NewReader(tc.body))}
		_, err := (&intake{}).body(r, Signed{}, 10)
		if !errors.Is(err, tc.want) || tc.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}
