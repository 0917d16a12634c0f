package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// exposed says how other users may use a file or a folder, and the command that ends
// that; empty if they may not. A file that is everybody's to read, such as a public
// key, may only be read by them.
func exposed(path string, everybodys bool) (why, mend string) {
	info, err := os.Stat(path)
	if err != nil {
		return "", "" // who reads it next says why
	}
	mode := info.Mode().Perm()
	switch {
	case !trusted(info):
		return "it belongs to another user", fmt.Sprintf("chown %d %s", os.Geteuid(), path)
	case everybodys && mode&0o022 != 0:
		return fmt.Sprintf("other users may write it (%v)", mode), "chmod go-w " + path
	case !everybodys && info.IsDir() && mode&0o077 != 0:
		return fmt.Sprintf("other users may use it (%v)", mode), "chmod 700 " + path
	case !everybodys && mode&0o077 != 0:
		return fmt.Sprintf("other users may read or write it (%v)", mode), "chmod 600 " + path
	}
	// Who may write a folder puts another file in this one's place.
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", ""
	}
	for dir := filepath.Dir(real); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return "", ""
		}
		if mode := info.Mode(); mode.Perm()&0o002 != 0 && mode&fs.ModeSticky == 0 {
			return fmt.Sprintf("other users may replace it, since they may write %s (%v)", dir, mode.Perm()), "chmod o-w " + dir
		}
		if dir == filepath.Dir(dir) {
			return "", ""
		}
	}
}

// checkDataDir refuses a data_dir that other users may use: the books lie there. It
// makes a missing one if make says so.
func (c Config) checkDataDir(make bool) error {
	_, err := os.Stat(c.DataDir)
	if errors.Is(err, fs.ErrNotExist) && make {
		err = os.MkdirAll(c.DataDir, 0o700)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: data_dir: %w", ErrConfig, err)
	}
	if why, mend := exposed(c.DataDir, false); why != "" {
		return fmt.Errorf("%w: data_dir: %s: %s; %s", ErrConfig, c.DataDir, why, mend)
	}
	return nil
}
