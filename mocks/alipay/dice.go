package alipay

import (
	"math/rand/v2"
	"strings"
	"sync"
)

const (
	digits     = "0123456789"
	hexDigits  = "0123456789abcdef"
	alphabet62 = digits + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// dice makes ids from one seed, so that a run can be repeated. Nothing relies
// on their being secret.
type dice struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func newDice(seed int64) *dice {
	return &dice{rng: rand.New(rand.NewPCG(uint64(seed), 0x616c69706179))}
}

// draw returns n letters out of the alphabet.
func (d *dice) draw(alphabet string, n int) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out strings.Builder
	for range n {
		out.WriteByte(alphabet[d.rng.IntN(len(alphabet))])
	}
	return out.String()
}
