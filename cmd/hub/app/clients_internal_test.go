package app

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestWhereARequestComesFromIsBelievedOfTrustedProxiesOnly(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, trusted, peer, forwarded, want string }{
		{"nobody is trusted", "", "10.0.0.9:1234", "192.0.2.7", "10.0.0.9"},
		{"nor is this host", "", "127.0.0.1:1234", "192.0.2.7", "127.0.0.1"},
		{"a trusted network", "10.0.0.0/8", "10.0.0.9:1234", "192.0.2.7", "192.0.2.7"},
		{"a trusted address", "10.0.0.9", "10.0.0.9:1234", "192.0.2.7", "192.0.2.7"},
		{"its neighbour", "10.0.0.9", "10.0.0.8:1234", "192.0.2.7", "10.0.0.8"},
		{"this host, if it is named", "127.0.0.1", "127.0.0.1:1234", "192.0.2.7", "192.0.2.7"},
		{"what the visitor made up", "10.0.0.0/8", "10.0.0.9:1234", "198.51.100.1, 192.0.2.7", "192.0.2.7"},
		{"two proxies", "10.0.0.0/8", "10.0.0.9:1234", "198.51.100.1, 192.0.2.7, 10.0.0.8", "192.0.2.7"},
		{"private and not trusted", "10.0.0.0/8", "10.0.0.9:1234", "192.0.2.7, 192.168.0.1", "192.168.0.1"},
		{"IPv6", "fd00::/8", "[fd00::1]:1234", "2001:db8::7", "2001:db8::7"},
		{"a port", "10.0.0.0/8", "10.0.0.9:1234", "198.51.100.1:80, 192.0.2.7:5555", "192.0.2.7"},
		{"a port of IPv6", "10.0.0.0/8", "10.0.0.9:1234", "[2001:db8::7]:5555", "2001:db8::7"},
		{"a zone", "10.0.0.0/8", "10.0.0.9:1234", "2001:db8::7%eth0", "2001:db8::7"},
		{"a port of a proxy", "10.0.0.0/8", "10.0.0.9:1234", "192.0.2.7:5555, 10.0.0.8:80", "192.0.2.7"},
		{"no header", "10.0.0.0/8", "10.0.0.9:1234", "", "10.0.0.9"},
	} {
		c := Config{}
		if tc.trusted != "" {
			c.TrustedProxies = []string{tc.trusted}
		}
		r := &http.Request{RemoteAddr: tc.peer, Header: http.Header{}}
		if tc.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tc.forwarded)
		}
		r.Header.Set("X-Real-Ip", "203.0.113.1")
		if got := c.clientAddress()(r); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestWhatBoundsVisitorsIsExamined(t *testing.T) {
	t.Parallel()
	c := Defaults()
	c.TrustedProxies = []string{"10.0.0.0/8", "10.0.0.1", "::1", "proxy", "10.0.0.0/33", "0.0.0.0/0"}
	c.Portal.Lock, c.Portal.Guesses.Payer, c.Portal.Guesses.All, c.Limits.Prepays = "2/15m", "5", "0/15m", 0
	err := c.Check()
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	for _, want := range []string{
		`trusted_proxies[3]: "proxy" is neither an address nor a network`, `trusted_proxies[4]: "10.0.0.0/33" is neither`,
		`trusted_proxies[5]: "0.0.0.0/0" is everybody`, `portal.lock: "2/15m" leaves fewer than two wrong passwords`,
		`portal.guesses.payer: "5" is not so many in so long, such as 5/15m`, `portal.guesses.all: "0/15m" is not`, `limits.prepays_per_hour: 0; it is 1 or more`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say: %s\n%v", want, err)
		}
	}
	for _, not := range []string{"trusted_proxies[0]", "trusted_proxies[1]", "trusted_proxies[2]", "portal.guesses.address"} {
		if strings.Contains(err.Error(), not) {
			t.Errorf("it says something of %s:\n%v", not, err)
		}
	}
}

func TestTheRatesOfGuessesAreThoseOfTheSettings(t *testing.T) {
	t.Parallel()
	c := Defaults()
	c.Portal.Lock, c.Portal.Guesses.Address = "3/10m", "7/1h"
	rates, err := c.Portal.rates()
	if err != nil {
		t.Fatal(err)
	}
	got := []int{rates.Lock.Most, rates.Payer.Most, rates.Address.Most, rates.All.Most}
	if !slices.Equal(got, []int{3, 5, 7, 600}) || rates.Lock.Per.Minutes() != 10 || rates.Address.Per.Hours() != 1 {
		t.Errorf("rates are %+v", rates)
	}
}
