package main

import (
	"bytes"
	"runtime/debug"
	"strings"
	"testing"
)

func TestTheVersionNamesTheRevisionAndWhatIsNotInIt(t *testing.T) {
	t.Parallel()
	info := &debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Version: "v0.3.0"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.time", Value: "2026-12-01T08:00:00Z"}, {Key: "vcs.modified", Value: "true"},
	}}
	var out bytes.Buffer
	if err := printVersion(&out, info); err != nil {
		t.Fatal(err)
	}
	want := "hub       v0.3.0\nrevision  0123456789abcdef of 2026-12-01T08:00:00Z, with changes that are not in it\ngo        go1.26.0 "
	if !strings.HasPrefix(out.String(), want) {
		t.Errorf("it says\n%swant\n%s", &out, want)
	}
}
