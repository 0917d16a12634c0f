package main_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"guodu/internal/keyfile"
)

// alone runs the hub program without a configuration.
func alone(t *testing.T, args ...string) (status int, output string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), hubBinary, args...)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

var (
	labelledBase64 = regexp.MustCompile(`(?m)^public key, base64 +(\S{44})$`)
	labelledPEM    = regexp.MustCompile(`(?s)public key, PEM \(SPKI\) +(-----BEGIN PUBLIC KEY-----.*-----END PUBLIC KEY-----)`)
)

func TestAKeysPublicHalfIsPrintedWithItsLabelsAndAgain(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "hub.pem")
	status, made := alone(t, "keys", "new", file)
	if status != 0 {
		t.Fatalf("%d\n%s", status, made)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	private, err := keyfile.ParsePrivate(text)
	if err != nil {
		t.Fatal(err)
	}
	want := private.Public().(ed25519.PublicKey)
	found, block := labelledBase64.FindStringSubmatch(made), labelledPEM.FindStringSubmatch(made)
	if found == nil || block == nil {
		t.Fatalf("it prints no labelled keys:\n%s", made)
	}
	for name, form := range map[string]string{"base64": found[1], "PEM": strings.ReplaceAll(block[1], " PUBLIC", "\x00PUBLIC")} {
		form = strings.ReplaceAll(strings.ReplaceAll(form, "  ", ""), "\x00", " ") // the column's blanks
		if key, err := keyfile.ParsePublic([]byte(form)); err != nil || !key.Equal(want) {
			t.Errorf("the %s is not the key's public half: %v\n%s", name, err, form)
		}
	}
	if !strings.Contains(made, "terminals.key_file") || !strings.Contains(made, "for terminals' makers") {
		t.Errorf("nothing says where each goes:\n%s", made)
	}
	if _, shown := alone(t, "keys", "show", file); shown != made {
		t.Errorf("keys show prints another text:\n%s", shown)
	}
	config := filepath.Join(t.TempDir(), "hub.yaml")
	if err := os.WriteFile(config, []byte("terminals: {key_file: "+file+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, shown := alone(t, "--config", config, "keys", "show"); status != 0 || shown != made {
		t.Errorf("keys show of the configuration's key: %d\n%s", status, shown)
	}
	if status, again := alone(t, "keys", "new", file); status != 1 || !strings.Contains(again, "never replaced") || !strings.Contains(again, "keys show") {
		t.Errorf("a second key: %d\n%s", status, again)
	}
	if status, none := alone(t, "keys", "show"); status != 2 || !strings.Contains(none, "no configuration") {
		t.Errorf("keys show of nothing: %d\n%s", status, none)
	}
	if key := strings.Split(string(text), "\n")[1]; strings.Contains(made, key) {
		t.Error("the private half is printed")
	}
}

func TestATerminalsKeyIsTakenInPEMAndInBase64WhereverItIsRead(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	bare, spki := base64.StdEncoding.EncodeToString(public), base64.StdEncoding.EncodeToString(der)
	block := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	forms := map[string]string{
		"F1": bare, "F2": spki, "F3": c.file("maker.pem", block), "F4": c.file("maker.txt", bare+"\n"), "F5": c.file("maker.spki", spki),
	}
	var list strings.Builder
	list.WriteString("id,key,place\n")
	for id, key := range map[string]string{"F1": bare, "F2": spki, "F3": block} { // the same again is known before
		list.WriteString(id + ",\"" + key + "\",x\n")
	}
	for id, key := range forms {
		c.must(id+" is registered", "terminals", "add", id, key)
		c.must("key        ed25519 "+bare, "terminals", "show", id)
	}
	c.must("3 terminals: 0 registered, 3 known before, 0 refused", "terminals", "import", c.file("list.csv", list.String()))
	c.must("new key", "terminals", "rotate", "F1", "--key", c.file("next.pem", block))
	typed := base64.StdEncoding.EncodeToString(secret)
	status, output := c.command("terminals", "add", "F7", typed)
	if status != 1 || !strings.Contains(output, "it is a private key") || strings.Contains(output, typed[:20]) {
		t.Errorf("a private key by mistake: %d\n%s", status, output)
	}
	missing := filepath.Join(t.TempDir(), "a-long-folder-of-keys-of-all-terminals", "missing.pem")
	if status, output := c.command("terminals", "add", "F7", missing); status != 1 || !strings.Contains(output, missing) {
		t.Errorf("a missing file: %d\n%s", status, output)
	}
}

func TestVersionSaysWhichHubThisIs(t *testing.T) {
	t.Parallel()
	status, output := alone(t, "version")
	if status != 0 || !strings.Contains(output, "go        "+runtime.Version()) {
		t.Errorf("%d\n%s", status, output)
	}
	built, err := exec.CommandContext(t.Context(), "go", "version", "-m", hubBinary).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := "revision  unknown"
	if found := regexp.MustCompile(`vcs\.revision=(\w+)`).FindSubmatch(built); found != nil {
		want = "revision  " + string(found[1])
	}
	if !strings.Contains(output, want) {
		t.Errorf("it does not say %q:\n%s", want, output)
	}
}
