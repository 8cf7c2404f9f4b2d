package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"eppmux/gateway/batch"
	"eppmux/gateway/carry"
	"eppmux/gateway/keys"
	"eppmux/gateway/share"
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

// Bounds on what one HTTP client may take.
const (
	headerTimeout = 10 * time.Second
	bodyTimeout   = 30 * time.Second // for a request with its body
	writeTimeout  = 30 * time.Second // for each piece of an answer
	idleTimeout   = 3 * time.Minute
	maxHeader     = 32 << 10 // octets
	maxStreams    = 250      // requests at a time on one connection of HTTP/2
)

// Server serves HTTP clients.
type Server struct {
	// Immutable after New.
	log      *slog.Logger
	http     *http.Server
	base     context.Context // of all requests
	end      context.CancelFunc
	mux      *http.ServeMux
	routes   []*route
	document document
	verifier *verifier
	carrier  carrier
	checker  *batch.Checker
	keys     *keys.Table // nil: keys are refused

	now      atomic.Pointer[state] // what requests are served by
	draining atomic.Bool
	crowd    crowd
	places   *share.Pool // of requests under way
	bodies   *share.Pool // octets of their bodies
	underWay underWay
	counts   counts
	troubles troubles

	// Owned by the caller of Listen, Serve, Reload, Drain and Close, one after the other.
	listeners []*listener
	serving   bool // Serve was called

	accepting sync.WaitGroup // goroutines of accept and run
	closing   sync.Once
}

// carrier is what a *carry.Carrier does for us.
type carrier interface {
	Do(ctx context.Context, o carry.Order) (carry.Answer, error)
}

// New returns a server. The error is about the key file, which is kept open until Close.
func New(cfg Config) (*Server, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{log: cfg.Logger, verifier: newVerifier(), checker: batch.New(nil),
		places: share.NewPool(maxRequests, placesMultiple), bodies: share.NewPool(maxBodies, bodiesMultiple)}
	s.checker.Logger = cfg.Logger
	if err := s.openCarrier(&cfg); err != nil {
		return nil, err
	}
	s.base, s.end = context.WithCancel(context.Background())
	s.build(cfg.Version)
	s.now.Store(s.newState(cfg, nil))
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serveHTTP),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       bodyTimeout, // serveHTTP lifts it when the body has come
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		BaseContext:       func(net.Listener) context.Context { return s.base },
		ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, connOf(nc))
		},
		ConnState: s.crowd.note,
		ErrorLog:  log.New(httpLog{s.log}, "", 0),
	}
	return s, nil
}

// openCarrier opens the key file and makes the carrier.
func (s *Server) openCarrier(cfg *Config) error {
	var table carry.Table
	if cfg.KeyFile != "" {
		opened, err := keys.Open(keys.Config{File: cfg.KeyFile, Keep: cfg.KeyKeep, Logger: cfg.Logger})
		if err != nil {
			return err
		}
		s.keys, table = opened, opened
	}
	s.carrier = carry.New(table)
	return nil
}

// connKey is the key of a request's conn in its context.
type connKey struct{}

// connOf is our connection below one of http.Server.
func connOf(nc net.Conn) *conn {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	return nc.(*conn)
}

// httpLog takes what http.Server logs: of clients that break off or speak something else, at debug, and of
// panics.
type httpLog struct{ log *slog.Logger }

// Write implements io.Writer.
func (h httpLog) Write(p []byte) (int, error) {
	line := strings.TrimSpace(string(p))
	if strings.Contains(line, "panic") {
		h.log.Error("a request panicked", "err", line)
	} else {
		h.log.Debug("http", "err", line)
	}
	return len(p), nil
}

// Listen opens the listeners; who connects waits until Serve. After an error nothing is left open.
func (s *Server) Listen() error {
	for _, l := range s.now.Load().cfg.Listeners {
		ln, err := s.listen(l)
		if err != nil {
			s.closeListeners()
			return err
		}
		s.listeners = append(s.listeners, ln)
	}
	return nil
}

// Serve begins to take requests. The accounts have been started.
func (s *Server) Serve() {
	s.serving = true
	go s.verifier.run()
	for _, ln := range s.listeners {
		s.serve(ln)
	}
}

// serve begins to accept on ln.
func (s *Server) serve(ln *listener) {
	s.accepting.Add(2)
	go ln.accept()
	go s.run(ln)
	s.log.Info("listening for HTTP", "listener", ln.String())
}

