// Command lualint runs luacheck over every script as it is sent, and names the file and
// the line that a warning is about. `make check` calls it at the root of the module.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"guodu/internal/redisx"
)

func main() {
	warnings, err := lint(".")
	if err != nil {
		fmt.Fprintln(os.Stderr, "lualint:", err)
		os.Exit(2)
	}
	for _, w := range warnings {
		fmt.Println(w)
	}
	if len(warnings) > 0 {
		os.Exit(1)
	}
}

// texts are all scripts below a folder, by the folder of each. A folder `include`, and
// idempotency, holds what scripts share.
func texts(root string) (map[string][]*redisx.Text, error) {
	files, err := filepath.Glob(filepath.Join(root, "*", "*.lua"))
	if err != nil {
		return nil, err
	}
	for _, deeper := range []string{"*/*/*.lua", "*/*/*/*.lua"} {
		more, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(deeper)))
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	shared, scripts := map[string]bool{}, map[string][]string{}
	for _, file := range files {
		folder := filepath.Dir(file)
		if name := filepath.Base(folder); name == "include" || name == "idempotency" {
			shared[folder] = true
		} else {
			scripts[folder] = append(scripts[folder], strings.TrimSuffix(filepath.Base(file), ".lua"))
		}
	}
	all := map[string][]*redisx.Text{}
	for folder, names := range scripts {
		var includes []fs.FS
		for one := range shared {
			includes = append(includes, os.DirFS(one))
		}
		l, err := redisx.NewLibrary(os.DirFS(folder), includes...)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			text, err := l.Text(name)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", folder, err)
			}
			all[folder] = append(all[folder], text)
		}
	}
	return all, nil
}

var warning = regexp.MustCompile(`^\s*(.*):(\d+):\d+: (.*)$`)

// lint runs luacheck over all scripts below a folder.
func lint(root string) ([]string, error) {
	all, err := texts(root)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "lualint-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	args, written := []string{"--std", "lua51", "--globals", "redis", "KEYS", "ARGV", "cjson", "--no-max-line-length", "--no-color", "--codes", "-q"}, map[string]*redisx.Text{}
	for _, list := range all {
		for _, text := range list {
			file := filepath.Join(dir, text.Name()+".lua")
			if err := os.WriteFile(file, []byte(text.Lua()), 0o600); err != nil {
				return nil, err
			}
			args, written[file] = append(args, file), text
		}
	}
	out, err := exec.Command("luacheck", args...).Output() //nolint:gosec // files that it wrote itself
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() > 2) {
		return nil, fmt.Errorf("luacheck: %w", err)
	}
	var warnings []string
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		m := warning.FindStringSubmatch(lines.Text())
		if m == nil || written[m[1]] == nil {
			continue
		}
		n, _ := strconv.Atoi(m[2])
		file, number := written[m[1]].Origin(n)
		warnings = append(warnings, fmt.Sprintf("%s.lua:%d (in %s): %s", file, number, written[m[1]].Name(), m[3]))
	}
	if exit != nil && len(warnings) == 0 {
		return nil, fmt.Errorf("luacheck: %w: %s", err, out)
	}
	return warnings, nil
}
