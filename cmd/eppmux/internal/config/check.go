package config

import (
	"net"
	"net/netip"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
)

// The rules that values must keep together. Each is checked on the values with their defaults, and
// reported at the key whose change would mend it.

// smallestFrame is the least clients.max_frame, in octets: a login as real clients send it must
// fit.
const smallestFrame = 4096

// longestSocketPath is what a unix socket address holds, without its final NUL.
const longestSocketPath = 107

// checker holds what the rules need beside the values.
type checker struct {
	*faultList
	files files
	// Every address that is listened on so far.
	taken []takenAddress
}

// takenAddress is a TCP address or, without one, the path of a socket.
type takenAddress struct {
	key    string // its path in the file
	tcp    netip.AddrPort
	socket string
}

func (c *checker) config(cfg *Config) {
	if len(cfg.Registries) == 0 {
		c.add("registries", "needs at least one registry")
	}
	names := map[string]string{}
	for i := range cfg.Registries {
		r, path := &cfg.Registries[i], index("registries", i)
		if c.hasFault(path) {
			continue
		}
		c.name(join(path, "name"), r.Name, names)
		c.registry(path, r)
	}
	c.admin("admin.listen", cfg.Admin.Listen)
	if cfg.Control.Socket != "" {
		c.socket("control.socket", &cfg.Control.Socket, "/run/eppmux/control.sock")
	}
	c.audit("audit", &cfg.Audit)
	c.atLeastZero("drain_timeout", cfg.DrainTimeout)
}

var registryName = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

func (c *checker) name(path, name string, seen map[string]string) {
	switch {
	case name == "":
		c.add(path, "is missing")
	case !registryName.MatchString(name):
		c.add(path, "must be 1 to 63 of a-z, 0-9 and -, got %s", cli.Quote(name))
	case seen[name] != "":
		c.add(path, "%s is the name of %s already", cli.Quote(name), seen[name])
	default:
		seen[name] = path
	}
}

func (c *checker) registry(path string, r *Registry) {
	c.listeners(path, r)
	c.address(join(path, "address"), r.Address)
	c.registryTLS(join(path, "tls"), &r.TLS)
	c.login(join(path, "login"), r)
	c.sessions(join(path, "sessions"), &r.Sessions)
	c.timeouts(join(path, "timeouts"), &r.Timeouts)
	c.rateLimits(join(path, "rate_limits"), r.RateLimits)
	c.clients(join(path, "clients"), &r.Clients)
}

func (c *checker) listeners(path string, r *Registry) {
	if len(r.Listen) == 0 {
		c.add(join(path, "listen"), "needs at least one address")
	}
	for i := range r.Listen {
		l, at := &r.Listen[i], index(join(path, "listen"), i)
		switch {
		case l.Network == "":
			if !c.hasFault(at) && !c.hasFault(join(at, "address")) {
				c.add(join(at, "address"), "is missing")
			}
		case l.Network == "unix":
			c.unixListener(at, l)
		default:
			c.tcpListener(at, l, &r.Clients)
			if l.TLS && r.Clients.TLS.CertFile == "" {
				c.add(join(path, "clients.tls.cert_file"), "is missing: %s needs it; \"eppmux cert\" makes one", l)
			}
		}
		c.share(at, l)
	}
}

// maxWeight is the greatest weight of a listener.
const maxWeight = 100

// share checks what the clients of a listener may do, and how much of it.
func (c *checker) share(path string, l *Listen) {
	if _, written := c.lines[join(path, "allow")]; written && len(l.Allow) == 0 {
		c.add(join(path, "allow"), "must not be empty; leave the key out for all")
	}
	if _, written := c.lines[join(path, "weight")]; written && (l.Weight < 1 || l.Weight > maxWeight) {
		c.add(join(path, "weight"), "must be 1 to %d, got %d", maxWeight, l.Weight)
	}
}

func (c *checker) unixListener(path string, l *Listen) {
	c.socket(path, &l.Address, "unix:///run/eppmux.sock")
	if l.Mode == 0 {
		l.Mode = 0o660
	}
	if l.Mode&0o007 != 0 {
		c.add(join(path, "mode"), "must not let others in: whoever reaches the socket is the registrar; got %04o, "+
			"try 0660 with a group", l.Mode)
	}
	if l.Group != "" {
		if _, err := user.LookupGroup(l.Group); err != nil {
			c.add(join(path, "group"), "no such group: %s", cli.Quote(l.Group))
		}
	}
}

