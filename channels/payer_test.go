package channels_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"guodu/channels"
)

const fullID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"

// A holder of a payer, as a log line in any package might have one.
type record struct {
	Payer   channels.Payer
	Pointer *channels.Payer
	ByPayer map[string]channels.Payer
}

func TestPayerNeverShowsItsFullID(t *testing.T) {
	payer := channels.Payer{Kind: "openid", ID: fullID}
	holder := record{Payer: payer, Pointer: &payer, ByPayer: map[string]channels.Payer{"a": payer}}
	payment := channels.Payment{Payer: payer}
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		logger := slog.New(handler)
		logger.Info("paid", "payer", payer, "pointer", &payer, "holder", holder, "pointed", &holder, "payment", payment)
		logger.With("holder", holder).WithGroup("g").Info("paid", slog.Any("list", []channels.Payer{payer}))
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&out, verb+verb+verb+"\n", payer, &payer, payment)
	}
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		fmt.Fprintf(&out, verb+"\n", holder)
	}
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	if strings.Contains(out.String(), fullID) || strings.Contains(out.String(), fullID[:8]) {
		t.Fatalf("the full id is in\n%s", out.String())
	}
	if payer.LogValue().String() != payer.Hint() {
		t.Errorf("LogValue() = %v, want %q", payer.LogValue(), payer.Hint())
	}
	if strings.Count(out.String(), payer.Hint()) < 20 {
		t.Fatalf("the hint %q is missing from\n%s", payer.Hint(), out.String())
	}
}

func TestHintKeepsKindAndFourCharacters(t *testing.T) {
	for _, tc := range []struct{ name, id, want string }{
		{"long id", fullID, "openid:…eS6o"},
		{"id of four", "abcd", "openid:abcd"},
		{"no id", "", "openid:"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := channels.Payer{Kind: "openid", ID: tc.id}.Hint()
			if got != tc.want {
				t.Fatalf("Hint() = %q, want %q", got, tc.want)
			}
		})
	}
}
