package upstream_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"guodu/internal/upstream"
)

type carrier func(*http.Request) (*http.Response, error)

func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) { return c(r) }

func TestProductionSaysSoAndLeavesTheRequestAlone(t *testing.T) {
	t.Parallel()
	heard := ""
	next := carrier(func(r *http.Request) (*http.Response, error) {
		heard = r.Header.Get("X-Merchant-Environment")
		return nil, errors.New("enough")
	})
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/", nil)
	_, err := upstream.Saying(next).RoundTrip(r)
	if err == nil || heard != "production" || len(r.Header) != 0 {
		t.Errorf("heard %q, the request has %v, %v", heard, r.Header, err)
	}
}

func TestAnAnswerIsReadWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	answer := func(body io.Reader) *http.Response { return &http.Response{Body: io.NopCloser(body)} }
	good := answer(strings.NewReader("whole"))
	if err := upstream.Whole(good); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(good.Body); err != nil || string(text) != "whole" {
		t.Errorf("%q, %v", text, err)
	}
	for name, body := range map[string]io.Reader{
		"too large": strings.NewReader(strings.Repeat("x", 256<<10+1)), "cut": io.MultiReader(strings.NewReader("x"), broken{}),
	} {
		if err := upstream.Whole(answer(body)); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestACallIsBoundedInTime(t *testing.T) {
	t.Parallel()
	left := time.Duration(0)
	next := carrier(func(r *http.Request) (*http.Response, error) {
		if until, bounded := r.Context().Deadline(); bounded {
			left = time.Until(until)
		}
		return nil, errors.New("enough")
	})
	answer, err := upstream.Client(next, time.Minute).Get("http://127.0.0.1/")
	if err == nil {
		_ = answer.Body.Close()
	}
	if left <= 0 || left > time.Minute {
		t.Errorf("a call has %s left when it leaves, want up to a minute", left)
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	defer server.Close()
	answer, err := upstream.Client(upstream.Transport(), 10*time.Second).Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusFound || asked != 1 {
		t.Errorf("answered %d after %d requests", answer.StatusCode, asked)
	}
}
