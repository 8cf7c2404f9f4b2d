package main

import (
	"net"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/sandbox"
)

// client is a connection with its greeting read.
func (st *ledgerStand) client() net.Conn {
	st.t.Helper()
	conn := st.connect("a")
	if _, err := clitest.ReadUnit(conn); err != nil {
		st.t.Fatal(err)
	}
	return conn
}

// fileSize bounds the files that the program may write, as a disk that is full does for root too; restore
// ends that.
func (st *ledgerStand) fileSize(most uint64) (restore func()) {
	st.t.Helper()
	pid := st.program.cmd.Process.Pid
	var before unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, nil, &before); err != nil {
		st.t.Fatal(err)
	}
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: most, Max: before.Max}, nil); err != nil {
		st.t.Fatal(err)
	}
	return func() {
		if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &before, nil); err != nil {
			st.t.Error(err)
		}
	}
}

// shows waits until the status says so.
func (st *ledgerStand) shows(pattern string) {
	st.t.Helper()
	re := regexp.MustCompile(pattern)
	var got result
	for range 1000 {
		if got = eppmux(st.t, "status", "--admin", st.admin); re.MatchString(got.out) {
			return
		}
	}
	st.t.Errorf("got %s, want %s", got.out, pattern)
}

// TestLedgerDiskFails: while nothing can be written, commands under a kept limit go on, or wait and are not
// sent, as the config says. The others go on. When the disk is well again all do.
func TestLedgerDiskFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		policy, finding string
		code            int
		saw             uint64
	}{
		{"warn", "what is used of limits cannot be written down; a crash would forget it", 1000, 100},
		{"block", "what is used of limits cannot be written down; commands under long limits are not sent, others are", 2400, 10},
	} {
		st := startLedgerStand(t, sandbox.Config{})
		st.admin, st.top = freeAddress(t), ", on_error: "+tt.policy
		st.options = "sessions: {max: 1}, timeouts: {queue: 3s}, rate_limits: [{limit: 200, per: 1h, commands: [check]}]"
		st.begin("demo-secret")
		if got := st.ask(10); got != 10 {
			t.Errorf("%s: got %d answers of 10", tt.policy, got)
		}
		restore := st.fileSize(1)
		conn := st.client()
		last := 0
		for range 90 {
			if last = st.code(conn); last != 1000 {
				break
			}
		}
		if last != tt.code {
			t.Errorf("%s: got %d, want %d", tt.policy, last, tt.code)
		}
		st.program.find(`(what is used of limits cannot be written down)`)
		st.shows(regexp.QuoteMeta(tt.finding))
		if code := st.other(conn); code != 1000 && code != 2303 {
			t.Errorf("%s: got %d to a command that no limit counts", tt.policy, code)
		}
		if n := st.checks(); n > 100 || tt.code == 2400 && n > 20 || tt.code == 1000 && n != 100 {
			t.Errorf("%s: the registry saw %d checks", tt.policy, n)
		}
		restore()
		st.program.find(`(what is used of limits is written down again)`)
		if code := st.code(conn); code != 1000 {
			t.Errorf("%s: got %d from a disk that is well again", tt.policy, code)
		}
		st.shows("all well|not sent in the last ten minutes")
		// What was counted is there behind a crash, that of the time without a disk too.
		before := st.checks()
		st.end(syscall.SIGKILL)
		st.begin("demo-secret")
		for st.ask(1) == 1 {
		}
		if n := st.checks(); n > 200 || n < before {
			t.Errorf("%s: the registry saw %d checks, want 200 at the most", tt.policy, n)
		}
		st.end(syscall.SIGTERM)
	}
}

// other sends an info, and returns its code.
func (st *ledgerStand) other(conn net.Conn) int {
	st.t.Helper()
	if _, err := conn.Write(clitest.Unit(strings.ReplaceAll(infoText, "%d", ""))); err != nil {
		st.t.Fatal(err)
	}
	return st.answer(conn)
}

// TestCrashBeginsWithOneSession: behind a kill -9 with three sessions open the next process begins with one,
// and opens the others when the registry has had time to see the end of the old ones. None is
// refused.
func TestCrashBeginsWithOneSession(t *testing.T) {
	t.Parallel()
	st := startLedgerStand(t, sandbox.Config{MaxSessions: 3})
	st.options = "sessions: {min: 3, max: 3}"
	st.begin("demo-secret")
	st.program.find(`(?s)(?:session opened.*){3}(\n)`)
	st.end(syscall.SIGKILL)
	begun := time.Now()
	st.begin("demo-secret")
	if got := st.ask(5); got != 5 {
		t.Errorf("got %d answers of 5", got)
	}
	second := st.program.find(`(?s)session opened.*?time=(\S+) [^\n]*session opened.*?session opened`)
	if at, err := time.Parse(time.RFC3339, second); err != nil || at.Sub(begun) < 5*time.Second {
		t.Errorf("the second session is opened at %s, %v behind the start, %v", second, at.Sub(begun), err)
	}
	if c := st.registry.Counters(); c.SessionsPeak["demo"] > 3 || c.LoginsRefused != 0 || c.Logins != 6 {
		t.Errorf("got %+v", c)
	}
	st.end(syscall.SIGTERM)
}

// TestLoginsOutliveRestarts: of 20 logins a minute none can be made twice, however often it is restarted and
// killed. One that has none left serves when there is one again.
func TestLoginsOutliveRestarts(t *testing.T) {
	t.Parallel()
	st := startLedgerStand(t, sandbox.Config{})
	st.options, st.admin = "sessions: {max: 1}", freeAddress(t)
	waits := regexp.MustCompile(`next attempt in (?:[2-9]|\d\d)`) // half of the budget is spread over the minute
	begun := time.Now()
	for i := range 24 {
		st.begin("demo-secret")
		for !strings.Contains(st.program.log.Text(), "session opened") && !waits.MatchString(st.readyz()) {
		}
		st.end([]syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}[i%2])
	}
	most := 20 * uint64(1+time.Since(begun)/time.Minute)
	if c := st.registry.Counters(); c.Logins > most || c.Logins < 5 {
		t.Errorf("got %d logins, want 5 to %d in %v", c.Logins, most, time.Since(begun))
	}
}
