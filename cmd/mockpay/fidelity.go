package main

import (
	"fmt"
	"io"
	"strings"

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
	"guodu/mocks/wechatpay"
)

// fidelity prints the table of behaviours.
type fidelity struct{}

// Run prints it.
func (fidelity) Run(r run) error {
	var out strings.Builder
	for _, one := range []struct {
		name, pkg string
		all       sim.Behaviours
	}{{"WeChat Pay", "mocks/wechatpay", wechatpay.Behaviours()}, {"Alipay", "mocks/alipay", alipay.Behaviours()}} {
		table(&out, one.name, one.pkg, one.all)
	}
	_, err := io.WriteString(r.out, out.String())
	return err
}

func table(out *strings.Builder, name, pkg string, all sim.Behaviours) {
	fmt.Fprintf(out, "### %s (`%s`)\n\n| | documented behaviour | simulated | test |\n|---|---|---|---|\n", name, pkg)
	for _, b := range all {
		how := string(b.Status)
		if b.Limits != "" {
			how += ": " + b.Limits
		}
		fmt.Fprintf(out, "| %d | %s | %s | %s |\n", b.Number, cell(b.Text), cell(how), b.Test)
	}
	fmt.Fprintln(out)
}

// cell keeps a text from breaking a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