// socket checks the path of a unix socket.
func (c *checker) socket(path string, file *string, example string) {
	switch {
	case !strings.HasPrefix(*file, "/"):
		c.add(path, "the path must be absolute, as in %s, got %s", example, cli.Quote(*file))
	case strings.ContainsRune(*file, 0):
		c.add(path, "the path holds a NUL")
	case len(*file) > longestSocketPath:
		c.add(path, "the path must not be longer than %d octets, got %d", longestSocketPath, len(*file))
	default:
		*file = filepath.Clean(*file)
		c.take(takenAddress{key: path, socket: *file})
	}
}

func (c *checker) tcpListener(path string, l *Listen, clients *Clients) {
	if l.Mode != 0 || l.Group != "" {
		c.add(path, "mode and group are of unix:// addresses only")
	}
	at, ok := c.listenAddress(path, l.Address)
	if !ok {
		return
	}
	if !at.Addr().IsLoopback() && len(clients.AllowRemote) == 0 {
		c.add(path, "%s is not a loopback address: whoever reaches it is the registrar; name the networks that may "+
			"in clients.allow_remote", l)
		return
	}
	c.take(takenAddress{key: path, tcp: at})
}

// listenAddress checks host:port of a listener, and says which IP address and port they stand for.
func (c *checker) listenAddress(path, address string) (netip.AddrPort, bool) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		c.add(path, "must be host:port, got %s", cli.Quote(address))
		return netip.AddrPort{}, false
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		c.add(path, "the port must be 0 to 65535, got %s", cli.Quote(port))
		return netip.AddrPort{}, false
	}
	var ip netip.Addr
	switch host {
	case "localhost":
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case "":
		ip = netip.IPv6Unspecified()
	default:
		if ip, err = netip.ParseAddr(host); err != nil {
			c.add(path, "the host must be an IP address or localhost, got %s", cli.Quote(host))
			return netip.AddrPort{}, false
		}
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(p)), true
}

// take refuses an address that something else in the file listens on already.
func (c *checker) take(a takenAddress) {
	for _, t := range c.taken {
		if a.collides(t) {
			c.add(a.key, "%s listens there already", t.key)
			return
		}
	}
	c.taken = append(c.taken, a)
}

