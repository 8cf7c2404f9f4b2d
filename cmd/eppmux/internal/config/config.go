package config

import (
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"eppmux/frame"
	"eppmux/proxy"
	"eppmux/ratelimit"
)

// Config is the config file with its defaults filled in and its rules checked. The keys are the
// field names in lower case with underscores. Immutable after Load and LoadValues.
type Config struct {
	Registries   []Registry // at least one; names are unique
	Admin        Admin
	Control      Control
	Log          Log
	Audit        Audit
	DrainTimeout time.Duration // default 30s; 0: what is in flight is not waited for

	// Warnings are what is no fault and still wants a look, in the order of the file; the text of
	// each is complete.
	Warnings []string

	folder string // where relative paths of the file start
}

// Resolve says where the file is that a key of c names.
func (c *Config) Resolve(path string) string { return files{folder: c.folder}.resolve(path) }

// Registry is one account at one registry.
type Registry struct {
	Name           string     // [a-z0-9-]+
	Listen         []Listen   // at least one
	Address        string     // host:port, or SandboxAddress
	SourceAddress  netip.Addr // the zero Addr: as the system chooses
	TLS            RegistryTLS
	Login          Login
	Sessions       Sessions
	Timeouts       Timeouts
	RateLimits     []RateLimit // default one: 100 per second, burst 10
	Clients        Clients
	UnknownOutcome UnknownOutcome // default close
	Profile        string         // a name of profiles, or empty
}

// SandboxAddress in place of host:port stands for the built-in registry, in this process.
const SandboxAddress = "sandbox"

// Sandbox says that the registry is the built-in one.
func (r *Registry) Sandbox() bool { return r.Address == SandboxAddress }

// Listen is one address that clients connect to, written tcp://host:port, tls://host:port or
// unix:///path, or as a mapping with the key address.
type Listen struct {
	Network string // "tcp" or "unix", as net.Listen takes it
	Address string // host:port or the path of the socket
	TLS     bool
	Mode    fs.FileMode // of a unix socket; default 0660, never open to others
	Group   string      // of a unix socket; empty: the group of the process

	Allow  []LimitedCommand // what its clients may send beside hello, login and logout; empty: everything
	Weight int              // 1 to 100: share of each of its clients when commands wait; 0: as 1
}

// String is the address as it is written in the file.
func (l Listen) String() string {
	if l.TLS {
		return "tls://" + l.Address
	}
	return l.Network + "://" + l.Address
}

// Allows says whether the listener's clients may send the command.
func (l Listen) Allows(c frame.Command, op frame.Op) bool {
	return len(l.Allow) == 0 || covers(l.Allow, c, op)
}

// RegistryTLS is how we connect to a registry. Paths are absolute or relative to the folder of the
// config file; the loaded values stand beside them.
type RegistryTLS struct {
	ServerName string // default: the host of Registry.Address
	CAFile     string // default: the certificate authorities of the system
	CertFile   string // our own certificate, with KeyFile or not at all
	KeyFile    string
	MinVersion TLSVersion // default 1.2

	Roots       *x509.CertPool // of CAFile; nil: those of the system
	Certificate *KeyPair       // of CertFile and KeyFile; nil: none
}

// TLSVersion is the lowest version that is spoken: "1.2" or "1.3".
type TLSVersion string

// The versions that can be configured.
const (
	TLS12 TLSVersion = "1.2"
	TLS13 TLSVersion = "1.3"
)

// ID is the version as crypto/tls numbers it.
func (v TLSVersion) ID() uint16 {
	if v == TLS13 {
		return tls.VersionTLS13
	}
	return tls.VersionTLS12
}

// TLSConfig is what the registry is dialled with; its verification cannot be switched off. It is a
// new value each time.
func (r *Registry) TLSConfig() *tls.Config {
	c := &tls.Config{
		ServerName: r.TLS.ServerName,
		RootCAs:    r.TLS.Roots,
		MinVersion: r.TLS.MinVersion.ID(),
	}
	if c.ServerName == "" {
		c.ServerName, _, _ = net.SplitHostPort(r.Address)
	}
	if pair := r.TLS.Certificate; pair != nil {
		// Shown whatever authorities the registry names: it knows our certificate, not always who
		// signed it.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return pair.Certificate(), nil
		}
	}
	return c
}

