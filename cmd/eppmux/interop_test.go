package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/sandbox"
)

// These tests let EPP clients that we did not write talk to the sandbox, once directly and once
// through eppmux, and want no difference. Each program is a process of its own, as in production:
// the sandbox demands a client certificate, eppmux reads its password from a file. What a machine
// may lack (perl, openssl, the module proxy) makes a test skip, unless CI is set.

// lacking ends a test that cannot run here.
func lacking(t *testing.T, what string, err error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s: %v; CI has to have it", what, err)
	}
	t.Skipf("%s: %v", what, err)
}

// way is how a client reaches the sandbox.
type way struct {
	name    string
	through bool // eppmux
	tls     bool
}

var (
	directPlain  = way{"direct plain", false, false}
	directTLS    = way{"direct TLS", false, true}
	throughPlain = way{"through eppmux plain", true, false}
	throughTLS   = way{"through eppmux TLS", true, true}
)

// stand is a fresh sandbox, with eppmux in front of it or not.
type stand struct {
	t        *testing.T
	registry *program
	mux      *program // nil: clients go to the registry
	address  string   // host:port for the client

	// Files for the client, empty for plain. A certificate is shown on demand: the sandbox demands
	// it, eppmux does not.
	ca, cert, key string
}

// What the sandbox grants and eppmux may use.
const (
	sessionsMax = 2
	rateMax     = "100/1s"
)

func newStand(t *testing.T, w way) *stand {
	t.Helper()
	s := &stand{t: t}
	args := []string{"sandbox", "--listen", "127.0.0.1:0", "--sessions", strconv.Itoa(sessionsMax), "--rate", rateMax}
	if !w.through && !w.tls {
		s.registry = startProgram(t, append(args, "--plain")...)
		s.address = s.registry.find(`(?m)^listening on tcp://(\S+)$`)
		return s
	}
	dir := t.TempDir()
	s.registry = startProgram(t, append(args, "--tls", dir, "--mutual")...)
	s.address = s.registry.find(`(?m)^listening on tls://(\S+)$`)
	s.ca, s.cert, s.key = filepath.Join(dir, "ca.pem"), filepath.Join(dir, "client.pem"), filepath.Join(dir, "client.key")
	if !w.through {
		return s
	}
	s.mux = startProgram(t, "serve", "--config", s.writeConfig(dir))
	plain := s.mux.find(`msg=listening .*listener=tcp://(\S+)`)
	if s.address = s.mux.find(`msg=listening .*listener=tls://(\S+)`); !w.tls {
		s.address, s.ca, s.cert, s.key = plain, "", "", ""
	}
	return s
}

// writeConfig makes the config file in dir, where the sandbox has put its certificates. The
// listener has a certificate of another authority, which becomes the client's. No limit covers
// logout: one that does may end a session without.
func (s *stand) writeConfig(dir string) string {
	s.t.Helper()
	made, err := sandbox.NewTLS()
	if err != nil {
		s.t.Fatal(err)
	}
	s.ca = clitest.WriteFile(s.t, dir, "listener-ca.pem", string(made.CAPEM), 0o600)
	clitest.WriteFile(s.t, dir, "listener.pem", string(made.ServerCertPEM), 0o600)
	clitest.WriteFile(s.t, dir, "listener.key", string(made.ServerKeyPEM), 0o600)
	clitest.WriteFile(s.t, dir, "password", "demo-secret\n", 0o600)
	return clitest.WriteFile(s.t, dir, "config.yaml", fmt.Sprintf(`
registries:
  - name: interop
    listen: ["tcp://127.0.0.1:0", "tls://127.0.0.1:0"]
    address: %q
    tls: {ca_file: ca.pem, cert_file: client.pem, key_file: client.key}
    login: {client_id: demo, password_file: password}
    sessions: {max: %d}
    rate_limits: [{limit: 100, per: 1s, burst: 10}]
    clients: {max: 32, tls: {cert_file: listener.pem, key_file: listener.key}}
admin: {listen: "127.0.0.1:0"}
audit: {file: audit.jsonl}
`, s.address, sessionsMax), 0o600)
}

// end stops all, and returns what the sandbox has counted. With eppmux before it that has to be
// flawless, whatever the clients did.
func (s *stand) end() stats {
	s.t.Helper()
	if s.mux != nil {
		for line := range strings.Lines(s.mux.end()) {
			if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") {
				s.t.Errorf("eppmux logs %s", line)
			}
		}
	}
	out := s.registry.end()
	_, counted, _ := strings.Cut(out, "\n{")
	var got stats
	if err := json.Unmarshal([]byte("{"+counted), &got); err != nil {
		s.t.Fatalf("%v in %s", err, out)
	}
	if s.mux == nil {
		return got
	}
	if got.BreachesTotal != 0 {
		s.t.Errorf("got breaches %+v, want none", got.Breaches)
	}
	if got.Connections != got.Logins || got.Logins != got.Logouts || got.Logins < 1 || got.Logins > sessionsMax {
		s.t.Errorf("got %d connections, %d logins, %d logouts, want as many of each, and 1 or %d",
			got.Connections, got.Logins, got.Logouts, sessionsMax)
	}
	if n := got.Commands["hello"]; n != 0 {
		s.t.Errorf("got %d hellos at the registry, want those of clients answered by eppmux", n)
	}
	return got
}

// runClient runs a client's program and returns its standard output. It may be called from any
// goroutine.
func runClient(t *testing.T, in []byte, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), programTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %q: %w\n%s%s", name, args, err, out.String(), errs.String())
	}
	return out.String(), nil
}

// hostPort is the address in two.
func (s *stand) hostPort() (host, port string) {
	s.t.Helper()
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	return host, port
}

var (
	svTRIDs = regexp.MustCompile(`<svTRID>[^<]+</svTRID>`)
	dates   = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
)

// normal takes out what differs from run to run.
func normal(out string) string {
	return dates.ReplaceAllString(svTRIDs.ReplaceAllString(out, "<svTRID>SERVER</svTRID>"), "DATE")
}

var passwordChange = regexp.MustCompile(`(?m)^password change: code (\d+)\n`)

// passwordChange takes the one line out of a script's output that is not the same through eppmux:
// the registry changes the password, which is not for a client of many to do.
func (s *stand) passwordChange(out string) string {
	s.t.Helper()
	want := "1000"
	if s.mux != nil {
		want = "2102"
	}
	if m := passwordChange.FindStringSubmatch(out); m == nil || m[1] != want {
		s.t.Errorf("got %q for a change of the password, want %s", m, want)
	}
	return passwordChange.ReplaceAllString(out, "")
}

// sameLines compares line by line, and shows the first that differ.
func sameLines(t *testing.T, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Errorf("line %d\ngot  %s\nwant %s", i+1, g[i], w[i])
			return
		}
	}
	t.Errorf("got %d lines, want %d; got\n%s\nwant\n%s", len(g), len(w), got, want)
}
