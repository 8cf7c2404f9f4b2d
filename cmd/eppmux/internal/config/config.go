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

// Config is the config file, with its defaults filled in and its rules checked. The tags of the
// fields say how the file writes them; see the package's doc. Immutable after Load and LoadValues.
type Config struct {
	Registries   []Registry    `yaml:"registries"` // at least one; names are unique
	Admin        Admin         `yaml:"admin"`
	Control      Control       `yaml:"control"`
	Cluster      *Cluster      `yaml:"cluster"` // nil: this host shares its accounts with no other
	Gateway      *Gateway      `yaml:"gateway"` // nil: HTTP clients are not served
	State        State         `yaml:"state"`
	Log          Log           `yaml:"log"`
	Audit        Audit         `yaml:"audit"`
	DrainTimeout time.Duration `yaml:"drain_timeout" default:"30s" zero:"what is in flight is not waited for"`

	// Warnings are about what is no fault and still deserves a look. They are in the order of the
	// file, and each is a complete line.
	Warnings []string

	folder string // where relative paths of the file start
}

// Resolve returns where the file is that a key of c names.
func (c *Config) Resolve(path string) string { return files{folder: c.folder}.resolve(path) }

// Registry is one account at one registry.
type Registry struct {
	Name           string               `yaml:"name"`           // [a-z0-9-]+
	Listen         []Listen             `yaml:"listen"`         // at least one
	Address        string               `yaml:"address"`        // host:port, or SandboxAddress
	SourceAddress  netip.Addr           `yaml:"source_address"` // the zero Addr: the system chooses
	TLS            RegistryTLS          `yaml:"tls"`
	Login          Login                `yaml:"login"`
	Sessions       Sessions             `yaml:"sessions"`
	Timeouts       Timeouts             `yaml:"timeouts"`
	RateLimits     []RateLimit          `yaml:"rate_limits" default:"[{limit: 100, per: 1s, burst: 10}]"`
	Clients        Clients              `yaml:"clients"`
	UnknownOutcome proxy.UnknownOutcome `yaml:"unknown_outcome" default:"close"`
	Poll           proxy.PollPolicy     `yaml:"poll" default:"shared"`
	PollLease      time.Duration        `yaml:"poll_lease" default:"60s"` // with poll exclusive
	PollOthers     PollOthers           `yaml:"poll_others" default:"empty"`

	// QueryExtensions are namespaces of extensions that ask for nothing but an answer, in a query.
	QueryExtensions []string `yaml:"query_extensions"`

	Profile string `yaml:"profile"` // a name of profiles, or empty

	Cluster Sharing `yaml:"cluster"`

	// For clients of the gateway.
	Gateway     bool        `yaml:"gateway" default:"true"` // it offers the registry, where there is one
	Zones       []string    `yaml:"zones"`                  // ends of the names that the registry has: it, co.uk
	CheckMax    int         `yaml:"check_max" default:"10" min:"1" max:"1000" unit:"names"`
	NameServers NameServers `yaml:"nameservers" default:"objects"`
	Reconcile   bool        `yaml:"reconcile"` // unknown changes are looked up at the registry
}

// SandboxAddress is the address of the built-in registry, which runs in this process.
const SandboxAddress = "sandbox"

// PollOthers says what the poll requests of other clients get while one has the message queue.
type PollOthers string

const (
	PollOthersEmpty PollOthers = "empty" // that there are no messages
	PollOthersWait  PollOthers = "wait"  // their turn, or the same after Timeouts.Queue
)

// Sandbox reports whether the registry is the built-in one.
func (r *Registry) Sandbox() bool { return r.Address == SandboxAddress }

// Listen is one address that clients connect to. It is written tcp://host:port, tls://host:port or
// unix:///path, or as a mapping with the key address.
type Listen struct {
	Network string      // "tcp" or "unix", as net.Listen takes it
	Address string      `yaml:"address"` // host:port or the path of the socket
	TLS     bool        // the address began with tls://
	Mode    fs.FileMode `yaml:"mode"`  // of a unix socket; default 0660, never open to others
	Group   string      `yaml:"group"` // of a unix socket; empty: the group of the process

	// Allow lists what clients may send beside hello, login and logout; empty: everything.
	Allow []LimitedCommand `yaml:"allow"`

	// Weight is the share of each client when commands wait; 0, where it is left out: as 1.
	Weight int `yaml:"weight" min:"1" max:"100"`
}

// String returns the address as it is written in the file.
func (l Listen) String() string {
	if l.TLS {
		return "tls://" + l.Address
	}
	return l.Network + "://" + l.Address
}

