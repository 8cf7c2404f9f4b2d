package gateway

import (
	"encoding/json"
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

// TestOpenAPI: each call is in the document with its parameters, its body and its problems, and every reference leads
// somewhere.
func TestOpenAPI(t *testing.T) {
	g := open(t, nil)
	res := g.ask("GET", "/openapi.json", "")
	if got := res.Header.Get("Content-Type"); got != "application/openapi+json" {
		t.Errorf("got %s", got)
	}
	var doc struct {
		OpenAPI string
		Info    struct{ Version string }
		Paths   map[string]map[string]struct {
			OperationID string
			Parameters  []struct{ Name, In string }
			RequestBody struct{ Content map[string]any }
			Responses   map[string]struct{ Content map[string]any }
		}
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal([]byte(res.body), &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") || doc.Info.Version != "1.2.3" {
		t.Errorf("got %s, %s", doc.OpenAPI, doc.Info.Version)
	}
	for _, name := range []string{"connect", "login", "domain-check", "domain-info", "domain-create", "domain-update", "domain-delete", "domain-renew"} {
		op := doc.Paths["/api/epp/"+name]["post"]
		if op.OperationID != name || op.RequestBody.Content["application/json"] == nil ||
			op.Responses["200"].Content["application/json"] == nil || op.Responses["default"].Content["application/problem+json"] == nil {
			t.Errorf("%s: got %+v", name, op)
		}
		var params []string
		for _, p := range op.Parameters {
			params = append(params, p.In+" "+p.Name)
		}
		all := strings.Join(params, ", ")
		changes := name != "connect" && name != "login" && name != "domain-check" && name != "domain-info"
		if !strings.Contains(all, "header X-Request-Id") || changes != strings.Contains(all, "header Idempotency-Key") {
			t.Errorf("%s: got %s", name, all)
		}
	}
	if op := doc.Paths["/v1/{registry}/epp"]["post"]; op.RequestBody.Content["application/epp+xml"] == nil || op.Parameters[0].Name != "registry" {
		t.Errorf("raw: got %+v", op)
	}
	for _, ref := range regexp.MustCompile(`#/components/schemas/([^"]+)`).FindAllStringSubmatch(res.body, -1) {
		if doc.Components.Schemas[ref[1]] == nil {
			t.Errorf("%s leads nowhere", ref[0])
		}
	}
	if strings.Contains(res.body, `"$schema"`) {
		t.Error("a schema asks for $schema")
	}
	if strings.Contains(res.body, `"null"`) {
		t.Error("a member may be null, which is refused in requests and never in answers")
	}
	if res := g.ask("GET", "/openapi.yaml", ""); res.Header.Get("Content-Type") != "application/openapi+yaml" || !strings.Contains(res.body, "openapi: 3.1.") {
		t.Errorf("got %s %.60s", res.Header.Get("Content-Type"), res.body)
	}
}

// TestDocsLoadNothingFromElsewhere: the page and its files are whole, and no address is in them.
func TestDocsLoadNothingFromElsewhere(t *testing.T) {
	g := open(t, nil)
	if res := g.ask("GET", "/", ""); res.StatusCode != 302 || res.Header.Get("Location") != "/docs" {
		t.Errorf("got %s %q", res.Status, res.Header.Get("Location"))
	}
	page := g.ask("GET", "/docs", "")
	if page.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("got %s", page.Header.Get("Content-Type"))
	}
	for _, ref := range regexp.MustCompile(`(?:src|href)="([^"#]+)"`).FindAllStringSubmatch(page.body, -1) {
		if res := g.ask("GET", ref[1], ""); !strings.HasPrefix(ref[1], "/") || res.StatusCode != 200 {
			t.Errorf("%s: got %s", ref[1], res.Status)
		}
	}
	err := fs.WalkDir(docFiles, "docs", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		res := g.ask("GET", "/"+name, "")
		if csp := res.Header.Get("Content-Security-Policy"); res.StatusCode != 200 || !strings.HasPrefix(csp, "default-src 'self'; ") {
			t.Errorf("%s: got %s, %q", name, res.Status, csp)
		}
		text := strings.ReplaceAll(res.body, `xmlns="http://www.w3.org/2000/svg"`, "")
		for _, bad := range []string{"http://", "https://", "innerHTML", "eval(", "style=", "<script>", "onclick", "localStorage"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s has %s", name, bad)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
