package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
)

// sandboxProgram is a sandbox that runs as a program in this process.
type sandboxProgram struct {
	t      *testing.T
	lines  *bufio.Reader // of its standard output
	cancel func()
	code   chan int // its exit code, once; never closed
}

func startSandbox(t *testing.T, args ...string) *sandboxProgram {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	p := &sandboxProgram{t, bufio.NewReader(r), cancel, make(chan int, 1)}
	var errs bytes.Buffer
	go func() {
		code := run(ctx, append([]string{"sandbox"}, args...), nil, w, &errs)
		if code != 0 {
			t.Errorf("%q: got exit %d: %s", args, code, errs.String())
		}
		w.Close()
		p.code <- code
	}()
	t.Cleanup(func() {
		cancel()
		io.Copy(io.Discard, p.lines)
	})
	return p
}

// line is what follows prefix in the next line of output, which must begin with it.
func (p *sandboxProgram) line(prefix string) string {
	p.t.Helper()
	line, err := p.lines.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, prefix) {
		p.t.Fatalf("got line %q, %v, want %q", line, err, prefix)
	}
	return strings.TrimSpace(strings.TrimPrefix(line, prefix))
}

// end sends the signal and returns what was counted.
func (p *sandboxProgram) end() stats {
	p.t.Helper()
	p.cancel()
	var s stats
	if err := json.NewDecoder(p.lines).Decode(&s); err != nil {
		p.t.Fatal(err)
	}
	io.Copy(io.Discard, p.lines)
	if code := <-p.code; code != 0 {
		p.t.Errorf("got exit %d, want 0", code)
	}
	return s
}

func TestSandboxPlain(t *testing.T) {
	p := startSandbox(t, "--plain", "--listen", "127.0.0.1:0", "--stats-listen", "127.0.0.1:0")
	to := p.line("listening on tcp://127.0.0.1:")
	p.line("account demo, password demo-secret")
	p.line("account other, password other-secret")
	url := p.line("statistics on ")
	to = "tcp://127.0.0.1:" + to
	if got := eppmux(t, "send", "--to", to, "hello"); got.code != 0 || !strings.Contains(got.out, "<greeting>") {
		t.Errorf("hello: got %+v", got)
	}
	// The sandbox is a registry: it wants a login, and counts who does without.
	if got := eppmux(t, "send", "--to", to, "check", "example.com"); got.code != 3 || !strings.Contains(got.out, `<result code="200`) {
		t.Errorf("check: got %+v", got)
	}
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var live stats
	if err := json.NewDecoder(r.Body).Decode(&live); err != nil || live.Connections != 2 || live.Breaches.BeforeLogin != 1 || live.BreachesTotal != 1 {
		t.Errorf("live: got %+v, %v", live, err)
	}
	if got := p.end(); got.Connections != 2 || got.BreachesTotal != 1 {
		t.Errorf("at the end: got %+v", got)
	}
}

func TestSandboxTLS(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made")
	p := startSandbox(t, "--tls", dir, "--listen", "tcp://127.0.0.1:0", "--account", "acme=geheim-1", "--account", "abc=geheim-2")
	to := "tls://127.0.0.1:" + p.line("listening on tls://127.0.0.1:")
	p.line("certificates in " + dir)
	p.line("account abc")
	p.line("account acme")
	for _, name := range []string{"ca.pem", "server.pem", "server.key", "client.pem", "client.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got %v, %v, want mode 0600", name, info, err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("got %v, %v, want the folder closed to others", info, err)
	}
	login := `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><login><clID>acme</clID><pw>geheim-1</pw>` +
		`<options><version>1.0</version><lang>en</lang></options><svcs><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI></svcs></login></command></epp>`
	if got := eppmuxWith(t, login, "send", "--to", to, "--ca", filepath.Join(dir, "ca.pem")); got.code != 0 || !strings.Contains(got.out, `code="1000"`) {
		t.Errorf("login: got %+v", got)
	}
	if got := p.end(); got.Logins != 1 || got.BreachesTotal != 0 {
		t.Errorf("at the end: got %+v", got)
	}
}

func TestSandboxOwnCertificate(t *testing.T) {
	dir := t.TempDir()
	clitest.WritePair(t, dir, "a")
	a := filepath.Join(dir, "a.pem")
	path := filepath.Join(dir, "epp.sock")
	for _, tt := range []struct {
		args []string
		code int
	}{
		{[]string{"--tls-cert", a, "--tls-key", filepath.Join(dir, "a.key")}, 0},
		{[]string{"--tls-cert", a, "--tls-key", filepath.Join(dir, "a.key"), "--client-ca", a}, 1},
		{[]string{"--tls", dir, "--mutual"}, 1},
	} {
		p := startSandbox(t, append(tt.args, "--listen", "127.0.0.1:0")...)
		to := "tls://127.0.0.1:" + p.line("listening on tls://127.0.0.1:")
		ca := a
		if tt.args[0] == "--tls" {
			p.line("certificates in")
			ca = filepath.Join(dir, "ca.pem")
		}
		p.line("account demo")
		if got := eppmux(t, "send", "--to", to, "--ca", ca, "hello"); got.code != tt.code {
			t.Errorf("%q: got %+v, want %d", tt.args, got, tt.code)
		}
		p.line("account other")
		p.end()
	}
	p := startSandbox(t, "--plain", "--listen", "unix://"+path)
	p.line("listening on unix://" + path)
	p.line("account demo")
	p.line("account other")
	if got := eppmux(t, "send", "--to", "unix://"+path, "hello"); got.code != 0 {
		t.Errorf("unix: got %+v", got)
	}
	p.end()
}

