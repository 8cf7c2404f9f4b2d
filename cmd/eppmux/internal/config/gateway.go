package config

import (
	"crypto/sha256"
	"crypto/tls"
	"io/fs"
	"net/netip"
	"time"

	"eppmux/frame"
	"eppmux/proxy"
)

// Gateway is how HTTP clients are served, over the accounts of the registries.
type Gateway struct {
	Listen []GatewayListen `yaml:"listen"` // at least one

	// AllowRemote are the networks that may connect to a listener that is not loopback. Such a listener
	// needs them, TLS and Users.
	AllowRemote []netip.Prefix `yaml:"allow_remote"`

	TLS     GatewayTLS    `yaml:"tls"`
	Hosts   []string      `yaml:"hosts"`   // names by which clients call it, beside those of its addresses
	Origins []string      `yaml:"origins"` // of pages that may call it from a browser; none: no CORS
	Users   []GatewayUser `yaml:"users"`   // none: whoever reaches a listener is one

	// MaxBody is in octets. Below its least value a command as real clients send it would not fit.
	MaxBody int `yaml:"max_body" default:"1048576" min:"4096" max:"67108864" unit:"octets"`

	Timeout time.Duration `yaml:"timeout" default:"60s"` // of a request that names none
	Keys    Keys          `yaml:"keys"`
	RPP     RPP           `yaml:"rpp"`
}

// GatewayListen is one address on which requests are taken. It is written as a Listen, with fewer keys.
type GatewayListen struct {
	Network string      // "tcp" or "unix", as net.Listen takes it
	Address string      `yaml:"address"` // host:port or the path of the socket
	TLS     bool        // the address began with tls://
	Mode    fs.FileMode `yaml:"mode"`  // of a unix socket; default 0660, never open to others
	Group   string      `yaml:"group"` // of a unix socket; empty: the group of the process
}

// String returns the address as it is written in the file.
func (l GatewayListen) String() string {
	return Listen{Network: l.Network, Address: l.Address, TLS: l.TLS}.String()
}

// GatewayTLS is the certificate of the tls:// listeners. It is required when there is one.
type GatewayTLS struct {
	CertFile    string   `yaml:"cert_file"`
	KeyFile     string   `yaml:"key_file"`
	Certificate *KeyPair // nil: none
}

// TLSConfig returns the TLS config of tls:// listeners, a new value each time; nil without a
// certificate. It speaks TLS 1.2 and above, and asks for no client certificate.
func (g *Gateway) TLSConfig() *tls.Config { return serverTLS(g.TLS.Certificate) }

// GatewayUser is who may send requests. It has a password, a token or both, each from one source.
type GatewayUser struct {
	Name             string `yaml:"name"`
	PasswordHash     Secret `yaml:"password_hash"` // as "eppmux hash" prints it, whatever its source
	PasswordHashFile string `yaml:"password_hash_file"`
	TokenHash        Secret `yaml:"token_hash"` // as "eppmux hash --token" prints it, whatever its source
	TokenHashFile    string `yaml:"token_hash_file"`

	// Weight is the share of the user when commands wait, as that of a client of Listen.
	Weight int `yaml:"weight" min:"1" max:"100"`

	Registries []string         `yaml:"registries"` // names; empty: all
	Allow      []LimitedCommand `yaml:"allow"`      // empty: everything

	hash  proxy.PasswordHash
	token [sha256.Size]byte
}

// Password returns the hash of the user's password; the zero value where it has none.
func (u *GatewayUser) Password() proxy.PasswordHash { return u.hash }

// Token returns the SHA-256 of the user's token; zero where it has none.
func (u *GatewayUser) Token() [sha256.Size]byte { return u.token }

// Allows reports whether the user may send the command.
func (u *GatewayUser) Allows(c frame.Command, op frame.Op) bool {
	return len(u.Allow) == 0 || covers(u.Allow, c, op)
}

// uses reports whether the user may use the registry of that name.
func (u *GatewayUser) uses(registry string) bool {
	for _, name := range u.Registries {
		if name == registry {
			return true
		}
	}
	return len(u.Registries) == 0
}

// Keys is for how long the gateway remembers what became of a change.
type Keys struct {
	Keep time.Duration `yaml:"keep" default:"24h"`
}

// RPP is how the RESTful Provisioning Protocol is served. It is experimental.
type RPP struct {
	Enabled    bool     `yaml:"enabled"`
	Codes      RPPCodes `yaml:"codes" default:"core"`
	SetsStatus bool     `yaml:"sets_status"` // a PATCH may change statuses
}

// RPPCodes says which table of status codes is used.
type RPPCodes string

const (
	RPPCodesCore   RPPCodes = "core"    // that of the working group's text after draft-ietf-rpp-core-00
	RPPCodesCore00 RPPCodes = "core-00" // that of draft-ietf-rpp-core-00
)

// NameServers says how a registry has the name servers of a domain (RFC 5731 section 1.1).
type NameServers string

const (
	NameServersObjects    NameServers = "objects"
	NameServersAttributes NameServers = "attributes"
)

// Offered returns the registries that the gateway offers; nil without a gateway.
func (c *Config) Offered() []*Registry {
	if c.Gateway == nil {
		return nil
	}
	var all []*Registry
	for i := range c.Registries {
		if r := &c.Registries[i]; r.Gateway {
			all = append(all, r)
		}
	}
	return all
}
