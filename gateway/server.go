package gateway

import (
	"crypto/tls"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"time"

	"eppmux/gateway/carry"
	"eppmux/proxy"
	"eppmux/upstream/pool"
)

// Config says how HTTP clients are served. Zero values mean what the comments say.
type Config struct {
	Listeners  []Listener
	Registries []Registry // all that the gateway may use, in the order of the config
	// Users are those who may send requests, with a password (Basic) or a token (Bearer). Nil: whoever
	// reaches a listener may.
	Users []User
	// Hosts are names by which clients call the gateway, beside localhost, the addresses of its listeners
	// and, with TLS, the names of its certificate. A request with another Host is refused: a page in a
	// browser of this machine must not reach it by a name of its own (DNS rebinding).
	Hosts []string
	// Origins are those of pages that may call it from a browser: https://shop.example; none: no CORS.
	Origins []string
	MaxBody int           // octets of a request's body; 0: 1048576
	Timeout time.Duration // of a request that says no Prefer: wait; 0: 60 s
	KeyFile string        // of package keys; empty: keys are refused
	KeyKeep time.Duration // 0: 24 h
	RPP     RPP
	Version string // of the program, for the OpenAPI document

	Logger *slog.Logger // nil: silent
}

// RPP says whether and how /rpp/v1 is served.
type RPP struct {
	On         bool
	Codes      string // core: the table of the working text after draft-ietf-rpp-core-00; core-00: that draft's
	SetsStatus bool   // a PATCH may change statuses
}

// Listener is one address on which requests are taken, as proxy.Listener.
type Listener struct {
	Address  string      // tcp://host:port (plain HTTP), tls://host:port or unix:///path
	TLS      *tls.Config // for tls://
	Mode     fs.FileMode // of a unix socket; 0: 0660
	Group    string
	Socket   *os.File
	Networks []netip.Prefix // from which clients are taken; empty: all
}

// Registry is an account that the gateway uses.
type Registry struct {
	carry.Registry
	// Logins are the client ids of EPP clients, for the calls that take clid and pw; nil: any is right.
	Logins map[string]proxy.PasswordHash
}

// User is one who may send requests.
type User struct {
	Name       string
	Password   proxy.PasswordHash // zero: none
	Token      [32]byte           // SHA-256 of a bearer token; zero: none
	Weight     uint8
	Registries []string         // names; empty: all
	Commands   *pool.CommandSet // nil: all
}

// Server serves HTTP clients.
type Server struct{ cfg Config }

// New returns a server. The error is about the key file.
func New(cfg Config) (*Server, error) { return &Server{cfg: cfg}, nil }

// Listen opens the listeners; who connects waits until Serve. After an error nothing is left open.
func (s *Server) Listen() error { panic("not built") }

// Serve begins to take requests. The accounts have been started.
func (s *Server) Serve() { panic("not built") }

// Reload changes how requests are served; those under way end as they began. KeyFile stays. After an
// error nothing has changed.
func (s *Server) Reload(cfg Config) error { panic("not built") }

// Drain takes no new requests and waits until those under way have ended, within the given time.
func (s *Server) Drain(within time.Duration) error { panic("not built") }

// Close ends all at once.
func (s *Server) Close() error { panic("not built") }
