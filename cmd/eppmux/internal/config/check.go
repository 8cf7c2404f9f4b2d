package config

import (
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/frame"
	"eppmux/upstream/pool"
)

// longestSocketPath is how many octets a unix socket address holds, without its final NUL.
const longestSocketPath = 107

// checker checks the rules of one file.
type checker struct {
	*faultList
	files files
	taken []takenAddress    // every address that is listened on so far
	names map[string]string // a list's path and a name in it: where the name stands

	// The registry whose rules are checked, and its path.
	registry   *Registry
	registryAt string

	gateway   *Gateway // whose rules are checked
	gatewayAt string
	zonesAt   map[string]string // a zone: where it stands
}

// takenAddress is a TCP address or the path of a unix socket.
type takenAddress struct {
	key    string // its path in the config file
	tcp    netip.AddrPort
	socket string // empty: it is a TCP address
}

// rule implements ruler.
func (cfg *Config) rule(c *checker, path, key string) {
	switch {
	case key == "registries" && len(cfg.Registries) == 0:
		c.add(key, "needs at least one registry")
	case key == "cluster":
		cfg.sharing(c)
	case key == "gateway":
		cfg.offering(c)
	}
}

// rule implements ruler.
func (r *Registry) rule(c *checker, path, key string) {
	at := join(path, key)
	switch key {
	case "name":
		c.registry, c.registryAt = r, path
		c.name(at, r.Name)
	case "listen":
		if len(r.Listen) == 0 {
			c.add(at, "needs at least one address")
		}
	case "address":
		c.address(at, r.Address)
	case "login":
		c.login(at, r)
	case "query_extensions":
		c.uris(at, r.QueryExtensions)
	case "zones":
		c.zones(at, r.Zones)
	case "rate_limits":
		if len(r.RateLimits) > pool.MaxRules {
			c.add(at, "must be %d at most, got %d", pool.MaxRules, len(r.RateLimits))
		}
	case "cluster":
		if r.Sandbox() && c.has(join(at, "prefer")) {
			c.add(at, "must be left out: the built-in registry is in this process, and never shared")
		}
	}
}

// registryName is what a registry, a rate limit or a profile may be named.
var registryName = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

// name checks the key name of an entry. No other entry of the list may have the same.
func (c *checker) name(path, name string) {
	switch {
	case name == "":
		c.add(path, "is missing")
	case !registryName.MatchString(name):
		c.add(path, "must be 1 to 63 of a-z, 0-9 and -, got %s", cli.Quote(name))
	default:
		if first := c.first(path, name); first != "" {
			c.add(path, "%s is the name of %s already", cli.Quote(name), first)
		}
	}
}

// first returns the path where an earlier entry of the same list has the name; empty when path is
// the first.
func (c *checker) first(path, name string) string {
	in := path[:strings.LastIndexByte(path, '[')] + " " + name
	if at := c.names[in]; at != "" {
		return at
	}
	if c.names == nil {
		c.names = map[string]string{}
	}
	c.names[in] = path
	return ""
}

// rule implements ruler.
func (l *Listen) rule(c *checker, path, key string) {
	switch at := join(path, key); {
	case key == "allow" && c.has(at) && len(l.Allow) == 0:
		c.add(at, "must not be empty; leave the key out for all")
	case key != "address":
	case l.Network == "":
		if !c.hasFault(at) {
			c.add(at, "is missing")
		}
	case l.Network == "unix":
		c.unixListener(path, &l.Address, &l.Mode, l.Group)
	default:
		c.tcpListener(path, l)
		if l.TLS && c.registry.Clients.TLS.CertFile == "" {
			c.add(join(c.registryAt, "clients.tls.cert_file"),
				"is missing: %s needs it; \"eppmux cert\" makes one", l)
		}
	}
}

// unixListener checks a listener on a unix socket, the mapping at path.
func (c *checker) unixListener(path string, address *string, mode *fs.FileMode, group string) {
	c.socket(path, address, "unix:///run/eppmux.sock")
	if *mode == 0 {
		*mode = 0o660
	}
	if *mode&0o007 != 0 {
		c.add(join(path, "mode"), "must not let others in: whoever reaches the socket is the registrar; got %04o, "+
			"try 0660 with a group", *mode)
	}
	if group != "" {
		if _, err := user.LookupGroup(group); err != nil {
			c.add(join(path, "group"), "no such group: %s", cli.Quote(group))
		}
	}
}

// socket checks the path of a unix socket, cleans it and takes it.
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

// tcpListener checks a listener on a TCP address.
func (c *checker) tcpListener(path string, l *Listen) {
	if l.Mode != 0 || l.Group != "" {
		c.add(path, "mode and group are of unix:// addresses only")
	}
	at, ok := c.listenAddress(path, l.Address)
	if !ok {
		return
	}
	// A network that could not be read is not valid.
	if !at.Addr().IsLoopback() && !slices.ContainsFunc(c.registry.Clients.AllowRemote, netip.Prefix.IsValid) {
		c.add(path, "%s is not a loopback address: whoever reaches it is the registrar; name the networks that may "+
			"in clients.allow_remote", l)
		return
	}
	c.take(takenAddress{key: path, tcp: at})
}

