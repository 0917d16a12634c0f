package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

type version struct{}

// Run says which hub this is.
func (version) Run(r run) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{GoVersion: runtime.Version()}
	}
	return printVersion(r.out, info)
}

// printVersion says what a program was built from. A build outside a checkout knows
// no revision.
func printVersion(out io.Writer, info *debug.BuildInfo) error {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	known := func(text string) string {
		if text == "" {
			return "unknown"
		}
		return text
	}
	revision := known(settings["vcs.revision"])
	if at := settings["vcs.time"]; at != "" {
		revision += " of " + at
	}
	if settings["vcs.modified"] == "true" {
		revision += ", with changes that are not in it"
	}
	_, err := fmt.Fprintf(out, "hub       %s\nrevision  %s\ngo        %s %s/%s\n", known(info.Main.Version), revision, info.GoVersion,
		runtime.GOOS, runtime.GOARCH)
	return err
}
