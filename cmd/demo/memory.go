package main

import (
	"errors"
	"fmt"
	"io"
	"os/exec"

	"github.com/alicebob/miniredis/v2"

	"guodu/cmd/hub/app"
)

// banner says what an in-memory Redis is not.
const banner = `
  ┌──────────────────────────────────────────────────────────────────────┐
  │  IN MEMORY: redis-server is not installed (or --memory was asked     │
  │  for). Nothing survives the end of this program, and nothing of it   │
  │  says how guodu keeps money: for that, install redis-server.         │
  └──────────────────────────────────────────────────────────────────────┘
`

// inMemory gives the configuration two embedded servers if redis-server is
// missing or memory is asked for, and says so; end stops them.
func inMemory(ask bool, config *app.Config, out io.Writer) (used bool, end func(), err error) {
	_, missing := exec.LookPath("redis-server")
	if !ask && missing == nil {
		return false, func() {}, nil
	}
	money, err := miniredis.Run()
	if err != nil {
		return false, nil, err
	}
	ephemeral, err := miniredis.Run()
	if err != nil {
		money.Close()
		return false, nil, errors.Join(errors.New("second embedded server"), err)
	}
	config.Redis.Addrs, config.Ephemeral.Addrs = []string{money.Addr()}, []string{ephemeral.Addr()}
	fmt.Fprint(out, banner+"\n")
	return true, func() {
		money.Close()
		ephemeral.Close()
	}, nil
}
