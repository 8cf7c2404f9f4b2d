package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/sandbox"
)

// request asks the statistics of a registry, and returns status and body.
func request(h http.Handler, method, path, body string, header ...string) (int, string) {
	q := httptest.NewRequest(method, path, strings.NewReader(body))
	q.Host = "127.0.0.1:1234"
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			q.Host = header[i+1]
		} else {
			q.Header.Set(header[i], header[i+1])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, q)
	return w.Code, w.Body.String()
}

func TestStatsFaults(t *testing.T) {
	r := sandbox.New(sandbox.Config{})
	defer r.Close()
	h := localOnly(statsHandler(r, 7))
	for _, tt := range []struct {
		method, body string
		code         int
		want         string
	}{
		{"GET", "", 200, ""},
		{"POST", "close-after:cmd=create,p=0.5;slow=2s", 200, "close-after:p=0.5,cmd=create\nslow=2s\n"},
		{"GET", "", 200, "close-after:p=0.5,cmd=create\nslow=2s\n"},
		{"POST", "slow=2s;explode", 400, "fault \"explode\": there is no such fault\n"},
		{"POST", strings.Repeat(" ", maxFaultsText+1), 400, "http: request body too large\n"},
		{"GET", "", 200, "close-after:p=0.5,cmd=create\nslow=2s\n"}, // what was set holds
		{"PUT", "", 405, "Method Not Allowed\n"},
		{"POST", "", 200, ""},
	} {
		if code, got := request(h, tt.method, "/faults", tt.body); code != tt.code || got != tt.want {
			t.Errorf("%s %.20q: got %d, %q, want %d, %q", tt.method, tt.body, code, got, tt.code, tt.want)
		}
	}
	if n := len(r.Faults()); n != 0 {
		t.Errorf("%d faults left", n)
	}
}

// TestStatsLocalOnly: a page in a browser on this host can neither read nor change anything.
func TestStatsLocalOnly(t *testing.T) {
	r := sandbox.New(sandbox.Config{})
	defer r.Close()
	h := localOnly(statsHandler(r, 7))
	for _, tt := range []struct {
		header, value string
		code          int
	}{
		{"Host", "localhost:1234", 200},
		{"Host", "[::1]:1234", 200},
		{"Host", "evil.example:1234", 403},
		{"Host", "evil.example", 403},
		{"Host", "", 403},
		{"Origin", "https://evil.example", 403},
		{"Origin", "null", 403},
	} {
		for _, method := range []string{"GET", "POST"} {
			if code, _ := request(h, method, "/faults", "half", tt.header, tt.value); code != tt.code {
				t.Errorf("%s with %s %q: got %d, want %d", method, tt.header, tt.value, code, tt.code)
			}
		}
	}
}

// TestSandboxRehearsal is a rehearsal as a process sees it: a profile, a fault switched on and off,
// and how often a create was carried out.
func TestSandboxRehearsal(t *testing.T) {
	p := startSandbox(t, "--plain", "--listen", "127.0.0.1:0", "--stats-listen", "127.0.0.1:0", "--profile", "be-like", "--record",
		"--seed", "42", "--faults", "refuse-login=2502:first=1")
	to := "127.0.0.1:" + p.line("listening on tcp://127.0.0.1:")
	if got := p.line("profile be-like: "); !strings.HasPrefix(got, "4 sessions") || !strings.Contains(got, "https://docs.dnsbelgium.be/") {
		t.Errorf("got %q, want the numbers with their source", got)
	}
	p.line("account demo")
	p.line("account other")
	url := p.line("statistics on ")
	if got := p.line("seed "); got != "42" {
		t.Errorf("got seed %s", got)
	}
	login := `<login><clID>demo</clID><pw>demo-secret</pw><options><version>1.0</version><lang>en</lang></options>` +
		`<svcs><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI></svcs></login>`
	create := `<create><d:create xmlns:d="urn:ietf:params:xml:ns:domain-1.0"><d:name>new.com</d:name><d:authInfo><d:pw>2fooBAR</d:pw></d:authInfo></d:create></create>`
	if got := dialogue(t, to, login); !strings.Contains(got[0], `code="2502"`) {
		t.Errorf("first login: got %q", got)
	}
	if got := post(t, url+"faults", "close-after:cmd=create"); got != "close-after:cmd=create\n" {
		t.Errorf("got %q", got)
	}
	if got := dialogue(t, to, login, create); !strings.Contains(got[0], `code="1000"`) || got[1] != "" {
		t.Errorf("got %q, want no answer to create", got)
	}
	post(t, url+"faults", "")
	if got := dialogue(t, to, login, create); !strings.Contains(got[1], `code="2302"`) {
		t.Errorf("got %q, want that it exists", got)
	}
	if got := fetch(t, url+"executed?verb=create&object=new.com"); got != "{\n  \"Received\": 2,\n  \"Executed\": 1\n}\n" {
		t.Errorf("got %s", got)
	}
	all := map[string]sandbox.Times{}
	if err := json.Unmarshal([]byte(fetch(t, url+"executed")), &all); err != nil || !maps.Equal(all, map[string]sandbox.Times{"create new.com": {Received: 2, Executed: 1}}) {
		t.Errorf("got %v, %v", all, err)
	}
	got := p.end()
	if got.Seed != 42 || !maps.Equal(got.Faults, map[string]uint64{"refuse-login": 1, "close-after": 1}) || got.Executed["create"] != 1 || got.Commands["create"] != 2 {
		t.Errorf("at the end: got %+v", got)
	}
}

func TestStatsExecuted(t *testing.T) {
	r := sandbox.New(sandbox.Config{Record: true})
	defer r.Close()
	for path, want := range map[string]string{
		"/executed":                      "200 {}\n",
		"/executed?verb=create":          "400 verb and object go together\n",
		"/executed?object=a.com":         "400 verb and object go together\n",
		"/executed?verb=check&object=no": "200 {\n  \"Received\": 0,\n  \"Executed\": 0\n}\n",
	} {
		code, got := request(statsHandler(r, 1), "GET", path, "")
		if got = fmt.Sprintf("%d %s", code, got); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	off := sandbox.New(sandbox.Config{})
	defer off.Close()
	if code, got := request(statsHandler(off, 1), "GET", "/executed", ""); code != 404 || !strings.Contains(got, "--record") {
		t.Errorf("without --record: got %d %q", code, got)
	}
}

// dialogue sends commands one after the other over one connection, and returns the answers; empty
// where none came.
func dialogue(t *testing.T, to string, commands ...string) []string {
	t.Helper()
	conn, err := net.Dial("tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := clitest.ReadUnit(conn); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range commands {
		p := `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command>` + c + `</command></epp>`
		n := len(p) + 4
		conn.Write(append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, p...))
		got, _ := clitest.ReadUnit(conn)
		out = append(out, string(got))
	}
	return out
}

func post(t *testing.T, url, body string) string {
	t.Helper()
	r, err := http.Post(url, "text/plain", strings.NewReader(body))
	return bodyOf(t, r, err)
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	r, err := http.Get(url)
	return bodyOf(t, r, err)
}

func bodyOf(t *testing.T, r *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var b bytes.Buffer
	io.Copy(&b, r.Body)
	if r.StatusCode != http.StatusOK {
		t.Fatalf("got %s: %s", r.Status, b.String())
	}
	return b.String()
}
