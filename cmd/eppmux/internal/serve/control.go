package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"eppmux/admin/status"
	"eppmux/loop"
	"eppmux/proxy"
)

// The control socket speaks HTTP with JSON on a unix socket that only its owner may open. "eppmux
// ctl" is its client, and control_verbs.go has what it can do. The admin listener can do none of
// that: any local user reaches it.

// Request has the arguments of a verb. Each verb reads the fields that it needs.
type Request struct {
	Registry string `json:"registry,omitempty"` // empty: the only one
	All      bool   `json:"all,omitempty"`      // every registry
	Client   uint64 `json:"client,omitempty"`
	Limit    int    `json:"limit,omitempty"`
	Level    string `json:"level,omitempty"`
	To       string `json:"to,omitempty"` // a host of the cluster; empty: the next one
}

// Answer is the result of a verb.
type Answer struct {
	Error    string    `json:"error,omitempty"`
	Done     []string  `json:"done,omitempty"` // what was done, in lines for people
	Sessions []Session `json:"sessions,omitempty"`
	Clients  []Client  `json:"clients,omitempty"`
	// Cluster is as /status.json has it. Owners are those of the shared accounts.
	Cluster *status.Cluster    `json:"cluster,omitempty"`
	Owners  []status.Ownership `json:"owners,omitempty"`
}

const (
	controlMode       = 0o600
	maxControlRequest = 64 << 10        // octets of a request
	controlGrace      = 2 * time.Second // for requests under way at the end
)

// control is the control socket, open. Owned by the goroutine of serve, but for what serves
// requests.
type control struct {
	s    *service
	http *http.Server
	path string
	ln   *proxy.UnixListener
}

// openControl opens the socket; callers wait until serve. stop must be called.
func openControl(path string, s *service) (*control, error) {
	ln, err := proxy.ListenUnix(path, controlMode)
	if err != nil {
		return nil, err
	}
	c := &control{s: s, path: path, ln: ln}
	c.http = &http.Server{
		Handler:           http.HandlerFunc(c.answer),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
			return context.WithValue(ctx, callerKey{}, callerOf(nc))
		},
	}
	return c, nil
}

// serve begins to take requests.
func (c *control) serve() {
	go c.accept(c.ln)
	c.s.log.Info("control listening", "listener", "unix://"+c.path)
}

// accept runs on a goroutine of its own until ln is closed.
func (c *control) accept(ln net.Listener) { _ = c.http.Serve(ln) }

// mend opens the socket anew if its file is gone, and reports whether it did. Those who are
// connected stay.
func (c *control) mend() (bool, error) {
	if c.ln.Intact() {
		return false, nil
	}
	ln, err := proxy.ListenUnix(c.path, controlMode)
	if err != nil {
		return false, err
	}
	c.s.log.Warn("the file of a unix socket was gone; it is made anew", "listener", "unix://"+c.path)
	_ = c.ln.Close() // it cannot fail
	c.ln = ln
	c.serve()
	return true, nil
}

// stop closes the socket. After controlGrace it ends requests that are still under way: their
// callers see the connection end.
func (c *control) stop() error {
	_ = c.ln.Close() // it cannot fail
	ctx, cancel := context.WithTimeout(context.Background(), controlGrace)
	defer cancel()
	if err := c.http.Shutdown(ctx); err != nil {
		return c.http.Close()
	}
	return nil
}

// callerKey is the key of a connection's caller in a request's context.
type callerKey struct{}

// caller is the process that opened a connection, by the kernel's word.
type caller struct {
	uid uint32
	pid int32
}

// callerOf returns the caller at the other end of a unix connection; for anything else, the uid -1, which no user has.
func callerOf(nc net.Conn) caller {
	p := caller{uid: ^uint32(0)}
	if uc, ok := nc.(*net.UnixConn); ok {
		if cred, err := loop.Credentials(uc); err == nil {
			p = caller{cred.Uid, cred.Pid}
		}
	}
	return p
}

// answer runs the verb that the path names, and logs it with the user who gave it.
func (c *control) answer(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	verb := controlVerbs[name]
	switch {
	case verb == nil:
		respond(w, http.StatusNotFound, Answer{Error: fmt.Sprintf("unknown verb %q", name)})
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		respond(w, http.StatusMethodNotAllowed, Answer{Error: "only POST"})
		return
	}
	var req Request
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControlRequest))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&req); err != nil {
		respond(w, http.StatusBadRequest, Answer{Error: "request: " + err.Error()})
		return
	}
	answer, err := verb(c.s, r.Context(), req)
	who, _ := r.Context().Value(callerKey{}).(caller)
	args := []any{"verb", name, "uid", who.uid, "pid", who.pid}
	for key, value := range map[string]string{"registry": req.Registry, "level": req.Level, "to": req.To} {
		if value != "" {
			args = append(args, key, value)
		}
	}
	if req.Client != 0 {
		args = append(args, "client", req.Client)
	}
	if err != nil {
		c.s.log.Warn("control", append(args, "err", err.Error())...)
		answer.Error = err.Error()
		respond(w, http.StatusConflict, answer)
		return
	}
	c.s.log.Info("control", args...)
	respond(w, http.StatusOK, answer)
}

func respond(w http.ResponseWriter, code int, a Answer) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(a)
}

// errEnding is the answer of a program that drains.
var errEnding = errors.New("eppmux is stopping")

// do runs f on the goroutine of serve and waits for it. f gets the context of serve: once begun, it
// goes on whether somebody waits for it or not. do fails if ctx ends or the program drains before f
// has returned. f may still be running then, so the caller must not use its results.
func (s *service) do(ctx context.Context, f func(context.Context)) error {
	done := make(chan struct{}) // closed when f has returned
	select {
	case s.tasks <- func(serving context.Context) { f(serving); close(done) }:
	case <-s.ending:
		return errEnding
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
