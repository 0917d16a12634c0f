package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"guodu/mocks/terminal"
)

// The single steps print one line each, of name=value, for people and scripts.

// told prints what a step came to, if it came to anything.
func told[T any](out io.Writer, tell func(io.Writer, T)) func(T, error) error {
	return func(outcome T, err error) error {
		if err == nil {
			tell(out, outcome)
		}
		return err
	}
}

type signIn struct {
	connection
}

// Run signs in.
func (c signIn) Run(r run) error {
	return c.with(r, func(t *terminal.Terminal, _ *trouble) error {
		return told(r.out, tellSignIn)(t.SignIn(r.ctx))
	})
}

func tellSignIn(out io.Writer, in terminal.SignedIn) {
	fmt.Fprintf(out, "state=%s role=%s day=%s clock_offset_ms=%d newest_seq=%s accepted=%d archived=%d params=%d\n",
		in.State, in.Role, in.BusinessDay, in.ClockOffsetMS, in.Seq, in.Journal.Accepted, in.Journal.Archived, in.Params.Version)
}

type tap struct {
	connection
	Card   string `arg:"" help:"The card's file." type:"existingfile"`
	Abort  bool   `help:"Drop the authorisation when it comes, as a cashier does who cancels." xor:"then"`
	Reread bool   `help:"Drop it, and read the card once more." xor:"then"`
	Repeat int    `help:"How often to repeat the tap while no answer comes." default:"0"`
}

// Run taps a card.
func (c tap) Run(r run) error {
	card, err := terminal.OpenCard(c.Card)
	if err != nil {
		return err
	}
	return c.signedIn(r, func(t *terminal.Terminal, trouble *trouble) error {
		trouble.lay(card)
		do := t.Tap
		switch {
		case c.Abort:
			do = t.TapAndAbort
		case c.Reread:
			do = t.TapAndReread
		}
		out, err := do(r.ctx, card)
		for range c.Repeat {
			if !errors.Is(err, terminal.ErrNoAnswer) && !errors.Is(err, terminal.ErrUnavailable) || out.Outcome != terminal.OutcomeNoAnswer {
				break
			}
			out, err = t.Retry(r.ctx)
		}
		tellTap(r.out, out)
		if errors.Is(err, terminal.ErrDropped) && (c.Abort || c.Reread) {
			return nil // as it was wanted
		}
		return err
	})
}

func tellTap(out io.Writer, t terminal.TapOutcome) {
	outcome := string(t.Outcome)
	if outcome == "" {
		outcome = "no-answer"
	}
	fmt.Fprintf(out, "outcome=%s tap=%s", outcome, t.TapID)
	if t.Reason != "" {
		fmt.Fprintf(out, " reason=%s", t.Reason)
	}
	if t.Load != "" {
		fmt.Fprintf(out, " load=%s amount=%s attempt=%d", t.Load, yuan(t.AmountFen), t.Attempt)
	}
	if t.Receipt != nil {
		fmt.Fprintf(out, " receipt=%s first=%t", t.Receipt.State, t.Receipt.First)
	}
	if t.Dropped != nil {
		fmt.Fprintf(out, " dropped=%s", t.Dropped.State)
	}
	if t.Reread != nil {
		fmt.Fprintf(out, " reread=%s", t.Reread.Outcome)
	}
	if t.Confirmed != nil {
		fmt.Fprintf(out, " confirmed=%s confirmed_amount=%s", t.Confirmed.Load, yuan(t.Confirmed.AmountFen))
	}
	now := t.Before
	if t.After != nil {
		now = *t.After
	}
	fmt.Fprintf(out, " pending=%s balance=%s L=%d\n", yuan(t.PendingFen), yuan(now.B), now.L)
}

type resume struct {
	connection
}

// Run sends what is owed.
func (c resume) Run(r run) error {
	return c.signedIn(r, func(t *terminal.Terminal, _ *trouble) error {
		done, err := t.Resume(r.ctx)
		tellResumed(r.out, done)
		return err
	})
}

func tellResumed(out io.Writer, done terminal.Resumed) {
	for _, d := range done.Delivered {
		fmt.Fprintf(out, "delivered=%s load=%s outcome=%s receipt=%s amount=%s first=%t\n", d.TapID, d.Load, d.Outcome, d.Receipt.State, yuan(d.Receipt.AmountFen), d.Receipt.First)
	}
	for _, a := range done.Aborted {
		fmt.Fprintf(out, "aborted=%s state=%s\n", a.TapID, a.State)
	}
	fmt.Fprintf(out, "abandoned=%d kept=%d unaborted=%d\n", len(done.Abandoned), done.Kept, done.Unaborted)
}