// Allows reports whether the listener's clients may send the command.
func (l Listen) Allows(c frame.Command, op frame.Op) bool {
	return len(l.Allow) == 0 || covers(l.Allow, c, op)
}

// Meets reports whether l and o may be one address.
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

// RegistryTLS is how we connect to a registry. Paths are absolute, or relative to the folder of the
// config file. The loaded values stand beside them.
type RegistryTLS struct {
	ServerName string     `yaml:"server_name"` // default: the host of Registry.Address
	CAFile     string     `yaml:"ca_file"`     // default: the certificate authorities of the system
	CertFile   string     `yaml:"cert_file"`   // our own certificate, with KeyFile or not at all
	KeyFile    string     `yaml:"key_file"`
	MinVersion TLSVersion `yaml:"min_version" default:"1.2"`

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

// ID returns the number of the version in crypto/tls.
func (v TLSVersion) ID() uint16 {
	if v == TLS13 {
		return tls.VersionTLS13
	}
	return tls.VersionTLS12
}

// TLSConfig returns the TLS config for connections to the registry, a new value each time. Its
// verification cannot be switched off.
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
		// The certificate is sent whatever authorities the registry names: a registry knows our
		// certificate, but not always its issuer.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return pair.Certificate(), nil
		}
	}
	return c
}

// Login is how we log in. Exactly one of the three sources of the password is set; for the sandbox,
// one or none.
type Login struct {
	ClientID      string   `yaml:"client_id"`
	Password      Secret   `yaml:"password"` // the password itself, whatever its source
	PasswordFile  string   `yaml:"password_file"`
	PasswordEnv   string   `yaml:"password_env"`   // name of an environment variable
	Language      string   `yaml:"language"`       // default: English where the greeting offers it, else its first
	ObjectURIs    []string `yaml:"object_uris"`    // default: what the greeting offers
	ExtensionURIs []string `yaml:"extension_uris"` // default: what the greeting offers
	// Security says which passwords go into the login security extension, where it is offered.
	Security frame.LoginSecurity `yaml:"security" default:"auto"`
}

// EPP returns the login as frame writes it, without a clTRID and a new password.
func (l *Login) EPP() frame.Login {
	return frame.Login{
		ClientID:      l.ClientID,
		Password:      l.Password.Reveal(),
		Language:      l.Language,
		ObjectURIs:    l.ObjectURIs,
		ExtensionURIs: l.ExtensionURIs,
		Security:      l.Security,
	}
}

// Sessions is how many sessions are kept open, and for how long.
type Sessions struct {
	Min              int              `yaml:"min" default:"1" min:"1"`
	Max              int              `yaml:"max" default:"3" min:"min"`
	Keepalive        time.Duration    `yaml:"keepalive" default:"4m" zero:"with the command none only"`
	KeepaliveCommand KeepaliveCommand `yaml:"keepalive_command" default:"hello"`
	MaxAge           time.Duration    `yaml:"max_age" default:"23h" zero:"no bound"`
	MaxCommands      int              `yaml:"max_commands" zero:"no bound"` // per session
	// EqualErrors is the number of answers with the same error code in a session with which the registry
	// ends it.
	EqualErrors int `yaml:"equal_errors" min:"2" zero:"no bound"`
}

// KeepaliveCommand is the command that keeps a session alive.
type KeepaliveCommand string

// Poll stands for poll op="req".
const (
	KeepaliveHello KeepaliveCommand = "hello"
	KeepalivePoll  KeepaliveCommand = "poll"
	KeepaliveNone  KeepaliveCommand = "none"
)

// Timeouts of one registry, all above 0.
type Timeouts struct {
	Connect  time.Duration `yaml:"connect" default:"10s"` // TCP and TLS
	Login    time.Duration `yaml:"login" default:"30s"`
	Command  time.Duration `yaml:"command" default:"60s"` // from its sending to the whole answer
	Queue    time.Duration `yaml:"queue" default:"8s"`    // how long a command may wait to be sent
	Greeting time.Duration `yaml:"greeting" default:"10s"`
}

// RateLimit is one limit, with the commands that it counts.
type RateLimit struct {
	Name     string           `yaml:"name"`    // default made of the others, see LimitNames
	Limit    ratelimit.Limit  `yaml:",inline"` // its keys are those of limitKeys
	Scope    Scope            `yaml:"scope" default:"registry"`
	Commands []LimitedCommand `yaml:"commands" default:"[all]"` // never empty
	Shadow   bool             `yaml:"shadow"`                   // only counts what it would have held back
}

