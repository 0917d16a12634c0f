package main_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"guodu/cmd/demo/world"
	"guodu/internal/redisx"
)

// command runs the hub program to its end.
func (c *campus) command(args ...string) (status int, output string) {
	c.t.Helper()
	return c.commandFor(c.t, args...)
}

// commandFor is command for a test that has the campus together with others.
func (c *campus) commandFor(t *testing.T, args ...string) (status int, output string) {
	t.Helper()
	cmd := exec.CommandContext(c.ctx, hubBinary, append([]string{"--config", c.ConfigFile}, args...)...)
	cmd.Env = append(os.Environ(), "GUODU_REDIS__ADDRS="+c.redis.Addr(), "GUODU_EPHEMERAL__ADDRS="+c.ephemeral.Addr())
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// file writes a file for a command to read.
func (c *campus) file(name, text string) string {
	c.t.Helper()
	path := filepath.Join(c.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return path
}

func TestOperatorsCommands(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	const header = "account_no,version,status,arrears_yuan,freeze,card_no,card_uid,card_version,card_profile\n"
	good := c.file("good.csv", "\ufeff"+header+"B1,1,open,12.50,lost;abuse,8001,04BB0001,1,stamp\nB2,1,open,,,,,,\n")
	mixed := c.file("mixed.csv", header+"B3,1,open,1e2,,,,,\nB4,1,open,,,,,,\nB5,x,open,,,,,,\nB6,1,gone,,,,,,\nB7,1,open,,,8001,04BB0007,1,stamp\n"+
		"B8,1,open\nB9,1,open,,,8009,,,\n")
	for _, step := range []struct {
		args   []string
		status int
		want   []string
	}{
		{[]string{"accounts", "import", good}, 0, []string{"2 accounts: 2 changed, 0 unchanged, 0 refused"}},
		{[]string{"accounts", "import", good}, 0, []string{"2 accounts: 0 changed, 2 unchanged, 0 refused"}},
		{[]string{"accounts", "import", mixed}, 1, []string{"1 changed, 0 unchanged, 6 refused", "line 2", "line 7", "line 8", "without card_uid", "line 4", "line 5", "line 6", "belongs to another account"}},
		{[]string{"accounts", "import", c.file("other.csv", "a,b\n1,2\n")}, 1, []string{"column account_no is missing"}},
		{[]string{"accounts", "show", "B1"}, 0, []string{"12.50", "abuse (core)", "arrears (core)", "lost (core)"}},
		{[]string{"accounts", "show", "B9"}, 1, []string{"no such account"}},
		{[]string{"terminals", "add", "T9", "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=", "--place", "二食堂"}, 0, []string{"T9 is registered"}},
		{[]string{"terminals", "add", "T9", "amtra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="}, 1, []string{"another key"}},
		{[]string{"terminals", "add", "T8", "nonsense"}, 1, []string{"neither base64"}},
		{[]string{"terminals", "add", "T9"}, 1, []string{"has a public key of its own"}},
		{[]string{"terminals", "add", "D1", "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=", "--role", "desk"}, 0, []string{"D1 is registered"}},
		{[]string{"terminals", "add", "S1", "--alg", "hmac-sha256", "--place", "水房"}, 0, []string{"S1 is registered", "printed this once: "}},
		{[]string{"terminals", "add", "S1", "--alg", "hmac-sha256"}, 0, []string{"not printed again"}},
		{[]string{"terminals", "add", "S2", "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=", "--alg", "hmac-sha256"}, 1, []string{"no key of its own"}},
		{[]string{"terminals", "list"}, 0, []string{world.TerminalID, "T9", "二食堂", "registered pos  ed25519", "registered desk", "hmac-sha256"}},
		{[]string{"terminals", "rotate", "S1"}, 0, []string{"accepted until", "secret 2 (base64): "}},
		{[]string{"terminals", "rotate", "T9", "--key", "amtra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=", "--overlap", "1h"}, 0, []string{"new key", "accepted until"}},
		{[]string{"terminals", "rotate", "T9"}, 1, []string{"signs with ed25519"}},
		{[]string{"terminals", "show", "T9"}, 0, []string{"state      registered", "ed25519 amtr", "old key    ed25519 a2tr", "messages   newest 0.0, missing none, 0 missed", "alarms     0"}},
		{[]string{"terminals", "show", "S1"}, 0, []string{"hmac-sha256, secret 2", "hmac-sha256, secret 1 until"}},
		{[]string{"terminals", "show", "T404"}, 1, []string{"no such terminal"}},
		{[]string{"terminals", "suspend", "T9"}, 0, []string{"T9 is suspended"}},
		{[]string{"terminals", "resume", "T9"}, 0, []string{"T9 is running"}},
		{[]string{"terminals", "lost", "T9"}, 0, []string{"T9 is lost"}},
		{[]string{"terminals", "resume", "T9"}, 1, []string{"it is lost"}},
		{[]string{"terminals", "retire", "S1"}, 0, []string{"S1 is retired"}},
		{[]string{"terminals", "params", "get"}, 0, []string{"version 0", "{}"}},
		{[]string{"terminals", "params", "set", c.file("params.json", `{"heartbeat_s": 30}`)}, 0, []string{"version 1"}},
		{[]string{"terminals", "params", "set", c.file("bad.json", `[]`)}, 1, []string{"not parameters"}},
		{[]string{"terminals", "params", "get"}, 0, []string{"version 1", `{"heartbeat_s":30}`}},
		{[]string{"terminals", "blocklist"}, 0, []string{"04BB0001", "8001", "frozen", "1 cards, cursor "}},
		{[]string{"terminals", "blocklist", "--sweep"}, 0, []string{"0 entries were behind the books"}},
		{[]string{"terminals", "quarantine"}, 0, nil},
		{[]string{"api"}, 0, []string{"openapi: 3.1.0", "/pos/v1/journal"}},
		{[]string{"cases", "list"}, 0, nil},
		{[]string{"verify"}, 0, []string{"all agree"}},
		{[]string{"frobnicate"}, 2, []string{"unexpected argument"}},
		{[]string{"--help"}, 0, []string{"accounts import", "terminals add"}},
	} {
		status, output := c.command(step.args...)
		if status != step.status {
			t.Errorf("hub %v ends with %d, want %d:\n%s", step.args, status, step.status, output)
		}
		for _, want := range step.want {
			if !strings.Contains(output, want) {
				t.Errorf("hub %v does not say %q:\n%s", step.args, want, output)
			}
		}
	}
}

func TestVerifyFindsOneFen(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	c.start("")
	if err := c.callback(c.paid("50.00")); err != nil {
		t.Fatal(err)
	}
	status, output := c.command("verify")
	if status != 0 || !strings.Contains(output, "1 credited orders") || !strings.Contains(output, "-50.00") {
		t.Fatalf("verify ends with %d:\n%s", status, output)
	}
	client := c.redis.Client()
	keys, err := client.Keys(c.ctx, "h:{p??}:a:"+world.AccountNo).Result()
	if err != nil || len(keys) != 1 {
		t.Fatalf("keys %v, %v", keys, err)
	}
	if err := client.HIncrBy(c.ctx, keys[0], "pending", -1).Err(); err != nil {
		t.Fatal(err)
	}
	status, output = c.command("verify")
	if status != 1 || !strings.Contains(output, "4999") || !strings.Contains(output, world.AccountNo) {
		t.Errorf("verify over a missing fen ends with %d:\n%s", status, output)
	}
}

func TestServeRefusesARedisThatLosesMoney(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	if err := c.redis.Client().ConfigSet(c.ctx, "appendfsync", "everysec").Err(); err != nil {
		t.Fatal(err)
	}
	status, output := c.command("serve")
	if status != 1 || !strings.Contains(output, `appendfsync is "everysec" and must be "always"`) {
		t.Errorf("serve ends with %d:\n%s", status, output)
	}
	p := c.run("", "GUODU_REDIS__ADDRS="+c.redis.Addr(), "GUODU_EPHEMERAL__ADDRS="+c.ephemeral.Addr(), "GUODU_REDIS__ACCEPT=appendfsync")
	if p.dead() {
		t.Errorf("serve with the weakness accepted by name ended:\n%s", p.log)
	}
}

func TestServeNamesWhatIsWrongWithItsConfiguration(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay)
	for _, tc := range []struct {
		env    string
		status int
		want   string
	}{
		{"GUODU_PUBLIC_URL=nowhere", 1, "public_url"},
		{"GUODU_PUBLIC_URL=https://card.example.edu/", 1, "public_url"},
		{"GUODU_ENVIRONMENT=production", 1, "https in production"},
		{"GUODU_ENVIRONMENT=production GUODU_PUBLIC_URL=https://card.example.edu", 1, "wechatpay.pem: PublicKeyID: is a simulator's"},
		{"GUODU_ENVIRONMENT=production GUODU_PUBLIC_URL=https://card.example.edu GUODU_WECHAT__APP_ID=", 1, "alipay.pem: is a simulator's"},
		{"GUODU_ORDER__REFUND_REASON=" + strings.Repeat("x", 81), 1, "refund_reason"},
		{"GUODU_WECHAT__PUBLIC_KEY_ID= GUODU_WECHAT__PUBLIC_KEY_FILE=", 1, "wechat.public_key_id is missing"},
		{"GUODU_WECHAT__MORE_PUBLIC_KEYS=/etc/guodu/next.pem", 1, "not ID=FILE"},
		{"GUODU_WECHAT__PLATFORM_CERTIFICATE_FILES=/nowhere.pem", 1, "wechat.platform_certificate_files[0]: \"/nowhere.pem\": there is no such file"},
		{"GUODU_WECHAT__MESSAGES__PAID__TEMPLATE=T GUODU_WECHAT__MESSAGES__PAID__FIELDS__THING1=payer", 1, "wechat config: Messages: paid: field thing1"},
		{"GUODU_ALIPAY__MESSAGES__LOST__TEMPLATE=T", 1, "alipay config: Messages: \"lost\""},
		{"GUODU_ALIPAY__MESSAGES__PAID__ID=T", 2, "messages"},
		{"GUODU_WECHAT__MCH_ID=", 1, "wechat.mch_id is missing"},
		{"GUODU_WECHAT__API_V3_KEY_FILE=/nowhere", 1, "wechat.api_v3_key_file: \"/nowhere\": there is no such file"},
		{"GUODU_LIMITS__ORDER_YUAN=1e9", 1, "limits.order_yuan: \"1e9\" is not an amount in yuan"},
		{"GUODU_REDIS__HOST=127.0.0.1:1", 2, "redis.host (GUODU_REDIS__HOST) is not a setting"},
		{"GUODU_LISEN=x GUODU_POLL__PER_SECOND=fast GUODU_WECHAT__MCH_ID=", 2, "configuration: 3 things to mend:\n" +
			"  lisen (GUODU_LISEN) is not a setting; did you mean listen?\n" +
			"  poll.per_second (GUODU_POLL__PER_SECOND): \"fast\" is not a whole number\n  wechat.mch_id is missing\n"},
	} {
		cmd := exec.CommandContext(c.ctx, hubBinary, "--config", c.ConfigFile, "serve")
		cmd.Env = append(os.Environ(), "GUODU_REDIS__ADDRS="+c.redis.Addr(), "GUODU_EPHEMERAL__ADDRS="+c.ephemeral.Addr())
		cmd.Env = append(cmd.Env, strings.Fields(tc.env)...)
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != tc.status || !strings.Contains(string(out), tc.want) {
			t.Errorf("%s: serve ends with %d, want %d and %q:\n%s", tc.env, cmd.ProcessState.ExitCode(), tc.status, tc.want, out)
		}
	}
}

func TestACommandNamesTheSettingOfAMissingFile(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	cmd := exec.CommandContext(c.ctx, hubBinary, "--config", c.ConfigFile, "verify")
	cmd.Env = append(os.Environ(), "GUODU_REDIS__ADDRS="+c.redis.Addr(), "GUODU_REDIS__PASSWORD_FILE=/nowhere/password")
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "(the file of redis.password_file)") {
		t.Errorf("verify ends with %d:\n%s", cmd.ProcessState.ExitCode(), out)
	}
}

