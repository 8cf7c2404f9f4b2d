package gateway

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"eppmux/gateway/carry"
	"eppmux/gateway/share"
	"eppmux/loop"
)

// maxPath is the longest path with its query, in octets.
const maxPath = 2048

// guard refuses what a page in a browser of this machine could send, and paths that a server and a proxy before it
// could read in two ways.
func (c *call) guard(r *http.Request) *Problem {
	if why := crooked(r); why != "" {
		return badPath.problem(why)
	}
	return c.guardBrowser(r)
}

// crooked says why a path is refused; empty: it is not.
func crooked(r *http.Request) string {
	path := r.URL.EscapedPath()
	switch {
	case len(r.RequestURI) > maxPath:
		return "it is too long"
	case !strings.HasPrefix(path, "/"):
		return "it does not begin with a slash"
	case strings.Contains(path, "//"), strings.Contains(path, `\`):
		return "it has an empty segment, or a backslash"
	}
	rpp := strings.HasPrefix(path, "/rpp/") // whose ids may hold slashes
	for segment := range strings.SplitSeq(path[1:], "/") {
		plain, err := url.PathUnescape(segment)
		switch {
		case err != nil:
			return "it is not encoded as it must be"
		case plain == ".", plain == "..":
			return "it has a dot segment"
		case !rpp && strings.ContainsAny(plain, `/\`):
			return "it has an encoded slash"
		case strings.ContainsFunc(plain, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }):
			return "it has control characters, or is no UTF-8"
		}
	}
	return ""
}

// guardBrowser checks Host and Origin. A page of another site must not reach the server through a browser: neither
// by a name of its own that it has rebound to our address, nor by ours. On a unix socket, where no browser is, a
// Host may be anything, unless the request is from a page all the same.
func (c *call) guardBrowser(r *http.Request) *Problem {
	origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
	_, unix := c.conn.Conn.(*net.UnixConn)
	if !(unix && origin == "" && site == "") && !c.state.ours(r.Host) {
		return wrongHost.problem("the operator names the hosts in gateway.hosts")
	}
	switch {
	case origin != "" && c.state.origins[strings.ToLower(origin)]:
		h := c.Header()
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", exposed)
		h.Add("Vary", "Origin")
		return nil
	case origin != "" && !sameOrigin(origin, r):
		return wrongOrigin.problem("the operator names the origins in gateway.origins")
	case site != "" && site != "same-origin" && site != "none" && !openPage(r):
		return wrongOrigin.problem("the request is from a page of another site")
	}
	return nil
}

// openPage reports whether anybody may link to what is asked for.
func openPage(r *http.Request) bool {
	path := r.URL.Path
	return r.Method == http.MethodGet && (path == "/docs" || strings.HasPrefix(path, "/docs/"))
}

// ours reports whether a Host header names this server.
func (st *state) ours(header string) bool {
	host, _, err := net.SplitHostPort(header)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(header, "["), "]")
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return loop.Loopback(host) || st.hosts[host]
}

// sameOrigin reports whether an origin is the server itself, as the request calls it.
func sameOrigin(origin string, r *http.Request) bool {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return strings.EqualFold(origin, scheme+r.Host)
}

// The headers that pages of other origins may send and read.
const (
	exposed    = "X-Request-Id, Retry-After, Preference-Applied, Epp-Outcome, Epp-Code, Epp-Muxtrid, RPP-Svtrid, RPP-Cltrid, RPP-Code, RPP-Queue-Size, Location, Link"
	acceptable = "Authorization, Content-Type, X-Request-Id, Idempotency-Key, Prefer, Accept, RPP-Cltrid, RPP-Authorization, RPP-Profile"
)

// preflight answers the question of a browser before it lets a page send its request. It reports whether it has.
func (c *call) preflight(r *http.Request) bool {
	h := c.Header()
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" ||
		h.Get("Access-Control-Allow-Origin") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", acceptable)
	h.Set("Access-Control-Max-Age", "600")
	c.answers = true
	c.WriteHeader(http.StatusNoContent)
	return true
}

// guardBody bounds the body, and lifts the deadline of reading, bodyTimeout, once it has come: behind it, the
// request may take as long as its own deadline says.
func (c *call) guardBody(r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		_ = c.rc.SetReadDeadline(time.Time{})
		return
	}
	if r.Header.Get("Expect") != "" {
		c.extend() // 100 Continue is written when the body is read
	}
	r.Body = &guardedBody{http.MaxBytesReader(c.w, r.Body, int64(c.state.cfg.MaxBody)), c}
}

// guardedBody is a bounded body of a request. What is read of it counts as its user's until the request ends, see
// hold.
type guardedBody struct {
	io.ReadCloser
	c *call
}

// Read implements io.Reader.
func (b *guardedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		_ = b.c.rc.SetReadDeadline(time.Time{})
	}
	if !b.c.hold(n) {
		return 0, share.ErrFull
	}
	return n, err
}

// Bounds on what all requests have in memory together.
const (
	maxRequests = 16 << 10 // under way
	// maxBodies is the number of octets of bodies, without the first freeBody of each.
	maxBodies = 64 << 20
	// bodiesRoom is how many of the longest bodies there is room for at least: one user may have half of that.
	bodiesRoom = 4
	freeBody   = 8 << 10
	// bodiesMultiple is the multiple of what is free of them that one user may have, see package share.
	bodiesMultiple = 1
)

// hold counts n octets more of the body, and reports whether its user may have them.
func (c *call) hold(n int) bool {
	c.octets += n
	more := max(0, c.octets-freeBody) - c.held
	if !c.srv.bodies.Take(c.holder(), more) {
		return false
	}
	c.held += more
	return true
}

// holder is whose the request is: a user's, or a peer's who is not known.
func (c *call) holder() string {
	if c.user != nil {
		return "user " + c.user.Name
	}
	return "peer " + c.conn.peerName()
}

// enter counts the request as one of its user's, and reports whether that may have one more.
func (c *call) enter() bool {
	who := c.holder()
	if !c.srv.places.Take(who, 1) {
		return false
	}
	c.leave = func() {
		c.srv.places.Give(who, 1)
		c.srv.bodies.Give(who, c.held)
	}
	return true
}

// body reads a request's whole body.
func (c *call) body(r *http.Request) ([]byte, *Problem) {
	b, err := io.ReadAll(r.Body)
	var long *http.MaxBytesError
	switch {
	case err == nil:
		return b, nil
	case errors.Is(err, share.ErrFull):
		return nil, crowded("too many long bodies are under way")
	case errors.As(err, &long):
		return nil, tooLarge.problem("more than " + itoa(c.state.cfg.MaxBody) + " octets")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, slowBody.problem("")
	}
	return nil, badRequest.problem("the body broke off")
}

// crowded is the answer to a request for which there is no room.
func crowded(why string) *Problem {
	p := busy.problem(why)
	p.Outcome, p.RetryAfter = string(carry.NotSent), 1
	return p
}
