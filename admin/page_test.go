package admin

import (
	"encoding/json"
	"encoding/xml"
	"html"
	"io"
	"log/slog"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"eppmux/admin/status"
	"eppmux/upstream"
	"eppmux/upstream/pool"
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

// pageOf is the page of a status.
func pageOf(t *testing.T, s *status.Status) string {
	t.Helper()
	r := request(statusServer(s).Handler(), "GET", "/", "localhost")
	if r.StatusCode != 200 {
		t.Fatalf("got %d", r.StatusCode)
	}
	return body(t, r)
}

// wants reports what a page lacks, or has and should not.
func wants(t *testing.T, name, page string, want, not []string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(page, w) {
			t.Errorf("%s: got no %q in\n%s", name, w, page)
		}
	}
	for _, w := range not {
		if strings.Contains(page, w) {
			t.Errorf("%s: got %q in\n%s", name, w, page)
		}
	}
}

// TestPageStates: the page and /status.json of each state that a registry can be in.
func TestPageStates(t *testing.T) {
	refused := func() *status.Snapshot {
		s := busy()
		a := &s.Account
		a.Sessions[pool.SessionIdle], a.Sessions[pool.SessionBusy] = 0, 0
		a.Trouble, a.Cause, a.NextTry = "login: result code 2200", pool.CauseLoginRefused, 9*time.Second
		s.Sessions = nil
		return s
	}
	for _, tt := range []struct {
		name    string
		look    func() *status.Snapshot
		gravity status.Gravity
		want    []string
		not     []string
	}{
		{"well", busy, status.OK, []string{
			"<h1>", "All well</h1>", `href="/icon.svg?g=ok"`, "all well: 3 sessions, 11 commands/s", "<b>3</b> of 3", "1 busy",
			"<b>create</b> for 0 s", "nothing for 0 s", "5 per 1m, 2 at once", "<b>5</b></dd><dd class=\"more\">of 100", "epp.example:700",
		}, []string{"Whose:", "of 3</dd><dd class=\"more\">0 opening", "more: see /status.json"}},
		{"look", func() *status.Snapshot {
			s := busy()
			s.Account.Max = 2
			return s
		}, status.Look, []string{
			"The registry needs a look</h1>", `g=look"`, "registry grants only 2 of 3 sessions (2502)", "Whose: the registry.",
			"→ end what else uses the account, or lower sessions.max",
		}, []string{"All well", "all well"}},
		{"broken", refused, status.Broken, []string{
			"The registry is broken</h1>", `g=broken"`, "registry refuses our login: result code 2200", "Whose: our config.",
			"→ correct login in the config, then reload; next attempt in 9 s", "<b>0</b> of 3", `<td colspan="5" class="dim">none</td>`,
		}, []string{"needs a look"}},
		{"no answer", func() *status.Snapshot { return nil }, status.Broken, []string{
			"the event loop of this registry does not answer; what is shown is old", "Whose: eppmux or its host.", "none yet",
		}, []string{"connecting"}},
		{"paused", func() *status.Snapshot {
			s := refused()
			s.Account.Trouble, s.Account.Paused, s.Account.Queued, s.Account.Oldest = "", true, 4, 2*time.Second
			return s
		}, status.Broken, []string{"paused by the operator: nothing is sent, 4 commands waiting", "→ eppmux ctl resume a", "oldest 2 s, given up after 8 s"}, nil},
		{"dialing and ending", func() *status.Snapshot {
			s := busy()
			s.Account.Sessions[pool.SessionDialing], s.Account.Sessions[pool.SessionClosing] = 2, 1
			return s
		}, status.OK, []string{"1 busy, 2 opening, 1 ending"}, nil},
	} {
		s := statusOf(t, busySubject(tt.look), nil)
		page := pageOf(t, s)
		wants(t, tt.name, page, tt.want, append(tt.not, "ZgotmplZ", "%!", "<no value>", "&lt;nil&gt;"))
		var got status.Status
		if err := json.Unmarshal([]byte(body(t, request(statusServer(s).Handler(), "GET", "/status.json", "localhost"))), &got); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if got.Gravity != tt.gravity || got.Registries[0].Gravity != tt.gravity || len(got.Registries[0].Findings) == 0 {
			t.Errorf("%s: got %v, %+v, want %v", tt.name, got.Gravity, got.Registries[0].Findings, tt.gravity)
		}
	}
}