type upload struct {
	connection
}

// Run uploads the journal.
func (c upload) Run(r run) error {
	return c.signedIn(r, func(t *terminal.Terminal, _ *trouble) error {
		done, err := t.UploadJournal(r.ctx)
		tellUploaded(r.out, done, t.Quarantined())
		return err
	})
}

func tellUploaded(out io.Writer, u terminal.Uploaded, quarantined []terminal.Quarantined) {
	count := map[string]int{}
	for _, v := range u.Verdicts {
		count[v.Verdict]++
	}
	for _, q := range quarantined {
		fmt.Fprintf(out, "quarantined=%d kind=%s why=%s\n", q.Record.Seq, q.Record.Kind, q.Why)
	}
	fmt.Fprintf(out, "batches=%d accepted=%d duplicate=%d quarantined=%d unsent=%d deleted=%d watermark_accepted=%d watermark_archived=%d\n",
		u.Batches, count[terminal.VerdictAccepted], count[terminal.VerdictDuplicate], count[terminal.VerdictQuarantined], u.Unsent, u.Deleted,
		u.Watermarks.Accepted, u.Watermarks.Archived)
}

type heartbeat struct {
	connection
}

// Run sends a heartbeat.
func (c heartbeat) Run(r run) error {
	return c.with(r, func(t *terminal.Terminal, _ *trouble) error {
		return told(r.out, tellBeat)(t.Heartbeat(r.ctx))
	})
}

func tellBeat(out io.Writer, b terminal.Beat) {
	fmt.Fprintf(out, "clock_offset_ms=%d params=%d blocklist=%s accepted=%d archived=%d seq_holes=%d\n",
		b.ClockOffsetMS, b.Params, b.Blocklist, b.Journal.Accepted, b.Journal.Archived, len(b.SeqHoles))
}

type status struct {
	connection
	Load string `arg:"" help:"The load's number."`
}

// Run asks for a load.
func (c status) Run(r run) error {
	return c.with(r, func(t *terminal.Terminal, _ *trouble) error {
		return told(r.out, tellStatus)(t.Status(r.ctx, c.Load))
	})
}

func tellStatus(out io.Writer, s terminal.LoadStatus) {
	fmt.Fprintf(out, "load=%s state=%s amount=%s attempts=%d live=%d\n", s.Load, s.State, yuan(s.AmountFen), s.Attempts, s.Live)
}

type pending struct {
	connection
	CardNo string `arg:"" help:"The card's number."`
}

// Run asks for a card.
func (c pending) Run(r run) error {
	return c.with(r, func(t *terminal.Terminal, _ *trouble) error {
		return told(r.out, tellPending)(t.Pending(r.ctx, c.CardNo))
	})
}

func tellPending(out io.Writer, p terminal.CardPending) {
	fmt.Fprintf(out, "card=%s pending=%s held=%s frozen=%t reasons=%s\n", p.CardNo, yuan(p.PendingFen), yuan(p.LoadHeldFen), p.Frozen, strings.Join(p.Reasons, ","))
}

type payer struct {
	connection
	Channel string `arg:"" help:"wechat or alipay."`
	Kind    string `arg:"" help:"What kind of id it is, as openid."`
	Payer   string `arg:"" help:"The id."`
}

// Run asks for a payer.
func (c payer) Run(r run) error {
	return c.with(r, func(t *terminal.Terminal, _ *trouble) error {
		return told(r.out, tellBound)(t.PayerBound(r.ctx, c.Channel, c.Kind, c.Payer))
	})
}

func tellBound(out io.Writer, bound bool) { fmt.Fprintf(out, "bound=%t\n", bound) }

type desk struct {
	connection
	Card string `arg:"" help:"The card's file." type:"existingfile"`
}

// Run shows a card in conflict.
func (c desk) Run(r run) error {
	card, err := terminal.OpenCard(c.Card)
	if err != nil {
		return err
	}
	return c.signedIn(r, func(t *terminal.Terminal, trouble *trouble) error {
		trouble.lay(card)
		out, err := t.Desk(r.ctx, card)
		tellDesk(r.out, out)
		return err
	})
}

func tellDesk(out io.Writer, d terminal.DeskOutcome) {
	for _, a := range d.Answers {
		fmt.Fprintf(out, "reread=%s ", a.Outcome)
	}
	fmt.Fprintf(out, "written=%t balance=%s L=%d\n", d.Written, yuan(d.After.B), d.After.L)
}

