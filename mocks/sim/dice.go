package sim

import (
	"hash/fnv"
	"math/rand/v2"
	"sync"
)

// Alphabets to draw from.
const (
	Digits     = "0123456789"
	HexDigits  = "0123456789abcdef"
	Alphabet62 = Digits + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// Dice draws ids, nonces and misfortunes from one seed, so that a run can be
// repeated. Nothing relies on their being secret.
type Dice struct {
	mu   sync.Mutex
	rand *rand.Rand
}

// NewDice makes dice. salt keeps two gateways with one seed from drawing alike.
func NewDice(seed int64, salt uint64) *Dice {
	return &Dice{rand: rand.New(rand.NewPCG(uint64(seed), salt))}
}

// NewWhims makes dice for one message. A message has the same shape whenever it
// is sent, whatever else was drawn in between.
func NewWhims(seed int64, message string) *Dice {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(message)) // a hash takes anything
	return NewDice(seed, sum.Sum64())
}

// Draw returns n characters of alphabet, which is ASCII.
func (d *Dice) Draw(alphabet string, n int) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]byte, n)
	for i := range out {
		out[i] = alphabet[d.rand.IntN(len(alphabet))]
	}
	return string(out)
}

// Chance says yes with a probability between 0 and 1.
func (d *Dice) Chance(probability float64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rand.Float64() < probability
}

// Pick is a number from 0 to n-1.
func (d *Dice) Pick(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rand.IntN(n)
}

// Shuffle puts n things into another order.
func (d *Dice) Shuffle(n int, swap func(i, j int)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rand.Shuffle(n, swap)
}

// NewSeed picks a seed that is not 0, for whoever was given none.
func NewSeed() int64 { return 1 + rand.Int64N(1<<53) }
