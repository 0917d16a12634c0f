package terminal_test

import (
	"testing"

	"guodu/mocks/terminal"
	"guodu/mocks/terminal/terminaltest"
)

// inConflict is a bench whose card is in conflict, at a desk.
func inConflict(t *testing.T) *bench {
	t.Helper()
	b := setup(t)
	b.hub.Devices["T1"].Role = "desk"
	b.hub.Cards["70001"].Frozen = "conflict"
	return b
}

func outcomes(out terminal.DeskOutcome) []string {
	var all []string
	for _, a := range out.Answers {
		all = append(all, a.Outcome)
	}
	return all
}

func TestDeskFilesWhatTheCardShows(t *testing.T) {
	t.Parallel()
	b := inConflict(t)
	out, err := b.terminal().Desk(t.Context(), b.card)
	if got := outcomes(out); err != nil || len(got) != 1 || got[0] != terminal.RereadFiled || out.Written {
		t.Errorf("desk: %+v, %v", out, err)
	}
	b.holds(1200, 3)
}

func TestDeskWritesWhatPeopleDecided(t *testing.T) {
	t.Parallel()
	b := inConflict(t)
	b.hub.Cards["70001"].Repair = &terminaltest.Repair{L: 4, B: 6200}
	out, err := b.terminal().Desk(t.Context(), b.card)
	if got := outcomes(out); err != nil || len(got) != 2 || got[1] != terminal.RereadRepaired || !out.Written || out.After.B != 6200 || out.Before.B != 1200 {
		t.Errorf("desk: %+v, %v", out, err)
	}
	b.holds(6200, 4)
	if b.hub.Cards["70001"].Frozen != "" {
		t.Error("the account is still frozen")
	}
}

func TestPosMayNotBeADesk(t *testing.T) {
	t.Parallel()
	b := inConflict(t)
	b.hub.Devices["T1"].Role = "pos"
	_, err := b.terminal().Desk(t.Context(), b.card)
	b.want(err, terminal.ErrRole)
}

func TestRepairGoesOnAfterWhateverEndedIt(t *testing.T) {
	t.Parallel()
	for _, profile := range []terminal.Profile{terminal.ProfileStamp, terminal.ProfileBlocks} {
		for _, step := range []terminal.Step{terminal.StepRepair, terminal.StepRepaired} {
			for _, tear := range append(terminal.TearKinds(), "") {
				b := inConflict(t)
				d := theCard()
				d.Profile = profile
				b.want(b.card.Restore(d), nil)
				b.hub.Cards["70001"].Repair = &terminaltest.Repair{L: 3, B: 900} // the stamp is right, the balance is not
				if tear != "" {
					b.card.Tear(tear, false)
				}
				b.before = dieBefore(step)
				_, err := b.terminal().Desk(t.Context(), b.card)
				b.want(err, terminal.ErrCrashed)
				b.card.Leave()
				b.before = nil
				term := b.terminal()
				for range 2 { // a tear that waits strikes the first
					_, _ = term.Desk(t.Context(), b.card)
					b.card.Leave()
				}
				b.holds(900, 3)
				if b.hub.Cards["70001"].Frozen != "" {
					t.Errorf("%s %s %s: the account is still frozen", profile, step, tear)
				}
			}
		}
	}
}

func TestRepairToAnImpossibleBalanceIsNotWritten(t *testing.T) {
	t.Parallel()
	b := inConflict(t)
	b.hub.Cards["70001"].Repair = &terminaltest.Repair{L: 4, B: -1}
	_, err := b.terminal().Desk(t.Context(), b.card)
	b.want(err, terminal.ErrAmount)
	b.holds(1200, 3)
}
