package gateway

import (
	"strings"
	"testing"
)

func TestFirst(t *testing.T) {
	g := open(t, nil)
	res := g.post("/api/epp/domain-check", `{"host":"it","domain":"a.it"}`)
	if res.StatusCode != 200 {
		t.Fatal(res.Status, res.body)
	}
	g.ask("GET", "/nothing", "").want(t, 404, "not-found", "")
	g.ask("GET", "/api/epp/connect", "").want(t, 405, "method-not-allowed", "")
	res = g.ask("GET", "/openapi.json", "")
	if !strings.Contains(res.body, "domain-create") {
		t.Fatal(res.body)
	}
	res = g.ask("GET", "/openapi.yaml", "")
	if !strings.Contains(res.body, "domain-create") {
		t.Fatal(res.body)
	}
}

func TestRegistry(t *testing.T) {
	g := openRegistry(t, nil)
	for _, b := range [][2]string{
		{"connect", `{"host":"it"}`},
		{"login", `{"host":"it"}`},
		{"domain-check", `{"host":"it","domain":"a.example"}`},
		{"domain-create", `{"host":"it","domain":"kiosk.example","years":1,"password":"x-1234567"}`},
		{"domain-info", `{"host":"it","domain":"kiosk.example"}`},
		{"domain-delete", `{"host":"it","domain":"kiosk.example"}`},
	} {
		res := g.post("/api/epp/"+b[0], b[1])
		t.Log(b[0], res.Status, res.body)
	}
	res := g.ask("GET", "/v1/registries", "")
	t.Log(res.body)
}
