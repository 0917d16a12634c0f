package terminal

import (
	"fmt"
	"sync"
)

// kept is a value in memory that is on the disk before it counts.
type kept[T any] struct {
	mu   sync.Mutex
	disk disk
	path string
	is   T
	// copied shares nothing with what it copies.
	copied func(T) T
}

// open reads the value; without a file it stays as it is. Errors: ErrJournal.
func (k *kept[T]) open() error {
	err := k.disk.readJSON(k.path, &k.is)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrJournal, err)
	}
	return nil
}

// read is a copy.
func (k *kept[T]) read() T {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.copied(k.is)
}

// change makes a change last before it counts. Errors: ErrJournal.
func (k *kept[T]) change(f func(*T)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	next := k.copied(k.is)
	f(&next)
	err := k.disk.replaceJSON(k.path, next)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrJournal, err)
	}
	k.is = next
	return nil
}