type lists struct {
	connection
}

// Run fetches what changed.
func (c lists) Run(r run) error {
	return c.with(r, func(t *terminal.Terminal, _ *trouble) error {
		return showLists(r, t)
	})
}

func showLists(r run, t *terminal.Terminal) error {
	params, err := t.Params(r.ctx)
	if err != nil {
		return err
	}
	blocked, err := t.Blocklist(r.ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(r.out, "params=%d blocklist=%s blocked=%d\n", params.Version, t.Memory().Blocklist, len(blocked))
	for _, name := range slices.Sorted(maps.Keys(params.Values)) {
		fmt.Fprintf(r.out, "param=%s value=%s\n", name, params.Values[name])
	}
	for _, uid := range slices.Sorted(maps.Keys(blocked)) {
		fmt.Fprintf(r.out, "blocked=%s card=%s reason=%s\n", uid, blocked[uid].CardNo, blocked[uid].Reason)
	}
	return nil
}

type feed struct {
	connection
}

// Run listens, and connects again when the hub closes the feed or is not there, as
// when it restarts.
func (c feed) Run(r run) error {
	return c.with(r, func(t *terminal.Terminal, _ *trouble) error {
		for {
			err := t.Feed(r.ctx, func(e terminal.Event) error {
				fmt.Fprintf(r.out, "event=%s card=%s cursor=%s\n", e.Kind, e.CardNo, e.Cursor)
				return nil
			})
			if r.ctx.Err() != nil {
				return nil // interrupted, as said
			}
			pause, passes := passing(err)
			if !passes {
				return err
			}
			fmt.Fprintln(r.problems, "terminal:", err)
			r.rest(r.ctx, pause)
		}
	})
}

// passing says whether the feed may be had later although it ended with err, and
// after how long, so that a hub that restarts is not stormed.
func passing(err error) (pause time.Duration, passes bool) {
	const least, most = time.Second, time.Minute
	var p *terminal.Problem
	switch {
	case errors.Is(err, terminal.ErrFeedEnded), errors.Is(err, terminal.ErrNoAnswer):
		return least, true
	case !errors.As(err, &p):
		return 0, false
	}
	switch p.Status {
	case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout: // the hub, or a proxy before it
		return max(least, min(p.RetryAfter, most)), true
	}
	return 0, false
}

type journal struct {
	connection
	Unsent bool `help:"Only records without a verdict of the hub."`
}

// Run shows the journal.
func (c journal) Run(r run) error {
	return c.with(r, func(t *terminal.Terminal, _ *trouble) error {
		return showJournal(r, t, c.Unsent)
	})
}

func showJournal(r run, t *terminal.Terminal, unsentOnly bool) error {
	records, err := t.Journal().Records()
	if err != nil {
		return err
	}
	unsent, err := t.Unsent()
	if err != nil {
		return err
	}
	waiting := map[int64]bool{}
	for _, record := range unsent {
		waiting[record.Seq] = true
	}
	for _, record := range records {
		if unsentOnly && !waiting[record.Seq] {
			continue
		}
		fmt.Fprintf(r.out, "seq=%d kind=%s at=%s tap=%s", record.Seq, record.Kind, record.At.Format(time.RFC3339), record.TapID)
		if record.Load != "" {
			fmt.Fprintf(r.out, " load=%s", record.Load)
		}
		if record.Result != nil {
			fmt.Fprintf(r.out, " outcome=%s", record.Result.Outcome)
		}
		if record.Reason != "" {
			fmt.Fprintf(r.out, " reason=%q", record.Reason)
		}
		fmt.Fprintf(r.out, " sent=%t\n", !waiting[record.Seq])
	}
	m := t.Memory()
	fmt.Fprintf(r.out, "epoch=%d records=%d unsent=%d owed=%d unaborted=%d quarantined=%d accepted=%d archived=%d\n", m.Epoch, len(records), len(unsent),
		len(t.Journal().Pending()), len(t.Journal().Abandoned()), len(t.Quarantined()), m.Watermarks.Accepted, m.Watermarks.Archived)
	return nil
}

type reset struct {
	Dir string `arg:"" help:"The terminal's disk." type:"existingdir"`
}

// Run takes the terminal's memory away.
func (c reset) Run(r run) error {
	err := terminal.FactoryReset(c.Dir, false)
	if err == nil {
		fmt.Fprintln(r.out, "reset: the memory is gone, the epoch has risen")
	}
	return err
}
