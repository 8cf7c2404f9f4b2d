package talk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
)

// respond is what a gateway in a test does.
type respond func(w http.ResponseWriter, r *http.Request, body string)

// startGateway starts one, and returns a Gateway for it and the number of requests so far.
func startGateway(t *testing.T, do respond) (g *Gateway, asked func() int) {
	t.Helper()
	n := make(chan int, 1) // the number; one is always in it
	n <- 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n <- <-n + 1
		body, _ := io.ReadAll(r.Body)
		do(w, r, string(body))
	}))
	t.Cleanup(s.Close)
	return &Gateway{URL: s.URL, Registry: "a", Purpose: "test"}, func() int {
		now := <-n
		n <- now
		return now
	}
}

// replies answers with a body of a type.
func replies(status int, kind, body string) respond {
	return func(w http.ResponseWriter, _ *http.Request, _ string) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// echoes answers 1000 with the clTRID of the command.
func echoes(w http.ResponseWriter, r *http.Request, body string) {
	_, id, _ := strings.Cut(body, "<clTRID>")
	id, _, _ = strings.Cut(id, "<")
	replies(200, "application/epp+xml", strings.Replace(clitest.OKXML, "<svTRID>", "<clTRID>"+id+"</clTRID><svTRID>", 1))(w, r, body)
}

const (
	queryXML  = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><check/><clTRID>mine-1</clTRID></command></epp>`
	changeXML = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><create/><clTRID>mine-1</clTRID></command></epp>`
)

func TestGatewayExchange(t *testing.T) {
	var got *http.Request
	var sent string
	g, asked := startGateway(t, func(w http.ResponseWriter, r *http.Request, body string) {
		got, sent = r, body
		echoes(w, r, body)
	})
	g.URL += "/"
	g.Authorization, g.Key = "Bearer epx_1", "order 7"
	a, err := g.Exchange(t.Context(), NewMessage([]byte(changeXML)), 7*time.Second)
	if err != nil || a.Code != 1000 || a.RTT <= 0 || !strings.Contains(string(a.Octets), "mine-1") {
		t.Fatalf("got %+v, %v", a, err)
	}
	if sent != changeXML || got.Method != "POST" || got.URL.Path != "/v1/a/epp" || asked() != 1 {
		t.Errorf("got %s %s %q, %d times", got.Method, got.URL, sent, asked())
	}
	for name, want := range map[string]string{"Authorization": "Bearer epx_1", "Idempotency-Key": `"order 7"`, "Prefer": "wait=7",
		"X-Request-Id": "mine-1", "Content-Type": "application/epp+xml"} {
		if h := got.Header.Get(name); h != want {
			t.Errorf("%s: got %q, want %q", name, h, want)
		}
	}
	if id := g.NewClTRID(); !strings.HasPrefix(id, "eppmux-test-") || id == g.NewClTRID() {
		t.Errorf("got clTRID %s", id)
	}
}

func TestGatewayOverUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "g.sock")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: ln, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Host != "localhost" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		echoes(w, r, string(body))
	})}}
	s.Start()
	defer s.Close()
	g := &Gateway{URL: "http://localhost", Socket: path, Registry: "a"}
	if a, err := g.Exchange(t.Context(), NewMessage([]byte(queryXML)), time.Minute); err != nil || a.Code != 1000 {
		t.Errorf("got %+v, %v", a, err)
	}
}

