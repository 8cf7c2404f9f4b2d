package config

import (
	"net/url"
	"slices"
	"strings"

	"eppmux/cmd/eppmux/internal/cli"
)

// rule implements ruler.
func (e *Etcd) rule(c *checker, path, key string) {
	at := join(path, key)
	switch key {
	case "endpoints":
		e.endpoints(c, at)
	case "":
		if !e.secure() && !c.hasFaultUnder(join(path, "endpoints")) {
			e.noTLS(c, path, "is for https:// endpoints")
			e.noPlaintext(c, path, e.plaintext(), "use https://")
		}
	default:
		e.access(c, path, key)
		if key == "password" && e.hasPassword() && e.User == "" {
			c.add(join(path, "user"), "is missing: etcd knows no password without a user")
		}
	}
}

func (e *Etcd) endpoints(c *checker, path string) {
	if len(e.Endpoints) == 0 && !c.hasFault(path) {
		c.add(path, "needs at least one, such as https://etcd.example:2379")
	}
	for i, text := range e.Endpoints {
		at := index(path, i)
		u, err := url.Parse(text)
		switch {
		case c.hasFault(at):
		case strings.Contains(text, "@"): // what stands there may be a password
			c.add(at, "must not hold a user; use user and password_file")
		case err != nil || u.Scheme != "https" && u.Scheme != "http" || text != u.Scheme+"://"+u.Host,
			u.Hostname() == "" || u.Port() == "":
			c.add(at, "must be https://host:port, got %s", cli.Quote(text))
		case !c.hostPort(at, u.Host, "https://host:port"):
		case slices.Index(e.Endpoints, text) < i:
			c.add(at, "%s stands in the list already", cli.Quote(text))
		case strings.HasPrefix(text, "https:") != e.secure():
			c.add(at, "must be https:// as endpoints[0], or none of them, got %s", cli.Quote(text))
		}
	}
}

// secure reports whether the endpoints are reached by TLS.
func (e *Etcd) secure() bool {
	return len(e.Endpoints) > 0 && strings.HasPrefix(e.Endpoints[0], "https://")
}

// plaintext returns the first address that is reached over the network without TLS; empty: none is.
func (e *Etcd) plaintext() string {
	for _, text := range e.Endpoints {
		if at, plain := strings.CutPrefix(text, "http://"); plain && !cli.Loopback(at) {
			return at
		}
	}
	return ""
}

// rule implements ruler.
func (r *Redis) rule(c *checker, path, key string) {
	at := join(path, key)
	switch key {
	case "address":
		r.address(c, path, at)
	case "sentinel", "tls":
	case "":
		if !r.TLS && !c.hasFault(join(path, "tls")) {
			r.noTLS(c, path, "needs tls: true")
			r.noPlaintext(c, path, r.plaintext(), "set tls: true")
		}
	default:
		r.access(c, path, key)
	}
}

func (r *Redis) address(c *checker, path, at string) {
	sentinel := c.has(join(path, "sentinel"))
	switch {
	case c.hasFault(at):
	case r.Address == "" && !sentinel:
		c.add(path, "needs one of address and sentinel")
	case r.Address == "":
	case sentinel:
		c.add(path, "needs exactly one of address and sentinel, has both")
	case strings.Contains(r.Address, "@"): // what stands there may be a password
		c.add(at, "must not hold a user; use user and password_file")
	case strings.Contains(r.Address, "://"):
		c.add(at, "must be host:port, and tls: true where it was rediss://, got %s", cli.Quote(r.Address))
	default:
		c.hostPort(at, r.Address, "host:port")
	}
}

// plaintext returns the first address that is reached over the network without TLS; empty: none is.
// Where a sentinel tells the address, it is the sentinel's.
func (r *Redis) plaintext() string {
	if r.TLS {
		return ""
	}
	all := []string{r.Address}
	if r.Sentinel != nil {
		all = r.Sentinel.Addresses
	}
	for _, at := range all {
		if at != "" && !cli.Loopback(at) {
			return at
		}
	}
	return ""
}

// rule implements ruler.
func (s *Sentinel) rule(c *checker, path, key string) {
	at := join(path, key)
	switch key {
	case "master":
		if s.Master == "" {
			c.add(at, "is missing: the name that sentinels know the master by")
		}
	case "addresses":
		if len(s.Addresses) == 0 {
			c.add(at, "needs at least one, such as redis.example:26379")
		}
		for i, address := range s.Addresses {
			if c.hostPort(index(at, i), address, "host:port") && slices.Index(s.Addresses, address) < i {
				c.add(index(at, i), "%s stands in the list already", cli.Quote(address))
			}
		}
	}
}

// access checks a key of how to connect, and loads what it names.
func (a *EngineAccess) access(c *checker, path, key string) {
	switch at := join(path, key); {
	case key == "server_name" && a.ServerName != "" && !isHost(a.ServerName):
		c.add(at, "must be a host name, got %s", cli.Quote(a.ServerName))
	case key == "ca_file" && a.CAFile != "":
		a.Roots = c.roots(at, a.CAFile)
	case key == "cert_file":
		a.Certificate = c.certificate(path, a.CertFile, a.KeyFile)
	case key == "password":
		sources := c.loadPassword(path, &a.Password, a.PasswordFile, a.PasswordEnv)
		if len(sources) == 0 && a.User != "" && !c.hasFaultUnder(at) {
			c.add(path, "needs one of password_file, password_env and password beside user")
		}
	}
}

// hasPassword reports whether a key says what the password is.
func (a *EngineAccess) hasPassword() bool {
	return !a.Password.Empty() || a.PasswordFile != "" || a.PasswordEnv != ""
}

// noTLS refuses keys of TLS where there is none.
func (a *EngineAccess) noTLS(c *checker, path, why string) {
	for _, k := range []struct{ key, value string }{
		{"server_name", a.ServerName}, {"ca_file", a.CAFile}, {"cert_file", a.CertFile}, {"key_file", a.KeyFile},
	} {
		if k.value != "" {
			c.add(join(path, k.key), "%s", why)
		}
	}
}

// noPlaintext refuses that a password goes over the network in plain text to address, unless that is
// empty.
func (a *EngineAccess) noPlaintext(c *checker, path, address, instead string) {
	if address != "" && !a.Password.Empty() {
		c.add(path, "the password would go to %s in plain text: %s", address, instead)
	}
}
