package world

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"guodu/internal/fen"
	"guodu/mocks/terminal"
)

// CardFile is where the holder's card is kept.
func (w *World) CardFile() string { return w.path("card.json") }

// Card is the holder's card: a file, empty of money when it is made.
func (w *World) Card() (*terminal.Card, error) {
	path := w.CardFile()
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return terminal.NewCard(path, terminal.CardData{UID: CardUID, CardNo: CardNo, Version: "1"})
	}
	return terminal.OpenCard(path)
}

// CardBalance is what the card's file says, whoever wrote it.
func (w *World) CardBalance() (fen.Fen, error) {
	card, err := w.Card()
	if err != nil {
		return 0, err
	}
	data, err := card.Peek()
	if err != nil {
		return 0, err
	}
	return fen.Fen(data.B), nil
}

// Terminal switches the terminal on. Its disk stays over a crash, so switching
// it on again goes on where it was. before may be nil.
func (w *World) Terminal(before func(terminal.Step) error) (*terminal.Terminal, error) {
	disk := w.path("terminal")
	if err := os.MkdirAll(disk, 0o700); err != nil {
		return nil, fmt.Errorf("world: %w", err)
	}
	return terminal.New(terminal.Options{
		ID: TerminalID, Key: w.TerminalKey, HubKey: w.HubKey, BaseURL: w.options.PublicURL, Dir: disk,
		Before: before, Count: w.counted, Logger: w.options.Log,
	})
}

// counted counts what the terminal tells of, over all its lives.
func (w *World) counted(event string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events[event]++
}

// Count is how often something happened at the terminal; see the events of
// mocks/terminal.
func (w *World) Count(event string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.events[event]
}
