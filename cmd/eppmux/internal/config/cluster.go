package config

import (
	"crypto/x509"
	"time"
)

// Cluster is how this host shares accounts with others: one of them owns an account at a time, the
// others carry their clients' commands to it.
type Cluster struct {
	Name string `yaml:"name"` // [a-z0-9.-]+, the same on all its hosts
	Host string `yaml:"host"` // [a-z0-9.-]+, of its own on each; default: the name of the system

	// Where it is decided who owns an account: exactly one is not nil.
	Etcd   *Etcd   `yaml:"etcd"`
	Redis  *Redis  `yaml:"redis"`
	Static *Static `yaml:"static"`

	// TTL is how long an engine may be away before owners stop, and the longest takeover.
	TTL time.Duration `yaml:"ttl" default:"15s"`
	// Lanes is the most connections to the owner of an account.
	Lanes int `yaml:"lanes" default:"64" min:"1" max:"1024"`
	// YieldAfter is how long an owner may be without a session before it hands the account over.
	YieldAfter time.Duration `yaml:"yield_after" default:"60s"`
	// MaxClockSkew is by how much the wall clocks of two hosts may differ.
	MaxClockSkew time.Duration `yaml:"max_clock_skew" default:"5s"`

	Peer Peer `yaml:"peer"`
}

// Etcd is an engine: etcd, by its API of version 3.
type Etcd struct {
	Endpoints    []string `yaml:"endpoints"` // URLs, all https:// or all http://; at least one
	EngineAccess `yaml:",inline"`
}

// Redis is an engine: Redis or Valkey. Either Address or Sentinel is set.
type Redis struct {
	Address  string    `yaml:"address"` // host:port
	Sentinel *Sentinel `yaml:"sentinel"`
	TLS      bool      `yaml:"tls"` // of connections to sentinels too
	// The password goes to the server, not to sentinels.
	EngineAccess `yaml:",inline"`
}

// Sentinel is how the master of a replicated Redis is found.
type Sentinel struct {
	Master    string   `yaml:"master"`    // its name
	Addresses []string `yaml:"addresses"` // host:port; at least one
}

// EngineAccess is how to connect to an engine. At most one of the three sources of the password is
// set.
type EngineAccess struct {
	ServerName   string `yaml:"server_name"` // default: the host of the address that is dialed
	CAFile       string `yaml:"ca_file"`     // default: the certificate authorities of the system
	CertFile     string `yaml:"cert_file"`   // our own certificate, with KeyFile or not at all
	KeyFile      string `yaml:"key_file"`
	User         string `yaml:"user"`
	Password     Secret `yaml:"password"` // the password itself, whatever its source
	PasswordFile string `yaml:"password_file"`
	PasswordEnv  string `yaml:"password_env"` // name of an environment variable

	Roots       *x509.CertPool // of CAFile; nil: those of the system
	Certificate *KeyPair       // of CertFile and KeyFile; nil: none
}

// Static stands in place of an engine: one host owns all accounts, and nobody takes them over.
type Static struct {
	Owner string `yaml:"owner"` // the host
	Peer  string `yaml:"peer"`  // host:port, where it takes lanes; on the owner itself it may be empty
}

// Peer is how hosts of the cluster reach each other.
type Peer struct {
	// Listen is host:port, where this host takes lanes. It is empty only where Static names another
	// host as the owner.
	Listen    string `yaml:"listen"`
	Advertise string `yaml:"advertise"` // host:port, where others find it; default: Static.Peer, else Listen
	CAFile    string `yaml:"ca_file"`   // of the cluster's own authority: whoever it certifies is a host
	CertFile  string `yaml:"cert_file"`
	KeyFile   string `yaml:"key_file"`

	Roots       *x509.CertPool // of CAFile
	Certificate *KeyPair       // of CertFile and KeyFile
}

// Sharing is what becomes of an account where the config has a cluster. It is written as the word
// off, or as a mapping.
type Sharing struct {
	Off    bool     // only this host uses the account
	Prefer []string `yaml:"prefer"` // hosts that are to own it, the best one first; others come behind them
}

// Shared reports whether the hosts of the cluster of cfg share the account of r. The built-in
// registry is never shared.
func (r *Registry) Shared(cfg *Config) bool {
	return cfg.Cluster != nil && !r.Cluster.Off && !r.Sandbox()
}

// Follows reports whether this host never owns an account: another one is the owner of all.
func (cl *Cluster) Follows() bool { return cl.Static != nil && cl.Static.Owner != cl.Host }

// Engine returns the word for what decides who owns an account: etcd, redis or static.
func (cl *Cluster) Engine() string {
	switch {
	case cl.Etcd != nil:
		return "etcd"
	case cl.Redis != nil:
		return "redis"
	}
	return "static"
}
