package alipay

import "guodu/mocks/sim"

// Differences is where Alipay's documents and what people have seen of its
// production differ.
func Differences() []sim.Difference {
	return []sim.Difference{
		{Point: "Content-Type of a notice", Documents: "application/x-www-form-urlencoded; charset=utf-8", Production: "text/html among its parameters", Live: true, Switch: "TidyHeader"},
		{Point: "fields that decide nothing", Documents: "always there, one type each", Production: "come and go, a list or a text of it, a number or a text; strangers among them", Live: true, Switch: "TidyFields"},
		{Point: "- in out_trade_no", Documents: "forbidden", Production: "taken", Live: true, Switch: "NoDashes"},
		{Point: "parameter format", Documents: "JSON", Production: "JSON and json", Live: true, Switch: "Options.Without 37"},
		{Point: "message after an unknown template", Documents: "PUB.MSG_TEMPLATE_NOT_EXIST", Production: "MSG_TEMPLATE_NOT_EXIST", Live: true, Switch: "NoTemplateCode"},
		{Point: "comma in a name in a bill", Documents: "nothing said", Production: "shifts the columns", Live: true, Switch: "BillQuotes"},
		{Point: "bill that is not there", Documents: "BILL_NOT_EXIST, INVAILID_ARGUMENTS", Production: "isp.bill_not_exist, invalid_arguments", Switch: "LiveBillCodes"},
		{Point: "errors of code 40004", Documents: "signed like any answer", Production: "seen with and without a sign", Switch: "UnsignedBusinessErrors"},
		{Point: "notices of refunds", Documents: "none since 2023", Production: "seen, as TRADE_SUCCESS or TRADE_CLOSED", Switch: "NotifyRefunds"},
		{Point: "expires_in of auth_base", Documents: "15 days", Production: "seen with 300 s", Switch: "TokenSeconds"},
	}
}