// TestPageFindings: the verdict stands alone, and the other findings behind it, each with its
// advice.
func TestPageFindings(t *testing.T) {
	s := statusOf(t, busySubject(func() *status.Snapshot {
		s := busy()
		s.Account.Max = 2
		s.Clients.Faults, s.Clients.AcceptErrors, s.Clients.AcceptError = 2, 1, "accept4: too many open files"
		return s
	}), nil)
	page := pageOf(t, s)
	verdict, others, found := strings.Cut(page[strings.Index(page, `class="verdicts"`):], `class="also"`)
	if !found || strings.Count(verdict, `class="verdict `) != 1 {
		t.Fatalf("got %s", page)
	}
	wants(t, "verdict", verdict, []string{"registry grants only 2 of 3"}, []string{"faulty frame"})
	others, _, _ = strings.Cut(others, "</ul>")
	wants(t, "others", others, []string{"2 faulty frames", "too many open files", "Whose: our clients.", "Whose: our host."}, []string{"grants only"})
	if n := strings.Count(others, "<li "); n != 2 {
		t.Errorf("got %d others in %s", n, others)
	}
}

// TestPageManySessions: the page lists some of them and says how many more there are.
func TestPageManySessions(t *testing.T) {
	for n, hidden := range map[int]string{maxShownSessions: "", maxShownSessions + 7: "and 7 more: see /status.json"} {
		s := statusOf(t, busySubject(func() *status.Snapshot {
			s := busy()
			s.Sessions = make([]upstream.SessionInfo, n)
			for i := range s.Sessions {
				s.Sessions[i].ID = uint64(1000 + i)
			}
			return s
		}), nil)
		page := pageOf(t, s)
		rows := regexp.MustCompile(`<td class="n">1\d\d\d</td>`).FindAllString(page, -1)
		if len(rows) != maxShownSessions || strings.Contains(page, "more: see") != (hidden != "") || !strings.Contains(page, hidden) {
			t.Errorf("%d sessions: got %d rows, want %d and %q", n, len(rows), maxShownSessions, hidden)
		}
		if len(s.Registries[0].Sessions.List) != n {
			t.Errorf("/status.json has %d of %d sessions", len(s.Registries[0].Sessions.List), n)
		}
	}
}

// TestPageCulprits: each client behind whose commands sessions ended has a line; where there is none,
// there is no table.
func TestPageCulprits(t *testing.T) {
	page := pageOf(t, statusOf(t, busySubject(busy), nil))
	wants(t, "none", page, []string{`<div id="c-a" class="culprits"></div>`}, []string{"ended on commands"})
	page = pageOf(t, statusOf(t, busySubject(func() *status.Snapshot {
		s := busy()
		s.Account.Culprits = []upstream.Culprit{
			{ID: 12, Client: "127.0.0.1:4711", Listener: "tcp://10.0.0.1:700", Identity: "uid 1000", Command: "create contact-1.0", Cause: pool.CauseRegistryClosed,
				Ends: 3, HeldBack: true, Ago: 5 * time.Second, Wait: 4 * time.Second},
			{ID: 13, Identity: "web", Command: "check <b>", Cause: pool.CauseFrame, Ends: 1, Ago: time.Second},
		}
		return s
	}), nil))
	wants(t, "two", page, []string{
		"Sessions that ended on commands of clients", "<td>create contact-1.0</td>", `<td class="n">3</td><td class="n">5 s ago</td><td class="wide">registry_closed</td><td class="n wide">4 s</td>`,
		`127.0.0.1:4711 <span class="dim">uid 1000, connection 12</span>`, `<span class="dim">web, connection 13</span>`, "<td>check &lt;b&gt;</td>", `<td class="n wide">–</td>`,
		"Whose: our clients.", "3 sessions in a row ended on commands like",
	}, nil)
}

// TestPageExpiries: what ends next is named, what is over is said to be, and nothing is nothing.
func TestPageExpiries(t *testing.T) {
	for _, tt := range []struct {
		all  []status.Expiry
		want []string
	}{
		{nil, []string{"no certificate", "nothing that is known"}},
		{[]status.Expiry{{What: "our certificate", File: "c.pem", At: midnight.Add(4 * 24 * time.Hour), Ours: true, Near: status.Look}},
			[]string{"4 days</b>", "our certificate", `<span class="dim">c.pem</span>`, "2000-01-05 00:00", `class="g-look"`}},
		{[]status.Expiry{{What: "our certificate", At: midnight.Add(-time.Hour), Ours: true, Near: status.Broken}},
			[]string{"<b>over</b>", `class="g-broken"`, "1999-12-31 23:00"}},
	} {
		subject := busySubject(busy)
		subject.Expiries = func(time.Time) []status.Expiry { return tt.all }
		wants(t, "expiries", pageOf(t, statusOf(t, subject, nil)), tt.want, nil)
	}
}

