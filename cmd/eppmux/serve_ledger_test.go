package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/frame"
	"eppmux/sandbox"
)

// ledgerStand is a registry, and a program that is restarted with one state folder.
type ledgerStand struct {
	*accountStand
	options string // of the registry in the config
	top     string // of state in the config
	admin   string // host:port; empty: none
	program *program
}

func startLedgerStand(t *testing.T, cfg sandbox.Config) *ledgerStand {
	t.Helper()
	st := &ledgerStand{accountStand: &accountStand{t: t, dir: t.TempDir(), state: t.TempDir()}}
	made := clitest.NewTLS(t)
	st.registry = clitest.StartRegistry(t, made, cfg)
	clitest.WriteFile(t, st.dir, "ca.pem", string(made.CAPEM), 0o600)
	clitest.WriteFile(t, st.dir, "c.pem", string(made.ClientCertPEM), 0o600)
	clitest.WriteFile(t, st.dir, "c.key", string(made.ClientKeyPEM), 0o600)
	return st
}

// begin starts the program, with a password.
func (st *ledgerStand) begin(password string) {
	st.t.Helper()
	st.program = startProgram(st.t, "serve", "--config", st.configure(password))
	st.program.find(`msg="(eppmux serves)"`)
}

// configure writes the config, and returns its file.
func (st *ledgerStand) configure(password string) string {
	st.t.Helper()
	return clitest.WriteFile(st.t, st.dir, "c.yaml", fmt.Sprintf("admin: {listen: %q}\ndrain_timeout: 1s\nstate: {dir: %q%s}\nregistries: [{name: a, address: %q, listen: [%q], "+
		"login: {client_id: demo, password: %s}, tls: {ca_file: ca.pem, cert_file: c.pem, key_file: c.key}, clients: {max: 50}, %s}]\n",
		st.admin, st.state, st.top, st.registry.Address, "unix://"+filepath.Join(st.dir, "a"), password, st.options), 0o600)
}

// reload has the program take over the config as it is now, for the n-th time.
func (st *ledgerStand) reload(n int) {
	st.t.Helper()
	st.configure("demo-secret")
	if err := st.program.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		st.t.Fatal(err)
	}
	st.program.find(fmt.Sprintf(`(?s)(?:msg=reloaded.*){%d}(\n)`, n))
}

// readyz is what /readyz says.
func (st *ledgerStand) readyz() string {
	st.t.Helper()
	answer, err := http.Get("http://" + st.admin + "/readyz")
	if err != nil {
		st.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		st.t.Fatal(err)
	}
	return string(text)
}

// end ends the program in one of two ways.
func (st *ledgerStand) end(by syscall.Signal) {
	st.t.Helper()
	if err := st.program.cmd.Process.Signal(by); err != nil {
		st.t.Fatal(err)
	}
	<-st.program.ended
}

// ask sends n checks, one behind the other, and returns how many were answered with 1000.
func (st *ledgerStand) ask(n int) (done int) {
	st.t.Helper()
	conn := st.connect("a")
	defer conn.Close()
	if _, err := clitest.ReadUnit(conn); err != nil {
		st.t.Fatal(err)
	}
	for range n {
		if st.code(conn) == 1000 {
			done++
		}
	}
	return done
}

func (st *ledgerStand) code(conn net.Conn) int {
	st.t.Helper()
	if _, err := conn.Write(checkXML("a.example")); err != nil {
		st.t.Fatal(err)
	}
	return st.answer(conn)
}

// answer reads an answer, and returns its code.
func (st *ledgerStand) answer(conn net.Conn) int {
	st.t.Helper()
	answer, err := clitest.ReadUnit(conn)
	if err != nil {
		st.t.Fatal(err)
	}
	code, _, err := frame.ParseResult(answer)
	if err != nil {
		st.t.Fatal(err)
	}
	return code
}

func (st *ledgerStand) checks() uint64 { return st.registry.Counters().Commands["check"] }

// TestLimitOutlivesRestart: what is used of a limit counts behind a restart, a crash, and where the
// rule has another name and other commands.
func TestLimitOutlivesRestart(t *testing.T) {
	t.Parallel()
	for _, by := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		st := startLedgerStand(t, sandbox.Config{})
		st.options = "sessions: {max: 1}, timeouts: {queue: 300ms}, rate_limits: [{limit: 10, per: 1h, commands: [check, info]}]"
		st.begin("demo-secret")
		if got := st.ask(10); got != 10 {
			t.Errorf("%v: got %d answers of the first 10", by, got)
		}
		st.end(by)
		st.options = "sessions: {max: 1}, timeouts: {queue: 300ms}, rate_limits: [{name: other, limit: 10, per: 1h, commands: [check, delete]}]"
		st.begin("demo-secret")
		if got := st.ask(3); got != 0 || st.checks() != 10 {
			t.Errorf("%v: got %d answers more, the registry saw %d checks, want 10", by, got, st.checks())
		}
		st.end(syscall.SIGTERM)
	}
}

