package main_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	costBase = flag.String("cost-base", "", "another build of the hub, to compare with")
	costOf   = flag.Int("cost-callbacks", 300, "how many callbacks are sent to each, each time")
	costRuns = flag.Int("cost-pairs", 1, "how often each has its turn")
)

// TestTheCostOfACallback sends one signed callback again and again, 64 at once, to
// real hub processes in turn, and reads what it costs from the kernel's accounting.
// With -cost-base it prints the ratio to another build.
func TestTheCostOfACallback(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Log("the kernel's accounting is read as Linux has it: nothing is measured here")
		return
	}
	if *costBase == "" {
		t.Parallel()
	}
	c := newCampus(t, withAlipay)
	c.start("")
	for _, channel := range []string{"wechat", "alipay"} {
		c.paidBy(channel, "50.00")
	}
	c.endHubs()
	builds := []string{hubBinary}
	if *costBase != "" {
		builds = []string{*costBase, hubBinary}
	}
	for _, channel := range []string{"wechat", "alipay"} {
		var ratios []float64
		for pair := range *costRuns {
			var costs []time.Duration
			for _, build := range builds {
				cost := c.cost(build, channel)
				costs = append(costs, cost)
				if cost <= 0 {
					t.Errorf("%s: a callback costs %v", channel, cost)
				}
			}
			if len(costs) == 2 {
				ratios = append(ratios, float64(costs[1])/float64(costs[0]))
				t.Logf("%s, pair %d: base %v, here %v of hub CPU a callback, ratio %.3f", channel, pair+1, costs[0], costs[1], ratios[pair])
			}
		}
		if len(ratios) > 0 {
			slices.Sort(ratios)
			t.Logf("%s: hub CPU a callback, here to base, median of %d pairs: %.3f", channel, len(ratios), ratios[len(ratios)/2])
		}
	}
}

// cost is the CPU that a hub of a build spends on a callback.
func (c *campus) cost(build, channel string) time.Duration {
	c.t.Helper()
	const path = "/notify/"
	c.front.mu.Lock()
	told := c.front.last[path+channel]
	c.front.mu.Unlock()
	if channel == "alipay" { // earlier builds refuse what production sends
		told.header = told.header.Clone()
		told.header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	c.binary = build
	p := c.run("", "GUODU_REDIS__ADDRS="+c.redis.Addr(), "GUODU_EPHEMERAL__ADDRS="+c.ephemeral.Addr())
	defer func() {
		_ = p.cmd.Process.Signal(os.Interrupt)
		<-p.done
	}()
	c.flood(p, path+channel, told, 100) // connections, scripts, heap
	before := cpu(c.t, p.cmd)
	c.flood(p, path+channel, told, *costOf)
	return (cpu(c.t, p.cmd) - before) / time.Duration(*costOf)
}

// flood sends a callback n times, 64 at once.
func (c *campus) flood(p *process, path string, told callback, n int) {
	c.t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	var left atomic.Int64
	left.Store(int64(n))
	var senders sync.WaitGroup
	for range 64 {
		senders.Go(func() {
			for left.Add(-1) >= 0 {
				if err := send(c, client, "http://"+p.addr+path, told); err != nil {
					c.t.Error(err)
					return
				}
			}
		})
	}
	senders.Wait()
}

func send(c *campus, client *http.Client, address string, told callback) error {
	r, err := http.NewRequestWithContext(c.ctx, http.MethodPost, address, bytes.NewReader(told.body))
	if err != nil {
		return err
	}
	r.Header = told.header
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	word, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusNoContent && string(word) != "success" {
		err = fmt.Errorf("answered %d %s", answer.StatusCode, word)
	}
	return err
}

// cpu is what a process has used, in user and kernel mode (proc(5), stat).
func cpu(t *testing.T, cmd *exec.Cmd) time.Duration {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, userErr := strconv.ParseInt(fields[11], 10, 64)
	system, systemErr := strconv.ParseInt(fields[12], 10, 64)
	if err := errors.Join(userErr, systemErr); err != nil {
		t.Fatal(err)
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 wherever Go runs on Linux
	return time.Duration(user+system) * tick
}