// TestPageEvents: each registry has its own, and those of the program stand apart.
func TestPageEvents(t *testing.T) {
	recent := status.NewRecent()
	warn(recent, "a", "of a")
	warn(recent, "", "of none")
	page := pageOf(t, statusOf(t, busySubject(busy), recent))
	own, general, _ := strings.Cut(page, `id="e-general"`)
	wants(t, "registry", own, []string{">of a ", `3 times</span>`, `class="level-warn"`}, []string{"of none"})
	wants(t, "program", general, []string{">of none "}, []string{"of a"})
	quiet := pageOf(t, statusOf(t, busySubject(busy), nil))
	wants(t, "none", quiet, []string{"Last warnings and errors: none"}, []string{"level-warn"})
}

// TestPageRanked: the overview has the gravest first, and the sections stay in the order of the
// config.
func TestPageRanked(t *testing.T) {
	s := &status.Status{Registries: []status.Registry{{Name: "first"}, {Name: "second", Gravity: status.Broken}}}
	page := pageOf(t, s)
	overview := page[strings.Index(page, `id="overview"`):strings.Index(page, `<section`)]
	if strings.Index(overview, ">second<") > strings.Index(overview, ">first<") {
		t.Errorf("overview: got %s", overview)
	}
	sections := page[strings.Index(page, `<section`):]
	if strings.Index(sections, `id="r-first"`) > strings.Index(sections, `id="r-second"`) {
		t.Errorf("sections: got %s", sections)
	}
}

// TestPagePlots: each plot has a picture, its words for readers that see none, and the last values.
func TestPagePlots(t *testing.T) {
	page := pageOf(t, statusOf(t, busySubject(busy), nil))
	if n := strings.Count(page, "<figure>"); n != 8 {
		t.Errorf("got %d plots", n)
	}
	wants(t, "plots", page, []string{
		`aria-label="Commands per second over the last ten minutes: queries now 10, transforms now 1, highest 10"`,
		`<path class="line0" d="M`, `<path class="line1" d="M`, "↑ 100 %",
	}, []string{`aria-label=""`})
}

// TestIcon: one shape for each gravity, and that of ok for what is none.
func TestIcon(t *testing.T) {
	h := statusServer(new(status.Status)).Handler()
	get := func(query string) string { return body(t, request(h, "GET", "/icon.svg"+query, "localhost")) }
	seen := map[string]string{}
	for _, g := range []string{"ok", "look", "broken"} {
		icon := get("?g=" + g)
		if !strings.HasPrefix(icon, "<svg ") || !strings.HasSuffix(icon, "</svg>") || seen[icon] != "" {
			t.Errorf("%s: got %s, as for %q", g, icon, seen[icon])
		}
		seen[icon] = g
	}
	for _, query := range []string{"", "?", "?g=", "?g=nonsense", "?broken&g=broken"} {
		if seen[get(query)] != "ok" {
			t.Errorf("%q: got %s", query, get(query))
		}
	}
}

// TestNoPageWithoutStatus: then / lists what there is, and nothing of the page is served.
func TestNoPageWithoutStatus(t *testing.T) {
	h := New(Config{Address: "127.0.0.1:0"}).Handler()
	if got := body(t, request(h, "GET", "/", "localhost")); got != index {
		t.Errorf("got %q", got)
	}
	for _, path := range []string{"/status.json", "/status.css", "/status.js", "/icon.svg"} {
		if r := request(h, "GET", path, "localhost"); r.StatusCode != 404 {
			t.Errorf("%s: got %d, want 404", path, r.StatusCode)
		}
	}
}

// TestPageCannotBeMade: a page is served whole or not at all, and the log says why.
func TestPageCannotBeMade(t *testing.T) {
	var log strings.Builder
	s := New(Config{Address: "127.0.0.1:0", Status: func() *status.Status { return nil }, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	r := request(s.Handler(), "GET", "/", "localhost")
	if got := body(t, r); r.StatusCode != 500 || strings.Contains(got, "<") || !strings.Contains(got, "see the log") {
		t.Errorf("got %d %q", r.StatusCode, got)
	}
	if got := log.String(); !strings.Contains(got, "status page") || !strings.Contains(got, "err=") {
		t.Errorf("log: got %q", got)
	}
}
