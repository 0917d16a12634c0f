package main_test

import (
	"strings"
	"testing"
)

func TestAMistypedCommandOrFlagIsAskedBack(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"verfy":                     `did you mean "verify"?`,
		"terminals ad":              `did you mean "add"?`,
		"cases lsit":                "did you mean list?",
		"improt f.csv":              "did you mean hub accounts import or hub terminals import?",
		"rotate T1":                 "did you mean hub terminals rotate?",
		"verify --confg x":          `did you mean "--config"?`,
		"notices --refusd":          `did you mean "--refused"?`,
		"frobnicate":                "unexpected argument frobnicate (hub --help says what there is)",
		"terminals frobnicate":      "(hub terminals --help says what there is)",
		"trace":                     `expected "<order>" (hub trace --help says what there is)`,
		"terminals add T --xyzzy y": "unknown flag --xyzzy (hub terminals add --help says what there is)",
	} {
		status, output := alone(t, strings.Fields(line)...)
		if status != 2 || !strings.Contains(output, want) {
			t.Errorf("hub %s: %d %s, want %s", line, status, output, want)
		}
		if strings.Count(output, "did you mean") > 1 {
			t.Errorf("hub %s asks twice: %s", line, output)
		}
	}
}
