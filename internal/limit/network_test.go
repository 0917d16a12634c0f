package limit_test

import (
	"testing"

	"guodu/internal/limit"
)

func TestANetworkIsWhatOneClientCanChooseFrom(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:0:1::7": "2001:db8:0:1::", "2001:db8:0:1:ffff::1": "2001:db8:0:1::",
		"2001:db8:0:2::7": "2001:db8:0:2::", "fe80::1%eth0": "fe80::", "127.0.0.1": "", "::1": "", "::ffff:127.0.0.2": "", "odd": "odd",
	} {
		if got := limit.Network(address); got != want {
			t.Errorf("network of %s is %q, want %q", address, got, want)
		}
	}
}
