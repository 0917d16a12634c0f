package terminal_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"guodu/mocks/terminal"
	"guodu/mocks/terminal/terminaltest"
)

// A terminal dies after the card took the money and before it could say so; the
// next one on the same disk tells the hub that it does not know.
func ExampleTerminal_Resume() {
	dir, err := os.MkdirTemp("", "terminal")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	h := terminaltest.New(func() time.Time { return time.Unix(1795406403, 0) })
	h.Start()
	defer h.Close()
	h.Cards["70001"] = &terminaltest.Account{UID: "04A1B2C3", Version: "1", Pending: 5000}
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	h.Devices["T1"] = &terminaltest.Device{Key: public}
	card, err := terminal.NewCard(filepath.Join(dir, "card.json"), terminal.CardData{UID: "04A1B2C3", CardNo: "70001", Version: "1", B: 1200})
	if err != nil {
		panic(err)
	}

	options := terminal.Options{
		ID: "T1", Key: key, HubKey: h.PublicKey(), BaseURL: h.Server.URL, Dir: dir, Clock: h.Now,
		Before: func(s terminal.Step) error {
			if s == terminal.StepWritten {
				return errors.New("power cut")
			}
			return nil
		},
	}
	ctx := context.Background()
	first, err := terminal.New(options)
	if err != nil {
		panic(err)
	}
	_, err = first.Tap(ctx, card)
	fmt.Println(errors.Is(err, terminal.ErrCrashed))

	options.Before = nil
	second, err := terminal.New(options)
	if err != nil {
		panic(err)
	}
	defer func() { _ = second.Close() }()
	done, err := second.Resume(ctx)
	fmt.Println(done.Delivered[0].Outcome, done.Delivered[0].Receipt.State, err)
	out, err := second.Tap(ctx, card)
	fmt.Println(out.Confirmed.AmountFen, out.Before.B, err)
	// Output:
	// true
	// unknown IN_DOUBT <nil>
	// 5000 6200 <nil>
}
