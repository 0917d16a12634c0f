package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"

	"guodu/cmd/hub/app"
	"guodu/transition/pos"
)

type showTerminal struct {
	ID string `arg:"" help:"The terminal's id."`
}

// Run prints what is known of the terminal.
func (c showTerminal) Run(r run) error {
	return r.money(func(hub *app.Hub) error {
		t, err := hub.Registry().Terminal(r.ctx, c.ID)
		if err != nil {
			return err
		}
		holes, err := hub.Registry().Holes(r.ctx, c.ID)
		if err != nil {
			return err
		}
		journal, err := hub.Registry().Watermarks(r.ctx, c.ID, t.Journal())
		if err != nil {
			return err
		}
		describe(r.out, t, holes, journal)
		return nil
	})
}

func describe(out io.Writer, t pos.Terminal, holes []pos.Hole, journal pos.Progress) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(out, "%-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("terminal", "%s", t.ID)
	line("state", "%s", t.State)
	line("role", "%s", t.Role)
	line("place", "%s", shown(t.Place))
	line("added", "%s", when(t.Added))
	line("key", "%s", keyText(t.Algorithm, t.Key))
	if !t.OldUntil.IsZero() {
		line("old key", "%s until %s", keyText(t.Algorithm, t.OldKey), when(t.OldUntil))
	}
	line("signed in", "%s", when(t.Seen.SignedIn))
	line("heard", "%s, firmware %q, parameters %d, clock off by %s", when(t.Seen.At), t.Seen.Firmware, t.Seen.Params, t.Seen.ClockOffset)
	line("messages", "newest %s, missing %s, %d missed for good", t.Seq, holesText(holes), t.Missed)
	if t.Alarms > 0 {
		line("ALARMS", "%d, the last: %s", t.Alarms, t.Alarm)
	} else {
		line("alarms", "0")
	}
	unsent := fmt.Sprintf("%d unsent", t.Seen.JournalDepth)
	if !t.Seen.OldestUnsent.IsZero() {
		unsent += " since " + when(t.Seen.OldestUnsent)
	}
	line("journal", "epoch %d, accepted %d, archived %d, missing %s, %s",
		journal.Epoch, journal.Accepted, journal.Archived, holesText(journal.Holes), unsent)
}

func when(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return app.Moment(t)
}

func keyText(a pos.Algorithm, k pos.Key) string {
	if a == pos.HMAC {
		return fmt.Sprintf("%s, secret %d", a, k.Number)
	}
	return fmt.Sprintf("%s %s", a, base64.StdEncoding.EncodeToString(k.Public))
}

func holesText(holes []pos.Hole) string {
	if len(holes) == 0 {
		return "none"
	}
	var parts []string
	for _, h := range holes {
		parts = append(parts, fmt.Sprintf("%d-%d", h.From, h.To))
	}
	return strings.Join(parts, " ")
}
