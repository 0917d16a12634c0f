package keyfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestAKeyThatCannotBeWrittenLeavesItsPlaceFree(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key.pem")
	errFull := errors.New("disk is full")
	err := create(path, func(file io.Writer) error {
		_, err := io.WriteString(file, "-----BEGIN")
		return errors.Join(err, errFull)
	})
	if !errors.Is(err, errFull) {
		t.Errorf("the failure is told as %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half a key is left: %v", err)
	}
	if _, err := New(path); err != nil {
		t.Errorf("the next try: %v", err)
	}
}
