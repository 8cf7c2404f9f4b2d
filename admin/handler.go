package admin

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Readiness is what one registry has to say.
type Readiness struct {
	Registry string
	OK       bool   // at least one session is logged in, its listeners are open, it is not draining
	Reason   string // one line; why not
}

// Readier knows whether clients can be served.
type Readier interface {
	// Ready is called for each request, from any goroutine, several at a time. It must not block.
	// The result is the caller's.
	Ready() []Readiness
}

const index = `eppmux

/metrics   Prometheus metrics
/healthz   200 while the process lives
/readyz    200 while every registry can serve clients
`

// Handler is all that is served, for tests and for those who listen themselves.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	if s.cfg.Status != nil {
		s.statusPages(mux)
	} else {
		mux.HandleFunc("/{$}", s.index)
	}
	mux.HandleFunc("/healthz", s.healthz)
	mux.HandleFunc("/readyz", s.readyz)
	mux.Handle("/metrics", promhttp.HandlerFor(s.cfg.Metrics, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelWarn),
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: 8,
	}))
	return s.guard(mux)
}

// guard refuses what is not a plain reading of ours.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		switch {
		case !s.ours(r.Host):
			http.Error(w, "the Host header does not name this machine", http.StatusForbidden)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// ours says whether a Host header names this machine. HTTP/1.0 probes send none; browsers always
// do.
func (s *Server) ours(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
	}
	host = strings.ToLower(host)
	return hostport == "" || loopback(host) || host != "" && host == s.host
}

func (s *Server) index(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, index) }

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok\n") }

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	code := http.StatusOK
	var lines strings.Builder
	if s.cfg.Ready != nil {
		for _, r := range s.cfg.Ready.Ready() {
			if r.OK {
				fmt.Fprintf(&lines, "%s: ok\n", r.Registry)
				continue
			}
			code = http.StatusServiceUnavailable
			fmt.Fprintf(&lines, "%s: %s\n", r.Registry, r.Reason)
		}
	}
	if code == http.StatusOK {
		text(w, code, "ok\n")
		return
	}
	text(w, code, lines.String())
}

func text(w http.ResponseWriter, code int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	io.WriteString(w, body)
}
