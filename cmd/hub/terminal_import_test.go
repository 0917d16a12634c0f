package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"guodu/internal/redistest"
)

// The keys of the lists, each 32 bytes.
const (
	keyA = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
	keyB = "amtra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
)

func TestTerminalsAreImportedOnceEachAndRefusedByLine(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	good := c.file("good.csv", "\ufeffid,key,place\nF0001,"+keyA+",1 食堂 1 号窗口\nF0002,"+keyB+",\"水房, 东\"\n")
	for _, step := range []struct {
		file   string
		status int
		want   []string
	}{
		{good, 0, []string{"2 terminals: 2 registered, 0 known before, 0 refused"}},
		{good, 0, []string{"2 terminals: 0 registered, 2 known before, 0 refused"}},
		// Columns in another order; a place that changed; what is wrong is named, what is right is done.
		{c.file("mixed.csv", "place,id,key\n2 食堂,F0001,"+keyA+"\nx,F0001,"+keyB+"\nx,F0003,no key!\nx,F0004,a2tr\nx,,"+keyA+
			"\nx,F 5,"+keyA+"\nx,F0006\nx,F0007,"+keyA+"\nx,F0008,\n"), 1, []string{
			"9 terminals: 1 registered, 1 known before, 7 refused", "line 3: terminal F0001", "another key", "line 4: key: not a key: it is neither PEM nor base64",
			"line 5: key: not a key: its 3 bytes", "line 6", "line 7", "line 8", "line 10",
		}},
		{c.file("other.csv", "id,key\nF0009,"+keyA+"\n"), 1, []string{"column place is missing", "0 terminals"}},
		{c.file("more.csv", "id,key,place,role\nF0009,"+keyA+",x,desk\n"), 1, []string{"unknown columns"}},
		{c.file("twice.csv", "id,key,place,id\nF0009,"+keyA+",x,F0010\n"), 1, []string{"column id is there twice"}},
		{c.file("empty.csv", ""), 1, []string{"read the header"}},
	} {
		status, output := c.command("terminals", "import", step.file)
		if status != step.status {
			t.Errorf("import of %s ends with %d, want %d:\n%s", filepath.Base(step.file), status, step.status, output)
		}
		for _, want := range step.want {
			if !strings.Contains(output, want) {
				t.Errorf("import of %s does not say %q:\n%s", filepath.Base(step.file), want, output)
			}
		}
	}
	_, list := c.command("terminals", "list")
	for _, want := range []string{"F0001", "2 食堂", "F0002", "水房, 东", "F0007"} {
		if !strings.Contains(list, want) {
			t.Errorf("the list lacks %q:\n%s", want, list)
		}
	}
	for _, refused := range []string{"F0003", "F0004", "F0006", "F0008", "F0009"} {
		if strings.Contains(list, refused) {
			t.Errorf("%s is registered:\n%s", refused, list)
		}
	}
	if _, help := c.command("terminals", "--help"); !strings.Contains(help, "terminals import") || !strings.Contains(help, "id,key,place") {
		t.Errorf("help:\n%s", help)
	}
}

func TestAnImportThatRedisEndsSaysWhereItStopped(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	file := filepath.Join(t.TempDir(), "terminals.csv")
	if err := os.WriteFile(file, []byte("id,key,place\nF0001,"+keyA+",x\nF0002,"+keyB+",x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// The proxy knows a script by its text, which has to come by.
	if err := c.redis.Client().ScriptFlush(c.ctx).Err(); err != nil {
		t.Fatal(err)
	}
	struck := c.proxy.Arm("terminal_add", redistest.AfterRun)
	cmd := exec.CommandContext(c.ctx, hubBinary, "--config", c.ConfigFile, "terminals", "import", file)
	cmd.Env = append(os.Environ(), "GUODU_REDIS__ADDRS="+c.proxy.Addr())
	output, _ := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(output), "stopped at line 2") ||
		!strings.Contains(string(output), "0 terminals: 0 registered") {
		t.Errorf("it ends with %d:\n%s", cmd.ProcessState.ExitCode(), output)
	}
	select {
	case <-struck:
	case <-c.ctx.Done():
		t.Fatal("redis-server did not die")
	}
	c.redis.Restart()
	// What became of the line that it stopped at nobody knew; the file says it again.
	c.must("2 terminals: 1 registered, 1 known before, 0 refused", "terminals", "import", file)
}
