package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"guodu/mocks/terminal"
)

// interactive is a terminal at which somebody types.
type interactive struct {
	connection
	Card []string `required:"" help:"The cards' files, to be named by number: the first is 1." type:"existingfile" placeholder:"FILE"`
}

const consoleHelp = `  tap [CARD]          hold a card to the reader and load what waits for it
  retry               the same tap again, as long as its card lies there
  abort               let the tap go whose answer never came
  drop [CARD]         tap, and drop the authorisation when it comes
  reread [CARD]       tap, drop the authorisation, and read the card once more
  pull                the card is pulled: now if it lies there, else during the next write
  tear KIND           the next write is torn: nothing, backup, balance, beyond-repair, answer
  cut power [STEP]    the power goes before a step of what comes next (written if none is said)
  resume              power on again; send what the journal owes
  sign-in, heartbeat, upload, journal, lists
  status [LOAD]       the terminal, or a load
  card [CARD]         what a card holds
  buy AMOUNT [CARD]   spend yuan from a card;  cash AMOUNT [CARD]  top it up
  desk [CARD]         show a card in conflict, and repair it if people decided
  help, quit
CARD is its place on the command line or its number; the first if none is said.
`

// errUnknown says that a line is no command.
var errUnknown = errors.New("no such command; type help")

// errFailed says that a line of a script did not work.
var errFailed = errors.New("not everything worked")

var errPower = errors.New("power cut")

// console is a running interactive.
type console struct {
	run      run
	options  connection
	trouble  *trouble
	terminal *terminal.Terminal // nil without power
	cards    []*terminal.Card
	lies     *terminal.Card // waits for the answer to its tap
	cut      terminal.Step
	words    []string // of the line, behind the command
}

// Run reads commands until quit or the end of the input.
func (c interactive) Run(r run) error {
	k, err := c.on(r)
	if err != nil {
		return err
	}
	defer k.off()
	return k.read()
}

// on is a console whose terminal has power.
func (c interactive) on(r run) (*console, error) {
	k := &console{run: r, options: c.connection}
	var err error
	k.trouble, err = newTrouble(r)
	if err != nil {
		return nil, err
	}
	for _, path := range c.Card {
		card, err := terminal.OpenCard(path)
		if err != nil {
			return nil, err
		}
		k.cards = append(k.cards, card)
	}
	k.terminal, err = c.open(r, k.before)
	return k, err
}

// off is the end of the terminal; a reader without power has no field.
func (k *console) off() {
	k.lift()
	if k.terminal != nil {
		_ = k.terminal.Close() // every record is on the disk already
		k.terminal = nil
	}
}

// read is the loop. A line that fails is told and the next one is read; a script
// hears of it in the exit status.
func (k *console) read() error {
	person := isTerminal(k.run.in)
	var failed error
	done := make(chan struct{})
	defer close(done)
	lines := k.lines(done)
	for {
		if person {
			fmt.Fprint(k.run.out, "terminal> ")
		}
		var next typed
		select {
		case next = <-lines:
		case <-k.run.ctx.Done():
		}
		if next.ended || k.run.ctx.Err() != nil {
			return errors.Join(failed, next.err)
		}
		words := strings.Fields(next.text)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if words[0] == "quit" || words[0] == "exit" {
			return failed
		}
		err := k.line(words)
		if errors.Is(err, terminal.ErrCrashed) {
			k.off()
			fmt.Fprintln(k.run.out, "the terminal has no power any more; resume switches it on")
			continue
		}
		if err != nil {
			fmt.Fprintln(k.run.problems, "terminal:", err)
			if !person {
				failed = errFailed
			}
		}
	}
}

// typed is a line of the input, or that it ended.
type typed struct {
	text  string
	ended bool
	err   error
}

// lines reads the input aside, until done: who waits for a line can be interrupted,
// a read cannot.
func (k *console) lines(done <-chan struct{}) <-chan typed {
	lines := make(chan typed)
	go func() {
		in := bufio.NewScanner(k.run.in)
		for {
			next := typed{ended: !in.Scan(), text: in.Text(), err: in.Err()}
			select {
			case lines <- next:
			case <-done:
				return
			}
			if next.ended {
				return
			}
		}
	}()
	return lines
}