func TestSandboxUsage(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"", "needs exactly one of --tls DIR, --tls-cert with --tls-key, and --plain"},
		{"--plain --tls x", "needs exactly one of"},
		{"--tls-cert x", "--tls-cert and --tls-key go together"},
		{"--tls-key x", "--tls-cert and --tls-key go together"},
		{"--tls x --client-ca x", "--client-ca goes with --tls-cert"},
		{"--plain --mutual", "--mutual goes with --tls"},
		{"--plain --listen tls://127.0.0.1:0", "--plain: cannot listen on a tls:// address"},
		{"--plain --listen 0.0.0.0:0", "--plain: 0.0.0.0:0 is not a loopback address"},
		{"--plain --listen nowhere", "--listen: "},
		{"--plain --sessions 0", "--sessions: must be at least 1, got 0"},
		{"--plain --idle -1s", "--idle: must not be below 0"},
		{"--plain --latency -1s", "--latency: must not be below 0"},
		{"--plain --rate fast", `--rate: must be as 10/1s, got "fast"`},
		{"--plain --object-rate 0/s", `--object-rate: must be as 10/1s, got "0/s"`},
		{"--plain --check-max 0", "--check-max: must be at least 1, got 0"},
		{"--plain --account " + clitest.Canary, "--account: must be ID=PASSWORD"},
		{"--plain --account ==" + clitest.Canary, "--account: must be ID=PASSWORD"},
		{"--plain --max-commands -1", "--max-commands: must be at least 0, got -1"},
		{"--plain --max-frame 4", "--max-frame: must be at least 5, got 4"},
		{"--plain --login-timeout -1s", "--login-timeout: must not be below 0"},
		{"--plain --profile de-like", `--profile: unknown profile "de-like"; there are generic-strict`},
		{"--plain --profile no-like --sessions 0", "--sessions: must be at least 1, got 0"},
		{"--plain --quirks odd", `--quirks: unknown quirk "odd"`},
		{"--plain --faults explode;half:p=2", `--faults: fault "explode": there is no such fault`},
		{"--plain x", "unknown command"},
	} {
		got := eppmux(t, append([]string{"sandbox"}, strings.Fields(tt.args)...)...)
		if got.code != 2 || !strings.Contains(got.errs, tt.want) || strings.Contains(got.errs, clitest.Canary) || got.out != "" {
			t.Errorf("%s: got %+v, want %q", tt.args, got, tt.want)
		}
	}
}

func TestSandboxFailures(t *testing.T) {
	dir := t.TempDir()
	clitest.WritePair(t, dir, "a")
	file := clitest.WriteFile(t, dir, "file", "x", 0o600)
	a, key := filepath.Join(dir, "a.pem"), filepath.Join(dir, "a.key")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--tls", file}, "not a directory"},
		{[]string{"--tls-cert", file, "--tls-key", key}, "failed to find any PEM data"},
		{[]string{"--tls-cert", a, "--tls-key", key, "--client-ca", file}, "holds no certificate in PEM"},
		{[]string{"--tls-cert", a, "--tls-key", key, "--client-ca", file + "x"}, "no such file"},
		{[]string{"--plain", "--listen", "unix://" + dir + "/missing/a.sock"}, "no such file"},
		{[]string{"--plain", "--listen", "127.0.0.1:0", "--stats-listen", "0.0.0.0:0"}, "is not a loopback host:port"},
	} {
		got := eppmux(t, append([]string{"sandbox"}, tt.args...)...)
		if got.code != 1 || !strings.Contains(got.errs, tt.want) {
			t.Errorf("%q: got %+v, want %q", tt.args, got, tt.want)
		}
	}
}

// TestSandboxMutual uses the files that --tls wrote as a registrar would: one authority, a
// certificate to show.
func TestSandboxMutual(t *testing.T) {
	dir := t.TempDir()
	p := startSandbox(t, "--tls", dir, "--mutual", "--listen", "127.0.0.1:0")
	where := "127.0.0.1:" + p.line("listening on tls://127.0.0.1:")
	p.line("certificates in")
	p.line("account demo")
	p.line("account other")
	text := "registries:\n  - name: a\n    listen: [\"unix:///a\"]\n    address: " + where +
		"\n    login: {client_id: demo, password: demo-secret}\n    tls: {ca_file: ca.pem, cert_file: client.pem, key_file: client.key}\n"
	c, err := config.Load(clitest.WriteFile(t, dir, "c.yaml", text, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", where, c.Registries[0].TLSConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got, err := clitest.ReadUnit(conn); err != nil || !strings.Contains(string(got), "<greeting>") {
		t.Errorf("got %q, %v, want a greeting", got, err)
	}
	if got := p.end(); got.Connections != 1 {
		t.Errorf("got %d connections, want 1", got.Connections)
	}
}

// TestSandboxRestart: what trusts the first run trusts the second.
func TestSandboxRestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	ca := filepath.Join(t.TempDir(), "ca.pem") // as a client has copied it
	for i, says := range []string{"certificates in " + dir + "; ", "certificates in " + dir + ", from an earlier run; "} {
		p := startSandbox(t, "--tls", dir, "--mutual", "--listen", "127.0.0.1:0")
		to := "tls://127.0.0.1:" + p.line("listening on tls://127.0.0.1:")
		p.line(says)
		p.line("account demo")
		p.line("account other")
		if i == 0 {
			if err := os.WriteFile(ca, clitest.ReadFile(t, filepath.Join(dir, "ca.pem")), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got := eppmux(t, "send", "--to", to, "--ca", ca, "--cert", filepath.Join(dir, "client.pem"), "--key", filepath.Join(dir, "client.key"), "hello")
		if got.code != 0 {
			t.Errorf("run %d: got %+v", i+1, got)
		}
		p.end()
	}
}
