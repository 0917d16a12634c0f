package portal_test

import (
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"guodu/mocks/portal"
)

func (b *bench) fail(kind portal.FaultKind, times int) {
	b.t.Helper()
	err := b.portal.Fail(portal.Fault{Kind: kind, Times: times})
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestFaultsComeInTheirOrderAndEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fail(portal.FaultError, 2)
	b.fail(portal.FaultTruncate, 0)
	for range 2 {
		b.want(b.login("zhangsan", password), 500, `{"error":"internal"}`)
	}
	status, body, err := send(b.login("zhangsan", password))
	if status != 200 || body == "" || !strings.HasPrefix(found, body) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("truncated answer is %d %q, %v", status, body, err)
	}
	b.want(b.login("zhangsan", password), 200, found)
	b.fail(portal.FaultError, 1)
	b.portal.ClearFaults()
	b.want(b.login("zhangsan", password), 200, found)
	for name, want := range map[string]int64{"verify": 5, "verify.500": 2, "verify.truncated": 1, "verify.200": 2} {
		if got := b.portal.Count(name); got != want {
			t.Errorf("%s counts %d, want %d", name, got, want)
		}
	}
	err = b.portal.Fail(portal.Fault{Kind: "sulk"})
	if !errors.Is(err, portal.ErrUnknownFault) {
		t.Errorf("unknown fault: %v", err)
	}
}

func TestHangEndsWithTheCallerOrThePortal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fail(portal.FaultHang, 2)
	start := func(ctx context.Context) <-chan error {
		ended := make(chan error, 1)
		req := b.login("zhangsan", "wrong").WithContext(ctx)
		go func() {
			_, _, err := send(req)
			ended <- err
		}()
		b.log.wait(t, "hangs")
		return ended
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := start(ctx)
	cancel()
	err := <-ended
	if !errors.Is(err, context.Canceled) {
		t.Errorf("caller gave up: %v", err)
	}
	b.log.wait(t, "lets go")
	ended = start(t.Context())
	err = b.portal.Close()
	if err != nil {
		t.Error(err)
	}
	err = <-ended
	if err == nil || b.portal.Count("verify.hang") != 2 || b.portal.Count("verify.401") != 0 {
		t.Errorf("portal closed: %v, %d hung", err, b.portal.Count("verify.hang"))
	}
}

// TestHangOnAHandlerIsFreedByClose covers a handler that another server runs.
func TestHangOnAHandlerIsFreedByClose(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fail(portal.FaultHang, 1)
	server := httptest.NewServer(b.portal.Handler())
	t.Cleanup(server.Close)
	req := b.login("zhangsan", password)
	req.URL.Host = strings.TrimPrefix(server.URL, "http://")
	ended := make(chan error, 1)
	go func() {
		_, _, err := send(req)
		ended <- err
	}()
	b.log.wait(t, "hangs")
	err := b.portal.Close()
	if err != nil {
		t.Error(err)
	}
	err = <-ended
	if err == nil {
		t.Error("a hung request was answered")
	}
}
