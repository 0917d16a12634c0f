package app

import (
	"net"
	"net/url"
)

// exposure are ways in which others could read or change what goes over a network,
// each with what to do. A hub says them at its start, and doctor as well.
func (c Config) exposure() [][2]string {
	var all [][2]string
	public, err := url.Parse(c.PublicURL)
	if err != nil {
		public = &url.URL{} // Check says so
	}
	if public.Scheme == "http" && !local(public.Hostname()) {
		all = append(all, [2]string{"public_url is plain http: passwords and sessions can be read on the way", "put TLS in front of it, and name https in public_url"})
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err == nil && local(host) && public.Scheme == "https" && len(c.TrustedProxies) == 0 {
		all = append(all, [2]string{"trusted_proxies is empty, and something else ends TLS: every visitor seems to come from it, and limits of an address hold for nobody",
			"name it: trusted_proxies: [127.0.0.1]"})
	}
	if err == nil && !local(host) && public.Scheme != "https" {
		all = append(all, [2]string{"listen " + c.Listen + " is plain http on a public address", "listen on 127.0.0.1, and put TLS in front of it"})
	}
	if host, _, err := net.SplitHostPort(c.Health); err == nil && !local(host) {
		all = append(all, [2]string{"health " + c.Health + " shows metrics to whoever reaches it", "let a firewall keep it to your own monitoring"})
	}
	for i, r := range []RedisConfig{c.Redis, c.Ephemeral} {
		name := []string{"redis", "ephemeral"}[i]
		if r.remote() && !r.TLS {
			all = append(all, [2]string{name + ".addrs is on another machine, and is spoken to without TLS", "set " + name + ".tls: true"})
		}
	}
	return all
}
