package serve

import (
	"bufio"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/sandbox"
	"eppmux/upstream"
)

// identityStand takes identities in a folder of the test.
type identityStand struct {
	t   *testing.T
	dir string
	log *clitest.Transcript
}

func newIdentityStand(t *testing.T) *identityStand {
	return &identityStand{t: t, dir: t.TempDir(), log: clitest.NewTranscript()}
}

func (st *identityStand) take(now time.Time) *identity {
	return takeIdentity(func() (string, error) { return st.dir, nil }, now, slog.New(slog.NewTextHandler(st.log, nil)))
}

// crash ends id as the end of its process does.
func (st *identityStand) crash(id *identity) {
	close(id.done)
	id.ended.Wait()
	id.file.Close()
}

func (st *identityStand) close(id *identity) {
	st.t.Helper()
	if err := id.close(); err != nil {
		st.t.Error(err)
	}
}

// TestIdentity: each process has another identity, and gets that of the last time again.
func TestIdentity(t *testing.T) {
	st := newIdentityStand(t)
	one, two := st.take(time.Now()), st.take(time.Now())
	first, second := one.trids.Identity(), two.trids.Identity()
	if first != hostID() || second == first {
		t.Errorf("got identities %d and %d", first, second)
	}
	st.close(one)
	again, three := st.take(time.Now()), st.take(time.Now())
	if got := again.trids.Identity(); got != first || three.trids.Identity() == second || three.trids.Identity() == first {
		t.Errorf("got %d and %d, want %d and a new one", got, three.trids.Identity(), first)
	}
	st.crash(two)
	four := st.take(time.Now())
	if got := four.trids.Identity(); got != second {
		t.Errorf("got %d, want %d, of the process that has ended", got, second)
	}
	for _, id := range []*identity{again, three, four} {
		st.close(id)
	}
	if st.log.Text() != "" {
		t.Errorf("got log %s", st.log.Text())
	}
}

// TestIdentityClockBack: no start begins below what the process before it could have used, whatever
// the clock says and however that process ended.
func TestIdentityClockBack(t *testing.T) {
	st := newIdentityStand(t)
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		id := st.take(now)
		begun := id.trids.Last()
		time.Sleep(10*time.Minute + time.Second)
		used := uint64(time.Now().UnixMicro()) // its last id, at the most
		if most := mark(t, id); most < used+tridsRoom {
			t.Errorf("the file has %d after ten minutes, want more than %d", most, used)
		}
		st.crash(id)
		id = st.take(now.Add(-time.Hour))
		if got := id.trids.Last(); got < used {
			t.Errorf("begins at %d, behind %d, of before a crash", got, used)
		}
		last := id.trids.Last()
		st.close(id)
		id = st.take(now.Add(-2 * time.Hour))
		if got := id.trids.Last(); got != last {
			t.Errorf("begins at %d, want %d, of a clean end", got, last)
		}
		st.close(id)
		if begun != 0 {
			t.Errorf("the first one began at %d", begun)
		}
	})
}

// mark is what the file of id has.
func mark(t *testing.T, id *identity) uint64 {
	t.Helper()
	most, err := strconv.ParseUint(strings.TrimSpace(string(clitest.ReadFile(t, id.path))), 10, 64)
	if err != nil {
		t.Error(err)
	}
	return most
}

// TestIdentityDamaged: an identity whose file cannot be read is not used, one whose file is gone is
// locked anew, and without a folder chance must do.
func TestIdentityDamaged(t *testing.T) {
	st := newIdentityStand(t)
	at := func(n int) string {
		return fmt.Sprintf("muxtrid-%04d.lock", (int(hostID())+n)%upstream.TRIDIdentities)
	}
	clitest.WriteFile(t, st.dir, at(0), "x", 0o600)
	clitest.WriteFile(t, st.dir, at(1), "0000000000000000000x\n", 0o600)
	clitest.WriteFile(t, st.dir, at(2), "", 0o600)
	clitest.WriteFile(t, st.dir, at(3), fmt.Sprintf("%020d\n", 0), 0o600)
	id, next := st.take(time.Now()), st.take(time.Now())
	if filepath.Base(id.path) != at(2) || filepath.Base(next.path) != at(3) || strings.Count(st.log.Text(), "another one is taken") != 4 {
		t.Errorf("got %s and %s, log %s", id.path, next.path, st.log.Text())
	}
	st.close(next)
	if err := os.Remove(id.path); err != nil {
		t.Fatal(err)
	}
	if err := id.mend(); err != nil || !samePlace(id.file, id.path) {
		t.Errorf("got %v, want the file anew", err)
	}
	st.close(id)

	st.dir = filepath.Join(st.dir, "none")
	one := st.take(time.Now())
	if !strings.Contains(st.log.Text(), `level=WARN msg="`+byChance) || one.trids == nil {
		t.Errorf("got log %s", st.log.Text())
	}
	st.close(one)
	(*identity)(nil).close()
}