// Login is how we log in. Of the three sources of the password exactly one is set, for the sandbox
// at most one.
type Login struct {
	ClientID      string
	Password      Secret // the password itself, whatever its source
	PasswordFile  string
	PasswordEnv   string   // name of an environment variable
	Language      string   // default en
	ObjectURIs    []string // default: what the greeting offers
	ExtensionURIs []string // default: what the greeting offers
}

// EPP is the login as frame writes it, without a clTRID and a new password.
func (l *Login) EPP() frame.Login {
	return frame.Login{
		ClientID:      l.ClientID,
		Password:      l.Password.Reveal(),
		Language:      l.Language,
		ObjectURIs:    l.ObjectURIs,
		ExtensionURIs: l.ExtensionURIs,
	}
}

// Sessions is how many sessions are held and for how long.
type Sessions struct {
	Min, Max         int           // 1 <= Min <= Max; default 1 and 3
	Keepalive        time.Duration // after so long without a command; default 4m
	KeepaliveCommand KeepaliveCommand
	MaxAge           time.Duration // default 23h; 0: no bound
	MaxCommands      int           // per session; 0: no bound, the default
}

// KeepaliveCommand is what keeps a session alive.
type KeepaliveCommand string

// Hello is the default. Poll stands for poll op="req".
const (
	KeepaliveHello KeepaliveCommand = "hello"
	KeepalivePoll  KeepaliveCommand = "poll"
	KeepaliveNone  KeepaliveCommand = "none"
)

// Timeouts of one registry, all above 0.
type Timeouts struct {
	Connect  time.Duration // TCP and TLS; default 10s
	Login    time.Duration // default 30s
	Command  time.Duration // from its sending to the whole answer; default 60s
	Queue    time.Duration // how long a command may wait to be sent; default 8s
	Greeting time.Duration // default 10s
}

// RateLimit is one limit and what it is about.
type RateLimit struct {
	Name     string // default made of the others, see LimitNames
	Limit    ratelimit.Limit
	Scope    Scope            // default registry
	Commands []LimitedCommand // default all; empty never
	Shadow   bool             // only counts what it would have held back
}

// Covers says whether the limit is about the command.
func (l *RateLimit) Covers(c frame.Command, op frame.Op) bool { return covers(l.Commands, c, op) }

func covers(list []LimitedCommand, c frame.Command, op frame.Op) bool {
	for _, lc := range list {
		if lc.Covers(c, op) {
			return true
		}
	}
	return false
}

// Scope is what has a bucket of its own.
type Scope string

// One bucket for the account, for each session, or for each client.
const (
	ScopeRegistry Scope = "registry"
	ScopeSession  Scope = "session"
	ScopeClient   Scope = "client"
)

// LimitedCommand is an entry of RateLimit.Commands or Listen.Allow: all commands, one, or one with
// one op.
type LimitedCommand struct {
	Command frame.Command // CommandNone: all
	Op      frame.Op      // OpNone: all
}

// Covers says whether c with op is meant. Hello and login count as commands, as many registries
// count them.
func (l LimitedCommand) Covers(c frame.Command, op frame.Op) bool {
	return l.Command == frame.CommandNone || l.Command == c && (l.Op == frame.OpNone || l.Op == op)
}

// Clients is what the clients of one registry may do.
type Clients struct {
	Max          int           // connections; default 50000
	MaxFrame     int           // octets with header; default 262144
	MaxAhead     int           // octets a client may send ahead of its answers; default 1048576
	IdleTimeout  time.Duration // 0: none, the default
	FrameTimeout time.Duration // from the first octet of a frame to its last; default 30s
	Login        LoginPolicy
	Users        []User // with LoginVerify at least one
	Services     ServicesPolicy
	AllowRemote  []netip.Prefix // networks that may connect to a listener that is not loopback
	TLS          ClientsTLS
}

// LoginPolicy is what is made of a client's login.
type LoginPolicy string

// LoginAccept, the default, takes any login; a client need not log in at all. LoginVerify wants
// that of one of Users.
const (
	LoginAccept LoginPolicy = "accept"
	LoginVerify LoginPolicy = "verify"
)

