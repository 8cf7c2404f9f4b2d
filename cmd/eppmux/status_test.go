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
	"time"

	"eppmux/admin"
	"eppmux/cmd/eppmux/internal/clitest"
)

// statusAt serves the admin pages of a stand until the test ends, and returns where.
func statusAt(t *testing.T, st *reloadStand) string {
	t.Helper()
	a, err := startAdmin("127.0.0.1:0", nil, st.s.live, st.s.monitor, st.s.log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.stop() })
	return a.server.Addr().String()
}

func TestStatus(t *testing.T) {
	st := startReloadStand(t, "a")
	st.check(st.connect("a"))
	at := statusAt(t, st)
	got := eppmux(t, "status", "--admin", at)
	if got.code != 0 || got.errs != "" {
		t.Errorf("got %+v", got)
	}
	for _, want := range []string{"All well\n", "ok     a         all well: 1 session", "1000    done", "built-in registry"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("got no %q in\n%s", want, got.out)
		}
	}
	var s admin.Status
	if got := eppmux(t, "status", "--json", "--admin", at); got.code != 0 || json.Unmarshal([]byte(got.out), &s) != nil || len(s.Registries) != 1 {
		t.Errorf("got %+v", got)
	}
	r := &s.Registries[0]
	if r.Name != "a" || r.Total.Queries != 1 || len(r.Limits) == 0 || len(r.Sessions.List) == 0 || len(r.Expiries) != 1 || r.Queue.TimeoutSeconds != 8 {
		t.Errorf("got %+v", r)
	}
}

// TestStatusFollowsReloads: registries that come and go, and what the log warned of.
func TestStatusFollowsReloads(t *testing.T) {
	st := startReloadStand(t, "a")
	st.write("", "a", "b")
	st.want(st.reload(), "added=b")
	if s := st.s.monitor.Status(); len(s.Registries) != 2 || s.Registries[1].Name != "b" {
		t.Errorf("got %+v", s)
	}
	st.write("nonsense: 1", "a")
	st.want(st.reload(), "reload refused")
	for deadline := time.Now().Add(20 * time.Second); ; {
		s := st.s.monitor.Status()
		if len(s.Events) == 1 && strings.Contains(s.Events[0].Detail, "unknown key") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %+v", s.Events)
		}
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
	st := startReloadStand(t, "a")
	ctx, cancel := context.WithCancel(t.Context())
	out := clitest.NewTranscript()
	code := make(chan int, 1) // the one exit code
	go func() { code <- run(ctx, []string{"status", "--watch", "--admin", statusAt(t, st)}, nil, out, out) }()
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
