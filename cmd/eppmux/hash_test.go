package main

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/proxy"
)

// TestHash: what is printed is accepted, for the password that was typed and for no other.
func TestHash(t *testing.T) {
	for _, in := range []string{"demo-secret ä", "demo-secret ä\n", "demo-secret ä\r\nmore\n"} {
		got := eppmuxWith(t, in, "hash", "--iterations", "10000")
		h, err := proxy.ParsePasswordHash(strings.TrimSuffix(got.out, "\n"))
		if got.code != 0 || got.errs != "" || err != nil || !h.Matches("demo-secret ä") || h.Matches("demo-secret") {
			t.Errorf("%q: got %+v, %v", in, got, err)
		}
	}
}

// TestHashEntry does what --help says, with an entry and with a file.
func TestHashEntry(t *testing.T) {
	dir := t.TempDir()
	entry := eppmuxWith(t, "web-secret\n", "hash", "--iterations", "10000", "--client-id", `odd "one"`)
	file := eppmuxWith(t, "batch-secret\n", "hash", "--iterations", "10000")
	clitest.WriteFile(t, dir, "batch.hash", file.out, 0o600)
	text := "registries:\n  - name: a\n    address: sandbox\n    listen: [\"tcp://127.0.0.1:7000\"]\n    clients:\n      login: verify\n      users:\n" +
		"        " + entry.out + "        - {client_id: batch, password_hash_file: batch.hash}\n"
	cfg, err := config.Load(clitest.WriteFile(t, dir, "c.yaml", text, 0o600))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	all := cfg.Registries[0].Clients.Hashes()
	if web, batch := all[`odd "one"`], all["batch"]; !web.Matches("web-secret") || !batch.Matches("batch-secret") {
		t.Errorf("got %d hashes, want those of both", len(all))
	}
}

// TestHashToken: each token is another one, and its hash lets it in and no other. Nothing is asked.
func TestHashToken(t *testing.T) {
	seen := map[string]bool{}
	for range 3 {
		got := eppmux(t, "hash", "--token")
		token, rest, _ := strings.Cut(got.out, "\n")
		sum, err := config.ParseTokenHash(strings.TrimSuffix(rest, "\n"))
		random, bad := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "epx_"))
		if got.code != 0 || got.errs != "" || err != nil || bad != nil || len(random) != 32 || !strings.HasPrefix(token, "epx_") ||
			sum != sha256.Sum256([]byte(token)) || seen[token] {
			t.Errorf("got %+v, %v, %v", got, err, bad)
		}
		seen[token] = true
	}
}

// TestHashGatewayUser: entries of gateway.users, as they are printed.
func TestHashGatewayUser(t *testing.T) {
	token, entry, _ := strings.Cut(eppmux(t, "hash", "--token", "--user", "shop").out, "\n")
	// A password that EPP could not carry is one for HTTP.
	panel := eppmuxWith(t, "two  blanks\n", "hash", "--iterations", "10000", "--user", "panel")
	text := clitest.SandboxYAML() + "gateway:\n  listen: [\"tcp://127.0.0.1:7080\"]\n  users:\n    " + entry + "    " + panel.out
	cfg, err := config.Load(clitest.WriteFile(t, t.TempDir(), "c.yaml", text, 0o600))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	users := cfg.Gateway.Users
	if users[0].Name != "shop" || users[0].Token() != sha256.Sum256([]byte(token)) || users[1].Name != "panel" || !users[1].Password().Matches("two  blanks") {
		t.Errorf("got %+v", users)
	}
}

func TestHashRefuses(t *testing.T) {
	for _, tt := range []struct {
		in   string
		args []string
		code int
		says string
	}{
		{"", nil, cli.ExitFailed, "EOF"},
		{"12345\n", nil, cli.ExitFailed, "at least 6 characters"},
		{"12345\n", []string{"--user", "a"}, cli.ExitFailed, "at least 6 characters"},
		{" " + clitest.Canary + "\n", nil, cli.ExitFailed, "must not begin or end with a blank"},
		{clitest.Canary + "\x00\n", nil, cli.ExitFailed, "control characters"},
		{clitest.Canary + "\xff\n", nil, cli.ExitFailed, "not UTF-8"},
		{clitest.Canary + "\n", []string{"--iterations", "9999"}, cli.ExitUsage, "--iterations: must be 10000 to 5000000, got 9999"},
		{clitest.Canary + "\n", []string{"--user", "a", "--client-id", "b"}, cli.ExitUsage, "--user: does not go with --client-id"},
		{clitest.Canary + "\n", []string{"--token", "--client-id", "b"}, cli.ExitUsage, "--token: does not go with --client-id"},
		{clitest.Canary + "\n", []string{"--token", "--iterations", "10000"}, cli.ExitUsage, "--token: does not go with"},
		{"", []string{clitest.Canary}, cli.ExitUsage, "unknown command"},
	} {
		got := eppmuxWith(t, tt.in, append([]string{"hash"}, tt.args...)...)
		if got.code != tt.code || !strings.Contains(got.errs, tt.says) || got.out != "" || tt.in != "" && clitest.FindSecret(got.errs) != "" {
			t.Errorf("%q %q: got %+v, want exit %d and %q", tt.in, tt.args, got, tt.code, tt.says)
		}
	}
}

