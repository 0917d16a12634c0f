package limit

import "net/netip"

// Network is what one client can choose addresses from: its address of IPv4, the /64 of
// one of IPv6. Empty is this host: a proxy on it, behind which everybody is.
func Network(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if addr = NetworkOf(addr); addr.IsLoopback() {
		return ""
	}
	return addr.String()
}

// NetworkOf is the first address of a client's network.
func NetworkOf(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if prefix, err := addr.Prefix(64); err == nil && addr.Is6() && !addr.IsLoopback() {
		return prefix.Addr()
	}
	return addr
}
