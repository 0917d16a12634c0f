package app

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"guodu/binding/identity/guard"
	"guodu/internal/limit"
)

// errNetwork says that a text is neither an address nor a network.
var errNetwork = errors.New("neither an address nor a network, such as 10.0.0.0/8")

// parseNetwork reads 10.0.0.0/8, and 10.0.0.1 as a network of one.
func parseNetwork(text string) (*net.IPNet, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		addr, addrErr := netip.ParseAddr(text)
		if addrErr != nil || addr.Zone() != "" {
			return nil, errNetwork
		}
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	if prefix.Bits() == 0 {
		return nil, errors.New("everybody: then anybody could make up where they come from")
	}
	prefix = prefix.Masked()
	return &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen())}, nil
}

// trusts says whether an address is that of a proxy whose word about others is taken.
func (c Config) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(c.TrustedProxies, func(text string) bool {
		network, err := parseNetwork(text)
		return err == nil && network.Contains(addr.AsSlice())
	})
}

// clientAddress says where a request comes from: the peer, or whom the nearest proxies
// that are trusted name.
func (c Config) clientAddress() echo.IPExtractor {
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, text := range c.TrustedProxies {
		network, err := parseNetwork(text)
		if err == nil { // Check has said so otherwise
			trust = append(trust, echo.TrustIPRange(network))
		}
	}
	extract := echo.ExtractIPFromXFFHeader(trust...)
	return func(r *http.Request) string {
		named := r.Header.Values(echo.HeaderXForwardedFor)
		if !strings.ContainsAny(strings.Join(named, ","), ":%") {
			return extract(r)
		}
		bare := &http.Request{RemoteAddr: r.RemoteAddr, Header: http.Header{}}
		for _, list := range named {
			bare.Header.Add(echo.HeaderXForwardedFor, bareAddresses(list))
		}
		return extract(bare)
	}
}

// bareAddresses takes ports and zones off a list of addresses: some proxies write them.
func bareAddresses(list string) string {
	all := strings.Split(list, ",")
	for i, one := range all {
		one = strings.TrimSpace(one)
		if at, err := netip.ParseAddrPort(one); err == nil {
			one = at.Addr().String()
		}
		if addr, err := netip.ParseAddr(strings.Trim(one, "[]")); err == nil {
			all[i] = addr.WithZone("").String()
		}
	}
	return strings.Join(all, ", ")
}

// rateSettings are those that say how often, by name.
func (p PortalConfig) rateSettings() map[string]string {
	return map[string]string{
		"portal.lock": p.Lock, "portal.guesses.payer": p.Guesses.Payer, "portal.guesses.address": p.Guesses.Address, "portal.guesses.all": p.Guesses.All,
	}
}

// rates are the limits of guesses.
func (p PortalConfig) rates() (guard.Rates, error) {
	read := map[string]limit.Rate{}
	for name, text := range p.rateSettings() {
		rate, err := limit.ParseRate(text)
		if err != nil {
			return guard.Rates{}, fmt.Errorf("%w: %s: %w", ErrConfig, name, err)
		}
		read[name] = rate
	}
	return guard.Rates{
		Lock: read["portal.lock"], Payer: read["portal.guesses.payer"], Address: read["portal.guesses.address"], All: read["portal.guesses.all"],
	}, nil
}

// checkClients looks at what bounds visitors.
func (c Config) checkClients(need func(ok bool, setting, format string, args ...any)) {
	for i, text := range c.TrustedProxies {
		_, err := parseNetwork(text)
		need(err == nil, fmt.Sprintf("trusted_proxies[%d]", i), ": %s is %v", shown(text), err)
	}
	for name, text := range c.Portal.rateSettings() {
		_, err := limit.ParseRate(text)
		need(err == nil, name, ": %s is %v", shown(text), err)
	}
	lock, err := limit.ParseRate(c.Portal.Lock)
	need(err != nil || lock.Most > 2, "portal.lock", ": %s leaves fewer than two wrong passwords", shown(c.Portal.Lock))
	need(c.Limits.Prepays > 0, "limits.prepays_per_hour", ": %d; it is 1 or more", c.Limits.Prepays)
}
