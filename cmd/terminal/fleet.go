package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"guodu/mocks/terminal/fleet"
)

type roster struct {
	Dir       string `required:"" help:"Where to make it. A roster that is there is never replaced." type:"path" placeholder:"DIR"`
	Terminals int    `help:"How many." default:"800"`
	Prefix    string `help:"What their ids begin with." default:"F"`
}

// Run makes the terminals of a fleet.
func (c roster) Run(r run) error {
	if c.Terminals < 1 || c.Terminals > 9999 {
		return fmt.Errorf("%d terminals: 1 to 9999", c.Terminals)
	}
	err := os.MkdirAll(c.Dir, 0o700)
	if err != nil {
		return err
	}
	members, err := fleet.NewRoster(c.Dir, c.Prefix, c.Terminals)
	if err != nil {
		return err
	}
	fmt.Fprintf(r.out, "%d terminals; now: hub terminals import %s\n", len(members), filepath.Join(c.Dir, fleet.RosterFile))
	return nil
}

// percent is a part on the command line: 1%, or 0.01.
type percent float64

// UnmarshalText reads a part.
func (p *percent) UnmarshalText(text []byte) error {
	number, whole := strings.CutSuffix(string(text), "%")
	value, err := strconv.ParseFloat(number, 64)
	if whole {
		value /= 100
	}
	if err != nil || !(value >= 0 && value <= 1) {
		return fmt.Errorf("%q is no part of a whole: 1%% or 0.01", text)
	}
	*p = percent(value)
	return nil
}

type fleetRun struct {
	Hub         string        `required:"" help:"The hub's address, as http://host:port." placeholder:"URL"`
	HubKey      string        `required:"" help:"The hub's public key: base64, or a file with it or with PEM." placeholder:"FILE"`
	Dir         string        `required:"" help:"Where terminal roster made the terminals; their disks and the cards are kept there too. The next run goes on with them." type:"existingdir" placeholder:"DIR"`
	Cards       string        `required:"" help:"The cards, CSV with a heading or JSON: card_no, card_uid; version, profile, B (fen), L, P, expect_fen (what the hub will load), account. Cards that DIR has already are taken as they are." type:"existingfile" placeholder:"FILE"`
	Terminals   int           `help:"How many of the roster to use; 0 is all. --fleet N before anything else is the same." default:"800" aliases:"fleet"`
	Taps        float64       `help:"Cards that come a second, on average, whatever the hub does." default:"60"`
	For         time.Duration `help:"How long cards come." default:"60s"`
	Crash       percent       `help:"Part of the taps at which the terminal loses its power at a random step." default:"1%"`
	Seed        int64         `help:"Of the plan: when, which card, which terminal, where it dies; 0 draws one." default:"0"`
	JournalSync bool          `help:"Wait for the disk at each record. A real fleet has a disk for each terminal; --journal-sync=false does not wait on the one here: a killed run loses nothing, a machine without power may." default:"true"`
	GiveUp      time.Duration `help:"How long a terminal waits for the load step of a tap." default:"5s"`
	Settle      time.Duration `help:"How long the closing account may take." default:"5m"`
}

// Run drives the fleet. The first interrupt ends the arrivals, and the account
// follows; the second ends everything.
func (c fleetRun) Run(r run) error {
	hubKey, err := readHubKey(c.HubKey)
	if err != nil {
		return err
	}
	members, err := fleet.ReadRoster(c.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s has no terminals: terminal roster --dir %s makes them, hub terminals import registers them", c.Dir, c.Dir)
	}
	if err != nil {
		return err
	}
	if c.Terminals > len(members) {
		return fmt.Errorf("the roster has %d terminals, not %d", len(members), c.Terminals)
	}
	if c.Terminals > 0 {
		members = members[:c.Terminals]
	}
	holders, err := fleet.ReadCards(c.Cards)
	if err != nil {
		return err
	}
	for c.Seed == 0 {
		c.Seed = rand.Int64() // #nosec G404 -- a plan to be repeated, no secret
	}
	sync := "waits for its disk"
	if !c.JournalSync {
		sync = "does not wait for its disk (--journal-sync=false)"
	}
	fmt.Fprintf(r.out, "%d terminals, %d cards, %g taps a second for %s, %g %% die, --seed=%d; each terminal %s\n",
		len(members), len(holders), c.Taps, c.For, float64(c.Crash)*100, c.Seed, sync)
	table := &table{out: r.out, refreshed: isTerminal(r.out)}
	whole, cancel := outlive(r.ctx)
	defer cancel()
	report, err := fleet.Run(whole, fleet.Options{
		BaseURL: c.Hub, HubKey: hubKey, Members: members, Cards: holders, Dir: c.Dir, Taps: c.Taps, For: c.For, Crash: float64(c.Crash),
		Seed: c.Seed, Hasty: !c.JournalSync, GiveUp: c.GiveUp, Settle: c.Settle, Stop: r.ctx.Done(), Tell: table.tell, Every: table.every(),
	})
	if err != nil {
		return err
	}
	return account(r.out, report)
}

// outlive is a context that the first interrupt, which ends ctx, leaves and the
// second ends.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	whole, cancel := context.WithCancel(context.WithoutCancel(ctx))
	interrupts := make(chan os.Signal, 2)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	go func() {
		defer signal.Stop(interrupts)
		for range 2 {
			select {
			case <-interrupts:
			case <-whole.Done():
				return
			}
		}
		cancel()
	}()
	return whole, cancel
}
