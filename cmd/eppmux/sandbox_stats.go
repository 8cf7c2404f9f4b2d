package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"eppmux/admin"
	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/sandbox"
)

// stats has what the sandbox has counted, for JSON. Its fields are those of sandbox.Counters and
// more.
type stats struct {
	sandbox.Counters
	BreachesTotal uint64
	Seed          uint64
}

func statsOf(r *sandbox.Registry, seed uint64) stats {
	c := r.Counters()
	return stats{c, c.Breaches.Total(), seed}
}

func writeJSON(w io.Writer, v any) {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.Encode(v)
}

// maxFaultsText bounds the body of POST /faults, in octets. Nobody types that much.
const maxFaultsText = 64 << 10

// serveStats serves counters, faults and the record, until the server that it returns is closed.
func serveStats(listen string, r *sandbox.Registry, seed uint64) (*http.Server, error) {
	at, err := cli.ParseAddress(listen)
	if err != nil || !at.Local() || at.Network != "tcp" || at.TLS {
		return nil, fmt.Errorf("--stats-listen: %q is not a loopback host:port", listen)
	}
	ln, err := net.Listen(at.Network, at.Where)
	if err != nil {
		return nil, err
	}
	s := &http.Server{
		Addr:              ln.Addr().String(),
		ReadHeaderTimeout: 5 * time.Second,
		Handler:           localOnly(statsHandler(r, seed)),
	}
	go s.Serve(ln) // until Close
	return s, nil
}

func statsHandler(r *sandbox.Registry, seed uint64) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, statsOf(r, seed)) })
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { answerFaults(w, r) })
	mux.HandleFunc("POST /faults", func(w http.ResponseWriter, q *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, q.Body, maxFaultsText))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		faults, err := sandbox.ParseFaults(string(text))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.SetFaults(faults)
		answerFaults(w, r)
	})
	mux.HandleFunc("GET /executed", func(w http.ResponseWriter, q *http.Request) {
		all := r.Record()
		verb, object := q.FormValue("verb"), q.FormValue("object")
		switch {
		case all == nil:
			http.Error(w, "nothing is recorded without --record", http.StatusNotFound)
		case verb == "" && object == "":
			answerJSON(w, all)
		case verb == "" || object == "":
			http.Error(w, "verb and object go together", http.StatusBadRequest)
		default:
			answerJSON(w, r.Executions(verb, object))
		}
	})
	return mux
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	writeJSON(w, v)
}

// answerFaults writes the faults that are set, one a line.
func answerFaults(w http.ResponseWriter, r *sandbox.Registry) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for _, f := range r.Faults() {
		fmt.Fprintln(w, f)
	}
}

// localOnly refuses requests that a web page could make a browser send here: those to another name
// that leads to this address, and those with an Origin.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if !admin.LocalHost(q.Host) || q.Header.Get("Origin") != "" {
			http.Error(w, "for this host only", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, q)
	})
}
