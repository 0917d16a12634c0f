package alipay

import (
	"fmt"
	"net/http"

	"guodu/internal/upstream"
)

// checked reads an answer whole before it hands it on, and hands on only the
// gateway's: that one answers with HTTP 200 whatever it has to say, and the
// module does not look at the status.
type checked struct {
	next http.RoundTripper
}

func (t checked) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	err = upstream.Whole(resp)
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP %d, want 200", resp.StatusCode)
	}
	if err != nil {
		return nil, err
	}
	return resp, nil
}
