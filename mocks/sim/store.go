package sim

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// ErrStore says that a state file cannot be read or written.
var ErrStore = errors.New("simulator: state file")

const maxRecordBytes = 16 << 20

// Store is a state file: JSON lines, appended, of which the last of a kind and
// key counts. It is compacted when it is opened. A write is with the operating
// system when Put returns, so a killed simulator loses nothing; a power cut may
// cost the last lines, and a torn last line is dropped. A nil Store keeps
// nothing. Put is to be called under the lock that guards what is put, so that
// the file has the order of the changes.
type Store struct {
	mu    sync.Mutex
	file  *os.File
	path  string
	order []id
	last  map[id]json.RawMessage
	err   error
}

type id struct{ kind, key string }

type record struct {
	Kind  string          `json:"kind"`
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"` // null: forgotten
}

// OpenStore reads a state file, or begins one. An empty path is a nil Store.
// Errors: ErrStore.
func OpenStore(path string) (*Store, error) {
	if path == "" {
		return nil, nil
	}
	s := &Store{path: path, last: map[id]json.RawMessage{}}
	err := s.load()
	if err == nil {
		err = s.compact()
	}
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrStore, path, err)
	}
	return s, nil
}

func (s *Store) load() error {
	raw, err := os.ReadFile(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	whole := raw[:bytes.LastIndexByte(raw, '\n')+1] // what follows is torn
	lines := bufio.NewScanner(bytes.NewReader(whole))
	lines.Buffer(nil, maxRecordBytes)
	for n := 1; lines.Scan(); n++ {
		var r record
		err = json.Unmarshal(lines.Bytes(), &r)
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		s.note(id{r.Kind, r.Key}, r.Value)
	}
	return lines.Err()
}

func (s *Store) note(at id, value json.RawMessage) {
	_, known := s.last[at]
	if !known {
		s.order = append(s.order, at)
	}
	s.last[at] = value
}

// compact writes what counts to a new file and puts it in the old one's place.
func (s *Store) compact() error {
	next, err := os.CreateTemp(filepath.Dir(s.path), filepath.Base(s.path)+".*")
	if err != nil {
		return err
	}
	var kept []id
	out := bufio.NewWriter(next)
	for _, at := range s.order {
		if isNull(s.last[at]) {
			delete(s.last, at)
			continue
		}
		kept = append(kept, at)
		err = write(out, at, s.last[at])
		if err != nil {
			return errors.Join(err, next.Close())
		}
	}
	s.order = kept
	err = errors.Join(out.Flush(), next.Chmod(0o600))
	if err == nil {
		err = os.Rename(next.Name(), s.path)
	}
	if err != nil {
		return errors.Join(err, next.Close(), os.Remove(next.Name()))
	}
	s.file = next
	return nil
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

func write(to io.Writer, at id, value json.RawMessage) error {
	line, err := json.Marshal(record{at.kind, at.key, value})
	if err != nil {
		return err
	}
	_, err = to.Write(append(line, '\n'))
	return err
}

// Runs counts this run of the simulator and says which it is, from 1 on: what is
// drawn from a seed must not be drawn again after a restart. Without a file it
// is 1.
func (s *Store) Runs() (int, error) {
	runs := 0
	err := Each(s, "store", func(_ string, n int) error { runs = n; return nil })
	if err != nil {
		return 0, err
	}
	runs++
	s.Put("store", "runs", runs)
	return runs, nil
}

// Put keeps a value that encoding/json can write. A failure is kept too, and
// told by Err and Close.
func (s *Store) Put(kind, key string, value any) {
	if s == nil {
		return
	}
	raw, err := json.Marshal(value)
	s.mu.Lock()
	defer s.mu.Unlock()
	at := id{kind, key}
	if err == nil && s.file != nil {
		s.note(at, raw)
		err = write(s.file, at, raw)
	}
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("%w %s: %w", ErrStore, s.path, err)
	}
}

// Forget drops a value.
func (s *Store) Forget(kind, key string) { s.Put(kind, key, nil) }

// Err is the first failure to write.
func (s *Store) Err() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close closes the file; what is put after that is lost.
func (s *Store) Close() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return errors.Join(s.err, err)
}

// Each calls use with every value of a kind, in the order in which they first
// came.
// Errors: ErrStore, and those of use.
func Each[V any](s *Store, kind string, use func(key string, value V) error) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range s.order {
		raw := s.last[at]
		if at.kind != kind || isNull(raw) {
			continue
		}
		var v V
		err := json.Unmarshal(raw, &v)
		if err != nil {
			return fmt.Errorf("%w: %s %s: %w", ErrStore, kind, at.key, err)
		}
		err = use(at.key, v)
		if err != nil {
			return err
		}
	}
	return nil
}
