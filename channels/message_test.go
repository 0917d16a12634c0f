package channels_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"guodu/channels"
)

func TestATemplateSaysWhatHappenedInChinese(t *testing.T) {
	template := channels.Template{ID: "T", Fields: map[string]string{
		"number": "order", "sum": "amount", "when": "time", "where": "place", "what": "=校园卡充值", "short": "place", "odd": "=a\nb\tc",
	}}
	e := channels.Event{
		Kind: channels.EventLoaded, Order: "05ABC", Amount: 5000, Place: "一食堂 3 号窗口",
		Time: time.Date(2026, 11, 23, 4, 0, 59, 0, time.UTC),
	}
	most := func(field string) int {
		return map[string]int{"short": 5}[field] + 20*len(strings.TrimPrefix(field, "short"))
	}
	want := map[string]string{
		"number": "05ABC", "sum": "50.00元", "when": "2026-11-23 12:00", "where": "一食堂 3 号窗口", "what": "校园卡充值",
		"short": "一食堂 …", "odd": "a b c",
	}
	if got := template.Values(e, most); !maps.Equal(got, want) {
		t.Errorf("values %q, want %q", got, want)
	}
	e.Place = " \n"
	if got := template.Values(e, most)["where"]; got != "-" {
		t.Errorf("a place without a name is %q, want -", got)
	}
}

func TestTemplatesThatCannotBeUsedAreNamed(t *testing.T) {
	one := func(kind channels.EventKind, id string, fields ...string) channels.Templates {
		given := map[string]string{}
		for _, field := range fields {
			name, value, _ := strings.Cut(field, ":")
			given[name] = value
		}
		return channels.Templates{kind: {ID: id, Fields: given}}
	}
	for _, tc := range []struct {
		templates channels.Templates
		want      string
	}{
		{nil, ""},
		{one("paid", "T", "a:order", "b:amount", "c:time", "d:=text"), ""},
		{one("loaded", "T", "a:place"), ""},
		{one("paid", "T", "a:place"), "field a"},
		{one("refunded", "T", "a:payer"), "field a"},
		{one("paid", "T", "a:="), "field a"},
		{one("paid", "", "a:order"), "paid"},
		{one("paid", "T"), "paid"},
		{one("lost", "T", "a:order"), "lost"},
	} {
		err := tc.templates.Check()
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: %v, want %q", tc.templates, err, tc.want)
		}
	}
}
