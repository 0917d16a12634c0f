package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFilesThatOthersMayUseAreRefused: the hub does not start, and says the command
// that mends it; once it was run, the hub is as before.
func TestFilesThatOthersMayUseAreRefused(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay)
	dir := shortDir(t)
	secret, public := filepath.Join(dir, "portal.secret"), filepath.Join(dir, "alipay.pem")
	must(t, os.WriteFile(secret, []byte("client-secret"), 0o600))
	for _, tc := range []struct {
		name, path, env string
		modes           []os.FileMode
		good            []os.FileMode
		mend            string
	}{
		{"secret", secret, "GUODU_PORTAL__CLIENT_SECRET_FILE=" + secret, []os.FileMode{0o644, 0o640, 0o620, 0o602, 0o666, 0o601}, []os.FileMode{0o600, 0o400}, "chmod 600 " + secret},
		{"data_dir", dir, "GUODU_DATA_DIR=" + dir, []os.FileMode{0o777, 0o755, 0o750, 0o701, 0o770}, []os.FileMode{0o700}, "chmod 700 " + dir},
		{"public key", public, "GUODU_ALIPAY__PUBLIC_KEY_FILE=" + public, []os.FileMode{0o666, 0o622, 0o606, 0o664}, nil, "chmod go-w " + public},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.name == "public key" {
				must(t, os.WriteFile(public, []byte("no key at all"), 0o600))
			}
			for _, mode := range tc.modes {
				must(t, os.Chmod(tc.path, mode))
				// doctor looks at all that a start looks at, and ends by itself.
				for _, command := range []string{"doctor", "verify"} {
					status, out := c.commandOn(t, []string{tc.env}, command)
					if named := command == "doctor" || tc.name == "data_dir"; named && (status == 0 || !strings.Contains(out, tc.mend)) {
						t.Fatalf("%s with %v: status %d, want %q: %s", command, mode, status, tc.mend, out)
					}
				}
			}
			must(t, os.Chmod(tc.path, tc.modes[0]))
			if status, out := c.commandOn(t, []string{tc.env, "GUODU_LISTEN=127.0.0.1:0", "GUODU_HEALTH="}, "serve"); status == 0 || !strings.Contains(out, tc.mend) {
				t.Errorf("serve: status %d, want %q: %s", status, tc.mend, out)
			}
			for _, mode := range tc.good {
				must(t, os.Chmod(tc.path, mode))
				if _, out := c.commandOn(t, []string{tc.env, "GUODU_REDIS__ADDRS=" + c.redis.Addr()}, "verify"); strings.Contains(out, "chmod") {
					t.Errorf("%v: %s", mode, out)
				}
			}
			must(t, os.Chmod(dir, 0o700))
		})
	}
}

// TestFilesThatOthersMayReplaceAreRefused: what somebody else owns, or may exchange in
// its folder, is theirs; so is a hub whose configuration they may write.
func TestFilesThatOthersMayReplaceAreRefused(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay)
	dir := shortDir(t)
	folder := filepath.Join(dir, "secrets")
	secret, link, config := filepath.Join(folder, "portal.secret"), filepath.Join(dir, "link"), c.ConfigFile
	must(t, os.Mkdir(folder, 0o700))
	must(t, os.WriteFile(secret, []byte("client-secret"), 0o600))
	must(t, os.Symlink(secret, link))
	try := func(name, path string, before, after func() error, mend string) {
		t.Helper()
		env := []string{"GUODU_PORTAL__CLIENT_SECRET_FILE=" + path}
		must(t, before())
		if status, out := c.commandOn(t, env, "doctor"); status == 0 || !strings.Contains(out, mend) {
			t.Errorf("%s: status %d, want %q: %s", name, status, mend, out)
		}
		must(t, after())
		if _, out := c.commandOn(t, env, "doctor"); strings.Contains(out, "chmod") || strings.Contains(out, "chown") {
			t.Errorf("%s, mended: %s", name, out)
		}
	}
	chmod := func(path string, mode os.FileMode) func() error { return func() error { return os.Chmod(path, mode) } }
	try("a folder that others may write", secret, chmod(folder, 0o707), chmod(folder, 0o700), "chmod o-w "+folder)
	try("a link into it", link, chmod(folder, 0o707), chmod(folder, 0o700), "chmod o-w "+folder)
	try("a configuration that others may write", secret, chmod(config, 0o666), chmod(config, 0o644), "chmod go-w "+config)
	if os.Geteuid() == 0 {
		chown := func(path string, uid int) func() error { return func() error { return os.Chown(path, uid, -1) } }
		try("a secret of somebody else", secret, chown(secret, 65534), chown(secret, 0), "chown 0 "+secret)
	}
}
