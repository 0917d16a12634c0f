package terminal

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// disk is how carefully files are written. The zero value waits for the medium.
type disk struct {
	// hasty does not wait: a crash of the process loses nothing, a power cut of
	// the machine may.
	hasty bool
	// flush makes a file or a folder last; nil is the file's own Sync.
	flush func(*os.File) error
}

// replace puts data where path is, whole or not at all: a power cut leaves the
// old file or the new one.
func (d disk) replace(path string, data []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".new-*")
	if err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	err = d.fill(f, data)
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the failure that is told is the first one
		return fmt.Errorf("replace %s: %w", path, err)
	}
	return d.syncDir(dir)
}

// replaceJSON is replace with a value as JSON.
func (d disk) replaceJSON(path string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	return d.replace(path, append(text, '\n'))
}

// readJSON reads what replaceJSON wrote; a file that is not there leaves value
// as it is and is no error.
func (d disk) readJSON(path string, value any) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(text, value)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

func (d disk) fill(f *os.File, data []byte) error {
	_, err := f.Write(data)
	if err == nil {
		err = d.sync(f)
	}
	closed := f.Close()
	if err != nil {
		return err
	}
	return closed
}

// sync makes what was written to f last.
func (d disk) sync(f *os.File) error {
	switch {
	case d.hasty:
		return nil
	case d.flush != nil:
		return d.flush(f)
	}
	return f.Sync()
}

// syncDir makes a new name in dir last: without it a power cut can take the
// file back although its content was synced.
func (d disk) syncDir(dir string) error {
	if d.hasty {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	err = d.sync(f)
	closed := f.Close()
	if err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
