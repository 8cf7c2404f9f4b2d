package rpp

import (
	"context"
	"log/slog"
	"net/http"

	"eppmux/gateway/batch"
	"eppmux/gateway/carry"
)

// Config says what is served.
type Config struct {
	Carrier *carry.Carrier
	Checker *batch.Checker
	// Table is the Carrier's. It keeps the answers to queries that belong to a change, so that a repeat gets
	// them again. Nil: a repeat gets the object as it is by then.
	Table      carry.Table
	Registries func() []*carry.Registry // as of now
	// Codes is the table of result codes and HTTP statuses: CodesCore (also for an empty one) or
	// CodesCore00.
	Codes      string
	SetsStatus bool // a PATCH may change statuses
	// BaseURL is how clients call the server, without a path: https://gw.example. Nil: the scheme of the
	// connection, and the request's Host, which the caller has found good.
	BaseURL func(*http.Request) string
	Logger  *slog.Logger // nil: silent
}

// carrier is what is needed of carry.Carrier.
type carrier interface {
	Do(ctx context.Context, o carry.Order) (carry.Answer, error)
}

// checker is what is needed of batch.Checker.
type checker interface {
	Check(ctx context.Context, r batch.Request, answer func(batch.Answer))
}

// handler serves RPP. Immutable after New.
type handler struct {
	carrier    carrier
	checker    checker
	table      carry.Table // nil: none
	registries func() []*carry.Registry
	codes      table
	setsStatus bool
	baseURL    func(*http.Request) string
	log        *slog.Logger
	svTRIDs    *svTRIDs
}

// New returns the handler of /rpp/v1/… and /.well-known/rpp.json. The caller has found out the user
// (carry.UserFrom) and has refused bodies that are too long. Where there is no user, all but discovery
// is answered 401, in the form of the protocol.
//
// Config.Codes other than those two is a mistake of the caller, and panics.
func New(cfg Config) http.Handler {
	return newHandler(cfg, cfg.Carrier, cfg.Checker)
}

func newHandler(cfg Config, car carrier, che checker) *handler {
	h := &handler{
		carrier: car, checker: che, table: cfg.Table, registries: cfg.Registries, setsStatus: cfg.SetsStatus,
		codes: tableNamed(cfg.Codes), baseURL: cfg.BaseURL, log: cfg.Logger, svTRIDs: newSvTRIDs(),
	}
	if h.baseURL == nil {
		h.baseURL = ownURL
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	return h
}

// ownURL is the URL by which r came, without its path.
func ownURL(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// Where RPP is. C@0f11225: the version of the protocol is in the path.
const (
	prefix        = "/rpp/v1"
	discoveryPath = "/.well-known/rpp.json"
)

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{h: h, r: r, user: carry.UserFrom(r.Context())}
	if id, one := c.single("RPP-Cltrid"); one && goodClTRID(id) {
		c.clTRID = id // echoed, whatever else is wrong
	}
	if r.URL.Path == discoveryPath {
		c.write(w, c.discovery())
		return
	}
	c.write(w, c.serve())
}

// serve answers a request that is not for the discovery document.
func (c *call) serve() reply {
	steps, bad := c.path()
	if bad != nil {
		return *bad
	}
	rt, bad := c.find(steps)
	if bad != nil {
		return *bad
	}
	// O@0017e98: a request without good credentials is answered 401 with 02200.
	if c.user == nil {
		return c.no(codeAuthentication, "credentials are needed: Authorization, with Bearer and a token or with Basic")
	}
	for _, look := range []func() *reply{c.readHeader, c.readQuery, c.readAccept, c.readBody} {
		if bad := look(); bad != nil {
			return *bad
		}
	}
	return rt.serve(c)
}
