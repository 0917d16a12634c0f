package pos

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"guodu/transition"
)

// errArchive says that the archive's disk refuses; nothing was filed.
var errArchive = errors.New("journal archive")

// Archive keeps journal records as JSON lines, a file for each day (Beijing), on
// a disk that should not be Redis's. What Append returned for is synced. A record
// may be there twice: whoever reads it counts (terminal, epoch, seq, record) once.
// What a crash cut is a line of its own, which is no record.
// It is safe for concurrent use, also by several processes: each holds the file's
// lock (flock) while it looks at the end and writes behind it.
type Archive struct {
	dir string

	mu   sync.Mutex
	file *os.File
	name string
	torn bool // the last write may not be on the disk as a whole
}

// archived is a line of the archive.
type archived struct {
	At       time.Time       `json:"at"` // when it came
	Terminal string          `json:"terminal"`
	Epoch    int64           `json:"epoch"`
	Seq      int64           `json:"seq"`
	Verdict  string          `json:"verdict"`
	Why      why             `json:"why,omitempty"`
	Record   json.RawMessage `json:"record"`
}

// OpenArchive uses a folder that is there, can be written to and knows locks.
func OpenArchive(dir string) (*Archive, error) {
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errArchive, err)
	}
	err = flock(probe, syscall.LOCK_EX)
	if closed := probe.Close(); err == nil {
		err = closed
	}
	if removed := os.Remove(probe.Name()); err == nil {
		err = removed
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errArchive, err)
	}
	return &Archive{dir: dir}, nil
}

// Close ends the use of the folder.
func (a *Archive) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file == nil {
		return nil
	}
	file := a.file
	a.file, a.name = nil, ""
	return file.Close()
}

// Append adds records and returns when they are on the disk.
func (a *Archive) Append(now time.Time, terminal string, epoch int64, filings []filing) error {
	var lines bytes.Buffer
	for _, f := range filings {
		line, err := json.Marshal(archived{now.UTC(), terminal, epoch, f.number, f.verdict, f.why, f.raw})
		if err != nil {
			return fmt.Errorf("archive record: %w", err)
		}
		lines.Write(append(line, '\n'))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.open("journal-" + now.In(transition.Beijing()).Format("20060102") + ".jsonl"); err != nil {
		return err
	}
	err := a.write(lines.Bytes())
	if err == nil {
		err = a.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("append to %s: %w", a.file.Name(), err)
	}
	a.torn = false
	return nil
}

// write adds lines behind whatever is there: another process may have died within its
// own, at any time.
func (a *Archive) write(text []byte) error {
	if err := flock(a.file, syscall.LOCK_EX); err != nil {
		return err
	}
	defer func() { _ = flock(a.file, syscall.LOCK_UN) }() // what is told is whether it was written
	within, err := endsWithin(a.file)
	if err != nil {
		return err
	}
	if within || a.torn {
		text = append([]byte{'\n'}, text...)
	}
	a.torn = true
	_, err = a.file.Write(text)
	return err
}

// flock locks a file against other processes, or gives it free.
func flock(file *os.File, how int) error {
	for {
		err := syscall.Flock(int(file.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// open makes the day's file the one that is written to.
func (a *Archive) open(name string) error {
	if a.name == name {
		return nil
	}
	path := filepath.Join(a.dir, name)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600) // #nosec G304 -- in the operator's folder
	if err != nil {
		return err
	}
	if err := syncFolder(a.dir); err != nil {
		_ = file.Close()
		return err
	}
	if a.file != nil {
		_ = a.file.Close() // each Append has synced it
	}
	a.file, a.name, a.torn = file, name, false
	return nil
}

// endsWithin says whether a file's last line is cut, by a crash in the middle of
// a write.
func endsWithin(file *os.File) (bool, error) {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return false, err
	}
	var last [1]byte
	_, err = file.ReadAt(last[:], size-1)
	return last[0] != '\n', err
}

// syncFolder makes a new file's name durable.
func syncFolder(dir string) error {
	folder, err := os.Open(dir) // #nosec G304 -- the operator's folder
	if err != nil {
		return err
	}
	err = folder.Sync()
	if closed := folder.Close(); err == nil {
		err = closed
	}
	return err
}