// isTerminal says whether somebody types, or looks.
func isTerminal(f any) bool {
	file, ok := f.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull) // a character device too, and nobody is there
	return err == nil && !os.SameFile(info, null)
}

// line does one command.
func (k *console) line(words []string) error {
	name := words[0]
	k.words = words[1:]
	if name == "cut" && len(k.words) > 0 && k.words[0] == "power" {
		k.words = k.words[1:]
	}
	if do, known := k.offline()[name]; known {
		return do()
	}
	do, known := k.online()[name]
	if !known {
		return fmt.Errorf("%s: %w", name, errUnknown)
	}
	if k.terminal == nil {
		return errors.New("the terminal has no power; resume switches it on")
	}
	return do()
}

// offline are the commands that need no power.
func (k *console) offline() map[string]func() error {
	return map[string]func() error{
		"help":   func() error { fmt.Fprint(k.run.out, consoleHelp); return nil },
		"card":   func() error { return k.onCard(func(c *terminal.Card) error { return showCard(k.run.out, c) }) },
		"buy":    func() error { return k.pay((*terminal.Card).Purchase) },
		"cash":   func() error { return k.pay((*terminal.Card).CashTopUp) },
		"pull":   k.pull,
		"tear":   k.tear,
		"cut":    k.cutPower,
		"resume": k.resume,
	}
}

// online are the commands of the terminal.
func (k *console) online() map[string]func() error {
	return map[string]func() error{
		"tap": func() error { return k.onCard(func(c *terminal.Card) error { return k.tap(c, k.terminal.Tap) }) },
		"drop": func() error {
			return k.onCard(func(c *terminal.Card) error { return k.tap(c, k.terminal.TapAndAbort) })
		},
		"reread": func() error {
			return k.onCard(func(c *terminal.Card) error { return k.tap(c, k.terminal.TapAndReread) })
		},
		"desk": func() error { return k.onCard(k.desk) },
		"retry": func() error {
			out, err := k.terminal.Retry(k.run.ctx)
			return k.tapped(k.lies, out, err)
		},
		"abort": func() error {
			a, err := k.terminal.Abort(k.run.ctx)
			if err == nil {
				fmt.Fprintf(k.run.out, "aborted=%s state=%s\n", a.TapID, a.State)
			}
			k.lift()
			return err
		},
		"sign-in":   func() error { return told(k.run.out, tellSignIn)(k.terminal.SignIn(k.run.ctx)) },
		"heartbeat": func() error { return told(k.run.out, tellBeat)(k.terminal.Heartbeat(k.run.ctx)) },
		"upload":    k.upload,
		"journal":   func() error { return showJournal(k.run, k.terminal, false) },
		"lists":     func() error { return showLists(k.run, k.terminal) },
		"status":    k.status,
	}
}

// before is the terminal's hook.
func (k *console) before(s terminal.Step) error {
	if k.cut == s {
		k.cut = ""
		return errPower
	}
	return k.trouble.before(s)
}

// which is the card that a line names.
func (k *console) which(word string) (*terminal.Card, error) {
	n, err := strconv.Atoi(word)
	if err == nil && n >= 1 && n <= len(k.cards) {
		return k.cards[n-1], nil
	}
	for _, c := range k.cards {
		d, err := c.Peek()
		if err == nil && d.CardNo == word {
			return c, nil
		}
	}
	return nil, fmt.Errorf("there is no card %s; there are %d", word, len(k.cards))
}

func (k *console) onCard(do func(*terminal.Card) error) error {
	if len(k.words) == 0 {
		return do(k.cards[0])
	}
	c, err := k.which(k.words[0])
	if err != nil {
		return err
	}
	return do(c)
}

func (k *console) pay(do func(*terminal.Card, int64) error) error {
	if len(k.words) == 0 {
		return errors.New("how much?")
	}
	var amount money
	err := amount.UnmarshalText([]byte(k.words[0]))
	if err != nil {
		return err
	}
	k.words = k.words[1:]
	return k.onCard(func(c *terminal.Card) error {
		err := do(c, int64(amount))
		if err != nil {
			return err
		}
		return showCard(k.run.out, c)
	})
}