// TestDayOutlivesRestarts: of 1,000 a day none can be spent twice, and few are lost, over 20 restarts of
// which half are crashes in the middle of the work. The registry counts by its own clock. (The budget of
// logins of one session, 20 a minute, would hold so many starts up.)
func TestDayOutlivesRestarts(t *testing.T) {
	t.Parallel()
	st := startLedgerStand(t, sandbox.Config{RateLimit: 1000, RatePer: 24 * time.Hour})
	st.options = "sessions: {max: 10}, timeouts: {queue: 300ms}, rate_limits: [{limit: 1000, per: 24h, commands: [check]}]"
	begun := time.Now()
	for i := range 20 {
		st.begin("demo-secret")
		if got := st.ask(45); got != 45 {
			t.Errorf("start %d: got %d answers of 45", i+1, got)
		}
		st.end([]syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}[i%2])
	}
	st.begin("demo-secret")
	for st.ask(1) == 1 && st.checks() <= 1000 {
	}
	n, c := st.checks(), st.registry.Counters()
	if n > 1000 || n < 900 || c.Breaches.Total() != 0 {
		t.Errorf("the registry saw %d, want 900 to 1,000, breaches %+v", n, c.Breaches)
	}
	t.Logf("the registry saw %d in %v", n, time.Since(begun).Round(time.Second))
	st.end(syscall.SIGTERM)
}

// TestRefusalOutlivesRestart: credentials that were refused are not tried again by four starts, and
// others are at once.
func TestRefusalOutlivesRestart(t *testing.T) {
	t.Parallel()
	st := startLedgerStand(t, sandbox.Config{})
	st.options = "sessions: {max: 1}"
	for i := range 4 {
		st.begin("wrong-secret")
		if i == 0 {
			st.program.find(`(code=2200|2200)`)
		}
		st.end([]syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}[i%2])
	}
	if n := st.registry.Counters().LoginsRefused; n != 1 {
		t.Errorf("got %d logins with refused credentials, want 1", n)
	}
	st.begin("demo-secret")
	if got := st.ask(1); got != 1 {
		t.Error("another password was not tried")
	}
	st.end(syscall.SIGTERM)
}

// TestSpentLimitIsNamed: a limit that counts logins too and is used up leaves no session behind a restart,
// nor behind the end of the last one. The log, /readyz and the status name it. Once it counts what the
// registry counts, a reload is enough.
func TestSpentLimitIsNamed(t *testing.T) {
	t.Parallel()
	for _, by := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL, 0} {
		st := startLedgerStand(t, sandbox.Config{})
		st.admin = freeAddress(t)
		st.options = "sessions: {max: 1}, timeouts: {queue: 300ms}, rate_limits: [{limit: 10, per: 1h}]"
		st.begin("demo-secret")
		for n := 1; st.ask(1) == 1; n++ { // the login was the first of ten
			if n == 8 && by == 0 {
				st.registry.SetFaults(clitest.Faults(t, "close-after:cmd=check"))
			}
		}
		if by != 0 {
			st.end(by)
			st.begin("demo-secret")
		}
		st.program.find(`level=WARN msg="(no session can be opened: a limit that counts logins is used up; what waits is not sent)" .*limit=all-10-per-1h for=(?:59m|1h0m)`)
		if got := st.readyz(); !regexp.MustCompile(`no session is logged in; limit all-10-per-1h counts logins and is used up; next attempt in (59m\d+s|1h0m0s)`).MatchString(got) {
			t.Errorf("%v: got %s", by, got)
		}
		if got := eppmux(t, "status", "--admin", st.admin); got.code != cli.ExitFailed || !strings.Contains(got.out, "limit all-10-per-1h (10 per 1h) counts logins and is used up: no session can be opened for ") {
			t.Errorf("%v: got %+v", by, got)
		}
		st.options = "sessions: {max: 1}, timeouts: {queue: 300ms}, rate_limits: [{limit: 10, per: 1h, commands: [check]}]"
		st.reload(1)
		conn := st.connect("a")
		if _, err := clitest.ReadUnit(conn); err != nil {
			t.Errorf("%v: got %v, want a greeting", by, err)
		}
		st.end(syscall.SIGTERM)
	}
}
