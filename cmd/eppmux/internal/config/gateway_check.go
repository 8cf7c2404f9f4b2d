package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/proxy"
)

// offering checks what the gateway and the registries say of each other.
func (cfg *Config) offering(c *checker) {
	g := cfg.Gateway
	if g == nil || c.hasFault("gateway") {
		return
	}
	if len(cfg.Registries) > 0 && len(cfg.Offered()) == 0 {
		c.add("gateway", "needs a registry: all have gateway: false")
	}
	var offered []string
	for _, r := range cfg.Offered() {
		offered = append(offered, r.Name)
	}
	for i := range g.Users {
		cfg.userRegistries(c, join(index("gateway.users", i), "registries"), g.Users[i].Registries, offered)
	}
}

// userRegistries checks the names of registries that a user may use. Those of offered can be had.
func (cfg *Config) userRegistries(c *checker, path string, names, offered []string) {
	if c.has(path) && !c.hasFault(path) && len(names) == 0 {
		c.add(path, "must not be empty; leave the key out for all")
	}
	for i, name := range names {
		named := func(r Registry) bool { return r.Name == name }
		switch at := index(path, i); {
		case slices.Contains(names[:i], name):
			c.add(at, "%s stands in the list already", cli.Quote(name))
		case slices.Contains(offered, name):
		case slices.ContainsFunc(cfg.Registries, named):
			c.add(at, "%s has gateway: false", cli.Quote(name))
		default:
			c.add(at, "no registry is named %s%s", cli.Quote(name), suggest(name, offered))
		}
	}
}

// rule implements ruler.
func (g *Gateway) rule(c *checker, path, key string) {
	switch at := join(path, key); key {
	case "listen":
		c.gateway, c.gatewayAt = g, path
		if len(g.Listen) == 0 {
			c.add(at, "needs at least one address")
		}
	case "hosts":
		for i, host := range g.Hosts {
			switch {
			case !isHost(host):
				c.add(index(at, i), "must be the name of a host, without a port, got %s", cli.Quote(host))
			case slices.Contains(g.Hosts[:i], host):
				c.add(index(at, i), "%s stands in the list already", cli.Quote(host))
			}
		}
	case "origins":
		for i, origin := range g.Origins {
			switch {
			case !isOrigin(origin):
				c.add(index(at, i), "must be the origin of a page, as in https://shop.example, got %s",
					cli.Quote(origin))
			case slices.Contains(g.Origins[:i], origin):
				c.add(index(at, i), "%s stands in the list already", cli.Quote(origin))
			}
		}
	case "":
		g.sameToken(c, path)
	}
}

// isOrigin reports whether text is an origin as a browser sends it (RFC 6454 section 6.2): a scheme, a
// host in lower case and no port where that is the scheme's own.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || text != u.Scheme+"://"+u.Host ||
		text != strings.ToLower(text) || !isHost(u.Hostname()) {
		return false
	}
	// A name that ends in a colon, and a port that is left out by whoever sends it.
	switch port := u.Port(); {
	case port == "":
		return !strings.HasSuffix(u.Host, ":")
	case u.Scheme == "http" && port == "80", u.Scheme == "https" && port == "443":
		return false
	default:
		n, err := strconv.ParseUint(port, 10, 16)
		return err == nil && n > 0 && strconv.FormatUint(n, 10) == port
	}
}

// rule implements ruler.
func (l *GatewayListen) rule(c *checker, path, key string) {
	switch at := join(path, key); {
	case key != "address":
	case l.Network == "":
		if !c.hasFault(at) {
			c.add(at, "is missing")
		}
	case l.Network == "unix":
		c.unixListener(path, &l.Address, &l.Mode, l.Group)
	default:
		c.gatewayListener(path, l)
		if l.TLS && c.gateway.TLS.CertFile == "" {
			c.add(join(c.gatewayAt, "tls.cert_file"), "is missing: %s needs it; \"eppmux cert\" makes one", l)
		}
	}
}

// gatewayListener checks a listener of the gateway on a TCP address.
func (c *checker) gatewayListener(path string, l *GatewayListen) {
	if l.Mode != 0 || l.Group != "" {
		c.add(path, "mode and group are of unix:// addresses only")
	}
	at, ok := c.listenAddress(path, l.Address)
	if !ok {
		return
	}
	if g := c.gateway; !at.Addr().IsLoopback() {
		switch {
		// A network that could not be read is not valid.
		case !slices.ContainsFunc(g.AllowRemote, netip.Prefix.IsValid):
			c.add(path, "%s is not a loopback address: whoever reaches it is the registrar; name the networks that "+
				"may in gateway.allow_remote", l)
			return
		case !l.TLS:
			c.add(path, "%s is not a loopback address, and what goes there is plain text; use tls://", l)
			return
		case len(g.Users) == 0:
			if users := join(c.gatewayAt, "users"); !c.hasFault(users) {
				c.add(users, "needs at least one: %s is not a loopback address", l)
			}
		}
	}
	c.take(takenAddress{key: path, tcp: at})
}

// rule implements ruler.
func (t *GatewayTLS) rule(c *checker, path, key string) {
	if key == "cert_file" {
		t.Certificate = c.certificate(path, t.CertFile, t.KeyFile)
	}
}

