package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/serve"
)

// controlSocket serves a handler where ctl asks, until the test ends, and returns the path.
func controlSocket(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ctl")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: ln, Config: &http.Server{Handler: h}}
	s.Start()
	t.Cleanup(s.Close)
	return path
}

// TestCtlAsks: what each verb sends. The limit is that of "clients"; the other verbs do not read it.
func TestCtlAsks(t *testing.T) {
	type request struct {
		method, path string
		serve.Request
	}
	asked := make(chan request, 1) // one request at a time; never closed
	socket := controlSocket(t, func(w http.ResponseWriter, r *http.Request) {
		got := request{method: r.Method, path: r.URL.Path}
		dec := json.NewDecoder(r.Body)
		dec.DisallowUnknownFields()
		if err := dec.Decode(&got.Request); err != nil {
			t.Errorf("%s: %v", got.path, err)
		}
		asked <- got
		fmt.Fprint(w, `{"done":["done it"]}`)
	})
	for args, want := range map[string]request{
		"pause":                   {path: "/pause"},
		"pause a":                 {path: "/pause", Request: serve.Request{Registry: "a"}},
		"resume --all":            {path: "/resume", Request: serve.Request{All: true}},
		"reconnect a":             {path: "/reconnect", Request: serve.Request{Registry: "a"}},
		"drain a":                 {path: "/drain", Request: serve.Request{Registry: "a"}},
		"reload":                  {path: "/reload"},
		"sessions a":              {path: "/sessions", Request: serve.Request{Registry: "a"}},
		"clients a":               {path: "/clients", Request: serve.Request{Registry: "a"}},
		"clients --limit 7":       {path: "/clients", Request: serve.Request{Limit: 7}},
		"kick a 12":               {path: "/kick", Request: serve.Request{Registry: "a", Client: 12}},
		"log-level":               {path: "/log-level"},
		"log-level debug":         {path: "/log-level", Request: serve.Request{Level: "debug"}},
		"cluster":                 {path: "/cluster"},
		"cluster a":               {path: "/cluster", Request: serve.Request{Registry: "a"}},
		"handover a":              {path: "/handover", Request: serve.Request{Registry: "a"}},
		"handover a --to b":       {path: "/handover", Request: serve.Request{Registry: "a", To: "b"}},
		"reconnect --all --json":  {path: "/reconnect", Request: serve.Request{All: true}},
		"sessions --config /none": {path: "/sessions"}, // --socket goes before it
	} {
		got := eppmux(t, append([]string{"ctl", "--socket", socket}, strings.Fields(args)...)...)
		if got.code != cli.ExitDone || got.errs != "" || !strings.Contains(got.out, "done it") {
			t.Errorf("%s: got %+v", args, got)
			continue
		}
		if want.method = http.MethodPost; want.Limit == 0 {
			want.Limit = 100
		}
		if request := <-asked; request != want {
			t.Errorf("%s: got %+v, want %+v", args, request, want)
		}
	}
	for _, args := range []string{"pause a b", "reload a", "sessions a b", "kick", "kick a", "kick a b", "kick a 1 2", "kick a -1", "log-level a b",
		"clients --limit many", "resume a --all", "handover", "handover a b", "handover --to b", "cluster a b", "cluster --to b"} {
		if got := eppmux(t, append([]string{"ctl", "--socket", socket}, strings.Fields(args)...)...); got.code != cli.ExitUsage {
			t.Errorf("%q: got %+v, want wrong usage", args, got)
		}
	}
	select {
	case request := <-asked:
		t.Errorf("got %+v of a command line that is wrong", request)
	default:
	}
}

// TestCtlAnswers: what ctl makes of an answer, also of one that no eppmux gives.
func TestCtlAnswers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		body   string
		code   int
		out    string
		errs   string
	}{
		{"done", 200, `{"done":["a: paused","b: paused"]}`, cli.ExitDone, "a: paused\nb: paused\n", ""},
		{"nothing to say", 200, `{}`, cli.ExitDone, "", ""},
		{"in part", 409, `{"error":"b: not now","done":["a: paused"]}`, cli.ExitFailed, "a: paused\n", "eppmux ctl pause: b: not now\n"},
		{"refused", 409, `{"error":"no"}`, cli.ExitFailed, "", "eppmux ctl pause: no\n"},
		{"no reason", 500, `{}`, cli.ExitFailed, "", "eppmux ctl pause: 500 Internal Server Error\n"},
		{"no JSON", 200, `paused`, cli.ExitFailed, "", "eppmux ctl pause: answer: invalid character"},
		{"cut off", 200, `{"done":["a`, cli.ExitFailed, "", "eppmux ctl pause: answer: unexpected EOF"},
		{"empty", 200, ``, cli.ExitFailed, "", "eppmux ctl pause: answer: EOF"},
	} {
		socket := controlSocket(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			fmt.Fprint(w, tt.body)
		})
		got := eppmux(t, "ctl", "--socket", socket, "pause")
		if got.code != tt.code || got.out != tt.out || !strings.HasPrefix(got.errs, tt.errs) || (got.errs == "") != (tt.errs == "") {
			t.Errorf("%s: got %+v, want %d, %q, %q", tt.name, got, tt.code, tt.out, tt.errs)
		}
	}
	socket := controlSocket(t, func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	if got := eppmux(t, "ctl", "--socket", socket, "pause"); got.code != cli.ExitFailed || !strings.Contains(got.errs, "is eppmux running, with this control.socket?") {
		t.Errorf("closed: got %+v", got)
	}
}

