package upstream

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// answerBytes bounds an answer: a query with many coupons has a few KiB.
const answerBytes = 256 << 10

// Transport returns a transport of its own.
func Transport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        60 * time.Second,
		TLSHandshakeTimeout:    3 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// Client returns a client that follows no redirect: an Authorization header, an
// order or a secret in an address must not travel to a host that an answer
// names.
func Client(carrier http.RoundTripper, timeout time.Duration) *http.Client {
	return &http.Client{
		Transport: carrier,
		Timeout:   timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// Whole reads the answer's body to its end, closes it, and puts what was read in
// its place. The channels' modules read without a limit and leave bodies open
// where reading fails.
func Whole(answer *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(answer.Body, answerBytes+1))
	_ = answer.Body.Close()
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if len(body) > answerBytes {
		return fmt.Errorf("read answer: more than %d bytes", answerBytes)
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// header and production are what the simulators of the channels listen to.
const (
	header     = "X-Merchant-Environment"
	production = "production"
)

// Saying adds to each request that it comes from production. A simulator then
// refuses it, so that a real hub can never be fed with play money by a wrong
// address in its configuration.
func Saying(next http.RoundTripper) http.RoundTripper { return saying{next} }

type saying struct{ next http.RoundTripper }

// RoundTrip changes a clone: a RoundTripper must leave its request alone.
func (s saying) RoundTrip(r *http.Request) (*http.Response, error) {
	clone := r.Clone(r.Context())
	clone.Header.Set(header, production)
	return s.next.RoundTrip(clone)
}
