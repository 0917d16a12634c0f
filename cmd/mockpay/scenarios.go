package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
	"guodu/mocks/wechatpay"
)

// scenarios prints what can go wrong on request.
type scenarios struct{}

// Run prints it.
func (scenarios) Run(r run) error {
	wx, wxErr := wechatpay.Scenarios()
	ali, aliErr := alipay.Scenarios()
	err := errors.Join(wxErr, aliErr)
	if err != nil {
		return err
	}
	var out strings.Builder
	list(&out, "WeChat Pay", wx)
	list(&out, "Alipay", ali)
	_, err = io.WriteString(r.out, out.String())
	return err
}

func list(out *strings.Builder, name string, all sim.Scenarios) {
	fmt.Fprintf(out, "### Scenarios of %s\n\n| name | what happens | what a shop should do |\n|---|---|---|\n", name)
	for _, s := range all {
		shown := "`" + s.Name + "`"
		if s.Default {
			shown += " (on without `--calm`)"
		}
		fmt.Fprintf(out, "| %s | %s | %s |\n", shown, cell(s.Title), cell(s.Merchant))
	}
	fmt.Fprintln(out)
}
