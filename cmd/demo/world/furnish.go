package world

import (
	"context"
	"crypto/ed25519"
	"os"
	"time"

	"guodu/cmd/hub/app"
	"guodu/transition/pos"
)

// Furnish gives a hub what an operator would: the accounts of the card core and
// the terminal. Doing it again changes nothing.
func (w *World) Furnish(ctx context.Context, hub *app.Hub) error {
	file, err := os.Open(w.AccountsFile())
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if _, err := hub.Import(ctx, file, func(app.Imported) {}); err != nil {
		return err
	}
	public, _ := w.TerminalKey.Public().(ed25519.PublicKey)
	for _, t := range []pos.Terminal{
		{ID: TerminalID, Key: pos.Key{Public: public}, Place: "一食堂 3 号窗口"},
		{ID: VisitorID, Key: pos.Key{Public: w.visitorKey}, Place: "二食堂 1 号窗口"},
	} {
		t.Added = time.Now()
		if _, err := hub.Registry().Add(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// Visitor is what cmd/terminal has to be told to be the visitor's terminal.
func (w *World) Visitor() []string {
	return []string{
		"--hub", w.options.PublicURL, "--id", VisitorID, "--key", w.path("visitor.pem"), "--hub-key", w.path("hub.pub"),
		"--dir", w.path("visitor"),
	}
}