// TestVerifiedLogin is the whole way: a hash in a file, a served config, a reload that takes the
// user out.
func TestVerifiedLogin(t *testing.T) {
	dir := t.TempDir()
	socket := "unix://" + filepath.Join(dir, "s")
	clitest.WriteFile(t, dir, "hash", eppmuxWith(t, "demo-secret\n", "hash", "--iterations", "10000").out, 0o600)
	config := func(client string) string {
		return "admin: {listen: \"\"}\nregistries:\n  - name: a\n    address: sandbox\n    listen: [\"" + socket + "\"]\n" +
			"    clients: {max: 50, login: verify, users: [{client_id: " + client + ", password_hash_file: hash}]}\n"
	}
	file := clitest.WriteFile(t, dir, "c.yaml", config("demo"), 0o600)
	p := startProgram(t, "serve", "--config", file)
	p.find(`(msg="eppmux serves")`)
	login := func(want string) {
		t.Helper()
		if got := eppmuxWith(t, opensslLogin("ClientA-1", ""), "send", "--to", socket, "-"); !strings.Contains(got.out, want) {
			t.Errorf("got %+v, want %s", got, want)
		}
	}
	login(`code="1000"`)
	if got := eppmux(t, "send", "--to", socket, "check", "example.com"); !strings.Contains(got.out, "log in first") {
		t.Errorf("got %+v, want the command refused", got)
	}
	clitest.WriteFile(t, dir, "c.yaml", config("other"), 0o600)
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.find(`(msg=reloaded changed=a)`)
	login(`code="2200"`)
	p.find(`(client's login refused.*reason=credentials)`)
	if log := p.end(); strings.Contains(log, "demo-secret") || strings.Contains(log, "clid=") {
		t.Errorf("got\n%s\nwant neither the password nor a client id that is none of ours", log)
	}
}

// TestHashOnATerminal runs the program on a terminal of its own, as a person does: with a password,
// and with Ctrl-C in place of one. What is typed is never seen, and the echo comes back.
func TestHashOnATerminal(t *testing.T) {
	for _, tt := range []struct {
		typed []string
		code  int
		want  string
	}{
		{[]string{clitest.Canary + "\r", clitest.Canary + "\r"}, cli.ExitDone, "pbkdf2-sha256$10000$"},
		{[]string{"\x03"}, cli.ExitFailed, "eppmux hash: interrupted; nothing has changed"},
		{[]string{clitest.Canary + "\r", clitest.Canary[:4] + "\x03"}, cli.ExitFailed, "eppmux hash: interrupted; nothing has changed"},
	} {
		person, terminal := clitest.Terminal(t)
		p := startProgramAs(t, func(cmd *exec.Cmd) {
			cmd.Stdin, cmd.Stderr = terminal, terminal
			cmd.Env = append(cmd.Env, asProgram+"="+onTerminal)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true} // Ctrl-C is a signal there
		}, "hash", "--iterations", "10000")
		screen := ""
		for i, line := range tt.typed {
			screen += readScreen(t, person, []string{"new password: ", "once more: "}[i])
			if clitest.Echoes(t, terminal) {
				t.Errorf("%q: the echo is on at a prompt", tt.typed)
			}
			if _, err := io.WriteString(person, line); err != nil {
				t.Fatal(err)
			}
		}
		<-p.ended
		if !clitest.Echoes(t, terminal) {
			t.Errorf("%q: the echo is off at the end", tt.typed)
		}
		if _, err := io.WriteString(terminal, "end"); err != nil {
			t.Fatal(err)
		}
		screen += readScreen(t, person, "end") + p.log.Text()
		if got := p.cmd.ProcessState.ExitCode(); got != tt.code || !strings.Contains(screen, tt.want) || strings.Contains(screen, clitest.Canary) {
			t.Errorf("%q: got exit %d and %q, want %d, %q and no password", tt.typed, got, screen, tt.code, tt.want)
		}
	}
}

// readScreen is what a terminal shows up to and with some text.
func readScreen(t *testing.T, person *os.File, until string) string {
	t.Helper()
	seen := ""
	for !strings.Contains(seen, until) {
		b := make([]byte, 256)
		n, err := person.Read(b)
		if err != nil {
			t.Fatalf("%v after %q, want %q", err, seen, until)
		}
		seen += string(b[:n])
	}
	return seen
}
