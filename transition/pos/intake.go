package pos

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// What bodies may take up of memory at once, in bytes: all together, and those of one
// terminal. Whoever holds a terminal's key can send half of a body and wait.
const (
	intakeMax   = 32 << 20
	terminalMax = journalBodyMax + 4*bodyMax
)

// errBusy says that too much is being read at once.
var errBusy = errors.New("too many bodies are being read")

// intake bounds the bodies that are being read. It is safe for concurrent use.
type intake struct {
	mu    sync.Mutex
	total int64
	of    map[string]int64 // by terminal
}

// take reserves room for a body; release gives it back.
func (i *intake) take(terminal string, size int64) (release func(), err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.total+size > intakeMax || i.of[terminal]+size > terminalMax {
		return nil, errBusy
	}
	if i.of == nil {
		i.of = map[string]int64{}
	}
	i.total += size
	i.of[terminal] += size
	return func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.total -= size
		i.of[terminal] -= size
		if i.of[terminal] == 0 {
			delete(i.of, terminal)
		}
	}, nil
}

// errDigest says that the body is not the one whose digest was signed.
var errDigest = fmt.Errorf("%w: the body is not the one of its Content-Digest", ErrSignature)

// body reads the body of a request whose headers are proven.
// Errors: errTooLarge, errBusy, errMalformed, ErrSignature.
func (i *intake) body(r *http.Request, signed Signed, most int64) ([]byte, error) {
	size := r.ContentLength
	if size < 0 {
		size = most // it does not say
	}
	if size > most {
		return nil, errTooLarge
	}
	release, err := i.take(signed.Terminal.ID, size)
	if err != nil {
		return nil, err
	}
	defer release()
	body := make([]byte, 0, size+1) // one more to see the end
	for {
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errMalformed, err)
		}
		if len(body) == cap(body) {
			return nil, errTooLarge
		}
	}
	if !sameDigest(r.Header.Get("Content-Digest"), body) {
		return nil, errDigest
	}
	return body, nil
}
