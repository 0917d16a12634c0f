package wechatpay

import "guodu/mocks/sim"

// differences is where documents and production have been seen to differ.
var differences = []sim.Difference{
	{Point: "fields that decide nothing", Switch: "TidyFields", Live: true,
		Documents:  "one type each; times end in +08:00",
		Production: "come and go, a list or an object, a number or a text; strangers among them; times also end in +0800 and Z"},
	{Point: "time_expire that ends in Z", Switch: "OffsetsOnly", Live: true, Documents: "an offset in digits", Production: "taken"},
	{Point: "limit_pay in prepay", Switch: "Options.Without 34", Live: true, Documents: "not in the table, only in the SDK", Production: "taken"},
	{Point: "rows of a bill", Switch: "BillInOrder", Live: true, Documents: "samples are sorted by time", Production: "in no order"},
	{Point: "sums of a SUCCESS bill", Switch: "BillFourSums", Live: true, Documents: "four", Production: "seven, as ALL"},
	{Point: "bytes around a bill's rows", Switch: "BillFormat", Documents: "byte order mark and CRLF", Production: "seen with LF and no mark"},
	{Point: "counts in a bill", Switch: "BillCountsDecimal", Documents: "45", Production: "seen as 45.0"},
	{Point: "time of a bill", Switch: "BillHour", Documents: "10:00", Production: "seen at 9:00"},
	{Point: "life of a bill's link", Switch: "BillLinkLife", Documents: "30 s", Production: "5 minutes, by newer texts"},
	{Point: "associated_data of a notice", Switch: "EmptyAssociatedData", Documents: "what the notice is about", Production: "may be empty"},
}

// Differences is where WeChat Pay's documents and what people have seen of its
// production differ.
func Differences() []sim.Difference { return append([]sim.Difference(nil), differences...) }
