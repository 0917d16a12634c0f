package alipay

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

// newTransport is made for one host and many calls at once, as at the start of
// a meal.
func newTransport() *http.Transport {
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

// newHTTPClient follows no redirect: an order must not travel to a host that
// an answer names.
func newHTTPClient(carrier http.RoundTripper, timeout time.Duration) *http.Client {
	return &http.Client{
		Transport: carrier,
		Timeout:   timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// checked reads an answer whole before it hands it on, and hands on only the
// gateway's: that one answers with HTTP 200 whatever it has to say. The module
// reads without a limit and does not look at the status.
type checked struct {
	next http.RoundTripper
}

func (t checked) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, readErr := io.ReadAll(io.LimitReader(resp.Body, answerBytes+1))
	_ = resp.Body.Close()
	switch {
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("HTTP %d, want 200", resp.StatusCode)
	case readErr != nil:
		return nil, fmt.Errorf("read answer: %w", readErr)
	case len(body) > answerBytes:
		return nil, fmt.Errorf("read answer: more than %d bytes", answerBytes)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}
