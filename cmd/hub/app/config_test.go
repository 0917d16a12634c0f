package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"guodu/cmd/hub/app"
)

// files makes a folder with files that hold something, and the configuration.
func configured(t *testing.T, yaml string, files ...string) (config, dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("a secret word"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config = filepath.Join(dir, "hub.yaml")
	if err := os.WriteFile(config, []byte(strings.ReplaceAll(yaml, "DIR", dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	return config, dir
}

// examined is what Load, and then Check, say of a configuration: line by line.
func examined(t *testing.T, file string) []string {
	t.Helper()
	c, err := app.Load(file)
	if err == nil {
		err = c.Check()
	}
	if err == nil {
		return nil
	}
	if !errors.Is(err, app.ErrConfig) {
		t.Errorf("%v is no ErrConfig", err)
	}
	text := strings.TrimPrefix(err.Error(), "configuration: ")
	lines := strings.Split(text, "\n")
	if len(lines) > 1 {
		lines = lines[1:]
	}
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return lines
}

const whole = `
environment: test
public_url: http://127.0.0.1:8080
alipay: {app_id: 2021000000000001, seller_id: 2088000000000001, app_key_file: DIR/app.pem, public_key_file: DIR/alipay.pem}
portal: {base: http://127.0.0.1:9003, client_secret_file: DIR/portal.secret}
terminals: {key_file: DIR/hub.pem}
`

func wholeFiles() []string { return []string{"app.pem", "alipay.pem", "portal.secret", "hub.pem"} }

func TestAWholeConfigurationHasNothingWrong(t *testing.T) {
	t.Parallel()
	file, _ := configured(t, whole+"limits: {order_yuan: 500, day_yuan: 2000.50}\norder: {expiry: 15m}\nredis: {accept: appendfsync, cluster: false}\n"+
		"ephemeral: {addrs: [\"127.0.0.1:6379\"]}\npoll: {per_second: 20}\nwechat:\n", wholeFiles()...)
	if wrong := examined(t, file); wrong != nil {
		t.Errorf("it says %q", wrong)
	}
}

func TestAllThatIsWrongIsSaidAtOnceSortedWithSettingAndValue(t *testing.T) {
	t.Parallel()
	file, dir := configured(t, `
lisen: 127.0.0.1:8080
environment: prod
public_url: https://card.example.edu/x
wechat: {app_id: wx1, app_secrt_file: DIR/app.secret, mch_id: [1], merchant_serial: 12E34, merchant_key_file: DIR/none.pem, public_key_file: DIR, public_key_id: P,
  timeout: 5, more_public_keys: [DIR/app.pem, "ID=DIR/gone.pem"]}
redis: {cluster: maybe, replicas: many, host: 127.0.0.1, prefix: {a: b}}
redis.username: x
limits: {order_yuan: abc, day_yuan: "1e9", balance_yuan: "10000000001"}
poll: 20
order: {expiry: soon, refund_reason: `+strings.Repeat("长", 81)+`}
terminals: {key_file: DIR/empty.pem, hosts: {a: b}}
prefix: h
`, "app.pem", "app.secret")
	if err := os.WriteFile(filepath.Join(dir, "empty.pem"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got := examined(t, file)
	for i := range got {
		got[i] = strings.ReplaceAll(got[i], dir, "DIR")
	}
	want := []string{
		`environment: "prod" is neither production nor test`,
		`limits.balance_yuan: "10000000001" yuan is more than there can be, or has parts of a fen`,
		`limits.day_yuan: "1e9" is not an amount in yuan, such as 500 or 12.50`,
		`limits.order_yuan: "abc" is not an amount in yuan, such as 500 or 12.50`,
		`lisen is not a setting; did you mean listen?`,
		`order.expiry: "soon" is not a length of time, such as 90s or 15m`,
		`order.refund_reason: "长长长长长长长长长长长长长长长长长长长长" … has more than 80 characters`,
		`poll: it is a group of settings, and not one value`,
		`portal.base is missing`,
		`portal.client_secret_file is missing`,
		`prefix is not a setting; did you mean ephemeral.prefix or redis.prefix?`,
		`public_url: "https://card.example.edu/x" is not scheme and host alone, such as https://card.example.edu`,
		`redis.cluster: "maybe" is neither true nor false`,
		`redis.host is not a setting; redis has accept, addrs, ca_certificate_file, cluster, master_name, password_file, prefix, replicas, tls, username`,
		`redis.prefix is one setting, and not a group`,
		`redis.replicas: "many" is not a whole number`,
		`redis.username is not a setting; in YAML it is written redis: {username: …}`,
		`terminals.hosts is one setting, and not a group`,
		`terminals.key_file: "DIR/empty.pem": the file is empty`,
		`wechat.api_v3_key_file is missing`,
		`wechat.app_secret_file is missing`,
		`wechat.app_secrt_file is not a setting; did you mean wechat.app_secret_file?`,
		`wechat.mch_id is one value, and not a list`,
		`wechat.merchant_key_file: "DIR/none.pem": there is no such file`,
		`wechat.merchant_serial: YAML reads it as 1.2e+35; put it in quotes`,
		`wechat.more_public_keys[0]: "DIR/app.pem" is not ID=FILE`,
		`wechat.more_public_keys[1]: "DIR/gone.pem": there is no such file`,
		`wechat.public_key_file: "DIR": it is a folder`,
		`wechat.timeout: 5 is not a length of time, such as 90s or 15m`,
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("it does not say: %s", line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("it also says: %s", line)
		}
	}
	if !slices.IsSorted(got) {
		t.Errorf("the lines are not sorted:\n%s", strings.Join(got, "\n"))
	}
}

func TestFormerMerchantsAreExaminedLikeTheCurrentOne(t *testing.T) {
	t.Parallel()
	file, dir := configured(t, whole+`
wechat:
  former:
    - {app_id: wx1, mch_id: "1", merchant_serial: S, merchant_key_file: DIR/old.pem, public_key_id: P, public_key_file: DIR/old.pem,
       api_v3_key_file: DIR/app.pem, timout: 5s}
    - {mch_id: "2", timeout: soon}
`, wholeFiles()...)
	got := strings.ReplaceAll(strings.Join(examined(t, file), "\n"), dir, "DIR")
	for _, want := range []string{
		"wechat.former[0].timout is not a setting; did you mean wechat.former[0].timeout?",
		`wechat.former[0].merchant_key_file: "DIR/old.pem": there is no such file`,
		`wechat.former[0].public_key_file: "DIR/old.pem": there is no such file`,
		"wechat.former[1].app_id is missing", `wechat.former[1].timeout: "soon" is not a length of time`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not say: %s\n%s", want, got)
		}
	}
	if strings.Contains(got, "wechat.mch_id") || strings.Contains(got, "wechat.former[0].api_v3_key_file") {
		t.Errorf("it says too much:\n%s", got)
	}
}

func TestASecretInThePlaceOfItsFileIsNotShown(t *testing.T) {
	t.Parallel()
	const key, word = "0123456789abcdef0123456789abcdef", "pass-word-of-x"
	file, _ := configured(t, whole+"wechat: {app_id: wx1, api_v3_key_file: "+key+", api_v3_key: "+key+", app_secret_file: \"-----BEGIN\\n"+key+"\"}\n"+
		"public_ulr: http://u:"+word+"@h\n", wholeFiles()...)
	_, err := app.Load(file)
	if err == nil || !strings.Contains(err.Error(), "wechat.api_v3_key_file: (not shown") ||
		!strings.Contains(err.Error(), "wechat.api_v3_key is not a setting; did you mean wechat.api_v3_key_file?") {
		t.Errorf("it says %v", err)
	}
	hidden, _ := configured(t, strings.Replace(whole, "http://127.0.0.1:8080", "http://u:"+word+"@h/", 1), wholeFiles()...)
	c, err2 := app.Load(hidden)
	if err2 != nil {
		t.Fatal(err2)
	}
	err2 = c.Check()
	if err2 == nil || !strings.Contains(err2.Error(), "public_url: (not shown") {
		t.Errorf("it says %v", err2)
	}
	for _, err := range []error{err, err2} {
		if err != nil && (strings.Contains(err.Error(), key) || strings.Contains(err.Error(), word)) {
			t.Errorf("the secret is shown: %v", err)
		}
	}
}

func TestABrokenFileIsNamedWithItsLine(t *testing.T) {
	t.Parallel()
	file, _ := configured(t, "environment: test\n  listen: x\n")
	_, err := app.Load(file)
	if !errors.Is(err, app.ErrConfig) || !strings.Contains(err.Error(), file+": line 2") && !strings.Contains(err.Error(), file+": mapping values") {
		t.Errorf("it says %v", err)
	}
}

func TestASettingIsFoundByItsFile(t *testing.T) {
	t.Parallel()
	file, dir := configured(t, whole, wholeFiles()...)
	c, err := app.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.SettingOf(filepath.Join(dir, "portal.secret")); got != "portal.client_secret_file" {
		t.Errorf("portal.secret is the file of %q", got)
	}
	if got := c.SettingOf("/nowhere"); got != "" {
		t.Errorf("/nowhere is the file of %q", got)
	}
}

func TestNamesAreNearByAFewLetters(t *testing.T) {
	t.Parallel()
	names := []string{"list", "show", "import", "add", "retire", "rotate"}
	for word, want := range map[string]string{
		"lsit": "did you mean list?", "improt": "did you mean import?", "imp": "did you mean import?", "retate": "did you mean rotate or retire?",
		"x": "", "frobnicate": "", "dd": "did you mean add?", "dad": "did you mean add?", "": "",
	} {
		if got := app.DidYouMean(word, names); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}
