package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"eppmux/admin/status"
	"eppmux/cmd/eppmux/internal/clitest"
)

// startServing is "eppmux serve" as a process, before one built-in registry, with a listener for
// clients and one for the admin pages.
func startServing(t *testing.T) (p *program, socket, admin string) {
	t.Helper()
	dir := t.TempDir()
	socket = filepath.Join(dir, "a.sock")
	p = startProgram(t, "serve", "--config", clitest.WriteFile(t, dir, "c.yaml",
		fmt.Sprintf("admin: {listen: \"127.0.0.1:0\"}\nregistries: [{name: a, address: sandbox, listen: [%q], clients: {max: 50}}]\n", "unix://"+socket), 0o600))
	admin = p.find(`msg="admin listening" listener=(\S+)`)
	p.find(`(msg="eppmux serves")`)
	return p, socket, admin
}

func TestStatus(t *testing.T) {
	p, socket, at := startServing(t)
	defer p.end()
	if got := eppmux(t, "send", "--to", "unix://"+socket, "check", "example.com"); got.code != 0 {
		t.Errorf("got %+v", got)
	}
	got := eppmux(t, "status", "--admin", at)
	if got.code != 0 || got.errs != "" {
		t.Errorf("got %+v", got)
	}
	for _, want := range []string{"All well\n", "ok     a         all well: 1 session", "1000    done", "built-in registry"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("got no %q in\n%s", want, got.out)
		}
	}
	var s status.Status
	if got := eppmux(t, "status", "--json", "--admin", at); got.code != 0 || json.Unmarshal([]byte(got.out), &s) != nil || len(s.Registries) != 1 {
		t.Errorf("got %+v", got)
	}
	r := &s.Registries[0]
	if r.Name != "a" || r.Total.Queries != 1 || len(r.Limits) == 0 || len(r.Sessions.List) == 0 || len(r.Expiries) != 1 || r.Queue.TimeoutSeconds != 8 {
		t.Errorf("got %+v", r)
	}
}

// TestStatusWithoutAProgram: exit codes for all that can be wrong with the way to it.
func TestStatusWithoutAProgram(t *testing.T) {
	dir := t.TempDir()
	quiet := clitest.WriteFile(t, dir, "quiet.yaml", clitest.SandboxYAML()+"admin: {listen: \"\"}\n", 0o600)
	named := clitest.WriteFile(t, dir, "named.yaml", clitest.SandboxYAML()+"admin: {listen: \"127.0.0.1:1\"}\n", 0o600)
	odd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "no JSON") }))
	defer odd.Close()
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	for _, tt := range []struct {
		args []string
		code int
		errs string
	}{
		{[]string{"--admin", "127.0.0.1:1"}, 1, "is eppmux running"},
		{[]string{"--config", named}, 1, "127.0.0.1:1"},
		{[]string{"--config", quiet}, 2, "has no admin.listen"},
		{[]string{"--config", filepath.Join(dir, "missing")}, 2, "missing"},
		{[]string{"--admin", "nonsense"}, 2, "must be host:port"},
		{[]string{"more"}, 2, "eppmux: "},
		{[]string{"--admin", strings.TrimPrefix(odd.URL, "http://")}, 1, "answer: invalid character"},
		{[]string{"--admin", strings.TrimPrefix(other.URL, "http://")}, 1, "404"},
	} {
		if got := eppmux(t, append([]string{"status"}, tt.args...)...); got.code != tt.code || !strings.Contains(got.errs, tt.errs) || got.out != "" {
			t.Errorf("%q: got %+v, want %d, %q", tt.args, got, tt.code, tt.errs)
		}
	}
}

// TestStatusWatch: it draws again and again, also while nobody answers, and ends with 0 when it is
// told to.
func TestStatusWatch(t *testing.T) {
	p, _, at := startServing(t)
	defer p.end()
	ctx, cancel := context.WithCancel(t.Context())
	out := clitest.NewTranscript()
	code := make(chan int, 1) // the one exit code
	go func() { code <- run(ctx, []string{"status", "--watch", "--admin", at}, nil, out, out) }()
	for strings.Count(out.Text(), "eppmux devel on ")+strings.Count(out.Text(), "eppmux v") < 2 {
		<-out.More
	}
	cancel()
	if got := <-code; got != 0 || strings.Contains(out.Text(), "\x1b") {
		t.Errorf("got %d\n%q, want 0 and no escapes where there is no terminal", got, out.Text())
	}
}

func TestFrameOf(t *testing.T) {
	if got := string(frameOf([]byte("a\nb\n"), true, false)); got != "\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[J" {
		t.Errorf("got %q", got)
	}
	if got := string(frameOf([]byte("a\n"), false, false)); got != "a\n\n" {
		t.Errorf("got %q", got)
	}
	if got := string(frameOf([]byte("{}\n"), true, true)); got != "{}\n" {
		t.Errorf("got %q", got)
	}
}
