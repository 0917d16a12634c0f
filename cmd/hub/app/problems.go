package app

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
)

// problem is one thing that is wrong with a configuration.
type problem struct {
	setting string // its full name
	text    string // beginning with the setting
	mend    string // what mends a file; empty if it is about no file
}

func (p problem) file() bool { return p.mend != "" }

// problems are all that is wrong, at once. It is an ErrConfig.
type problems []problem

// err is nil if nothing is wrong.
func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	slices.SortStableFunc(p, func(a, b problem) int { return strings.Compare(a.text, b.text) })
	return p
}

// Error has one line for each problem, sorted.
func (p problems) Error() string {
	if len(p) == 1 {
		return ErrConfig.Error() + ": " + p[0].text
	}
	lines := []string{fmt.Sprintf("%s: %d things to mend:", ErrConfig, len(p))}
	for _, one := range p {
		lines = append(lines, "  "+one.text)
	}
	return strings.Join(lines, "\n")
}

// Unwrap makes it an ErrConfig.
func (p problems) Unwrap() error { return ErrConfig }

// add notes a problem, whose text goes on behind the setting's name.
func (p *problems) add(setting, format string, args ...any) {
	*p = append(*p, problem{setting: setting, text: setting + fmt.Sprintf(format, args...)})
}

// addFile notes what is wrong with a file, and what mends it.
func (p *problems) addFile(one fileSetting, why, mend string) {
	*p = append(*p, problem{one.name, one.name + ": " + shownPath(one.path) + ": " + why, mend})
}

// of says whether something is wrong with a setting.
func (p problems) of(setting string) bool {
	return slices.ContainsFunc(p, func(one problem) bool { return one.setting == setting })
}

// shownMax bounds how much of a value is shown.
const shownMax = 60

// shown is a value for people.
func shown(value any) string {
	text, ok := value.(string)
	if !ok {
		text = fmt.Sprint(value)
		return fmt.Sprintf("%.*s", shownMax, text)
	}
	if len(text) > shownMax {
		return fmt.Sprintf("%q …", strings.ToValidUTF8(text[:shownMax], ""))
	}
	return fmt.Sprintf("%q", text)
}

// shownURL is an address for people, without what may be a password.
func shownURL(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || strings.Contains(address, "@") {
		return "(not shown: it may hold a password)"
	}
	return shown(address)
}

// shownPath is a path for people. Where a secret stands in the place of its file's
// path, it is not shown: error texts are copied into chats.
func shownPath(path string) string {
	if looksSecret(path) {
		return "(not shown: it looks like the secret itself, and the setting wants the path of a file)"
	}
	return fmt.Sprintf("%q", path)
}

// secretMin is how long a text without any mark of a path is taken for a secret.
const secretMin = 16

func looksSecret(path string) bool {
	switch {
	case strings.Contains(path, "\n"), strings.Contains(path, "-----"):
		return true
	case strings.HasPrefix(path, "/"), strings.Contains(path, "."):
		return false
	}
	return len(path) >= secretMin
}

// unreadable says why a file that must hold something cannot be read; empty if it
// can.
func unreadable(path string) string {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file"
	case errors.Is(err, fs.ErrPermission):
		return "this user may not look at it"
	case err != nil:
		return "it cannot be looked at: " + bareCause(err)
	case info.IsDir():
		return "it is a folder"
	case info.Mode().IsRegular() && info.Size() == 0:
		return "the file is empty"
	case !info.Mode().IsRegular():
		return "" // a pipe is read once, and not here
	}
	file, err := os.Open(path) // #nosec G304 -- the operator names the file
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return "this user may not read it"
		}
		return "it cannot be opened: " + bareCause(err)
	}
	_ = file.Close()
	return ""
}

// bareCause is an error of a file without its path.
func bareCause(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
