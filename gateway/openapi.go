package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// The OpenAPI document is made by huma from the Go types of requests and answers. huma does not serve them: its own
// errors repeat what was sent, with passwords in it, and its reader of JSON takes members twice and in any case.

// document is the OpenAPI document. Immutable.
type document struct{ json, yaml []byte }

// describer makes the document.
type describer struct {
	api     *huma.OpenAPI
	schemas huma.Registry
}

func newDescriber(version string) *describer {
	schemas := huma.NewMapRegistry("#/components/schemas/", schemaName)
	return &describer{schemas: schemas, api: &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{Title: "eppmux", Version: version,
			Description: "EPP registries over HTTP, on the sessions that eppmux keeps. Every answer says what became " +
				"of the command: answered, not_sent, unknown, or refused where nothing was made of the request.",
			License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}},
		Components: &huma.Components{Schemas: schemas, SecuritySchemes: map[string]*huma.SecurityScheme{
			"basic":  {Type: "http", Scheme: "basic"},
			"bearer": {Type: "http", Scheme: "bearer"},
		}},
		Servers: []*huma.Server{{URL: "/"}},
		Tags: []*huma.Tag{
			{Name: "epp", Description: "One command each, with the client id and the password in the body."},
			{Name: "checks", Description: "Many names at once, over all registries."},
			{Name: "raw", Description: "XML of EPP as it is."},
			{Name: "about", Description: "What this server is."},
		},
		// Credentials, or none where the operator has named no users.
		Security: []map[string][]string{{"basic": {}}, {"bearer": {}}, {}},
	}}
}

// schemaName names a type in the document: those of a package below with the package in front.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch from := path.Base(t.PkgPath()); from {
	case "gateway", "mapping", ".":
		return name
	default:
		return strings.ToUpper(from[:1]) + from[1:] + name
	}
}

// add describes a route.
func (d *describer) add(rt *route) {
	if rt.hidden {
		return
	}
	op := &huma.Operation{Method: rt.method, Path: rt.path, OperationID: rt.name, Summary: rt.summary,
		Description: rt.doc, Tags: []string{rt.tag}, Responses: map[string]*huma.Response{}}
	if rt.open {
		op.Security = []map[string][]string{{}}
	}
	d.parameters(op, rt)
	if rt.takes != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: d.content(rt.takes, "application/json")}
		op.RequestBody.Content["application/json"].Example = rt.sample()
	}
	if len(rt.takesTypes) > 0 {
		op.RequestBody = &huma.RequestBody{Required: true, Content: text(rt.takesTypes)}
	}
	ok := &huma.Response{Description: "Done", Headers: map[string]*huma.Param{
		"X-Request-Id": {Description: "The request's id", Schema: &huma.Schema{Type: "string"}}}}
	if rt.gives != nil {
		ok.Content = d.content(rt.gives, "application/json")
	}
	if len(rt.givesTypes) > 0 {
		if ok.Content == nil {
			ok.Content = map[string]*huma.MediaType{}
		}
		for t, m := range text(rt.givesTypes) {
			ok.Content[t] = m
		}
	}
	op.Responses["200"] = ok
	op.Responses["default"] = &huma.Response{Description: "A problem (RFC 9457): the outcome says what became of it",
		Content: d.content(&Problem{}, "application/problem+json")}
	d.api.AddOperation(op)
}

// parameters describes the path, query and header of a route.
func (d *describer) parameters(op *huma.Operation, rt *route) {
	str := func() *huma.Schema { return &huma.Schema{Type: "string"} }
	for _, name := range pathNames(rt.path) {
		op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: str()})
	}
	op.Parameters = append(op.Parameters, rt.query...)
	if rt.command {
		op.Parameters = append(op.Parameters, &huma.Param{Name: "Prefer", In: "header", Schema: str(),
			Description: "wait=SECONDS (RFC 7240): how long to wait for an answer"})
	}
	op.Parameters = append(op.Parameters, &huma.Param{Name: "X-Request-Id", In: "header", Schema: str(),
		Description: "An id of 3 to 64 visible ASCII characters, which the audit log and the registry get as clTRID"})
	if rt.transform {
		op.Parameters = append(op.Parameters, &huma.Param{Name: "Idempotency-Key", In: "header", Schema: str(),
			Description: "Makes a repeat safe: the same request with the same key is carried out once, for 24 hours"})
	}
}

// pathNames are the variables of a pattern.
func pathNames(pattern string) (all []string) {
	for segment := range strings.SplitSeq(pattern, "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			all = append(all, strings.TrimSuffix(name, "}"))
		}
	}
	return all
}

// content is a Go type as a body.
func (d *describer) content(v any, mediaType string) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{mediaType: {Schema: d.schemas.Schema(reflect.TypeOf(v), true, "")}}
}

// text is a body of other types.
func text(types []string) map[string]*huma.MediaType {
	all := make(map[string]*huma.MediaType)
	for _, t := range types {
		all[t] = &huma.MediaType{Schema: &huma.Schema{Type: "string"}}
	}
	return all
}

// document is the finished document.
func (d *describer) document() (doc document) {
	var err error
	if doc.json, err = json.Marshal(d.api); err != nil {
		panic(fmt.Sprint("BUG: ", err))
	}
	if doc.yaml, err = d.api.YAML(); err != nil {
		panic(fmt.Sprint("BUG: ", err))
	}
	return doc
}

func (s *Server) getOpenAPIJSON(c *call, _ *http.Request) {
	c.page("application/openapi+json", s.document.json)
}

func (s *Server) getOpenAPIYAML(c *call, _ *http.Request) {
	c.page("application/openapi+yaml", s.document.yaml)
}

// page answers with a whole body.
func (c *call) page(mediaType string, body []byte) {
	h := c.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", itoa(len(body)))
	_, _ = c.Write(body)
}