// TestIdentityDiskFails: while the file cannot be written, ids follow the clock no longer than it
// says, and that is told once.
func TestIdentityDiskFails(t *testing.T) {
	st := newIdentityStand(t)
	synctest.Test(t, func(t *testing.T) {
		id := st.take(time.Now())
		if err := os.Remove(id.path); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(id.path, 0o700); err != nil { // nobody can lock it
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if err := os.Remove(id.path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		text := st.log.Text()
		if strings.Count(text, "cannot be kept") != 1 || strings.Count(text, "kept again") != 1 {
			t.Errorf("got log %s", text)
		}
		st.close(id)
	})
}

// TestIdentityProcesses: two processes on one folder make no id twice, with the same clock.
func TestIdentityProcesses(t *testing.T) {
	if dir := os.Getenv("EPPMUX_TEST_IDENTITY"); dir != "" {
		id := takeIdentity(func() (string, error) { return dir, nil }, time.Now(), slog.New(slog.DiscardHandler))
		fmt.Printf("identity=%d\n", id.trids.Identity())
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // until the parent ends us
		return
	}
	st := newIdentityStand(t)
	mine := st.take(time.Now())
	cmd := exec.Command(os.Args[0], "-test.run=^TestIdentityProcesses$")
	cmd.Env = append(os.Environ(), "EPPMUX_TEST_IDENTITY="+st.dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	theirs, found := strings.CutPrefix(strings.TrimSpace(line), "identity=")
	if !found || err != nil || theirs == fmt.Sprint(mine.trids.Identity()) {
		t.Errorf("got %q, %v, beside identity %d", line, err, mine.trids.Identity())
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	in.Close()
	next := st.take(time.Now())
	if got := fmt.Sprint(next.trids.Identity()); got != theirs {
		t.Errorf("got identity %s, want %s, of the process that was killed", got, theirs)
	}
	st.close(next)
	st.close(mine)
}

var anyMuxTRID = regexp.MustCompile(`<clTRID>(M[0-9A-Z]{13})`)

// TestMuxTRIDsOfOneProcess: eight registries of one process, each with a client that asks without a
// clTRID as fast as it is answered, show the registry no id twice.
func TestMuxTRIDsOfOneProcess(t *testing.T) {
	var mu sync.Mutex
	seen := make(map[string]int) // guarded by mu
	const entries, commands = 8, 1000
	var accounts, registries []string
	for i := range entries {
		accounts = append(accounts, fmt.Sprintf("demo%d", i))
	}
	made := clitest.NewTLS(t)
	users := make(map[string]string)
	for _, a := range accounts {
		users[a] = a + "-secret"
	}
	registry := clitest.StartRegistry(t, made, sandbox.Config{Accounts: users, Observe: func(f sandbox.Frame) {
		if id := anyMuxTRID.FindSubmatch(f.Payload); id != nil {
			mu.Lock()
			defer mu.Unlock()
			seen[string(id[1])]++
		}
	}})
	st := &reloadStand{t: t, dir: t.TempDir(), log: clitest.NewTranscript()}
	clitest.WriteFile(t, st.dir, "ca.pem", string(made.CAPEM), 0o600)
	clitest.WriteFile(t, st.dir, "c.pem", string(made.ClientCertPEM), 0o600)
	clitest.WriteFile(t, st.dir, "c.key", string(made.ClientKeyPEM), 0o600)
	for _, a := range accounts {
		registries = append(registries, st.account(registry, a, a))
	}
	st.begin("state: {dir: .}", registries...)
	var clients sync.WaitGroup
	for _, a := range accounts {
		conn := st.connect(a)
		clients.Go(func() { askOften(t, conn, commands) })
	}
	clients.Wait()
	mu.Lock()
	defer mu.Unlock()
	again := 0
	for _, n := range seen {
		again += n - 1
	}
	if again > 0 || len(seen) < entries*commands {
		t.Errorf("%d of %d ids came again, want none of %d", again, len(seen), entries*commands)
	}
}

// askOften sends n checks without a clTRID, each behind the answer to the one before.
func askOften(t *testing.T, conn net.Conn, n int) {
	unit := clitest.Unit(regexp.MustCompile(`<clTRID>.*?</clTRID>`).ReplaceAllString(clitest.CheckXML, ""))
	for range n {
		if _, err := conn.Write(unit); err != nil {
			t.Error(err)
			return
		}
		if _, err := clitest.ReadUnit(conn); err != nil {
			t.Error(err)
			return
		}
	}
}

// TestIdentityStuck: a disk that does not answer keeps nobody: I14.
func TestIdentityStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := clitest.NewTranscript()
		id, err := tryIdentity(t.TempDir(), 1, time.Now(), slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		free := make(chan struct{}) // closed at the end
		id.ended.Go(func() { <-free })
		began := time.Now()
		if err := id.close(); err != nil || time.Since(began) > identityShutdown || !strings.Contains(log.Text(), "takes too long") {
			t.Errorf("got %v after %v, %s", err, time.Since(began), log.Text())
		}
		close(free)
	})
}
