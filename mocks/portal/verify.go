package portal

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

const (
	maxBodyBytes     = 4 << 10
	maxUsernameBytes = 128
)

// answer is what to say; the server writes it, or a fault comes between.
type answer struct {
	status int
	body   any
}

// identity is the answer to the right password.
type identity struct {
	AccountNo string `json:"account_no"`
	Name      string `json:"name"`
}

// failure is every other answer.
type failure struct {
	Error             string `json:"error"`
	RetryAfterSeconds int    `json:"retry_after_seconds,omitempty"`
}

func fail(status int, code string) answer { return answer{status: status, body: failure{Error: code}} }

// verify answers one request. The client comes first: a stranger learns
// nothing, and cannot lock anybody out.
func (p *Portal) verify(r *http.Request, body []byte, readErr error) answer {
	if !p.knowsClient(r) {
		return fail(http.StatusForbidden, "invalid_client")
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(readErr, &tooLarge):
		return fail(http.StatusRequestEntityTooLarge, "too_large")
	case readErr != nil:
		return fail(http.StatusBadRequest, "malformed")
	}
	username, password, ok := parse(r, body)
	if !ok {
		return fail(http.StatusBadRequest, "malformed")
	}
	return p.check(username, password)
}

func (p *Portal) knowsClient(r *http.Request) bool {
	secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && equal(secret, p.opts.ClientSecret)
}

// equal takes the same time whatever the difference is.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// parse wants one JSON object with the two fields and nothing else.
func parse(r *http.Request, body []byte) (username, password string, ok bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return "", "", false
	}
	var in struct {
		Username string `json:"username"`
		Password string `json:"password"`
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	err = dec.Decode(&in)
	if err != nil {
		return "", "", false
	}
	_, err = dec.Token()
	if !errors.Is(err, io.EOF) || in.Username == "" || in.Password == "" || len(in.Username) > maxUsernameBytes {
		return "", "", false
	}
	return in.Username, in.Password, true
}

// check is the portal's decision. While a username is locked even the right
// password does not count.
func (p *Portal) check(username, password string) answer {
	person, exists := p.people[username]
	right := equal(password, person.Password) && exists
	left, locked := p.locks.attempt(username, right, p.opts.Now())
	switch {
	case locked:
		seconds := int((left + time.Second - 1) / time.Second)
		return answer{status: http.StatusLocked, body: failure{Error: "locked", RetryAfterSeconds: seconds}}
	case !right:
		return fail(http.StatusUnauthorized, "invalid_credentials")
	}
	return answer{status: http.StatusOK, body: identity{AccountNo: person.AccountNo, Name: person.Name}}
}
