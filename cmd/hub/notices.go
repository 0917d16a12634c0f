package main

import (
	"fmt"
	"strconv"
	"text/tabwriter"
	"unicode"

	"guodu/cmd/hub/app"
	"guodu/notify"
)

type notices struct {
	Refused bool `help:"Those that nobody had signed, of all channels, in place of the channels' own."`
	Last    int  `help:"How many." default:"20" placeholder:"N"`
	Raw     bool `help:"What was received as well, with hints in place of payers and signatures."`
}

// Help is what hub notices --help says beside its flags.
func (notices) Help() string {
	return "A hub keeps about the last 2,000 callbacks that each channel signed and 200 that were refused, for 30 days at most, " +
		"on its ephemeral Redis. Nothing is decided by them. Times are Beijing's."
}

// Run prints the last callbacks, oldest first.
func (c notices) Run(r run) error {
	if c.Last < 1 {
		return fmt.Errorf("--last is %d; it is 1 or more", c.Last)
	}
	kept, err := app.OpenNotices(r.ctx, r.config)
	if err != nil {
		return err
	}
	defer kept.Close()
	last, err := kept.Last(r.ctx, c.Refused, c.Last)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TIME\tCHANNEL\tKIND\tVERDICT\tOUTCOME\tORDER\tREFUND\tTRANSACTION\tSERIAL\tBYTES\tERROR")
	for _, n := range last {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", app.MomentMillis(n.At),
			n.Channel, n.Kind, n.Verdict, dash(n.Outcome), dash(shown(n.Order)), dash(shown(n.Refund)), dash(shown(n.Txn)), dash(shown(serial(n))), n.Bytes, dash(shown(n.Error)))
		if c.Raw {
			fmt.Fprintf(table, "  sha256 %s %v\n  %s\n", n.SHA256, n.Headers, n.Body)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	cuts, err := kept.Cuts(r.ctx)
	if err != nil {
		return err
	}
	if n := len(cuts); n > 0 {
		often := map[bool]string{true: "once", false: strconv.Itoa(n) + " times"}[n == 1]
		fmt.Fprintf(r.out, "a hub was killed before %s (%s in 30 days): callbacks of its last moments may be missing here; they were answered all the same\n",
			app.Moment(cuts[0]), often)
	}
	lost, err := kept.Lost(r.ctx)
	if lost > 0 {
		fmt.Fprintf(r.out, "%d more callbacks could not be kept in time; they were answered all the same\n", lost)
	}
	return err
}

// serial is the name of the key that a notice says signed it, where it says so.
func serial(n notify.Notice) string { return n.Headers["Wechatpay-Serial"] }

// shown is a text that came from outside, on one line: what a terminal would act on
// is quoted.
func shown(text string) string {
	for _, c := range text {
		if !unicode.IsPrint(c) {
			return strconv.Quote(text)
		}
	}
	return text
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
