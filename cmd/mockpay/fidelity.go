package main

import (
	"fmt"
	"io"
	"strings"

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
	"guodu/mocks/wechatpay"
)

// fidelity prints the tables of behaviours and of differences.
type fidelity struct{}

// Run prints it.
func (fidelity) Run(r run) error {
	var out strings.Builder
	table(&out, "WeChat Pay", "mocks/wechatpay", wechatpay.Behaviours(), missingWeChat())
	table(&out, "Alipay", "mocks/alipay", alipay.Behaviours(), missingAlipay())
	out.WriteString("### Where documents and production differ\n\n" +
		"| | point | documents | production, as people have seen it | the default follows | switch |\n|---|---|---|---|---|---|\n")
	differ(&out, "WeChat Pay", wechatpay.Differences())
	differ(&out, "Alipay", alipay.Differences())
	out.WriteString("\n")
	_, err := io.WriteString(r.out, out.String())
	return err
}

// missingWeChat is what WeChat Pay documents and the simulator does not have.
func missingWeChat() []string {
	return []string{
		"H5, Native and App payment, combined orders, several merchants.",
		"Profit sharing, coupons that a merchant makes, complaints, transfers to persons.",
		"Reversing a payment by code; applying for an abnormal refund; automatic closing of old orders.",
		"snsapi_userinfo; the payment directory of a page; TLS.",
	}
}

// missingAlipay is what Alipay documents and the simulator does not have.
func missingAlipay() []string {
	return []string{
		"trade.precreate, trade.page.pay, trade.app.pay, pre-authorized payment.",
		"Content encryption (encrypt_type), app_auth_token of a third party, split settlement, several merchants and apps.",
		"Messages to the app gateway (follow, menu); bank deposit-backs; TLS.",
	}
}

func table(out *strings.Builder, name, pkg string, all sim.Behaviours, missing []string) {
	fmt.Fprintf(out, "### %s (`%s`)\n\n| | documented behaviour | simulated | test |\n|---|---|---|---|\n", name, pkg)
	for _, b := range all {
		how := string(b.Status)
		if b.Limits != "" {
			how += ": " + b.Limits
		}
		fmt.Fprintf(out, "| %d | %s | %s | %s |\n", b.Number, cell(b.Text), cell(how), b.Test)
	}
	for _, text := range missing {
		fmt.Fprintf(out, "| | %s | %s | |\n", cell(text), sim.Not)
	}
	fmt.Fprintln(out)
}

// differ is the rows of one gateway.
func differ(out *strings.Builder, name string, all []sim.Difference) {
	for _, d := range all {
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s | `%s` |\n", name, cell(d.Point), cell(d.Documents), cell(d.Production), d.Default(), d.Switch)
	}
}

// cell keeps a text from breaking a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
