package gateway

import (
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
)

// route is one call that is served, as the mux and the OpenAPI document have it. Immutable.
type route struct {
	name         string // operationId, and the label of logs and metrics
	method, path string // pattern of http.ServeMux
	handler      func(c *call, r *http.Request)
	open         bool // for everybody: no user is asked for
	hidden       bool // not in the document
	refuses      bool // it answers by itself where there is no user

	tag, summary, doc string
	command           bool // it is about commands, for which one may wait
	transform         bool // it may change something: Idempotency-Key
	query             []*huma.Param
	takes, gives      any      // pointers to the Go types of the bodies; nil: none
	takesTypes        []string // other media types
	givesTypes        []string
}

// The labels of what has no route of its own.
const (
	routeNone = "none"
	routeRPP  = "rpp"
)

// build makes all routes, the mux and the document. version is the program's.
func (s *Server) build(version string) {
	s.routes = slices.Concat(s.eppRoutes(), checks{s.checker}.checkRoutes(), s.ownRoutes())
	d := newDescriber(version)
	s.mux = http.NewServeMux()
	for _, rt := range s.routes {
		s.mux.HandleFunc(rt.method+" "+rt.path, s.handle(rt))
		d.add(rt)
	}
	s.document = d.document()
	rpp := &route{name: routeRPP, refuses: true, handler: s.serveRPP}
	s.mux.HandleFunc("/rpp/v1/", s.handle(rpp))
	discovery := &route{name: routeRPP, open: true, handler: s.serveRPP}
	s.mux.HandleFunc("/.well-known/rpp.json", s.handle(discovery))
	s.counts.open(append(s.routes, rpp))
}

// serveRPP hands a request to package rpp, where it is served.
func (s *Server) serveRPP(c *call, r *http.Request) {
	if c.state.rpp == nil {
		c.refuse(notFound.problem("RPP is not served; the operator sets gateway.rpp.enabled"))
		return
	}
	if c.user != nil {
		r = r.WithContext(carry.WithUser(r.Context(), c.user))
	}
	c.state.rpp.ServeHTTP(c, r)
}

// eppRoutes are the calls of one command each.
func (s *Server) eppRoutes() []*route {
	all := []*route{
		{name: "connect", summary: "Says what the registry's greeting says. Nothing is sent.",
			takes: &ConnectCall{}, gives: &Reply[Greeting]{}, handler: s.connect},
		{name: "login", summary: "Says whether a client id and a password are right. No session is opened.",
			takes: &LoginCall{}, gives: &Reply[LoggedIn]{}, handler: s.logIn},
		{name: "domain-check", summary: "Asks whether domain names can be registered.", command: true,
			takes: &DomainCheckCall{}, gives: &Reply[[]mapping.Check]{}, handler: run[DomainCheckCall](s)},
		{name: "domain-info", summary: "Asks for what the registry knows of a domain.", command: true,
			takes: &DomainInfoCall{}, gives: &Reply[*mapping.Domain]{}, handler: run[DomainInfoCall](s)},
		{name: "domain-create", summary: "Registers a domain.", command: true, transform: true,
			takes: &DomainCreateCall{}, gives: &Reply[*mapping.Created]{}, handler: run[DomainCreateCall](s)},
		{name: "domain-update", summary: "Changes a domain.", command: true, transform: true,
			takes: &DomainUpdateCall{}, gives: &Reply[Nothing]{}, handler: run[DomainUpdateCall](s)},
		{name: "domain-delete", summary: "Deletes a domain.", command: true, transform: true,
			takes: &DomainDeleteCall{}, gives: &Reply[Nothing]{}, handler: run[DomainDeleteCall](s)},
		{name: "domain-renew", summary: "Renews a domain.", command: true, transform: true,
			takes: &DomainRenewCall{}, gives: &Reply[*mapping.Renewed]{}, handler: run[DomainRenewCall](s),
			doc: "curExpDate must be given: by it the registry sees that a repeat is one (RFC 5731 section 3.2.3)."},
	}
	for _, rt := range all {
		rt.tag, rt.method, rt.path = "epp", http.MethodPost, "/api/epp/"+rt.name
	}
	return all
}

// xmlTypes are the media types of EPP in XML.
var xmlTypes = []string{"application/epp+xml", "application/xml", "text/xml"}

// ownRoutes are the other calls.
func (s *Server) ownRoutes() []*route {
	return []*route{
		{name: "raw", tag: "raw", method: http.MethodPost, path: "/v1/{registry}/epp", command: true, transform: true,
			summary: "Sends a command of EPP and gives back the answer, both octet for octet.",
			doc: "The clTRID of the command goes upstream inside the registry's id, as for every client; a command " +
				"without one gets the id of the request. The outcome is in the headers Epp-Outcome, Epp-Code and Epp-Muxtrid; an " +
				"answer with an error of the registry has status 200 too. What is not answered is a problem.",
			takesTypes: xmlTypes, givesTypes: xmlTypes[:1], handler: s.raw},
		{name: "registries", tag: "about", method: http.MethodGet, path: "/v1/registries",
			summary: "Lists the registries that the user may use.", gives: &Registries{}, handler: s.getRegistries},
		{name: "openapi-json", tag: "about", method: http.MethodGet, path: "/openapi.json", open: true, hidden: true,
			handler: s.getOpenAPIJSON},
		{name: "openapi-yaml", tag: "about", method: http.MethodGet, path: "/openapi.yaml", open: true, hidden: true,
			handler: s.getOpenAPIYAML},
		{name: "docs", method: http.MethodGet, path: "/docs", open: true, hidden: true, handler: docs},
		{name: "docs-file", method: http.MethodGet, path: "/docs/{file}", open: true, hidden: true, handler: docs},
		{name: "index", method: http.MethodGet, path: "/{$}", open: true, hidden: true, handler: index},
	}
}
