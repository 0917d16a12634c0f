package main

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"guodu/mocks/terminal"
)

// TestProcessesThatAreKilledLoseNoFen kills the process at every step that a tap
// comes by, and goes on where it ended.
func TestProcessesThatAreKilledLoseNoFen(t *testing.T) {
	t.Parallel()
	for _, step := range append(terminal.LoadSteps(), terminal.StepSignIn, terminal.StepSignedIn) {
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.env[crashVariable] = string(step)
			killed, out, err := b.process("tap", b.card)
			if !killed {
				t.Fatalf("not killed: %v\n%s", err, out)
			}
			b.says(out, "killed before "+string(step))
			clear(b.env)
			b.goesOn()
		})
	}
}

// goesOn brings everything to its end on the files that are left.
func (b *bench) goesOn() {
	b.t.Helper()
	b.step("resume")
	b.step("tap", b.card)
	b.step("tap", b.card)
	b.says(b.step("upload"), " quarantined=0 unsent=0 ")
	b.holds(1200+waiting, 4)
	if b.hub.Confirmed != waiting {
		b.t.Errorf("the hub confirmed %d", b.hub.Confirmed)
	}
}

func TestCardsThatMisbehaveUnderAKilledProcess(t *testing.T) {
	t.Parallel()
	for _, name := range slices.Sorted(maps.Keys(mischiefs())) {
		m := mischiefs()[name]
		for _, crash := range []string{"", "written"} {
			t.Run(fmt.Sprintf("%s/%s", name, crash), func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				b.env[cardVariable] = name
				if crash != "" {
					b.env[crashVariable] = crash
				}
				if crash == "" {
					b.start("", append([]string{"tap", b.card}, b.at()...)...)
				} else if killed, out, err := b.process("tap", b.card); !killed {
					t.Fatalf("not killed: %v\n%s", err, out)
				}
				clear(b.env)
				if m.tear == terminal.TearBalance || m.tear == terminal.TearBeyondRepair {
					b.holds(1200+waiting, 3) // in one block nothing repairs it: the hub has to cope
					b.says(b.step("tap", b.card), "reread=conflict")
					return
				}
				b.goesOn()
			})
		}
	}
}

func TestTheSecondArrivalAtAStepKills(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.env[crashVariable] = "tap-send:2"
	fail := unavailableOnce(b)
	b.hub.Set(func() { b.hub.Fail = fail })
	killed, out, err := b.process("tap", b.card, "--repeat", "3")
	if !killed {
		t.Fatalf("not killed: %v\n%s", err, out)
	}
	clear(b.env)
	b.goesOn()
}

func TestUploadIsKilledAndGoesOn(t *testing.T) {
	t.Parallel()
	for _, step := range []terminal.Step{terminal.StepUploadSend, terminal.StepUploaded, terminal.StepDelete} {
		b := setup(t)
		b.step("tap", b.card)
		b.env[crashVariable] = string(step)
		killed, out, err := b.process("upload")
		if !killed {
			t.Fatalf("not killed: %v\n%s", err, out)
		}
		clear(b.env)
		b.goesOn()
	}
}

func TestCrashesBesideALoadKillToo(t *testing.T) {
	t.Parallel()
	for step, flag := range map[terminal.Step]string{
		terminal.StepAbandon: "--abort", terminal.StepAbortSend: "--abort", terminal.StepAborted: "--abort",
		terminal.StepReread: "--reread", terminal.StepRereadSend: "--reread",
	} {
		b := setup(t)
		b.env[crashVariable] = string(step)
		killed, out, err := b.process("tap", b.card, flag)
		if !killed {
			t.Fatalf("%s: not killed: %v\n%s", step, err, out)
		}
		clear(b.env)
		b.goesOn()
	}
}

// One history in which every step is a process.
func TestTheNextProcessGoesOnWhereOneWasKilled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.env[crashVariable] = string(terminal.StepWritten)
	killed, out, err := b.process("tap", b.card)
	if !killed {
		t.Fatalf("not killed: %v\n%s", err, out)
	}
	clear(b.env)
	_, out, err = b.process("resume")
	if err != nil {
		t.Fatal(err)
	}
	b.says(out, "outcome=unknown receipt=IN_DOUBT")
	_, out, err = b.process("tap", b.card)
	if err != nil {
		t.Fatal(err)
	}
	b.says(out, "confirmed=070001 confirmed_amount=50.00")
	b.goesOn()
}
