package wechat

import (
	"net/http"
	"net/url"

	"guodu/internal/upstream"
)

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

// bounded reads an answer whole before it hands it on.
type bounded struct {
	next http.RoundTripper
}

func (t bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	err = upstream.Whole(resp)
	if err != nil {
		return nil, err
	}
	return resp, nil
}
