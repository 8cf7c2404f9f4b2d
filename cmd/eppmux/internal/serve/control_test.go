package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
)

// TestControlRequests: what is no request of "eppmux ctl" does nothing, and is told why.
func TestControlRequests(t *testing.T) {
	r := startRunning(t, "", "a")
	for _, tt := range []struct {
		method, path, body string
		code               int
		want               string // in the error; empty: none
	}{
		{"POST", "/sessions", "{}", http.StatusOK, ""},
		{"POST", "/sessions", `{"registry":"a"}`, http.StatusOK, ""},
		{"POST", "/log-level", `{"registry":"a","all":true,"client":1,"limit":1,"level":"info"}`, http.StatusOK, ""},
		{"POST", "/nonsense", "{}", http.StatusNotFound, `unknown verb "nonsense"`},
		{"POST", "/", "{}", http.StatusNotFound, `unknown verb ""`},
		{"POST", "/sessions/a", "{}", http.StatusNotFound, `unknown verb "sessions/a"`},
		{"GET", "/sessions", "", http.StatusMethodNotAllowed, "only POST"},
		{"DELETE", "/sessions", "{}", http.StatusMethodNotAllowed, "only POST"},
		{"POST", "/sessions", "", http.StatusBadRequest, "request: EOF"},
		{"POST", "/sessions", "registry=a", http.StatusBadRequest, "request: invalid character"},
		{"POST", "/sessions", `{"registri":"a"}`, http.StatusBadRequest, `unknown field "registri"`},
		{"POST", "/kick", `{"client":-1}`, http.StatusBadRequest, "request: json: cannot unmarshal"},
		{"POST", "/sessions", `{"registry":"` + strings.Repeat("a", maxControlRequest) + `"}`, http.StatusBadRequest, "request body too large"},
	} {
		code, header, a := r.do(tt.method, tt.path, tt.body)
		if code != tt.code || (a.Error == "") != (tt.want == "") || !strings.Contains(a.Error, tt.want) || header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s %.40s: got %d, %+v, want %d, %q", tt.method, tt.path, tt.body, code, a, tt.code, tt.want)
		}
		if allow := header.Get("Allow"); (code == http.StatusMethodNotAllowed) != (allow == "POST") {
			t.Errorf("%s %s: got Allow %q", tt.method, tt.path, allow)
		}
	}
}

