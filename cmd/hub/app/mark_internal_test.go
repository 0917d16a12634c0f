package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guodu/internal/redistest"
	"guodu/transition"
)

func TestAMarkThatCannotBeReadIsNoAbsentMark(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	shared := redistest.Start(t, redistest.Ephemeral).Client()
	m := marks{dir: t.TempDir(), ephemeral: shared, prefix: "h"}
	if got, where, err := m.read(ctx); err != nil || got.Books != "" || where != "" {
		t.Errorf("without a mark: %+v, %q, %v", got, where, err)
	}
	kept := markOf(transition.Extent{ID: "abcdefghijklmnop", At: time.Now(), Entries: [transition.Partitions]int64{3: 7}}, nil)
	if err := m.write(ctx, kept); err != nil {
		t.Fatal(err)
	}
	if got, _, err := m.read(ctx); err != nil || !got.same(kept) {
		t.Errorf("read %+v, %v, want %+v", got, err, kept)
	}
	whole, err := os.ReadFile(m.path())
	if err != nil {
		t.Fatal(err)
	}
	unreadable := []string{
		"", "{", "{}", "null", "[]", string(whole[:len(whole)/2]), `{"books":"abcdefghijklmnop"}`,
		`{"books":"abcdefghijklmnop","at":"2026-12-01T00:00:00Z","entries":[7]}`, strings.Replace(string(whole), `"at":`, `"was":`, 1),
	}
	for _, text := range unreadable {
		if err := os.WriteFile(m.path(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, _, err := m.read(ctx); err == nil || strings.Contains(err.Error(), "%!") || !strings.Contains(err.Error(), filepath.Base(m.path())) {
			t.Errorf("file %.40q: %+v, %v", text, got, err)
		}
	}
	if err := os.WriteFile(m.path(), whole, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range unreadable {
		if err := shared.Set(ctx, m.key(), text, 0).Err(); err != nil {
			t.Fatal(err)
		}
		if got, _, err := m.read(ctx); err == nil || !strings.Contains(err.Error(), "h:books in the ephemeral Redis cannot be read") {
			t.Errorf("shared %.40q: %+v, %v", text, got, err)
		}
	}
}
