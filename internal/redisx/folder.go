package redisx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrFolder says that a money server's data folder is not whole: redis-server
// would start on it and show less than it held, often nothing at all.
var ErrFolder = errors.New("redis: the data folder is not whole")

const (
	aofDir   = "appendonlydir"
	manifest = "appendonly.aof.manifest"
)

// Folder is the append-only file of a money server: the size in bytes of each part
// that its manifest lists, by name. Nothing is a folder that holds no data.
// (Source: Redis 7, "Multi Part AOF": appendonlydir, manifest lines
// `file NAME seq N type b|i|h`.)
type Folder map[string]int64

// ReadFolder reads what is on disk, without changing it.
// Errors: ErrFolder; those of the file system.
func ReadFolder(dir string) (Folder, error) {
	parts, err := os.ReadDir(filepath.Join(dir, aofDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, onlyDump(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, aofDir, manifest)) // #nosec G304 -- the operator's folder
	if errors.Is(err, fs.ErrNotExist) {
		if len(parts) == 0 {
			return nil, onlyDump(dir)
		}
		return nil, fmt.Errorf("%w: %s has parts of an append-only file and no %s; put the manifest back, or restore the whole folder",
			ErrFolder, filepath.Join(dir, aofDir), manifest)
	}
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	return listed(dir, string(text))
}

// onlyDump refuses a dump that no server would read: with an append-only file
// wanted and none there, redis-server starts empty.
func onlyDump(dir string) error {
	for _, name := range []string{"dump.rdb", "appendonly.aof"} {
		_, err := os.Stat(filepath.Join(dir, name))
		if err == nil && name == "dump.rdb" {
			return fmt.Errorf("%w: %s has a dump.rdb and no %s, and redis-server would start empty; restore the append-only file, "+
				"or make one of the dump (docs/operations.md)", ErrFolder, dir, aofDir)
		}
		if err == nil {
			return fmt.Errorf("%w: %s has an appendonly.aof of Redis 6; let Redis 7 turn it into %s first", ErrFolder, dir, aofDir)
		}
	}
	return nil
}

// listed reads the parts that a manifest names.
func listed(dir, text string) (Folder, error) {
	found := Folder{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		values := map[string]string{}
		for i := 0; i+1 < len(words); i += 2 {
			values[words[i]] = words[i+1]
		}
		name := values["file"]
		if name == "" || name != filepath.Base(name) || values["type"] == "" {
			return nil, fmt.Errorf("%w: %s has a line that cannot be read: %.80q", ErrFolder, filepath.Join(dir, aofDir, manifest), line)
		}
		if values["type"] == "h" {
			continue // of before the last rewrite
		}
		info, err := os.Stat(filepath.Join(dir, aofDir, name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: %s is missing, and the manifest names it", ErrFolder, filepath.Join(dir, aofDir, name))
		}
		if err != nil {
			return nil, fmt.Errorf("data folder: %w", err)
		}
		found[name] = info.Size()
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: %s names no file", ErrFolder, filepath.Join(dir, aofDir, manifest))
	}
	return found, nil
}

// Shorter says why a folder holds less than it did before; empty if it does not.
// Parts that a rewrite has replaced since are no loss.
func (f Folder) Shorter(before Folder) string {
	for name, size := range before {
		now, there := f[name]
		if there && now < size {
			return fmt.Sprintf("%s is %d bytes shorter than it was", name, size-now)
		}
	}
	if newest(f) < newest(before) {
		return fmt.Sprintf("the append-only file is an older one: its newest part has number %d, and there was %d", newest(f), newest(before))
	}
	return ""
}

// newest is the highest number of a part: appendonly.aof.NUMBER.incr.aof.
func newest(f Folder) int {
	most := 0
	for name := range f {
		words := strings.Split(name, ".")
		if len(words) < 4 {
			continue
		}
		n, err := strconv.Atoi(words[len(words)-3])
		if err == nil {
			most = max(most, n)
		}
	}
	return most
}