func TestABrokenConfigurationKeepsNobodyFromMakingAKey(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "hub.yaml")
	if err := os.WriteFile(config, []byte("lisen: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args   []string
		status int
	}{
		{[]string{"version"}, 0}, {[]string{"api"}, 0}, {[]string{"keys", "new", filepath.Join(t.TempDir(), "hub.pem")}, 0}, {[]string{"verify"}, 2},
	} {
		if status, output := alone(t, append([]string{"--config", config}, tc.args...)...); status != tc.status {
			t.Errorf("hub %v ends with %d, want %d:\n%s", tc.args, status, tc.status, output)
		}
	}
}

func TestAHubWithItsOwnRedisComesBackWithItsBooks(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	// Its own children live in the world's data folder; a socket's path is short.
	data, err := os.MkdirTemp("", "gd-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(data) })
	first := c.run("", "GUODU_DATA_DIR="+data)
	cmd := exec.CommandContext(c.ctx, hubBinary, "--config", c.ConfigFile, "accounts", "import", c.AccountsFile())
	cmd.Env = append(os.Environ(), "GUODU_DATA_DIR="+data)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	c.front.add(first.addr)
	order := c.paid("50.00")
	if err := c.callback(order); err != nil {
		t.Fatal(err)
	}
	beside := exec.CommandContext(c.ctx, hubBinary, "--config", c.ConfigFile, "accounts", "show", world.AccountNo)
	beside.Env = append(os.Environ(), "GUODU_DATA_DIR="+data)
	if out, err := beside.CombinedOutput(); err != nil || !strings.Contains(string(out), "50.00") {
		t.Errorf("a command beside the running hub: %v\n%s", err, out)
	}
	_ = first.cmd.Process.Kill()
	<-first.done
	second := c.run("", "GUODU_DATA_DIR="+data) // waits for the folder
	c.front.only(second.addr)
	if err := c.callback(order); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(second.log.String(), "outcome=duplicate") {
		t.Errorf("the second hub does not know the order:\n%s", second.log)
	}
	client, err := redisx.Connect(redisx.Options{Addrs: []string{filepath.Join(data, "money", "redis.sock")}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	keys, err := client.Keys(context.Background(), "h:{p??}:a:"+world.AccountNo).Result()
	if err != nil || len(keys) != 1 {
		t.Fatalf("keys %v, %v", keys, err)
	}
	pending, err := client.HGet(context.Background(), keys[0], "pending").Result()
	if err != nil || pending != "5000" {
		t.Errorf("pending %q, %v; want 5000", pending, err)
	}
}

func TestNothingIsAcceptedWhileRedisIsWeak(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	c.start("")
	holder := c.bound()
	order, err := holder.Recharge(c.ctx, "50.00")
	if err != nil {
		t.Fatal(err)
	}
	redis := c.redis.Client()
	if err := redis.ConfigSet(c.ctx, "appendonly", "no").Err(); err != nil {
		t.Fatal(err)
	}
	c.until("the hub notices", func() error {
		if strings.Contains(c.logs.String(), "appendonly is") {
			return nil
		}
		return errors.New("not yet")
	})
	d, err := c.WeChat.Deliver(c.ctx, order, 1)
	if err != nil || d[0].Status != http.StatusServiceUnavailable {
		t.Errorf("a callback is answered %+v, %v; want 503", d, err)
	}
	if err := c.load(); err == nil {
		t.Error("a terminal is served")
	}
	if sheet, err := holder.Prepare(c.ctx, "5.00"); err == nil {
		t.Errorf("a holder is asked to pay order %s", sheet.Order)
	}
	if err := redis.ConfigSet(c.ctx, "appendonly", "yes").Err(); err != nil {
		t.Fatal(err)
	}
	c.until("the hub believes it again", func() error { return c.callback(order) })
	c.audit(1)
}