// run takes requests from ln until it is closed. Drain and Close wait for it.
func (s *Server) run(ln *listener) {
	defer s.accepting.Done()
	_ = s.http.Serve(ln) // its error is that ln is closed
}

// Addresses are those of the open listeners: ports that the system chose are in them.
func (s *Server) Addresses() []string {
	var all []string
	for _, ln := range s.listeners {
		all = append(all, ln.String())
	}
	return all
}

// Intact reports whether the files of all unix sockets are still in their places, see proxy.Server.Intact. Where
// they are not, a Reload makes them anew.
func (s *Server) Intact() bool {
	return !slices.ContainsFunc(s.listeners, func(ln *listener) bool { return !ln.intact() })
}

// Reload changes how requests are served; those under way end as they began. KeyFile stays. After an
// error nothing has changed.
func (s *Server) Reload(cfg Config) error {
	keep, opened, err := s.openNew(cfg.Listeners)
	if err != nil {
		return err
	}
	before := s.now.Load()
	cfg.Logger, cfg.KeyFile, cfg.Version = before.cfg.Logger, before.cfg.KeyFile, before.cfg.Version
	s.now.Store(s.newState(cfg, before))
	for _, ln := range s.listeners {
		if !slices.Contains(keep, ln) {
			s.log.Info("listener closed", "listener", ln.String())
			ln.retire()
		}
	}
	s.listeners = append(keep, opened...)
	for _, ln := range opened {
		s.serve(ln)
	}
	return nil
}

// openNew opens the listeners that are wanted and not open. It returns the open ones that are still wanted, with
// their new options, and those that it opened.
func (s *Server) openNew(want []Listener) (keep, opened []*listener, err error) {
	options := make(map[*listener]*Listener)
	for _, l := range want {
		i := slices.IndexFunc(s.listeners, func(ln *listener) bool {
			return options[ln] == nil && place(ln.options.Load().Address) == place(l.Address)
		})
		if i >= 0 && s.listeners[i].intact() && (l.TLS != nil || !strings.HasPrefix(l.Address, "tls://")) {
			options[s.listeners[i]] = &l
			keep = append(keep, s.listeners[i])
			continue
		}
		ln, err := s.listen(l)
		if err != nil {
			for _, ln := range opened {
				ln.close()
			}
			return nil, nil, err
		}
		opened = append(opened, ln)
	}
	for ln, l := range options {
		if err := ln.become(l); err != nil {
			s.log.Error("listener keeps its old mode and group", "listener", ln.String(), "err", err)
		}
	}
	return keep, opened, nil
}

// closeListeners closes the listeners; those that are closed already stay so.
func (s *Server) closeListeners() {
	for _, ln := range s.listeners {
		ln.close()
	}
}

// ErrDrainTimeout is returned when requests were still under way at the end of a drain.
var ErrDrainTimeout = errors.New("drain: requests are still under way")

// Drain takes no new requests and waits until those under way have ended, within the given time. A request that
// comes meanwhile on an open connection is answered as not sent.
func (s *Server) Drain(within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	s.draining.Store(true)
	for _, ln := range s.listeners {
		ln.retire()
	}
	select {
	case <-s.underWay.none():
	case <-ctx.Done():
		return ErrDrainTimeout
	}
	if s.http.Shutdown(ctx) != nil {
		return ErrDrainTimeout
	}
	return nil
}

// endsPatience is how long Close waits for the ends of commands whose callers have gone. Where the accounts are
// closed before, they have all ended.
const endsPatience = 5 * time.Second

// Close ends all at once. It waits for the requests under way, which it cancels. It comes behind the Close of the
// accounts: the ends of commands are still written down under their keys.
func (s *Server) Close() (err error) {
	s.closing.Do(func() {
		s.draining.Store(true)
		s.closeListeners()
		s.end()
		err = s.http.Close()
		s.accepting.Wait()
		<-s.underWay.none()
		if s.serving {
			s.verifier.stop()
		}
		err = errors.Join(err, s.closeKeys())
	})
	return err
}

// closeKeys closes the key file when the ends of all commands are in it.
func (s *Server) closeKeys() error {
	if s.keys == nil {
		return nil
	}
	written := make(chan struct{}) // closed when they are
	go func() {
		defer close(written)
		if c, ok := s.carrier.(*carry.Carrier); ok {
			c.Wait()
		}
	}()
	late := time.NewTimer(endsPatience)
	defer late.Stop()
	select {
	case <-written:
	case <-late.C: // what has no end in the file is unknown after a restart
	}
	return s.keys.Close()
}