// TestControlVerbs holds each verb to what it answers, changes and logs.
func TestControlVerbs(t *testing.T) {
	r := startRunning(t, "", "a", "b")
	conn := r.connect("a")
	if _, err := conn.Write(clitest.Unit(clitest.CheckXML)); err != nil {
		t.Fatal(err)
	}
	if _, err := clitest.ReadUnit(conn); err != nil {
		t.Fatal(err)
	}
	done := func(a Answer, want ...string) {
		t.Helper()
		if got := strings.Join(a.Done, "\n"); got != strings.Join(want, "\n") {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	done(r.verb("pause", Request{Registry: "a"}, ""), "a: paused: commands wait until their deadlines, sessions log out")
	done(r.verb("pause", Request{All: true}, ""), "a: paused: commands wait until their deadlines, sessions log out",
		"b: paused: commands wait until their deadlines, sessions log out")
	done(r.verb("resume", Request{All: true}, ""), "a: resumed", "b: resumed")
	done(r.verb("reconnect", Request{Registry: "b"}, ""), "b: replacing its sessions, one at a time")
	done(r.verb("pause", Request{}, "which registry? there are a, b"))
	done(r.verb("resume", Request{Registry: "c"}, `no registry "c" is served; there are a, b`))

	// Lists are of every registry unless one is named.
	list := r.verb("clients", Request{Limit: 10}, "")
	done(list, "a: 1 of 1 clients", "b: 0 of 0 clients")
	if len(list.Clients) != 1 || list.Clients[0].Registry != "a" || list.Clients[0].Client != fmt.Sprintf("uid %d", os.Getuid()) ||
		list.Clients[0].Listener != "unix://"+r.socket("a") {
		t.Fatalf("got %+v", list.Clients)
	}
	done(r.verb("clients", Request{Registry: "b", Limit: 10}, ""), "b: 0 of 0 clients")
	r.verb("clients", Request{Registry: "c"}, `no registry "c"`)
	r.verb("sessions", Request{Registry: "c"}, `no registry "c"`)
	for _, s := range r.verb("sessions", Request{}, "").Sessions {
		if s.Registry == "" || s.State == "" || s.Age < 0 || s.For > s.Age+1 {
			t.Errorf("got session %+v", s)
		}
	}

	id := list.Clients[0].ID
	r.verb("kick", Request{All: true, Client: id}, "kick is about one client")
	r.verb("kick", Request{Client: id}, "which registry?")
	r.verb("kick", Request{Registry: "b", Client: id}, fmt.Sprintf("b has no client %d", id))
	done(r.verb("kick", Request{Registry: "a", Client: id}, ""), fmt.Sprintf("a: client %d is disconnected", id))
	if _, err := clitest.ReadUnit(conn); err == nil {
		t.Error("the client is still connected")
	}

	const until = ", until a reload that changes log.level"
	done(r.verb("log-level", Request{}, ""), "log level is info"+until)
	for _, level := range []string{"loud", "info+1", "INFO-4", " "} {
		r.verb("log-level", Request{Level: level}, "must be debug, info, warn or error")
	}
	done(r.verb("log-level", Request{Level: "DEBUG"}, ""), "log level is debug"+until)

	done(r.verb("drain", Request{Registry: "b"}, ""), "b: drained; a reload or a restart serves it again")
	r.verb("drain", Request{Registry: "b"}, `no registry "b" is served; there are a`)
	done(r.verb("pause", Request{}, ""), "a: paused: commands wait until their deadlines, sessions log out") // the only one
	done(r.verb("reload", Request{}, ""), "added: b", "unchanged: a")
	r.write("nonsense: 1", "a")
	r.verb("reload", Request{}, "unknown key")

	who := fmt.Sprintf(" uid=%d pid=%d", os.Getuid(), os.Getpid())
	r.want(r.end(), "msg=control verb=pause"+who+" registry=a\n", "msg=control verb=resume"+who+"\n",
		fmt.Sprintf("msg=control verb=kick%s registry=a client=%d\n", who, id), "verb=log-level"+who+" level=DEBUG\n",
		"level=WARN msg=control verb=drain"+who+" registry=b err=\"no registry")
}

// TestControlDo: a task runs once on the goroutine of serve, or not at all after its end, and nobody
// waits for ever.
func TestControlDo(t *testing.T) {
	s := newService("", "1", nil, slog.New(newHandler("", nil, clitest.NewTranscript())))
	type key struct{}
	serving := context.WithValue(t.Context(), key{}, "serve")
	ran := make(chan any, 1) // one value for each task; never closed
	go func() { task := <-s.tasks; task(serving) }()
	if err := s.do(t.Context(), func(ctx context.Context) { ran <- ctx.Value(key{}) }); err != nil {
		t.Errorf("got %v", err)
	}
	if got := <-ran; got != "serve" {
		t.Errorf("got the context with %v, want that of serve", got)
	}

	// The caller has gone before its turn: the task never runs.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.do(ctx, func(context.Context) { t.Error("the task ran") }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}

	// The caller goes while the task runs: it goes on.
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	free := make(chan struct{}) // closed when the task may end
	go func() { task := <-s.tasks; task(serving); ran <- "ended" }()
	if err := s.do(ctx, func(context.Context) { cancel(); <-free }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(free)
	if got := <-ran; got != "ended" {
		t.Errorf("got %v", got)
	}

	close(s.ending)
	if err := s.do(t.Context(), func(context.Context) { t.Error("the task ran") }); err != errEnding {
		t.Errorf("got %v, want %v", err, errEnding)
	}
}

// TestPeerOf: the kernel says who asks, on a unix socket only.
func TestPeerOf(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	if got := callerOf(here); got != (caller{uid: ^uint32(0)}) {
		t.Errorf("got %+v of a pipe", got)
	}
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err := net.Dial("unix", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := callerOf(accepted), (caller{uint32(os.Getuid()), int32(os.Getpid())}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	accepted.Close()
	if got := callerOf(accepted); got != (caller{uid: ^uint32(0)}) {
		t.Errorf("got %+v of a closed connection", got)
	}
}

// TestSeconds: rounded to the millisecond.
func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]float64{
		0: 0, time.Second: 1, 1234567 * time.Microsecond: 1.235, 400 * time.Microsecond: 0, 90 * time.Minute: 5400, -time.Second: -1,
	} {
		if got := seconds(d); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v: got %v, want %v", d, got, want)
		}
	}
}