// TestCtlTables: sessions and clients in columns, or as JSON that a script reads.
func TestCtlTables(t *testing.T) {
	socket := controlSocket(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"sessions":[{"registry":"a","id":7,"state":"idle","for":1.25,"age":3700,"commands":12},`+
			`{"registry":"long-name","id":8,"state":"busy","for":0.002,"age":59.9996,"commands":1,"doing":"poll","own":true}],`+
			`"clients":[{"registry":"a","id":3,"listener":"unix:///a","client":"uid 0","identity":"web at uid 0","doing":"check","sent":true,"for":0.5,"held":99},`+
			`{"registry":"a","id":4,"listener":"unix:///a","client":"uid 1","identity":"uid 1","doing":"create","for":0.5,"held":9,"ends":3,"held_back":true}]}`)
	})
	const want = "REGISTRY   SESSION  STATE  FOR   AGE      COMMANDS  DOING       CLIENT\n" +
		"a          7        idle   1.25s 1h1m40s 12                    \n"
	got := eppmux(t, "ctl", "--socket", socket, "sessions")
	columns := strings.Join(strings.Fields(want), " ")
	if all := strings.Join(strings.Fields(got.out), " "); got.code != cli.ExitDone || !strings.HasPrefix(all, columns+" long-name 8 busy 2ms 1m0s 1 poll (own) ") ||
		!strings.HasSuffix(all, "REGISTRY CLIENT FROM IDENTITY LISTENER DOING FOR HELD ENDED a 3 uid 0 web at uid 0 unix:///a check (sent) 500ms 99 0 "+
			"a 4 uid 1 uid 1 unix:///a create (held back) 500ms 9 3") {
		t.Errorf("got %d\n%s", got.code, got.out)
	}
	got = eppmux(t, "ctl", "--socket", socket, "sessions", "--json")
	for _, want := range []string{`"registry": "a"`, `"age": 3700`, `"own": true`, `"held": 99`, `"ends": 3`, `"held_back": true`} {
		if !strings.Contains(got.out, want) {
			t.Errorf("got %s, want %s in it", got.out, want)
		}
	}
}

// TestGoDuration: as the config file writes durations.
func TestGoDuration(t *testing.T) {
	for s, want := range map[float64]string{
		0: "0s", 0.0004: "0s", 0.0015: "2ms", 0.25: "250ms", 1: "1s", 1.2: "1.2s", 59.9994: "59.999s", 60: "1m0s", 61.4: "1m1s", 3661.6: "1h1m2s", 90000: "25h0m0s",
	} {
		if got := goDuration(s); got != want {
			t.Errorf("%v: got %q, want %q", s, got, want)
		}
	}
}

// TestCtlNeedsASocket: without one, what to do is said.
func TestCtlNeedsASocket(t *testing.T) {
	dir := t.TempDir()
	without := clitest.WriteFile(t, dir, "c.yaml", clitest.SandboxYAML(), 0o600)
	if got := eppmux(t, "ctl", "-c", without, "reload"); got.code != cli.ExitUsage || !strings.Contains(got.errs, "has no control.socket: set one and restart eppmux, or give --socket") {
		t.Errorf("got %+v", got)
	}
	if got := eppmux(t, "ctl", "-c", filepath.Join(dir, "missing"), "reload"); got.code != cli.ExitUsage || !strings.Contains(got.errs, "no such file") {
		t.Errorf("got %+v", got)
	}
	// The password that the config names need not be readable.
	secret := clitest.WriteFile(t, dir, "s.yaml", clitest.RegistryYAML("login: {client_id: a, password_file: none}")+
		fmt.Sprintf("control: {socket: %q}\n", filepath.Join(dir, "ctl")), 0o600)
	if got := eppmux(t, "ctl", "-c", secret, "reload"); got.code != cli.ExitFailed || !strings.Contains(got.errs, "is eppmux running") {
		t.Errorf("got %+v", got)
	}
	var b strings.Builder
	new(ctl).show(&b, serve.Answer{})
	if b.Len() > 0 {
		t.Errorf("got %q of an empty answer", b.String())
	}
}
