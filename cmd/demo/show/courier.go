package show

import (
	"fmt"
	"sync"
)

// again is how many steps of the pace lie between two attempts of the courier.
// The channels wait 15 seconds and more.
const again = 4

// courier brings the channels' callbacks to the hub, one for each payment,
// unless it was told to lose the next one, or to bring it twice. What the hub
// does not accept it brings again, as the channels do.
type courier struct {
	show *Show

	mu    sync.Mutex
	lose  bool
	twice bool
	lost  int
}

// arm makes the courier lose the next callback, or bring it twice; asked again
// it thinks better of it.
func (c *courier) arm(what string) (on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if what == "lose" {
		c.lose, c.twice = !c.lose, false
		return c.lose
	}
	c.twice, c.lose = !c.twice, false
	return c.twice
}

// take says what is to be done with the callback at hand.
func (c *courier) take() (lose bool, times int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	lose, times = c.lose, 1
	if c.twice {
		times = 2
	}
	if lose {
		c.lost++
	}
	c.lose, c.twice = false, false
	return lose, times
}

func (c *courier) state() (lose, twice bool, lost int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lose, c.twice, c.lost
}

// carry brings the callback for a paid order in the background.
func (c *courier) carry(channel, order string) {
	c.show.spawns.Go(func() {
		lose, times := c.take()
		c.show.wait(1)
		if lose {
			c.show.say("mischief", "bad", phrase{
				fmt.Sprintf("%s的回调丢失了；hub 会自己去查询订单", appName(channel).ZH),
				fmt.Sprintf("The callback of %s is lost; the hub will ask by itself", appName(channel).EN),
			})
			return
		}
		for times > 0 && c.show.ctx.Err() == nil {
			if !c.bring(channel, order) {
				c.show.wait(again)
				continue
			}
			times--
			if times > 0 {
				c.show.wait(1)
				c.show.say("mischief", "bad", phrase{"同一个回调再来一次", "The same callback comes once more"})
			}
		}
	})
}

// bring delivers once and says whether the hub accepted it.
func (c *courier) bring(channel, order string) bool {
	statuses, accepted, err := c.show.stage.World.Deliver(c.show.ctx, channel, order, 1)
	if c.show.ctx.Err() != nil {
		return false
	}
	name := appName(channel)
	if err != nil { // nothing that another attempt would mend
		c.show.options.Log.Error("deliver", "error", err)
		return true
	}
	if !accepted {
		c.show.say("channel", "bad", phrase{
			fmt.Sprintf("%s的回调未被接受（HTTP %d），稍后重发", name.ZH, statuses[0]),
			fmt.Sprintf("%s: its callback was not accepted (HTTP %d), it will come again", name.EN, statuses[0]),
		})
		return false
	}
	c.show.say("channel", "", phrase{
		fmt.Sprintf("%s的回调已送达：HTTP %d", name.ZH, statuses[0]), fmt.Sprintf("%s delivered its callback: HTTP %d", name.EN, statuses[0]),
	})
	return true
}
