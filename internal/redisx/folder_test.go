package redisx_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guodu/internal/redisx"
)

// files makes a folder with these files.
func files(t *testing.T, content map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range content {
		path := filepath.Join(dir, name)
		err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600))
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const (
	parts    = "appendonlydir/appendonly.aof."
	manifest = "file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.1.incr.aof seq 1 type h\nfile appendonly.aof.2.incr.aof seq 2 type i\n"
)

func TestAFolderIsWholeOrRefused(t *testing.T) {
	whole := map[string]string{parts + "manifest": manifest, parts + "2.base.rdb": "base", parts + "2.incr.aof": "increments"}
	without := func(name string) map[string]string {
		left := map[string]string{}
		for n, text := range whole {
			if n != name {
				left[n] = text
			}
		}
		return left
	}
	for name, tc := range map[string]struct {
		files map[string]string
		want  string
	}{
		"whole":            {whole, ""},
		"nothing":          {nil, ""},
		"a log alone":      {map[string]string{"redis.log": "x", "lock": ""}, ""},
		"dump alone":       {map[string]string{"dump.rdb": "REDIS"}, "would start empty"},
		"without manifest": {without(parts + "manifest"), "no appendonly.aof.manifest"},
		"without its base": {without(parts + "2.base.rdb"), "2.base.rdb is missing"},
		"without its tail": {without(parts + "2.incr.aof"), "2.incr.aof is missing"},
		"manifest emptied": {map[string]string{parts + "manifest": ""}, "names no file"},
		"manifest of junk": {map[string]string{parts + "manifest": "file ../../x seq 1 type b"}, "cannot be read"},
		"of Redis 6":       {map[string]string{"appendonly.aof": "x"}, "Redis 6"},
	} {
		found, err := redisx.ReadFolder(files(t, tc.files))
		switch {
		case tc.want == "" && err != nil, tc.want != "" && (!errors.Is(err, redisx.ErrFolder) || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		case name == "whole" && (len(found) != 2 || found["appendonly.aof.2.incr.aof"] != int64(len("increments"))):
			t.Errorf("%s: %v", name, found)
		}
	}
}

func TestAFolderThatHoldsLessThanBeforeSaysWhy(t *testing.T) {
	before := redisx.Folder{"appendonly.aof.2.base.rdb": 4, "appendonly.aof.2.incr.aof": 10}
	for want, now := range map[string]redisx.Folder{
		"":                      {"appendonly.aof.2.base.rdb": 4, "appendonly.aof.2.incr.aof": 10},
		" ":                     {"appendonly.aof.3.base.rdb": 2, "appendonly.aof.3.incr.aof": 0}, // rewritten since
		"3 bytes shorter":       {"appendonly.aof.2.base.rdb": 4, "appendonly.aof.2.incr.aof": 7},
		"newest part has":       {"appendonly.aof.1.base.rdb": 4, "appendonly.aof.1.incr.aof": 90},
		"it has number 0, and ": {},
	} {
		got := now.Shorter(before)
		switch {
		case strings.TrimSpace(want) == "" && got != "":
			t.Errorf("%v: %q", now, got)
		case strings.TrimSpace(want) != "" && got == "":
			t.Errorf("%v holds less and does not say so (%s)", now, want)
		}
	}
}

// TestAFullDiskIsNamed runs a redis-server that ends as the real one does then.
// (Source: Redis 7.0 aof.c.)
func TestAFullDiskIsNamed(t *testing.T) {
	bin := t.TempDir()
	path := os.Getenv("PATH")
	for _, said := range []string{"Error writing to the AOF file: No space left on device", "Short write while writing to the AOF file: (nwritten=353, expected=491)"} {
		script := "#!/bin/sh\necho '7:M 01 Dec 2026 09:00:00.000 # " + said + "'\nexit 1\n"
		if err := os.WriteFile(filepath.Join(bin, "redis-server"), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", bin+":"+path)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		_, err := redisx.StartServer(ctx, redisx.ServerOptions{Dir: t.TempDir()})
		cancel()
		if err == nil || !strings.Contains(err.Error(), "the disk is full") {
			t.Errorf("%s: %v", said, err)
		}
	}
}
