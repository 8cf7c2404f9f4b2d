package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// raw sends octets as they are, and returns the answer.
func (g *rig) raw(octets string) *response {
	g.t.Helper()
	nc, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
	if err != nil {
		g.t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(nc, octets); err != nil {
		g.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return &response{res, string(b)}
}

func TestPaths(t *testing.T) {
	g := open(t, func(c *Config) { c.RPP.On = true })
	for _, tt := range []struct {
		path   string
		status int
		name   string
	}{
		{"/v1/../v1/registries", 400, "bad-path"},
		{"/v1/./registries", 400, "bad-path"},
		{"/v1/%2e%2e/v1/registries", 400, "bad-path"},
		{"/v1/%2E/registries", 400, "bad-path"},
		{"//v1/registries", 400, "bad-path"},
		{"/v1//registries", 400, "bad-path"},
		{"/v1%2fregistries", 400, "bad-path"},
		{"/v1/a%2Fb/epp", 400, "bad-path"},
		{"/v1/a%5Cb/epp", 400, "bad-path"},
		{"/v1/a\\b/epp", 400, "bad-path"},
		{"/v1/a%00b/epp", 400, "bad-path"},
		{"/v1/a%0Ab/epp", 400, "bad-path"},
		{"/v1/a%ffb/epp", 400, "bad-path"},
		{"/rpp/v1/../../v1/registries", 400, "bad-path"},
		{"/rpp/v1//x", 400, "bad-path"},
		{"/" + strings.Repeat("a", maxPath), 400, "bad-path"},
		{"/v1/registries?" + strings.Repeat("a", maxPath), 400, "bad-path"},
		{"/v1/registries/", 404, "not-found"},
		{"/V1/registries", 404, "not-found"},
		{"/api/epp", 404, "not-found"},
		{"/api/epp/domain-transfer", 404, "not-found"},
		{"/docs/../server.go", 400, "bad-path"},
		{"/docs/docs", 404, "not-found"},
		{"/docs/none.js", 404, "not-found"},
	} {
		res := g.raw("GET " + tt.path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		res.want(t, tt.status, tt.name, "")
	}
	res := g.ask("DELETE", "/v1/registries", "")
	res.want(t, 405, "method-not-allowed", "")
	if got := res.Header.Get("Allow"); got != "GET, HEAD" {
		t.Errorf("got Allow %q", got)
	}
	g.raw("GET http://localhost/v1/./x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").want(t, 400, "bad-path", "")
	g.raw("OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	if n := len(g.carrier.seen()); n != 0 {
		t.Errorf("%d orders", n)
	}
}

// TestBrowsers: a page of another site reaches nothing, by whatever name.
func TestBrowsers(t *testing.T) {
	g := open(t, func(c *Config) {
		c.Hosts, c.Origins = []string{"GW.example"}, []string{"https://shop.example"}
	})
	for _, tt := range []struct {
		name   string
		header []string
		status int
		want   string
	}{
		{"this machine", nil, 200, ""},
		{"localhost", []string{"Host", "localhost:1"}, 200, ""},
		{"loopback of IPv6", []string{"Host", "[::1]:80"}, 200, ""},
		{"a host of ours", []string{"Host", "gw.example"}, 200, ""},
		{"ours, from the root", []string{"Host", "Gw.Example.:7080"}, 200, ""},
		{"localhost, from the root", []string{"Host", "localhost."}, 200, ""},
		{"two dots", []string{"Host", "localhost.."}, 403, "host"},
		{"a name that was rebound", []string{"Host", "evil.example"}, 403, "host"},
		{"a name like ours", []string{"Host", "localhost.evil.example"}, 403, "host"},
		{"our own page", []string{"Host", "localhost", "Origin", "http://localhost", "Sec-Fetch-Site", "same-origin"}, 200, ""},
		{"another port", []string{"Host", "localhost", "Origin", "http://localhost:99"}, 403, "origin"},
		{"another scheme", []string{"Host", "localhost", "Origin", "https://localhost"}, 403, "origin"},
		{"a frame", []string{"Origin", "null"}, 403, "origin"},
		{"a stranger", []string{"Origin", "https://evil.example"}, 403, "origin"},
		{"a stranger's image", []string{"Sec-Fetch-Site", "cross-site"}, 403, "origin"},
		{"a shop", []string{"Origin", "https://shop.example", "Sec-Fetch-Site", "cross-site"}, 200, ""},
	} {
		res := g.ask("GET", "/v1/registries", "", tt.header...)
		if res.StatusCode != tt.status {
			t.Errorf("%s: got %s: %s", tt.name, res.Status, res.body)
		} else if tt.want != "" {
			res.want(t, tt.status, tt.want, "")
		}
		cors := res.Header.Get("Access-Control-Allow-Origin")
		if shop := tt.name == "a shop"; shop != (cors == "https://shop.example") || !shop && cors != "" {
			t.Errorf("%s: got CORS %q", tt.name, cors)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: got %s %q", tt.name, name, got)
			}
		}
	}
	ask := []string{"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type"}
	res := g.ask("OPTIONS", "/api/epp/login", "", append(ask, "Origin", "https://shop.example")...)
	if res.StatusCode != 204 || !strings.Contains(res.Header.Get("Access-Control-Allow-Headers"), "Content-Type") {
		t.Errorf("preflight: got %s %v", res.Status, res.Header)
	}
	g.ask("OPTIONS", "/api/epp/login", "", append(ask, "Origin", "https://evil.example")...).want(t, 403, "origin", "")
	g.ask("OPTIONS", "/api/epp/login", "", ask...).want(t, 405, "method-not-allowed", "")
}

func TestMediaTypes(t *testing.T) {
	g := open(t, nil)
	for _, tt := range []struct {
		header []string
		status int
	}{
		{[]string{"Content-Type", "application/json"}, 200},
		{[]string{"Content-Type", "application/json; charset=UTF-8"}, 200},
		{[]string{"Content-Type", "Application/JSON;charset=\"utf-8\""}, 200},
		{nil, 415},
		{[]string{"Content-Type", "text/plain"}, 415},
		{[]string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		{[]string{"Content-Type", "application/json; charset=iso-8859-1"}, 415},
		{[]string{"Content-Type", "application/json; charset=utf-16"}, 415},
		{[]string{"Content-Type", "application/json; a=b"}, 415},
		{[]string{"Content-Type", "application/json; charset"}, 415},
		{[]string{"Content-Type", "application/json", "Content-Type", "text/plain"}, 415},
		{[]string{"Content-Type", "application/json", "Content-Encoding", "gzip"}, 415},
	} {
		res := g.ask("POST", "/api/epp/domain-info", `{"host":"it","domain":"a.it"}`, tt.header...)
		if res.StatusCode != tt.status {
			t.Errorf("%q: got %s: %s", tt.header, res.Status, res.body)
		}
	}
	if n := len(g.carrier.seen()); n != 3 {
		t.Errorf("%d orders", n)
	}
}

// TestLongAndBrokenBodies: what is not whole makes no order, and takes the connection at most.
func TestLongAndBrokenBodies(t *testing.T) {
	g := open(t, func(c *Config) { c.MaxBody = 1000 })
	long := `{"host":"it","domain":"` + strings.Repeat("a", 1000) + `"}`
	g.post("/api/epp/domain-info", long).want(t, 413, "too-large", "")
	head := "POST /api/epp/domain-info HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
	chunked := head + "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(long), long)
	g.raw(chunked).want(t, 413, "too-large", "")
	nc, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(nc, head+"Content-Length: 100\r\n\r\n{\"host\":")
	nc.Close()
	if n := len(g.carrier.seen()); n != 0 {
		t.Errorf("%d orders", n)
	}
}
