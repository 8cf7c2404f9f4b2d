package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"eppmux/gateway/carry"
)

// call is one request and its answer. It is the http.ResponseWriter of all handlers of this package, and belongs
// to the request's goroutine.
type call struct {
	w     http.ResponseWriter
	rc    *http.ResponseController
	srv   *Server
	state *state
	conn  *conn
	begin time.Time
	until time.Time // write deadline, see extend

	route    *route      // nil: none was found
	user     *carry.User // nil: nobody has found out
	id       string      // request id
	answers  bool        // a handler of ours writes the answer, not the mux
	muted    bool        // what is written further is the mux's, and dropped
	status   int         // 0: nothing was written
	outcome  string      // for log and metrics; empty: the request was about no command
	registry string      // its name, where one was found
	octets   int         // of the body that were read
	held     int         // of those that count
	leave    func()      // gives back what the request holds; nil: nothing
}

// serveHTTP serves one request.
func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	s.underWay.begin()
	defer s.underWay.end()
	c := &call{w: w, rc: http.NewResponseController(w), srv: s, state: s.now.Load(), begin: time.Now()}
	c.conn, _ = r.Context().Value(connKey{}).(*conn)
	defer c.done(r)
	if r, cancel, ok := c.admit(r); ok {
		defer cancel()
		s.mux.ServeHTTP(c, r)
	}
}

// eachAnswer are the headers of every answer. Immutable: that no value has room behind it, what is added to one is
// added to a copy.
var eachAnswer = http.Header{"X-Content-Type-Options": {"nosniff"}, "Cache-Control": {"no-store"},
	"Referrer-Policy": {"no-referrer"}}

// admit lets a request through that is in order as far as that does not depend on its route.
func (c *call) admit(r *http.Request) (*http.Request, context.CancelFunc, bool) {
	id, given := requestID(r)
	c.id = id
	h := c.Header()
	h.Set("X-Request-Id", id)
	for name, value := range eachAnswer {
		h[name] = value
	}
	if !given {
		r.Header.Del("X-Request-Id") // it was not fit, and is not to be read
	}
	if p := c.guard(r); p != nil {
		c.refuse(p)
		return nil, nil, false
	}
	if c.preflight(r) {
		return nil, nil, false
	}
	if c.srv.draining.Load() {
		h.Set("Connection", "close")
		p := notSent.problem("the server is being stopped")
		p.Outcome, p.Cause, p.RetryAfter = string(carry.NotSent), "shutdown", 1
		c.refuse(p)
		return nil, nil, false
	}
	c.guardBody(r)
	ctx, cancel, err := c.deadline(r)
	if err != nil {
		c.refuse(err)
		return nil, nil, false
	}
	return r.WithContext(ctx), cancel, true
}

// deadline is the request's context with the end of its time: that of Prefer: wait (RFC 7240 section 4.3), or the
// operator's.
func (c *call) deadline(r *http.Request) (context.Context, context.CancelFunc, *Problem) {
	within := c.state.cfg.Timeout
	wait, ok, err := preferredWait(r.Header)
	if err != nil {
		return nil, nil, wrong(Wrong{"header.Prefer", err.Error()})
	}
	if ok && wait <= maxWait {
		within = wait
		c.Header().Set("Preference-Applied", "wait="+itoa(int(wait/time.Second)))
	}
	ctx, cancel := context.WithTimeout(r.Context(), within)
	return ctx, cancel, nil
}

// handle makes a handler of the mux of a route: it finds out the user first.
func (s *Server) handle(rt *route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := w.(*call)
		c.route, c.answers = rt, true
		if !rt.open {
			u, err := s.authenticate(c, r)
			if p := c.unauthenticated(err); p != nil && !(rt.refuses && p.Status == http.StatusUnauthorized) {
				c.refuse(p)
				return
			}
			c.user = u
		}
		if !c.enter() {
			c.refuse(crowded("too many requests are under way"))
			return
		}
		defer c.leave()
		rt.handler(c, r)
	}
}

// unauthenticated is the answer to a request whose sender is not known; nil for no error.
func (c *call) unauthenticated(err error) *Problem {
	if err == nil {
		return nil
	}
	if errors.Is(err, errNoCredentials) || errors.Is(err, errWrongCredentials) {
		c.srv.counts.authFailures.Add(1)
		h := c.Header()
		h.Add("WWW-Authenticate", `Basic realm="eppmux", charset="UTF-8"`)
		h.Add("WWW-Authenticate", `Bearer realm="eppmux"`)
		return unauthorized.problem(err.Error())
	}
	return waitedInVain(err)
}

// waitedInVain is the answer where a password was not verified.
func waitedInVain(err error) *Problem {
	detail := "the time of the request was over"
	if errors.Is(err, errBusy) {
		detail = err.Error()
	}
	p := busy.problem(detail)
	p.Outcome, p.RetryAfter = string(carry.NotSent), 1
	return p
}

// done counts and logs a request. What a client sent is not in the line, but for its id.
func (c *call) done(r *http.Request) {
	took := time.Since(c.begin)
	name, user := routeNone, ""
	if c.route != nil {
		name = c.route.name
	}
	if c.user != nil {
		user = c.user.Name
	}
	c.srv.counts.note(name, c.status, c.outcome, took)
	if !c.srv.log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	c.srv.log.LogAttrs(context.Background(), slog.LevelDebug, "request", slog.String("id", c.id),
		slog.String("listener", c.conn.listener.String()), slog.String("user", user), slog.String("route", name),
		slog.Int("status", c.status), slog.String("outcome", c.outcome), slog.String("registry", c.registry),
		slog.Duration("took", took))
}

// Header implements http.ResponseWriter.
func (c *call) Header() http.Header { return c.w.Header() }

// WriteHeader implements http.ResponseWriter. Where the mux itself answers, no route was found, and a Problem says
// so.
func (c *call) WriteHeader(status int) {
	if c.status != 0 {
		return
	}
	if !c.answers {
		c.unrouted(status)
		return
	}
	c.status = status
	c.extend()
	c.w.WriteHeader(status)
}

// extend gives the client writeTimeout from now, nearly, to take what is written next. It comes before all that is
// written: the deadline is the connection's, and that of the request before may be over.
func (c *call) extend() {
	if now := time.Now(); c.until.Sub(now) < writeTimeout-time.Second {
		c.until = now.Add(writeTimeout)
		_ = c.rc.SetWriteDeadline(c.until)
	}
}

// unrouted answers in place of the mux.
func (c *call) unrouted(status int) {
	h := c.Header()
	h.Del("Location")
	if status == http.StatusMethodNotAllowed {
		c.refuse(methodNotAllowed.problem("allowed: " + h.Get("Allow")))
	} else {
		c.refuse(notFound.problem("/docs says what there is"))
	}
	c.muted = true
}

// Write implements http.ResponseWriter.
func (c *call) Write(p []byte) (int, error) {
	if c.status == 0 {
		c.WriteHeader(http.StatusOK)
	}
	if c.muted {
		return len(p), nil
	}
	c.extend()
	return c.w.Write(p)
}

// Flush implements http.Flusher.
func (c *call) Flush() { _ = c.rc.Flush() }

// Unwrap is for http.ResponseController.
func (c *call) Unwrap() http.ResponseWriter { return c.w }
