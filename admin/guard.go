package admin

import (
	"net"
	"net/http"
	"strings"

	"eppmux/loop"
)

// LocalHost reports whether a Host header names this machine: as localhost or as a loopback
// address, with or without a port. A browser sends another name on behalf of a page of another site
// that has rebound its own name to a loopback address. An empty header is no name of this machine.
func LocalHost(header string) bool { return loop.Loopback(hostOf(header)) }

// hostOf returns the host of a Host header, without the port and in lower case.
func hostOf(header string) string {
	host, _, err := net.SplitHostPort(header)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(header, "["), "]")
	}
	return strings.ToLower(host)
}

// ours reports whether a Host header names this server: this machine, or the host of the configured
// address. Probes that speak HTTP/1.0 send none; browsers always do.
func (s *Server) ours(header string) bool {
	return header == "" || LocalHost(header) || s.host != "" && hostOf(header) == s.host
}

// guard lets requests through that name this machine and only read.
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
