package main_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"guodu/mocks/alipay"
)

// examine runs the doctor with settings that differ.
func (c *campus) examine(env ...string) (status int, output string) {
	c.t.Helper()
	cmd := exec.CommandContext(c.ctx, hubBinary, "--config", c.ConfigFile, "doctor")
	cmd.Env = append(append(os.Environ(), "GUODU_REDIS__ADDRS="+c.redis.Addr(), "GUODU_EPHEMERAL__ADDRS="+c.ephemeral.Addr()), env...)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		c.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func TestTheDoctorFindsAHealthyHubHealthy(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay)
	c.start("")
	status, output := c.examine()
	if status != 0 || strings.Contains(output, "FAIL") {
		t.Fatalf("%d\n%s", status, output)
	}
	for _, want := range []string{
		"configuration", "WARN  environment", "keys             readable; channels in use: alipay, wechat", "money Redis      keeps what it acknowledges",
		"portal", "wechat           takes this hub's signature", "alipay           takes this hub's signature",
		"/notify/wechat leads to a hub", "/notify/alipay leads to a hub", "no case needs a decision", "no secret file is readable by other users",
	} {
		if !strings.Contains(output, want) {
			t.Errorf("the doctor does not say %q:\n%s", want, output)
		}
	}
}

func TestTheDoctorNamesWhatIsWrongAndWhatToDo(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay)
	c.start("")
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(elsewhere.Close)
	other, err := alipay.GeneratePlatformKey()
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&other.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	strange := filepath.Join(t.TempDir(), "alipay.pem")
	if err := os.WriteFile(strange, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	readable := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(readable, []byte("0123456789abcdef0123456789abcdef"), 0o644); err != nil { // #nosec G306 -- that is the fault
		t.Fatal(err)
	}
	for name, step := range map[string]struct {
		env    string
		status int
		want   string
	}{
		"another server": {"GUODU_PUBLIC_URL=" + elsewhere.URL, 1, "answers 404, which is not this hub"},
		"nobody":         {"GUODU_PUBLIC_URL=http://127.0.0.1:9", 1, "FAIL  wechat callback"},
		"a setting":      {"GUODU_PORTAL__BASE=", 1, "portal.base is missing"},
		"a key":          {"GUODU_WECHAT__MERCHANT_KEY_FILE=" + readable, 1, "FAIL  keys"},
		"another serial": {"GUODU_WECHAT__MERCHANT_SERIAL=0123456789ABCDEF0123456789ABCDEF01234567", 1, "FAIL  wechat"},
		"another Alipay": {"GUODU_ALIPAY__PUBLIC_KEY_FILE=" + strange, 1, "FAIL  alipay"},
		"open files":     {"GUODU_PORTAL__CLIENT_SECRET_FILE=" + readable, 1, "chmod 600 " + readable},
		"one Redis":      {"GUODU_EPHEMERAL__ADDRS=" + c.redis.Addr(), 0, "the same server as the money Redis"},
		"weak Redis":     {"GUODU_REDIS__ADDRS=" + c.ephemeral.Addr(), 1, "FAIL  money Redis"},
		"no Redis":       {"GUODU_REDIS__ADDRS=127.0.0.1:9", 1, "FAIL  money Redis"},
		"a missing file": {"GUODU_WECHAT__API_V3_KEY_FILE=/nowhere", 1, "FAIL  files            wechat.api_v3_key_file: \"/nowhere\": there is no such file"},
		"no redis-server": {"PATH=/nowhere GUODU_REDIS__ADDRS= GUODU_EPHEMERAL__ADDRS= GUODU_DATA_DIR=" + t.TempDir(), 1,
			"FAIL  money Redis      no address is configured, so the hub runs its own, and redis-server is not installed"},
	} {
		status, output := c.examine(strings.Fields(step.env)...)
		if status != step.status || !strings.Contains(output, step.want) || !strings.Contains(output, "→") {
			t.Errorf("%s: status %d, want %d with %q:\n%s", name, status, step.status, step.want, output)
		}
		for _, never := range map[string][]string{
			"a missing file": {"ok    files", "ok    keys"}, "no redis-server": {"ok    money Redis", "ok    ephemeral Redis"},
		}[name] {
			if strings.Contains(output, never) {
				t.Errorf("%s: it says %q:\n%s", name, never, output)
			}
		}
	}
}

func TestTheDoctorSaysToStartTheHubWhereNoneRuns(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	_, output := c.examine("GUODU_REDIS__ADDRS=", "GUODU_EPHEMERAL__ADDRS=", "GUODU_DATA_DIR="+t.TempDir(), "GUODU_LISTEN=127.0.0.1:1")
	for _, what := range []string{"WARN  money Redis", "WARN  ephemeral Redis", "FAIL  wechat callback"} {
		_, rest, found := strings.Cut(output, what)
		lines := strings.SplitN(rest, "\n", 3)
		if !found || len(lines) < 3 || !strings.Contains(lines[1], "start the hub first (hub --config FILE serve)") {
			t.Errorf("no word of the hub that does not run in %q:\n%s", what, output)
		}
	}
	if strings.Contains(output, "let the proxy") {
		t.Errorf("the proxy is blamed:\n%s", output)
	}
}

func TestTheDoctorLeavesNothingAmongTheNotices(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay)
	c.start("")
	if status, output := c.examine(); status != 0 {
		t.Fatalf("%d\n%s", status, output)
	}
	// Notices are kept in the order in which they came: once this one is there, the
	// doctor's would be too.
	res, err := http.Post(c.front.url+"/notify/alipay", "text/plain", strings.NewReader("nobody signed this"))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	c.until("the refused callback is kept", func() error {
		_, refused := c.command("notices", "--refused")
		if strings.Contains(refused, "alipay") {
			return nil
		}
		return errors.New("not yet")
	})
	_, refused := c.command("notices", "--refused")
	if lines := strings.Split(strings.TrimSpace(refused), "\n"); len(lines) != 2 {
		t.Errorf("the doctor looks like an attack:\n%s", refused)
	}
}