type tapping func(ctx context.Context, c *terminal.Card) (terminal.TapOutcome, error)

func (k *console) tap(c *terminal.Card, do tapping) error {
	k.lift()
	err := today(k.run, k.terminal)
	if err != nil {
		return err
	}
	k.trouble.lay(c)
	out, err := do(k.run.ctx, c)
	if errors.Is(err, terminal.ErrDropped) {
		err = nil // as it was wanted
	}
	return k.tapped(c, out, err)
}

// tapped tells of a tap. The card stays on the reader only while an answer may
// still be had.
func (k *console) tapped(c *terminal.Card, out terminal.TapOutcome, err error) error {
	k.lies = c
	if c == nil {
		return err
	}
	tellTap(k.run.out, out)
	if errors.Is(err, terminal.ErrNoAnswer) && out.Outcome == terminal.OutcomeNoAnswer {
		fmt.Fprintln(k.run.out, "the card still lies there: retry, pull or abort")
		return err
	}
	k.lift()
	return err
}

// lift takes the card off the reader.
func (k *console) lift() {
	if k.lies != nil {
		k.lies.Leave()
		k.lies = nil
	}
}

func (k *console) pull() error {
	if k.lies != nil {
		k.lift()
		fmt.Fprintln(k.run.out, "the card is off the reader")
		return nil
	}
	k.trouble.card = mischiefs()["pull-before-commit"]
	fmt.Fprintln(k.run.out, "the card will be pulled during the next write")
	return nil
}

func (k *console) tear() error {
	if len(k.words) != 1 || !slices.Contains(terminal.TearKinds(), terminal.TearKind(k.words[0])) {
		return fmt.Errorf("tear one of %v", terminal.TearKinds())
	}
	k.trouble.card = mischief{tear: terminal.TearKind(k.words[0])}
	fmt.Fprintln(k.run.out, "the next write will be torn")
	return nil
}

func (k *console) cutPower() error {
	step := terminal.StepWritten
	if len(k.words) > 0 {
		step = terminal.Step(k.words[0])
	}
	if !slices.Contains(terminal.Steps(), step) {
		return fmt.Errorf("there is no step %s; there are %v", step, terminal.Steps())
	}
	k.cut = step
	fmt.Fprintf(k.run.out, "the power will go before %s\n", step)
	return nil
}

func (k *console) resume() error {
	if k.terminal == nil {
		t, err := k.options.open(k.run, k.before)
		if err != nil {
			return err
		}
		k.terminal = t
	}
	err := today(k.run, k.terminal)
	if err != nil {
		return err
	}
	done, err := k.terminal.Resume(k.run.ctx)
	tellResumed(k.run.out, done)
	return err
}

func (k *console) desk(c *terminal.Card) error {
	k.lift()
	err := today(k.run, k.terminal)
	if err != nil {
		return err
	}
	k.trouble.lay(c)
	out, err := k.terminal.Desk(k.run.ctx, c)
	c.Leave()
	tellDesk(k.run.out, out)
	return err
}

func (k *console) upload() error {
	err := today(k.run, k.terminal)
	if err != nil {
		return err
	}
	done, err := k.terminal.UploadJournal(k.run.ctx)
	tellUploaded(k.run.out, done, k.terminal.Quarantined())
	return err
}

func (k *console) status() error {
	if len(k.words) > 0 {
		return told(k.run.out, tellStatus)(k.terminal.Status(k.run.ctx, k.words[0]))
	}
	m := k.terminal.Memory()
	fmt.Fprintf(k.run.out, "terminal=%s state=%s role=%s day=%s epoch=%d unsent=%d owed=%d unaborted=%d blocked=%d params=%d\n", k.terminal.ID(), m.State, m.Role,
		m.BusinessDay, m.Epoch, k.terminal.Depth(), len(k.terminal.Journal().Pending()), len(k.terminal.Journal().Abandoned()), len(m.Blocked), m.Params.Version)
	return nil
}
