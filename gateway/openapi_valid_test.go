package gateway

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi/datamodel"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// oasAddress and documentAddress are names of the two documents for the validator. Nothing is loaded.
const (
	oasAddress      = "https://spec.openapis.org/oas/3.1/schema/2022-10-07"
	documentAddress = "urn:eppmux:openapi"
)

// judged is the OpenAPI document before a validator that is not ours: the schema is that of the OpenAPI Initiative,
// the engine a library.
type judged struct {
	t        testing.TB
	document any
	compiler *jsonschema.Compiler
}

func parsed(t testing.TB, text string) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func judge(t testing.TB, document string) *judged {
	t.Helper()
	j := &judged{t, parsed(t, document), jsonschema.NewCompiler()}
	j.compiler.DefaultDraft(jsonschema.Draft2020)
	j.compiler.AssertFormat()
	for address, doc := range map[string]any{oasAddress: parsed(t, datamodel.OpenAPI31SchemaData), documentAddress: j.document} {
		if err := j.compiler.AddResource(address, doc); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

// at is the part of the document at a JSON pointer, whose segments are given.
func (j *judged) at(segments ...string) any {
	at := j.document
	for _, s := range segments {
		m, _ := at.(map[string]any)
		at = m[s]
	}
	return at
}

// schema is the schema at a place in the document, which must be one.
func (j *judged) schema(segments ...string) *jsonschema.Schema {
	j.t.Helper()
	address := documentAddress + "#"
	for _, s := range segments {
		address += "/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(s)
	}
	schema, err := j.compiler.Compile(address)
	if err != nil {
		j.t.Fatal(err)
	}
	return schema
}

// faults are those of the whole document, and of each schema in it.
func (j *judged) faults() (all []string) {
	j.t.Helper()
	oas, err := j.compiler.Compile(oasAddress)
	if err != nil {
		j.t.Fatal(err)
	}
	if err := oas.Validate(j.document); err != nil {
		all = append(all, err.Error())
	}
	j.each(j.document, "#", func(pointer string) {
		if _, err := j.compiler.Compile(documentAddress + pointer); err != nil {
			all = append(all, pointer+": "+err.Error())
		}
	})
	return all
}

// each calls f with the place of each schema of the document: those that have a name, and those of bodies, parameters
// and headers. The schema of OpenAPI looks at none of them.
func (j *judged) each(at any, pointer string, f func(pointer string)) {
	m, _ := at.(map[string]any)
	for name, inner := range m {
		below := pointer + "/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(name)
		if name == "schema" || pointer == "#/components/schemas" {
			f(below)
			continue
		}
		j.each(inner, below, f)
		list, _ := inner.([]any)
		for i, one := range list {
			j.each(one, below+"/"+itoa(i), f)
		}
	}
}

// TestOpenAPIIsValid: a validator that is not ours finds the document in order, and would find what is not.
func TestOpenAPIIsValid(t *testing.T) {
	text := open(t, nil).ask("GET", "/openapi.json", "").body
	for _, fault := range judge(t, text).faults() {
		t.Error(fault)
	}
	for _, change := range [][2]string{
		{`"openapi":"3.1.0"`, `"openapi":"2.0"`},
		{`"in":"header"`, `"in":"body"`},
		{`"operationId":"connect"`, `"operationId":17`},
		{`"type":"boolean"`, `"type":"bool"`},
		{`"$ref":"#/components/schemas/CheckCall"`, `"$ref":"#/components/schemas/None"`},
		{`"minimum":1`, `"minimum":"one"`},
	} {
		bad := strings.Replace(text, change[0], change[1], 1)
		if bad == text || len(judge(t, bad).faults()) == 0 {
			t.Errorf("nobody minds %s", change[1])
		}
	}
}

// TestOpenAPIHasAllCalls: each call that is served and not hidden is in the document, and each in the document is
// served: the mux finds its route.
func TestOpenAPIHasAllCalls(t *testing.T) {
	g := open(t, nil)
	j := judge(t, g.ask("GET", "/openapi.json", "").body)
	served := map[string]bool{}
	for _, rt := range g.srv.routes {
		call := rt.method + " " + rt.path
		_, there := j.at("paths", rt.path, strings.ToLower(rt.method)).(map[string]any)
		if there == rt.hidden {
			t.Errorf("%s: hidden %v, in the document %v", call, rt.hidden, there)
		}
		served[call] = true
	}
	for path, item := range j.at("paths").(map[string]any) {
		for method := range item.(map[string]any) {
			call := strings.ToUpper(method) + " " + path
			if !served[call] {
				t.Errorf("%s is in the document, and not served", call)
			}
			r, err := http.NewRequest(strings.ToUpper(method), "http://localhost"+strings.NewReplacer("{", "", "}", "").Replace(path), nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, pattern := g.srv.mux.Handler(r); pattern != call {
				t.Errorf("%s: the mux has %q", call, pattern)
			}
		}
	}
}

// TestOpenAPIExamples: each body in JSON has an example, which is as its schema says, is taken, and is answered as
// the document says.
func TestOpenAPIExamples(t *testing.T) {
	g := open(t, nil)
	j := judge(t, g.ask("GET", "/openapi.json", "").body)
	paths := j.at("paths").(map[string]any)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		place := []string{"paths", path, "post", "requestBody", "content", "application/json"}
		media, _ := j.at(place...).(map[string]any)
		if media == nil {
			continue
		}
		example, there := media["example"]
		if !there {
			t.Errorf("%s has no example", path)
			continue
		}
		if err := j.schema(append(place, "schema")...).Validate(example); err != nil {
			t.Errorf("%s: the example is not as its schema: %v", path, err)
		}
		body, err := json.Marshal(example)
		if err != nil {
			t.Fatal(err)
		}
		res := g.ask("POST", path, string(body), "Content-Type", "application/json")
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: %s is answered %s %s", path, body, res.Status, res.body)
			continue
		}
		answer := j.schema("paths", path, "post", "responses", "200", "content", "application/json", "schema")
		if err := answer.Validate(parsed(t, res.body)); err != nil {
			t.Errorf("%s: the answer %s is not as its schema: %v", path, res.body, err)
		}
		res = g.ask("POST", path, `{"nonsense":1}`, "Content-Type", "application/json")
		problem := j.schema("paths", path, "post", "responses", "default", "content", "application/problem+json", "schema")
		if err := problem.Validate(parsed(t, res.body)); err != nil || res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: the problem %s %s is not as its schema: %v", path, res.Status, res.body, err)
		}
	}
}
