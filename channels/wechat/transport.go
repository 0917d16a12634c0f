package wechat

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// answerBytes bounds an answer: a query with many coupons has a few KiB.
const answerBytes = 256 << 10

// newTransport is made for few hosts and many calls at once, as at the start
// of a meal.
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

// newHTTPClient follows no redirect: an Authorization header or a secret in a
// URL must not travel to a host that an answer names.
func newHTTPClient(carrier http.RoundTripper, timeout time.Duration) *http.Client {
	return &http.Client{
		Transport: carrier,
		Timeout:   timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// rebased sends what wechatpay-go addresses to its one built-in host to
// another base. The host is no part of what is signed.
type rebased struct {
	base *url.URL
	next http.RoundTripper
}

// RoundTrip changes a clone: a RoundTripper must leave its request alone.
func (t rebased) RoundTrip(req *http.Request) (*http.Response, error) {
	clone := req.Clone(req.Context())
	clone.URL.Scheme = t.base.Scheme
	clone.URL.Host = t.base.Host
	clone.Host = t.base.Host
	return t.next.RoundTrip(clone)
}

// bounded reads an answer whole before it hands it on. wechatpay-go reads
// without a limit and leaves bodies open where reading fails.
type bounded struct {
	next http.RoundTripper
}

func (t bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, readErr := io.ReadAll(io.LimitReader(resp.Body, answerBytes+1))
	_ = resp.Body.Close()
	if readErr != nil {
		return nil, fmt.Errorf("read answer: %w", readErr)
	}
	if len(body) > answerBytes {
		return nil, fmt.Errorf("read answer: more than %d bytes", answerBytes)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}