// listenAddress checks host:port of a listener, and returns the IP address and port that they stand
// for.
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

// take notes an address that is listened on. It refuses one that the file has already.
func (c *checker) take(a takenAddress) {
	for _, t := range c.taken {
		if a.collides(t) {
			c.add(a.key, "%s listens there already", t.key)
			return
		}
	}
	c.taken = append(c.taken, a)
}

// collides reports whether a and b cannot both be listened on. Port 0 is a free one that the system
// chooses.
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

// isHost reports whether host is an IP address or can be the name of a host.
func isHost(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || hostName.MatchString(host)
}

// hostPort checks an address to connect to. It returns false after a fault, which says that it must
// be as in want.
func (c *checker) hostPort(path, address, want string) bool {
	if c.hasFault(path) {
		return false
	}
	if strings.Contains(address, "@") { // what stands there may be a password
		c.add(path, "must be %s, without a user", want)
		return false
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || !isHost(host) {
		c.add(path, "must be %s, got %s", want, cli.Quote(address))
		return false
	}
	if p, err := strconv.ParseUint(port, 10, 16); err != nil || p == 0 {
		c.add(path, "the port must be 1 to 65535, got %s", cli.Quote(port))
		return false
	}
	return true
}

// address checks the address of a registry.
func (c *checker) address(path, address string) {
	if address == SandboxAddress {
		return
	}
	if address == "" {
		c.add(path, "is missing: host:port of the registry, or %s", SandboxAddress)
		return
	}
	c.hostPort(path, address, "host:port or "+SandboxAddress)
}

// rule implements ruler.
func (t *RegistryTLS) rule(c *checker, path, key string) {
	switch at := join(path, key); {
	case key == "server_name" && t.ServerName != "" && !isHost(t.ServerName):
		c.add(at, "must be a host name, got %s", cli.Quote(t.ServerName))
	case key == "ca_file" && t.CAFile != "":
		t.Roots = c.roots(at, t.CAFile)
	case key == "cert_file":
		t.Certificate = c.certificate(path, t.CertFile, t.KeyFile)
	}
}

// rule implements ruler.
func (t *ClientsTLS) rule(c *checker, path, key string) {
	if key == "cert_file" {
		t.Certificate = c.certificate(path, t.CertFile, t.KeyFile)
	}
}

// login checks the client id and the password of a registry, and loads the password.
func (c *checker) login(path string, r *Registry) {
	l := &r.Login
	// Where the address itself is wrong, it may have been meant to be the sandbox: no password.
	real := !r.Sandbox() && !c.hasFault(strings.TrimSuffix(path, "login")+"address")
	if l.ClientID == "" && real {
		c.add(join(path, "client_id"), "is missing")
	}
	sources := c.loadPassword(path, &l.Password, l.PasswordFile, l.PasswordEnv)
	if len(sources) == 0 && real && !c.hasFaultUnder(join(path, "password")) {
		c.add(path, "needs one of password_file, password_env and password")
	}
}

// rule implements ruler. The other keys depend on the registry, see checker.login.
func (l *Login) rule(c *checker, path, key string) {
	switch at := join(path, key); key {
	case "object_uris":
		c.uris(at, l.ObjectURIs)
	case "extension_uris":
		c.uris(at, l.ExtensionURIs)
	case "security":
		if e := l.EPP(); l.Security == frame.SecureAlways && len(l.ExtensionURIs) > 0 && !e.LongPasswords() {
			c.add(at, "needs urn:ietf:params:xml:ns:epp:loginSec-1.0 in extension_uris, or none there")
		}
	}
}

// uris checks the URIs of objects or extensions.
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

// rule implements ruler.
func (s *Sessions) rule(c *checker, path, key string) {
	if key == "keepalive" && s.KeepaliveCommand != KeepaliveNone {
		c.aboveZero(join(path, key), s.Keepalive)
	}
}

// rule implements ruler.
func (a *Admin) rule(c *checker, path, key string) {
	if key != "listen" || a.Listen == "" {
		return
	}
	path = join(path, key)
	at, ok := c.listenAddress(path, a.Listen)
	if !ok {
		return
	}
	if !at.Addr().IsLoopback() {
		c.add(path, "must be a loopback address, got %s", cli.Quote(a.Listen))
		return
	}
	c.take(takenAddress{key: path, tcp: at})
}

// rule implements ruler.
func (ct *Control) rule(c *checker, path, key string) {
	if key == "socket" && ct.Socket != "" {
		c.socket(join(path, key), &ct.Socket, "/run/eppmux/control.sock")
	}
}

// rule implements ruler: the folder is there.
func (s *State) rule(c *checker, path, key string) {
	if key != "dir" || s.Dir == "" {
		return
	}
	s.Dir = c.files.resolve(s.Dir)
	if info, err := os.Stat(s.Dir); err != nil || !info.IsDir() {
		c.add(join(path, key), "there is no folder %s", s.Dir)
	}
}