// User is a client id with which clients log in. Of the two sources of the hash exactly one is set.
type User struct {
	ClientID         string
	PasswordHash     Secret // as "eppmux hash" prints it, whatever its source
	PasswordHashFile string

	hash proxy.PasswordHash
}

// Hashes are those of the users; nil where any login is taken.
func (c *Clients) Hashes() map[string]proxy.PasswordHash {
	if c.Login != LoginVerify {
		return nil
	}
	all := make(map[string]proxy.PasswordHash, len(c.Users))
	for _, u := range c.Users {
		all[u.ClientID] = u.hash
	}
	return all
}

// ServicesPolicy is what is made of services in a client's login that the registry does not offer.
type ServicesPolicy string

// Accept them, the default, or refuse the login.
const (
	ServicesAccept  ServicesPolicy = "accept"
	ServicesEnforce ServicesPolicy = "enforce"
)

// ClientsTLS is the certificate of the tls:// listeners, needed when there is one.
type ClientsTLS struct {
	CertFile    string
	KeyFile     string
	Certificate *KeyPair // nil: none
}

// TLSConfig is what tls:// listeners serve with: from TLS 1.2 on, client certificates neither asked
// for nor needed. It is a new value each time, nil without a certificate.
func (c *Clients) TLSConfig() *tls.Config {
	pair := c.TLS.Certificate
	if pair == nil {
		return nil
	}
	return &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair.Certificate(), nil },
		MinVersion:     tls.VersionTLS12,
	}
}

// UnknownOutcome is what a client sees when a transform was sent and no answer came.
type UnknownOutcome string

// Its connection ends, the default, or it gets code 2400.
const (
	OutcomeClose UnknownOutcome = "close"
	OutcomeFail  UnknownOutcome = "fail"
)

// Admin is where metrics and health are served.
type Admin struct {
	Listen string // loopback host:port, default 127.0.0.1:7001; empty: nowhere
}

// Control is where "eppmux ctl" reaches the running program.
type Control struct {
	Socket string // absolute path of a unix socket that only its owner may use; empty: none
}

// Log is how the program logs to standard error.
type Log struct {
	Level  slog.Level // default info
	Format LogFormat
}

// LogFormat is how a line of the log is written.
type LogFormat string

// Text is the default.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

func defaultConfig() *Config {
	return &Config{
		Admin:        Admin{Listen: "127.0.0.1:7001"},
		Log:          Log{Level: slog.LevelInfo, Format: LogText},
		Audit:        Audit{Commands: AuditTransform, OnError: AuditWarn, Rotate: Rotate{MaxSize: 100 << 20, Keep: 30}},
		DrainTimeout: 30 * time.Second,
	}
}

func defaultRegistry() Registry {
	return Registry{
		TLS:   RegistryTLS{MinVersion: TLS12},
		Login: Login{Language: "en"},
		Sessions: Sessions{
			Min: 1, Max: 3,
			Keepalive: 4 * time.Minute, KeepaliveCommand: KeepaliveHello,
			MaxAge: 23 * time.Hour,
		},
		Timeouts: Timeouts{
			Connect: 10 * time.Second, Login: 30 * time.Second, Command: 60 * time.Second,
			Queue: 8 * time.Second, Greeting: 10 * time.Second,
		},
		RateLimits: []RateLimit{{
			Limit:    ratelimit.Limit{N: 100, Per: time.Second, Burst: 10},
			Scope:    ScopeRegistry,
			Commands: []LimitedCommand{{}},
		}},
		Clients: Clients{
			Max: 50000, MaxFrame: 262144, MaxAhead: 1048576,
			FrameTimeout: 30 * time.Second,
			Login:        LoginAccept, Services: ServicesAccept,
		},
		UnknownOutcome: OutcomeClose,
	}
}

// Meets reports whether both may be one address.
func (l Listen) Meets(o Listen) bool {
	if l.Network != o.Network {
		return false
	}
	if l.Network == "unix" {
		return l.Address == o.Address
	}
	_, a, _ := net.SplitHostPort(l.Address)
	_, b, _ := net.SplitHostPort(o.Address)
	return a == b && a != "0"
}
