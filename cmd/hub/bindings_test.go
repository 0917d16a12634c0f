package main_test

import (
	"regexp"
	"strings"
	"testing"

	"guodu/cmd/demo/world"
)

// TestAnOperatorEndsABinding binds an account by both channels and ends one of them.
func TestAnOperatorEndsABinding(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay)
	c.start("")
	stays := c.boundBy("wechat")
	c.boundBy("alipay")
	const account = world.AccountNo
	status, output := c.command("bindings", "list", account)
	row := regexp.MustCompile(`(?m)^([0-9a-f]{16})  (wechat|alipay) +\S+ +bound \S+`)
	rows := row.FindAllStringSubmatch(output, -1)
	if status != 0 || len(rows) != 2 || !strings.Contains(output, "2 bound") {
		t.Fatalf("%d %s", status, output)
	}
	refs := map[string]string{rows[0][2]: rows[0][1], rows[1][2]: rows[1][1]}
	end := func(ref, name string) []string {
		return []string{"bindings", "end", account, ref, "--as", name, "--why", "lost phone"}
	}
	c.refuses("no such binding", end("0123456789abcdef", "wang")...)
	c.refuses("what the hub calls", end(refs["alipay"], "holder")...)
	c.refuses("want Chinese or Latin letters", end(refs["alipay"], "")...)
	c.refuses("missing flags: --why", "bindings", "end", account, refs["alipay"], "--as", "wang")
	c.must("2 bound", "bindings", "list", account)
	c.must("ended", end(refs["alipay"], "wang")...)
	c.refuses("no such binding", end(refs["alipay"], "wang")...)
	status, output = c.command("bindings", "list", account)
	if status != 0 || !strings.Contains(output, "1 bound") || !strings.Contains(output, refs["wechat"]) || strings.Contains(output, refs["alipay"]) ||
		!regexp.MustCompile(`- +alipay +\S+ +ended .* by wang lost phone`).MatchString(output) {
		t.Errorf("%d %s", status, output)
	}
	if _, err := stays.Recharge(c.ctx, "5.00"); err != nil {
		t.Errorf("whoever is still bound cannot recharge: %v", err)
	}
	c.noSecrets()
}
