package admin

import (
	"encoding/json"
	"html"
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"encoding/xml"
)

// fixed is a Source of one Status.
type fixed Status

func (f *fixed) Status() *Status { return (*Status)(f) }

// evil is what nobody should be able to bring onto a page or a terminal.
const evil = "<script>alert(1)</script>\x1b[2J\x1b]0;x\x07\" onload=\"x\u202e"

// full status with evil in every string that others have a part in.
func evilStatus() *Status {
	at := began
	r := working()
	r.Name, r.Address, r.Trouble = "a", clean(evil), clean(evil)
	r.Gravity, r.Findings = Look, []Finding{{Look, "x", clean(evil), clean(evil), clean(evil)}, {OK, "y", "", "second", ""}}
	r.Sessions.List = []Session{{ID: 7, State: "busy", ForSeconds: 1, AgeSeconds: 90, Commands: 3, Doing: "create", Client: clean(evil), Listener: clean(evil)}, {ID: 8, State: "idle"}}
	r.Limits = []Limit{{Limit: 5, PerSeconds: 60, Burst: 2, Scope: "registry", Commands: "all", UsedRatio: some(0.5)}, {Name: "the-second", Index: 1, Limit: 9, PerSeconds: 1, Burst: 9, Scope: "client", Shadow: true, Exceeded: 4}}
	r.Codes = []CodeCount{{1000, "done", 9, 3}, {0, "other", 1, 0}}
	r.Expiries = []Expiry{{What: "our certificate", File: clean(evil), At: at, Ours: true, Near: Look, In: 4 * 86400}}
	r.Events = []Event{{At: at, Level: "warn", Text: clean(evil), Detail: clean(evil), Count: 3}}
	r.LoginSays = []LoginEvent{{Type: clean(evil), Level: "warning", Text: clean(evil), Expires: &at}}
	h := history{}
	for i := range 5 {
		h.add(rowOf(began.Add(time.Duration(i)*historyEvery), snapshotAt(uint64(i))))
	}
	r.History = h.columns()
	return &Status{Version: "v1", Host: clean(evil), Started: began, Now: began.Add(time.Hour), Gravity: Look, Registries: []Registry{r}, Events: r.Events}
}

func statusServer(s *Status) *Server { return New(Config{Address: "127.0.0.1:0", Status: (*fixed)(s)}) }

// TestPageEscapes: whatever a registry or a client says stays text.
func TestPageEscapes(t *testing.T) {
	r := request(statusServer(evilStatus()).Handler(), "GET", "/", "localhost")
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
	for name, s := range map[string]*Status{"full": evilStatus(), "empty": {}, "stopping": {Stopping: true}} {
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
	h := statusServer(evilStatus()).Handler()
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
	s := evilStatus()
	var got Status
	if err := json.Unmarshal([]byte(body(t, request(statusServer(s).Handler(), "GET", "/status.json", "localhost"))), &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&got, s) {
		t.Errorf("got %+v, want %+v", got, s)
	}
}

func TestHeadline(t *testing.T) {
	for _, tt := range []struct {
		gravities []Gravity
		want      string
	}{
		{nil, "No registry is served"},
		{[]Gravity{OK}, "All well"},
		{[]Gravity{OK, OK}, "All 2 registries are well"},
		{[]Gravity{Look}, "The registry needs a look"},
		{[]Gravity{Broken}, "The registry is broken"},
		{[]Gravity{Look, OK}, "1 of 2 registries needs a look"},
		{[]Gravity{Look, Look, OK}, "2 of 3 registries need a look"},
		{[]Gravity{Broken, OK}, "1 of 2 registries is broken"},
		{[]Gravity{Broken, Broken, Look}, "2 of 3 registries are broken, 1 needs a look"},
	} {
		s := new(Status)
		for _, g := range tt.gravities {
			s.Registries = append(s.Registries, Registry{Gravity: g})
		}
		if got := headline(s); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.gravities, got, tt.want)
		}
	}
}

// TestTable: it says the same as the page, and nothing in it moves a cursor, wherever it came from.
func TestTable(t *testing.T) {
	s := evilStatus()
	s.Registries[0].Findings[0].Text, s.Registries[0].Sessions.List[0].Client, s.Host = evil, evil, evil
	var b strings.Builder
	if err := WriteTable(&b, s); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	if strings.ContainsAny(got, "\x1b\x07\u202e\r") {
		t.Errorf("got %q", got)
	}
	for _, want := range []string{"The registry needs a look", "look   a         <script>", "sessions        3 of 3 logged in", "7        busy", "create", "5 per 1m", "50 %",
		"the-second", "shadow, exceeded 4 times", "1000", "4 days", "(3 times)"} {
		if !strings.Contains(got, want) {
			t.Errorf("got no %q in\n%s", want, got)
		}
	}
	if err := WriteTable(&b, &Status{Registries: []Registry{{}}}); err != nil {
		t.Errorf("a foreign status: %v", err)
	}
}

func TestWords(t *testing.T) {
	for s, want := range map[float64]string{0: "0 s", 0.0003: "0.3 ms", 0.004: "4 ms", 0.0437: "44 ms", 0.9999: "1 s", 1.84: "1.8 s", 12: "12 s", 720: "12 min", 7200: "2 h", 6 * 86400: "6 days"} {
		if got := span(s); got != want {
			t.Errorf("%v: got %q, want %q", s, got, want)
		}
	}
	for s, want := range map[float64]string{1: "1s", 60: "1m", 3600: "1h", 86400: "24h", 90: "1m30s"} {
		if got := per(s); got != want {
			t.Errorf("%v: got %q, want %q", s, got, want)
		}
	}
	for in, want := range map[string]string{
		"connect: dial tcp 127.0.0.1:1: connect: connection refused": "connect: 127.0.0.1:1: connection refused",
		"greeting: read tcp 127.0.0.1:4->127.0.0.1:5: i/o timeout":   "greeting: no answer in time",
		"tls: tls: failed": "tls: failed",
	} {
		if got := plain(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestPath(t *testing.T) {
	if got := path([]*float64{nil, some(0), some(10), nil, some(5)}, 10); got != "M72.0 38.0h0L120.0 2.0M216.0 20.0h0" {
		t.Errorf("got %s", got)
	}
	p := newPlot("Waiting", number, 1, series{"", make([]*float64, 3)})
	if p.Lines[0].Path != "" || !strings.Contains(p.Say, "nothing to show") {
		t.Errorf("got %+v", p)
	}
}