// TestGatewayAnswers: what comes in place of an answer, and whether the message may have been carried out.
func TestGatewayAnswers(t *testing.T) {
	problem := func(status int, text string) respond { return replies(status, "application/problem+json", text) }
	for _, tt := range []struct {
		name    string
		do      respond
		want    string
		problem *Problem // nil: the error is another one
		sent    bool
	}{
		{"not sent", problem(503, `{"title":"t","detail":"d","outcome":"not_sent","cause":"queue_timeout","retryAfter":3}`),
			`the gateway answers 503 not_sent: "t", "d", cause "queue_timeout"`, &Problem{Status: 503, Outcome: "not_sent", RetryAfter: 3}, false},
		{"unknown", problem(500, `{"title":"t","outcome":"unknown","muxTRID":"M1-x"}`), `answers 500 unknown: "t", id "M1-x" at the registry`,
			&Problem{Status: 500, Outcome: "unknown"}, false},
		{"code", problem(404, `{"outcome":"answered","code":2303,"status":200}`), "answers 404 answered", &Problem{Status: 404, Outcome: "answered", Code: 2303}, false},
		{"escape", problem(400, `{"title":"\u001b[2J","outcome":"refused"}`), `"\x1b[2J"`, &Problem{Status: 400, Outcome: "refused"}, false},
		{"no outcome", problem(500, `{"title":"t"}`), `got 500 Internal Server Error with a problem document that is none: outcome ""`, nil, true},
		{"no JSON", problem(500, `<html>`), "with a problem document that is none", nil, true},
		{"long", problem(500, strings.Repeat(" ", maxProblem+1)), "longer than 1048576 octets", nil, true},
		{"another server", replies(200, "text/html", "<html>"), `got 200 OK of type "text/html", which no gateway of eppmux sends`, nil, true},
		{"no type", replies(502, "", ""), "got 502 Bad Gateway of type", nil, true},
		{"redirect", func(w http.ResponseWriter, r *http.Request, _ string) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, "got 307", nil, true},
		{"not EPP", replies(200, "application/epp+xml", "<html/>"), "the answer is not EPP", nil, true},
		{"greeting", replies(200, "application/epp+xml", clitest.GreetingXML), "got a greeting that is not its answer", nil, true},
		{"another's", replies(200, "text/xml", strings.Replace(clitest.OKXML, "<svTRID>", "<clTRID>eppmux-test-ABCDEFGHIJKLM</clTRID><svTRID>", 1)), "got a response that is not its answer", nil, true},
		{"breaks off", func(w http.ResponseWriter, _ *http.Request, _ string) {
			w.Header().Set("Content-Type", "text/xml")
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, "<epp")
			panic(http.ErrAbortHandler)
		}, "answer: the connection was closed", nil, true},
		{"closes", func(http.ResponseWriter, *http.Request, string) { panic(http.ErrAbortHandler) }, "answer: the connection was closed", nil, true},
		{"closes a repeatable one", func(http.ResponseWriter, *http.Request, string) { panic(http.ErrAbortHandler) }, "answer: the connection was closed", nil, true},
	} {
		g, asked := startGateway(t, tt.do)
		if strings.Contains(tt.name, "repeatable") {
			g.Key = "k" // net/http would send such a request again by itself
		}
		_, err := g.Exchange(t.Context(), NewMessage([]byte(changeXML)), time.Minute)
		var p *Problem
		if err == nil || !strings.Contains(err.Error(), tt.want) || errors.As(err, &p) != (tt.problem != nil) || WasSent(err) != tt.sent {
			t.Errorf("%s: got %v, sent %v, want %q, %v", tt.name, err, WasSent(err), tt.want, tt.sent)
		}
		if p != nil && tt.problem != nil && (p.Status != tt.problem.Status || p.Outcome != tt.problem.Outcome || p.Code != tt.problem.Code || p.RetryAfter != tt.problem.RetryAfter) {
			t.Errorf("%s: got %+v, want %+v", tt.name, p, tt.problem)
		}
		if asked() != 1 {
			t.Errorf("%s: got %d requests, want 1", tt.name, asked())
		}
	}
}

// TestGatewayIsNotReached: nothing was sent, or nothing came within the time, or the user has had enough.
func TestGatewayIsNotReached(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	g := &Gateway{URL: "http://" + ln.Addr().String(), Registry: "a", Authorization: "Bearer " + clitest.Canary}
	_, err = g.Exchange(t.Context(), NewMessage([]byte(changeXML)), time.Minute)
	if err == nil || !strings.HasPrefix(err.Error(), "connect: dial tcp ") || WasSent(err) || clitest.FindSecret(err.Error()) != "" {
		t.Errorf("nobody there: got %v", err)
	}
	secure := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("got a request") }))
	secure.Config.ErrorLog = nil
	defer secure.Close()
	g = &Gateway{URL: secure.URL, Registry: "a"}
	if _, err = g.Exchange(t.Context(), NewMessage([]byte(changeXML)), time.Minute); err == nil || !strings.HasPrefix(err.Error(), "connect: tls: ") || WasSent(err) {
		t.Errorf("wrong authority: got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	g, _ = startGateway(t, func(_ http.ResponseWriter, r *http.Request, _ string) {
		cancel()
		<-r.Context().Done()
	})
	_, err = g.Exchange(ctx, NewMessage([]byte(changeXML)), time.Minute)
	if !errors.Is(err, cli.ErrInterrupted) || !WasSent(err) {
		t.Errorf("interrupted: got %v", err)
	}
	// Without a time of its own for the gateway, ours is over first.
	g, _ = startGateway(t, func(_ http.ResponseWriter, r *http.Request, _ string) { <-r.Context().Done() })
	gone, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err = g.Exchange(gone, NewMessage([]byte(changeXML)), time.Minute); err == nil || !WasSent(err) {
		t.Errorf("silent: got %v", err)
	}
	g.URL = "http://\x7f"
	if _, err = g.Exchange(t.Context(), NewMessage([]byte(changeXML)), time.Minute); err == nil || WasSent(err) {
		t.Errorf("bad URL: got %v", err)
	}
}

// TestProblemShowsNoControls: the words of another server are quoted.
func TestProblemShowsNoControls(t *testing.T) {
	p := &Problem{Status: 500, Title: "\x1b[2J", Detail: "\u202e", Cause: "\x00", MuxTRID: "\x07", Outcome: "refused"}
	if text := fmt.Sprint(p); strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == '\u202e' }) {
		t.Errorf("got %q", text)
	}
}
