package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"guodu/mocks/terminal"
)

// The environment that makes things go wrong.
const (
	crashVariable = "GUODU_CRASH" // STEP[:N]
	cardVariable  = "GUODU_CARD"  // one of mischiefs
)

// mischief is what a card does to the next write: it tears, or its holder pulls
// it away before a step.
type mischief struct {
	tear  terminal.TearKind
	stays bool
	pull  terminal.Step
	help  string
}

func mischiefs() map[string]mischief {
	return map[string]mischief{
		"pull-before-write":        {pull: terminal.StepWrite, help: "the card is gone when the command would be sent"},
		"pull-before-commit":       {tear: terminal.TearNothing, help: "the card leaves before it commits: nothing is written, no answer"},
		"silent-before-commit":     {tear: terminal.TearNothing, stays: true, help: "nothing is written, no answer, and the card stays"},
		"torn-backup":              {tear: terminal.TearBackup, help: "the card leaves after the backup block (profile stamp-blocks)"},
		"torn-balance":             {tear: terminal.TearBalance, help: "the card leaves between balance and stamp"},
		"torn-balance-stays":       {tear: terminal.TearBalance, stays: true, help: "the write ends between balance and stamp, and the card stays"},
		"torn-beyond-repair":       {tear: terminal.TearBeyondRepair, help: "as torn-balance, and the backup block is torn too"},
		"torn-beyond-repair-stays": {tear: terminal.TearBeyondRepair, stays: true, help: "the same, and the card stays"},
		"answer-lost":              {tear: terminal.TearAnswer, help: "all is written, and the card leaves before it answers"},
		"answer-lost-stays":        {tear: terminal.TearAnswer, stays: true, help: "all is written, no answer, and the card stays"},
		"pull-after-write":         {pull: terminal.StepWritten, help: "the card leaves before it can be read back"},
	}
}

type steps struct{}

// Run lists what the environment can do.
func (steps) Run(r run) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s=STEP[:N] kills the process by SIGKILL at the Nth arrival at a step:\n", crashVariable)
	for _, s := range terminal.Steps() {
		fmt.Fprintf(&text, "  %s\n", s)
	}
	fmt.Fprintf(&text, "%s is what the card does to the next write:\n", cardVariable)
	all := mischiefs()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "  %-25s %s\n", name, all[name].help)
	}
	_, err := fmt.Fprint(r.out, text.String())
	return err
}

// trouble is what the environment has in store, for one process.
type trouble struct {
	run  run
	step terminal.Step // "" is none
	card mischief

	mu   sync.Mutex
	left int
	lies *terminal.Card // the card on the reader
}

// newTrouble reads the environment.
func newTrouble(r run) (*trouble, error) {
	t := &trouble{run: r}
	if text := r.env(crashVariable); text != "" {
		name, count, counted := strings.Cut(text, ":")
		t.step, t.left = terminal.Step(name), 1
		if counted {
			n, err := strconv.Atoi(count)
			if err != nil || n < 1 {
				return nil, fmt.Errorf("%s=%s: the number behind the colon must be 1 or more", crashVariable, text)
			}
			t.left = n
		}
		if !slices.Contains(terminal.Steps(), t.step) {
			return nil, fmt.Errorf("%s=%s: there is no such step; there are %v", crashVariable, text, terminal.Steps())
		}
	}
	if text := r.env(cardVariable); text != "" {
		known := false
		t.card, known = mischiefs()[text]
		if !known {
			return nil, fmt.Errorf("%s=%s: there is no such mischief; there are %v", cardVariable, text, slices.Sorted(maps.Keys(mischiefs())))
		}
	}
	return t, nil
}

// lay puts a card on the reader, with what it is up to.
func (t *trouble) lay(c *terminal.Card) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lies = c
	if t.card.tear != "" {
		c.Tear(t.card.tear, t.card.stays)
		t.card.tear = ""
	}
}

// before is the terminal's hook.
func (t *trouble) before(s terminal.Step) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.card.pull == s && t.lies != nil {
		t.card.pull = ""
		t.lies.Leave()
	}
	if t.step != s {
		return nil
	}
	t.left--
	if t.left > 0 {
		return nil
	}
	fmt.Fprintf(t.run.problems, "terminal: %s: killed before %s\n", crashVariable, s)
	t.run.kill()
	return errors.New("killed") // only where kill is not the real one
}
