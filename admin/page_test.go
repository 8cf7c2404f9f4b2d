package admin

import (
	"encoding/json"
	"encoding/xml"
	"html"
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"eppmux/admin/status"
)

// statusServer serves one status.
func statusServer(s *status.Status) *Server {
	return New(Config{Address: "127.0.0.1:0", Status: func() *status.Status { return s }})
}

// TestPageEscapes: whatever a registry or a client says stays text.
func TestPageEscapes(t *testing.T) {
	r := request(statusServer(evilStatus(t)).Handler(), "GET", "/", "localhost")
	got := body(t, r)
	if r.StatusCode != 200 || !strings.Contains(got, html.EscapeString("<script>alert(1)</script>")) {
		t.Fatalf("got %d %s", r.StatusCode, got)
	}
	if strings.Contains(got, "<script>") || strings.ContainsAny(got, "\x1b\x07\u202e") || strings.Contains(got, ` onload="`) {
		t.Errorf("got what is not escaped in %s", got)
	}
	if strings.Contains(got, "ZgotmplZ") || strings.Contains(got, "style=") || regexp.MustCompile(`\son[a-z]+=`).MatchString(strings.ReplaceAll(got, "onload=&#34;", "")) {
		t.Errorf("got a style, a handler or a value that the template refused in %s", got)
	}
	if n := strings.Count(got, "<script"); n != 1 {
		t.Errorf("got %d scripts, want our one", n)
	}
	for _, link := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(got, -1) {
		if !strings.HasPrefix(link[1], "/") && !strings.HasPrefix(link[1], "#") {
			t.Errorf("got a link to %s", link[1])
		}
	}
}

func TestPageIsWellFormed(t *testing.T) {
	for name, s := range map[string]*status.Status{"full": evilStatus(t), "empty": {}, "stopping": {Stopping: true}} {
		got := body(t, request(statusServer(s).Handler(), "GET", "/", "localhost"))
		d := xml.NewDecoder(strings.NewReader(got))
		d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
		ids := map[string]bool{}
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v in\n%s", name, err, got)
			}
			if e, ok := token.(xml.StartElement); ok {
				for _, a := range e.Attr {
					if a.Name.Local == "id" && ids[a.Value] {
						t.Errorf("%s: id %s is there twice", name, a.Value)
					} else if a.Name.Local == "id" {
						ids[a.Value] = true
					}
				}
			}
		}
	}
}

// TestPageHeaders: the page may load what is beside it and nothing else, and nobody may frame it.
func TestPageHeaders(t *testing.T) {
	h := statusServer(evilStatus(t)).Handler()
	for path, kind := range map[string]string{"/": "text/html; charset=utf-8", "/status.json": "application/json", "/status.css": "text/css; charset=utf-8",
		"/status.js": "text/javascript; charset=utf-8", "/icon.svg?g=broken": "image/svg+xml", "/icon.svg?<script>": "image/svg+xml"} {
		for _, method := range []string{"GET", "HEAD"} {
			r := request(h, method, path, "localhost")
			if r.StatusCode != 200 || r.Header.Get("Content-Type") != kind || r.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s %s: got %d, %v", method, path, r.StatusCode, r.Header)
			}
			if got := body(t, r); path != "/" && path != "/status.json" && strings.Contains(got, "<script") {
				t.Errorf("%s: got %s", path, got)
			}
		}
		if r := request(h, "POST", path, "localhost"); r.StatusCode != 405 {
			t.Errorf("POST %s: got %d", path, r.StatusCode)
		}
		if r := request(h, "GET", path, "evil.example"); r.StatusCode != 403 {
			t.Errorf("%s from elsewhere: got %d", path, r.StatusCode)
		}
	}
	policy := request(h, "GET", "/", "localhost").Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") || strings.Contains(policy, "http") {
		t.Errorf("got %q", policy)
	}
}

// TestStatusJSON: what is written can be read back whole, which is what "eppmux status" does.
func TestStatusJSON(t *testing.T) {
	s := evilStatus(t)
	var got status.Status
	if err := json.Unmarshal([]byte(body(t, request(statusServer(s).Handler(), "GET", "/status.json", "localhost"))), &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&got, s) {
		t.Errorf("got %+v, want %+v", got, s)
	}
}

func TestPath(t *testing.T) {
	if got := path([]*float64{nil, some(0), some(10), nil, some(5)}, 10); got != "M72.0 38.0h0L120.0 2.0M216.0 20.0h0" {
		t.Errorf("got %s", got)
	}
	p := newPlot("Waiting", status.Number, 1, series{"", make([]*float64, 3)})
	if p.Lines[0].Path != "" || !strings.Contains(p.Say, "nothing to show") {
		t.Errorf("got %+v", p)
	}
}