// collides says whether two addresses cannot both be listened on. Port 0 is a free one, chosen by
// the system.
func (a takenAddress) collides(b takenAddress) bool {
	if a.socket != "" || b.socket != "" {
		return a.socket == b.socket
	}
	if a.tcp.Port() != b.tcp.Port() || a.tcp.Port() == 0 {
		return false
	}
	return a.tcp == b.tcp || a.tcp.Addr().IsUnspecified() || b.tcp.Addr().IsUnspecified()
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9.])?$`)

func isHost(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || hostName.MatchString(host)
}

func (c *checker) address(path, address string) {
	if address == SandboxAddress {
		return
	}
	if address == "" {
		c.add(path, "is missing: host:port of the registry, or %s", SandboxAddress)
		return
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || !isHost(host) {
		c.add(path, "must be host:port or %s, got %s", SandboxAddress, cli.Quote(address))
		return
	}
	if p, err := strconv.ParseUint(port, 10, 16); err != nil || p == 0 {
		c.add(path, "the port must be 1 to 65535, got %s", cli.Quote(port))
	}
}

func (c *checker) registryTLS(path string, t *RegistryTLS) {
	if t.ServerName != "" && !isHost(t.ServerName) {
		c.add(join(path, "server_name"), "must be a host name, got %s", cli.Quote(t.ServerName))
	}
	if t.CAFile != "" {
		t.Roots = c.roots(join(path, "ca_file"), t.CAFile)
	}
	t.Certificate = c.certificate(path, t.CertFile, t.KeyFile)
}

func (c *checker) login(path string, r *Registry) {
	l := &r.Login
	// Where the address itself is wrong, it may have been meant to be the sandbox.
	real := !r.Sandbox() && !c.hasFault(strings.TrimSuffix(path, "login")+"address")
	if l.ClientID == "" && real {
		c.add(join(path, "client_id"), "is missing")
	}
	var sources []string
	if !l.Password.Empty() {
		sources = append(sources, "password")
		if err := cli.Private(c.files.config); err != nil {
			c.add(join(path, "password"), "stands in this file, and %v; or use password_file", err)
		}
		l.Password = c.password(join(path, "password"), l.Password.Reveal())
	}
	if l.PasswordFile != "" {
		sources = append(sources, "password_file")
		l.Password = c.passwordFile(join(path, "password_file"), l.PasswordFile)
	}
	if l.PasswordEnv != "" {
		sources = append(sources, "password_env")
		l.Password = c.passwordEnv(join(path, "password_env"), l.PasswordEnv)
	}
	switch {
	case len(sources) > 1:
		c.add(path, "needs exactly one of password, password_file and password_env, has %s",
			strings.Join(sources, " and "))
	case len(sources) == 0 && real && !c.hasFaultUnder(join(path, "password")):
		c.add(path, "needs one of password_file, password_env and password")
	}
	if l.Language == "" {
		c.add(join(path, "language"), "must not be empty")
	}
	c.uris(join(path, "object_uris"), l.ObjectURIs)
	c.uris(join(path, "extension_uris"), l.ExtensionURIs)
}

func (c *checker) uris(path string, uris []string) {
	seen := make(map[string]bool, len(uris))
	for i, u := range uris {
		switch {
		case u == "" || strings.ContainsAny(u, " \t\r\n<>\"") || !strings.Contains(u, ":"):
			c.add(index(path, i), "must be a namespace URI, got %s", cli.Quote(u))
		case seen[u]:
			c.add(index(path, i), "%s stands in the list already", cli.Quote(u))
		}
		seen[u] = true
	}
}

func (c *checker) sessions(path string, s *Sessions) {
	if s.Min < 1 {
		c.add(join(path, "min"), "must be at least 1, got %d", s.Min)
	}
	if s.Max < s.Min {
		c.add(join(path, "max"), "must be at least min (%d), got %d", s.Min, s.Max)
	}
	if s.KeepaliveCommand != KeepaliveNone {
		c.aboveZero(join(path, "keepalive"), s.Keepalive)
	}
	c.atLeastZero(join(path, "keepalive"), s.Keepalive)
	c.atLeastZero(join(path, "max_age"), s.MaxAge)
	if s.MaxCommands < 0 {
		c.add(join(path, "max_commands"), "must be 0 (no bound) or more, got %d", s.MaxCommands)
	}
}

func (c *checker) timeouts(path string, t *Timeouts) {
	c.aboveZero(join(path, "connect"), t.Connect)
	c.aboveZero(join(path, "login"), t.Login)
	c.aboveZero(join(path, "command"), t.Command)
	c.aboveZero(join(path, "queue"), t.Queue)
	c.aboveZero(join(path, "greeting"), t.Greeting)
}

func (c *checker) clients(path string, cl *Clients) {
	if cl.Max < 1 {
		c.add(join(path, "max"), "must be at least 1, got %d", cl.Max)
	}
	if cl.MaxFrame < smallestFrame || cl.MaxFrame > 1<<30 {
		c.add(join(path, "max_frame"), "must be %d to %d octets, got %d", smallestFrame, 1<<30, cl.MaxFrame)
	}
	if cl.MaxAhead < cl.MaxFrame+4 {
		c.add(join(path, "max_ahead"), "must be at least max_frame + 4 (%d), got %d", cl.MaxFrame+4, cl.MaxAhead)
	}
	c.atLeastZero(join(path, "idle_timeout"), cl.IdleTimeout)
	c.aboveZero(join(path, "frame_timeout"), cl.FrameTimeout)
	c.users(path, cl)
	cl.TLS.Certificate = c.certificate(join(path, "tls"), cl.TLS.CertFile, cl.TLS.KeyFile)
}

func (c *checker) admin(path, listen string) {
	if listen == "" {
		return
	}
	at, ok := c.listenAddress(path, listen)
	if !ok {
		return
	}
	if !at.Addr().IsLoopback() {
		c.add(path, "must be a loopback address, got %s", cli.Quote(listen))
		return
	}
	c.take(takenAddress{key: path, tcp: at})
}

// present refuses that a key is not in the file.
func (c *checker) present(path string) {
	if _, ok := c.lines[path]; !ok {
		c.add(path, "is missing")
	}
}

func (c *checker) aboveZero(path string, d time.Duration) {
	if d <= 0 {
		c.add(path, "must be above 0, got %v", d)
	}
}

func (c *checker) atLeastZero(path string, d time.Duration) {
	if d < 0 {
		c.add(path, "must not be below 0, got %v", d)
	}
}

func (c *checker) hasFault(path string) bool {
	return slices.ContainsFunc(c.list, func(f Fault) bool { return f.Path == path })
}

// hasFaultUnder says whether a path that begins with prefix has a fault.
func (c *checker) hasFaultUnder(prefix string) bool {
	return slices.ContainsFunc(c.list, func(f Fault) bool { return strings.HasPrefix(f.Path, prefix) })
}
