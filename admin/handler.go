package admin

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const index = `eppmux

/metrics   Prometheus metrics
/healthz   200 while the process lives
/readyz    200 while every registry can serve clients
`

// Handler returns a handler for all that is served, for tests and for callers that listen
// themselves.
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

func (s *Server) index(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, index) }

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok\n") }

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	code := http.StatusOK
	var lines strings.Builder
	if s.cfg.Ready != nil {
		for _, r := range s.cfg.Ready() {
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
