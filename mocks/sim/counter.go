package sim

import (
	"maps"
	"sync"
)

// Counters counts by name. The names are of the simulators' making, never of a
// request's, so there are few.
type Counters struct {
	mu sync.Mutex
	n  map[string]int64
}

// NewCounters starts at zero.
func NewCounters() *Counters { return &Counters{n: map[string]int64{}} }

// Add counts one.
func (c *Counters) Add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[name]++
}

// Get is how often name was counted.
func (c *Counters) Get(name string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[name]
}

// All is a copy of every counter.
func (c *Counters) All() map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.n)
}
