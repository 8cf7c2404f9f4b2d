package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"eppmux/admin/status"
	"eppmux/loop"
)

// Bounds on what one HTTP client may take. A scrape is small and quick; a slower client is no
// scraper.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 2 * time.Minute // above the usual interval between scrapes
	maxHeader     = 16 << 10        // octets
)

// Config is what a Server is made of.
type Config struct {
	// Address is the host:port to listen on; the host must be localhost or a loopback IP address.
	Address string
	// Socket listens at Address already and stays the caller's. Nil: Listen opens one.
	Socket *os.File
	// Metrics is what /metrics shows; New adds build_info to it. Nil: a new one with that alone.
	Metrics *prometheus.Registry
	// Ready says what /readyz answers, as status.Monitor does. It is called for each request, from
	// any goroutine, several at a time; the result is the server's. Nil: always ready.
	Ready func() []status.Readiness
	// Status is what the status page shows, as status.Monitor makes it. It is called for each
	// request, from any goroutine; the result is not changed. Nil: there is no page, and / lists
	// what there is.
	Status func() *status.Status
	// Version of the program, for build_info.
	Version string
	// Logger gets what goes wrong; nil: nothing is logged.
	Logger *slog.Logger
}

// Server is the HTTP server. Immutable after Serve.
type Server struct {
	cfg      Config
	host     string // of cfg.Address
	http     *http.Server
	listener net.Listener  // nil before Listen
	served   chan struct{} // closed when serve has ended; nil before Serve
}

// New prepares a Server, which does not listen yet. It panics if cfg.Metrics has a build_info
// already.
func New(cfg Config) *Server {
	if cfg.Metrics == nil {
		cfg.Metrics = prometheus.NewRegistry()
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Metrics.MustRegister(buildInfo(cfg.Version))
	s := &Server{cfg: cfg}
	s.host, _, _ = net.SplitHostPort(cfg.Address)
	s.http = &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnContext:       withConn,
		ErrorLog:          slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelWarn),
	}
	return s
}

// Listen opens the listener; requests wait until Serve. The error says why it cannot listen.
func (s *Server) Listen() error {
	if !loop.Loopback(s.host) {
		return fmt.Errorf("listen on %s: not a loopback address", s.cfg.Address)
	}
	ln, err := s.listen()
	if err != nil {
		return err
	}
	c := newCrowd(ln)
	s.http.ConnState, s.http.Handler = c.note, c.whole(s.http.Handler)
	s.listener = c
	return nil
}

// Serve answers requests until Shutdown. It is called once, after Listen.
func (s *Server) Serve() {
	s.served = make(chan struct{})
	go s.serve()
}

func (s *Server) listen() (net.Listener, error) {
	if s.cfg.Socket != nil {
		return net.FileListener(s.cfg.Socket)
	}
	return net.Listen("tcp", s.cfg.Address)
}

// serve runs until Shutdown, which waits for it.
func (s *Server) serve() {
	defer close(s.served)
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		s.cfg.Logger.Error("admin ends", "err", err)
	}
}

// Addr returns the address of the listener, or nil before Listen.
func (s *Server) Addr() net.Addr {
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// Shutdown stops listening and waits for requests under way. When ctx is done it ends them too. It
// may be called before Serve or Listen, or more than once.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	switch {
	case s.served != nil:
		<-s.served
	case s.listener != nil: // which http knows nothing of
		s.listener.Close()
	}
	return err
}
