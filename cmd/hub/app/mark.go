package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/internal/redisx"
	"guodu/transition"
)

// markFile is where a hub keeps its mark, in its data_dir.
const markFile = "books.mark"

// mark is what was known of the books a moment ago. It is kept outside the money
// Redis, so that it says what should be there.
type mark struct {
	Books   string                       `json:"books"` // id; empty is no mark
	At      time.Time                    `json:"at"`    // by the clock of the money Redis
	Entries [transition.Partitions]int64 `json:"entries"`
	File    redisx.Folder                `json:"append_only_file,omitempty"` // of the hub's own Redis
}

func markOf(e transition.Extent, f redisx.Folder) mark {
	return mark{Books: e.ID, At: e.At, Entries: e.Entries, File: f}
}

func (m mark) extent() transition.Extent {
	return transition.Extent{ID: m.Books, At: m.At, Entries: m.Entries}
}

// same says whether a mark says nothing that an earlier one did not.
func (m mark) same(earlier mark) bool {
	if m.Books != earlier.Books || m.Entries != earlier.Entries || len(m.File) != len(earlier.File) {
		return false
	}
	for name, size := range m.File {
		if was, there := earlier.File[name]; !there || was != size {
			return false
		}
	}
	return true
}

// marks keeps the mark: in a file of this hub, and in the ephemeral Redis for the
// others, if there is one.
type marks struct {
	dir       string
	ephemeral redis.UniversalClient
	prefix    string
}

func (m marks) path() string { return filepath.Join(m.dir, markFile) }

func (m marks) key() string { return m.prefix + ":books" }

// read gives the newest mark, and where it stands; the zero mark if there is none.
func (m marks) read(ctx context.Context) (newest mark, where string, err error) {
	text, err := os.ReadFile(m.path())
	switch {
	case err == nil:
		where = m.path()
		if newest, err = parseMark(text); err != nil {
			return mark{}, "", fmt.Errorf("%s cannot be read (%w); it says what the books held: remove it only if you know that they are whole", where, err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return mark{}, "", fmt.Errorf("the mark of the books: %w", err)
	}
	if m.ephemeral == nil {
		return newest, where, nil
	}
	shared, err := m.ephemeral.Get(ctx, m.key()).Bytes()
	if err != nil && !errors.Is(err, redis.Nil) {
		return mark{}, "", fmt.Errorf("ephemeral Redis: the mark of the books: %w", redisx.Classify(err))
	}
	if err != nil {
		return newest, where, nil // there is none
	}
	other, err := parseMark(shared)
	if err != nil {
		return mark{}, "", fmt.Errorf("%s in the ephemeral Redis cannot be read (%w); it says what the books held: delete it only if you know that they are whole", m.key(), err)
	}
	if other.At.After(newest.At) {
		if other.Books == newest.Books {
			other.File = newest.File // only this hub knows of its own file
		} else {
			other.File = nil
		}
		return other, "the ephemeral Redis (" + m.key() + ")", nil
	}
	return newest, where, nil
}

// parseMark reads a mark that says all that one must say.
func parseMark(text []byte) (mark, error) {
	var m struct {
		mark
		Entries []int64 `json:"entries"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return mark{}, err
	}
	if m.Books == "" || m.At.IsZero() || len(m.Entries) != transition.Partitions {
		return mark{}, fmt.Errorf("it has no id, no time or not %d numbers of entries", transition.Partitions)
	}
	m.mark.Entries = [transition.Partitions]int64(m.Entries)
	return m.mark, nil
}

// write keeps a mark. It is on the disk, whole, or the one before is.
func (m marks) write(ctx context.Context, now mark) error {
	text, err := json.Marshal(now)
	if err != nil {
		return fmt.Errorf("mark of the books: %w", err)
	}
	if err := replace(m.path(), text); err != nil {
		return fmt.Errorf("mark of the books: %w", err)
	}
	if m.ephemeral == nil {
		return nil
	}
	now.File = nil
	if text, err = json.Marshal(now); err == nil {
		err = m.ephemeral.Set(ctx, m.key(), text, 0).Err()
	}
	if err != nil {
		return fmt.Errorf("mark of the books in the ephemeral Redis: %w", redisx.Classify(err))
	}
	return nil
}

// giveUp takes the mark away, on people's word. The file stays under another name.
func (m marks) giveUp(ctx context.Context, books string) error {
	err := os.Rename(m.path(), m.path()+"."+books)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("mark of the books: %w", err)
	}
	if m.ephemeral != nil {
		if err := m.ephemeral.Del(ctx, m.key()).Err(); err != nil {
			return fmt.Errorf("mark of the books in the ephemeral Redis: %w", redisx.Classify(err))
		}
	}
	return nil
}

// replace writes a file and its name to the disk before the old one is gone.
func replace(path string, text []byte) error {
	dir := filepath.Dir(path)
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) // #nosec G304 -- the operator's folder
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if failed := file.Close(); err == nil {
		err = failed
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return err
	}
	folder, err := os.Open(dir) // #nosec G304 -- the operator's folder
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }()
	return folder.Sync()
}