// gatewayUser is what a user may be named. The name of Basic authentication has no colon (RFC 7617
// section 2), and it stands in the audit log.
var gatewayUser = regexp.MustCompile(`^[A-Za-z0-9._@-]{1,64}$`)

// rule implements ruler.
func (u *GatewayUser) rule(c *checker, path, key string) {
	switch at := join(path, key); key {
	case "name":
		switch {
		case c.hasFault(at):
		case u.Name == "":
			c.add(at, "is missing")
		case !gatewayUser.MatchString(u.Name):
			c.add(at, "must be 1 to 64 of A-Z, a-z, 0-9, ., _, @ and -, got %s", cli.Quote(u.Name))
		default:
			if first := c.first(path, u.Name); first != "" {
				c.add(at, "%s is in %s already", cli.Quote(u.Name), first)
			}
		}
	case "password_hash":
		u.loadSecrets(c, path)
	case "allow":
		if c.has(at) && len(u.Allow) == 0 {
			c.add(at, "must not be empty; leave the key out for all")
		}
	}
}

// loadSecrets takes the hashes of password and token, each from its one source.
func (u *GatewayUser) loadSecrets(c *checker, path string) {
	password, at := c.hashFrom(path, "password_hash", &u.PasswordHash, u.PasswordHashFile)
	if password {
		var err error
		if u.hash, err = proxy.ParsePasswordHash(u.PasswordHash.Reveal()); err != nil {
			c.add(at, "%v", err) // it never shows the hash
		}
	}
	token, at := c.hashFrom(path, "token_hash", &u.TokenHash, u.TokenHashFile)
	if token {
		var err error
		if u.token, err = ParseTokenHash(u.TokenHash.Reveal()); err != nil {
			c.add(at, "%v", err) // as above
		}
	}
	if !password && !token && !c.hasFaultUnder(join(path, "password_hash")) &&
		!c.hasFaultUnder(join(path, "token_hash")) && !c.hasFault(path) {
		c.add(path, "needs a password_hash, a token_hash, or a file with one of them")
	}
}

// hashFrom takes the hash that the key of the mapping at path has, or the file that KEY_file names. It
// returns false where there is none, or after a fault; source is the path of the key that has it.
func (c *checker) hashFrom(path, key string, inline *Secret, file string) (ok bool, source string) {
	source = join(path, key)
	switch {
	case !inline.Empty() && file != "":
		c.add(path, "needs exactly one of %s and %s_file, has both", key, key)
		return false, source
	case file != "":
		source += "_file"
		data, _, ok := c.readPrivate(source, file, cli.MaxPasswordFile)
		if !ok {
			return false, source
		}
		if *inline = NewSecret(strings.TrimRight(string(data), "\r\n")); inline.Empty() {
			c.add(source, "%s is empty", file)
		}
	}
	return !inline.Empty() && !c.hasFault(source), source
}

// sameToken refuses that two users have one token: nobody could tell which of them sends a request.
func (g *Gateway) sameToken(c *checker, path string) {
	first := map[[sha256.Size]byte]string{}
	for i := range g.Users {
		u, at := &g.Users[i], index(join(path, "users"), i)
		if u.token == ([sha256.Size]byte{}) {
			continue
		}
		if other := first[u.token]; other != "" {
			c.add(join(at, "token_hash"), "is that of %s: each user has a token of its own", other)
			continue
		}
		first[u.token] = at
	}
}

// tokenScheme is how the hash of a token begins.
const tokenScheme = "sha256$"

// TokenHash returns the hash of a token as it stands in a config file: sha256$ and the SHA-256 in
// hexadecimal. A token is random, so that no more is needed.
func TokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return tokenScheme + hex.EncodeToString(sum[:])
}

// ParseTokenHash reads what TokenHash wrote. Its error shows nothing of text.
func ParseTokenHash(text string) (sum [sha256.Size]byte, err error) {
	digits, ok := strings.CutPrefix(text, tokenScheme)
	n := 0
	if ok && len(digits) == 2*len(sum) {
		n, err = hex.Decode(sum[:], []byte(digits))
	}
	if err != nil || n != len(sum) || digits != strings.ToLower(digits) {
		return [sha256.Size]byte{}, fmt.Errorf("must be %sHEX, as \"eppmux hash --token\" prints it", tokenScheme)
	}
	return sum, nil
}

// zone is a suffix of domain names: A-labels (RFC 5890) in lower case.
var zone = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)

// longestZone leaves room for a label and a dot in a name of 253 octets.
const longestZone = 251

// zones checks the zones of a registry. Registries have no zone in common: a name would have two.
func (c *checker) zones(path string, zones []string) {
	for i, z := range zones {
		at := index(path, i)
		if !zone.MatchString(z) || len(z) > longestZone {
			c.add(at, "must be the end of domain names, as in co.uk: small letters, no dot in front, A-labels "+
				"(xn--…) for others; got %s", cli.Quote(z))
			continue
		}
		if c.zonesAt == nil {
			c.zonesAt = map[string]string{}
		}
		if first := c.zonesAt[z]; first != "" {
			c.add(at, "%s is in %s already", cli.Quote(z), first)
			continue
		}
		c.zonesAt[z] = at
	}
}
