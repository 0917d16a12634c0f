package identity

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"guodu/binding"
)

const (
	// answerMax bounds a portal's answer in bytes.
	answerMax = 16 << 10
	// lockMax bounds what is believed of a lock's length.
	lockMax = 24 * time.Hour
)

// Portal asks an HTTP portal: POST {base}/api/v1/verify with a user name and a
// password, authorised by a bearer secret. It may be printed: the secret is
// behind a function, which fmt shows as an address even where it cannot call
// a method.
type Portal struct {
	address string
	secret  func() string
	client  *http.Client
}

// secretForm is what a header can carry.
var secretForm = regexp.MustCompile(`^[!-~]{1,512}$`)

// NewPortal returns the portal at base, for example https://portal.example.edu.
// Passwords travel to it, so plain http is taken on loopback only. Five seconds
// bound a call if timeout is zero.
func NewPortal(base, clientSecret string, timeout time.Duration) (*Portal, error) {
	u, err := url.Parse(base)
	// The text itself may hold a password (https://user:password@host), and
	// stays out of the error.
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("portal: the address is not of the form https://host/path")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, errors.New("portal: the address must be https; plain http only on loopback")
	}
	if !secretForm.MatchString(clientSecret) {
		return nil, errors.New("portal: the client secret must be 1 to 512 printable characters without blanks")
	}
	if timeout <= 0 {
		timeout = 5 * time.Second
	}
	return &Portal{
		address: strings.TrimSuffix(base, "/") + "/api/v1/verify",
		secret:  func() string { return clientSecret },
		// A redirect would carry the password to somewhere else.
		client: &http.Client{Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// Login implements binding.Identity.
func (p *Portal) Login(ctx context.Context, user, password string) (binding.Person, error) {
	question, err := json.Marshal(map[string]string{"username": user, "password": password})
	if err != nil {
		return binding.Person{}, down("cannot ask")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.address, bytes.NewReader(question))
	if err != nil {
		return binding.Person{}, down("cannot ask")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+p.secret())
	answer, err := p.client.Do(r)
	if err != nil {
		return binding.Person{}, lost(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, answerMax+1))
	if err != nil {
		return binding.Person{}, lost(err)
	}
	if len(body) > answerMax {
		return binding.Person{}, down("status %d, answer above %d bytes", answer.StatusCode, answerMax)
	}
	return read(answer.StatusCode, body)
}

func down(format string, values ...any) error {
	return fmt.Errorf("portal: %w: %s", binding.ErrIdentityDown, fmt.Sprintf(format, values...))
}

// lost says why no answer came. net/http quotes what the other side sent when
// it cannot read it, also in part, and the other side has just heard the
// password: only errors of the connection itself are repeated, none is wrapped.
func lost(err error) error {
	var connection *net.OpError
	var certificate *tls.CertificateVerificationError
	var slow net.Error
	switch {
	case errors.As(err, &connection):
		return down("%v", connection)
	case errors.As(err, &certificate):
		return down("%v", certificate)
	case errors.As(err, &slow) && slow.Timeout():
		return down("no answer in time")
	}
	return down("the answer cannot be read")
}

// words are the portal's reasons that may be repeated in a log. Any other text
// of an answer could hold what the portal was told.
func words() []string { return []string{"invalid_client", "malformed", "too_large", "internal"} }

func read(status int, body []byte) (binding.Person, error) {
	var a struct {
		AccountNo  string `json:"account_no"`
		Name       string `json:"name"`
		Error      string `json:"error"`
		RetryAfter int64  `json:"retry_after_seconds"`
	}
	err := json.Unmarshal(body, &a)
	switch {
	case err != nil:
		return binding.Person{}, down("status %d, not JSON of the known form", status)
	case status == http.StatusOK && a.AccountNo != "":
		return binding.Person{AccountNo: a.AccountNo, Name: a.Name}, nil
	case status == http.StatusUnauthorized && a.Error == "invalid_credentials":
		return binding.Person{}, binding.ErrCredentials
	case status == http.StatusLocked && a.Error == "locked":
		seconds := min(max(a.RetryAfter, 0), int64(lockMax/time.Second))
		return binding.Person{}, &binding.LockedError{For: time.Duration(seconds) * time.Second}
	case slices.Contains(words(), a.Error):
		return binding.Person{}, down("status %d, %s", status, a.Error)
	}
	return binding.Person{}, down("status %d", status)
}
