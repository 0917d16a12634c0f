package channels_test

import (
	"net/http"
	"strings"
	"testing"

	"guodu/channels"
)

func TestAnExcerptHoldsHintsOnly(t *testing.T) {
	t.Parallel()
	secrets := []string{"sign", "buyer_id"}
	for name, tc := range map[string]struct{ body, want string }{
		"a form":                 {"a=1&buyer_id=2088102177846880&sign=AbCd%2BxYz9", "a=1&buyer_id=…6880&sign=…xYz9"},
		"an escaped name":        {"b%75yer_id=2088102177846880&a=1", "buyer_id=…6880&a=1"},
		"JSON":                   {`{"buyer_id": "2088102177846880","x":1}`, `{"buyer_id": "…6880","x":1}`},
		"in other letters":       {"BUYER_ID=2088102177846880", "BUYER_ID=…6880"},
		"short values":           {"buyer_id=1234&sign=", "buyer_id=1234&sign="},
		"names that only look":   {"my_buyer_id=abcdefgh&sign_type=RSA2", "my_buyer_id=abcdefgh&sign_type=RSA2"},
		"twice":                  {"sign=11111111&sign=22222222", "sign=…1111&sign=…2222"},
		"not printable":          {"a=\x00\n\x1b[31m\xff字", `a=\x00\n\x1b[31m\xff字`},
		"plus before an equals":  {"{\"t\":\"a+b%41==\"}", "{\"t\":\"a+b%41==\"}"},
		"neither":                {"<xml>", "<xml>"},
		"a name escaped in JSON": {`{"\u0062uyer_id":"2088102177846880"}`, `{"buyer_id":"…6880"}`},
		"escaped as a whole":     {"a=1&x=buyer_id%3D2088102177846880%26b", "a=1&x=buyer_id=…80&b"},
		"a list":                 {`{"buyer_id":["2088102177846880"]}`, `{"buyer_id":["…6880"]}`},
		"a number":               {`{"buyer_id":2088102177846880,"x":1}`, `{"buyer_id":…6880,"x":1}`},
		"a value and its end":    {"x=1&sign", "x=1&sign"},
		"in XML":                 {"<buyer_id>2088102177846880</buyer_id>", "<buyer_id>…6880</buyer_id>"},
		"empty":                  {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := channels.NewExcerpt(http.Header{}, nil, []byte(tc.body), secrets, true)
			if got.Body != tc.want {
				t.Errorf("kept %q, want %q", got.Body, tc.want)
			}
		})
	}
}

func TestAnExcerptIsBounded(t *testing.T) {
	t.Parallel()
	header := http.Header{"X-Kept": {strings.Repeat("h", 5000)}, "Cookie": {"session"}}
	secrets := []string{"sign"}
	for authentic, most := range map[bool]int{true: 4 << 10, false: 256} {
		got := channels.NewExcerpt(header, []string{"X-Kept", "X-Absent"}, []byte(strings.Repeat("b", 60<<10)), secrets, authentic)
		if len(got.Body) != most || len(got.Headers) != 1 || len(got.Headers["X-Kept"]) != 128 {
			t.Errorf("authentic %t: kept %d bytes of the body and %v", authentic, len(got.Body), got.Headers)
		}
	}
	// A secret that the end of the excerpt would cut is masked before it is cut.
	cut := channels.NewExcerpt(header, nil, []byte(strings.Repeat("b", 240)+"&sign=0123456789abcdef"), secrets, false)
	if strings.Contains(cut.Body, "0123") {
		t.Errorf("kept %q", cut.Body)
	}
}
