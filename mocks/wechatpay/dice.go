package wechatpay

import (
	"fmt"
	"math/rand/v2"
	"sync"
)

const (
	hexDigits  = "0123456789abcdef"
	decDigits  = "0123456789"
	alphabet62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// dice draws ids and nonces from one seed, so that a run can be repeated. None
// of them protects anything: the simulator's secrets are made elsewhere.
type dice struct {
	mu   sync.Mutex
	rand *rand.Rand
}

func newDice(seed int64) *dice {
	return &dice{rand: rand.New(rand.NewPCG(uint64(seed), 0x77656368617470))}
}

// draw returns n characters of alphabet.
func (d *dice) draw(alphabet string, n int) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]byte, n)
	for i := range out {
		out[i] = alphabet[d.rand.IntN(len(alphabet))]
	}
	return string(out)
}

// uuid has the form of the ids that notifications carry.
func (d *dice) uuid() string {
	h := d.draw(hexDigits, 30)
	return fmt.Sprintf("%s-%s-5%s-9%s-%s", h[:8], h[8:12], h[12:15], h[15:18], h[18:30])
}
