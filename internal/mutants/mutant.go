package mutants

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Mutant is one file of the module with a defence taken out.
type Mutant struct {
	Gone string // which defence, in a few words
	File string // from the root of the module
	Old  string // stands in the file exactly once
	New  string
}

// Spoilt returns the file's text without the defence.
func (m Mutant) Spoilt(root string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.File))) //nolint:gosec // a file of this module, named by the table
	if err != nil {
		return nil, fmt.Errorf("read mutant: %w", err)
	}
	if n := strings.Count(string(text), m.Old); n != 1 {
		return nil, fmt.Errorf("%s has %d times, want once: %s", m.File, n, m.Old)
	}
	return []byte(strings.Replace(string(text), m.Old, m.New, 1)), nil
}

// Overlay writes the spoilt file and an overlay for the go command into a folder,
// and returns the overlay's path.
func (m Mutant) Overlay(root, folder string) (string, error) {
	text, err := m.Spoilt(root)
	if err != nil {
		return "", err
	}
	original, err := filepath.Abs(filepath.Join(root, filepath.FromSlash(m.File)))
	if err != nil {
		return "", fmt.Errorf("overlay: %w", err)
	}
	spoilt := filepath.Join(folder, filepath.Base(m.File))
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {original: spoilt}})
	if err != nil {
		return "", fmt.Errorf("overlay: %w", err)
	}
	path := filepath.Join(folder, "overlay.json")
	for name, content := range map[string][]byte{spoilt: text, path: overlay} {
		err = os.WriteFile(name, content, 0o600)
		if err != nil {
			return "", fmt.Errorf("overlay: %w", err)
		}
	}
	return path, nil
}