// limitKeys is a ratelimit.Limit with tags.
type limitKeys struct {
	N     int           `yaml:"limit" min:"1"`
	Per   time.Duration `yaml:"per"`
	Burst int           `yaml:"burst" zero:"as limit" max:"limit"`
}

// Covers reports whether the limit counts the command.
func (l *RateLimit) Covers(c frame.Command, op frame.Op) bool { return covers(l.Commands, c, op) }

func covers(list []LimitedCommand, c frame.Command, op frame.Op) bool {
	for _, lc := range list {
		if lc.Covers(c, op) {
			return true
		}
	}
	return false
}

// Scope says whose commands a limit counts together.
type Scope string

// Those of the account, of each session, or of each client.
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

// Covers reports whether l means c with op. Hello and login count as commands, as many registries
// count them.
func (l LimitedCommand) Covers(c frame.Command, op frame.Op) bool {
	return l.Command == frame.CommandNone || l.Command == c && (l.Op == frame.OpNone || l.Op == op)
}

// Clients is what the clients of one registry may do.
type Clients struct {
	Max int `yaml:"max" default:"50000" min:"1"` // connections

	// MaxFrame is in octets, with the header. Below its least value a login as real clients send it
	// would not fit.
	MaxFrame int `yaml:"max_frame" default:"262144" min:"4096" max:"1073741824" unit:"octets"`

	// MaxAhead is how many octets a client may send ahead of its answers.
	MaxAhead int `yaml:"max_ahead" default:"1048576" min:"max_frame + 4"`

	IdleTimeout time.Duration `yaml:"idle_timeout" zero:"none"`

	// FrameTimeout is how long a frame may take, from its first octet to its last.
	FrameTimeout time.Duration `yaml:"frame_timeout" default:"30s"`

	Login    LoginPolicy    `yaml:"login" default:"accept"`
	Users    []User         `yaml:"users"` // with LoginVerify at least one
	Services proxy.Services `yaml:"services" default:"accept"`

	// Encodings says what is done with frames in ISO-8859-1 and the like.
	Encodings proxy.Encodings `yaml:"encodings" default:"accept"`

	// AllowRemote are the networks that may connect to a listener that is not loopback.
	AllowRemote []netip.Prefix `yaml:"allow_remote"`

	TLS ClientsTLS `yaml:"tls"`
}

// LoginPolicy says what becomes of a client's login.
type LoginPolicy string

const (
	LoginAccept LoginPolicy = "accept" // any login is right, and none is needed
	LoginVerify LoginPolicy = "verify" // a client must log in as one of Users
)

// User is a client id with which clients log in. Exactly one of the two sources of the hash is set.
type User struct {
	ClientID         string `yaml:"client_id"`
	PasswordHash     Secret `yaml:"password_hash"` // as "eppmux hash" prints it, whatever its source
	PasswordHashFile string `yaml:"password_hash_file"`

	hash proxy.PasswordHash
}

// Hashes returns the password hashes of the users; nil where any login is right.
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

// ClientsTLS is the certificate of the tls:// listeners. It is required when there is one.
type ClientsTLS struct {
	CertFile    string   `yaml:"cert_file"`
	KeyFile     string   `yaml:"key_file"`
	Certificate *KeyPair // nil: none
}

// TLSConfig returns the TLS config of tls:// listeners, a new value each time; nil without a
// certificate. It speaks TLS 1.2 and above, and asks for no client certificate.
func (c *Clients) TLSConfig() *tls.Config { return serverTLS(c.TLS.Certificate) }

// serverTLS is the TLS config of listeners that show the certificate of pair; nil for nil.
func serverTLS(pair *KeyPair) *tls.Config {
	if pair == nil {
		return nil
	}
	return &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair.Certificate(), nil },
		MinVersion:     tls.VersionTLS12,
	}
}

// Admin is where metrics and health are served.
type Admin struct {
	Listen string `yaml:"listen" default:"127.0.0.1:7001"` // loopback host:port; empty: nowhere
}

// Control is where "eppmux ctl" reaches the running program.
type Control struct {
	Socket string `yaml:"socket"` // absolute path of a unix socket that only its owner may use; empty: none
}

// Log is how the program logs to standard error.
type Log struct {
	Level  slog.Level `yaml:"level" default:"info"`
	Format LogFormat  `yaml:"format" default:"text"`
}

// LogFormat is how a line of the log is written.
type LogFormat string

// The formats: key=value, or one JSON object a line.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)
