package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/sandbox"
)

// process is another process, as far as locks go.
type process struct {
	*locks
	log *clitest.Transcript
}

// newProcess is one whose locks are in folder and whose config is at that path.
func newProcess(folder, file string) *process {
	log := clitest.NewTranscript()
	cfg := &config.Config{State: config.State{Dir: folder}}
	return &process{newLocks(file, cfg, nil, slog.New(slog.NewTextHandler(log, nil))), log}
}

// demo is the account that the tests lock.
var demo = &config.Registry{Name: "a", Address: "epp.example:700", Login: config.Login{ClientID: "demo"}}

func (p *process) mustTake(t *testing.T, r *config.Registry) *accountLock {
	t.Helper()
	lock, err := p.take(t.Context(), r)
	if err != nil || lock == nil {
		t.Fatalf("got %v, %v, want the lock", lock, err)
	}
	return lock
}

// says is what the file of the only lock in folder says.
func says(t *testing.T, folder string) (h holder) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "account-*.lock"))
	if err != nil || len(files) != 1 {
		t.Fatalf("got %q, %v, want one lock", files, err)
	}
	if err := json.Unmarshal(clitest.ReadFile(t, files[0]), &h); err != nil {
		t.Fatal(err)
	}
	return h
}

// TestLock: an account is one process's at a time, whichever way its address is written, and others
// are free.
func TestLock(t *testing.T) {
	dir := t.TempDir()
	one, two := newProcess(dir, "/etc/one.yaml"), newProcess(dir, "/etc/two.yaml")
	lock := one.mustTake(t, demo)
	if got := says(t, dir); got != (holder{PID: os.Getpid(), Host: one.host, Config: "/etc/one.yaml", Address: "epp.example:700", ClientID: "demo"}) {
		t.Errorf("got %+v", got)
	}
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		same := &config.Registry{Address: "EPP.example:700", Login: config.Login{ClientID: "demo"}}
		got, err := two.take(t.Context(), same)
		want := fmt.Sprintf("account demo at epp.example:700 is in use by process %d (config /etc/one.yaml): both together would", os.Getpid())
		if got != nil || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, %v, want %q", got, err, want)
		}
		if waited := time.Since(begin); waited < lockSettle || waited > lockSettle+time.Second {
			t.Errorf("refused after %v", waited)
		}
	})
	for _, other := range []*config.Registry{
		{Address: "epp.example:700", Login: config.Login{ClientID: "other"}},
		{Address: "epp.example:701", Login: config.Login{ClientID: "demo"}},
	} {
		two.mustTake(t, other).release()
	}
	if got, err := two.take(t.Context(), &config.Registry{Address: "sandbox", Login: demo.Login}); got != nil || err != nil {
		t.Errorf("built-in registry: got %v, %v, want no lock", got, err)
	}
	lock.release()
	lock.release()
	lock = two.mustTake(t, demo)
	lock.release()
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("got %v, %v, left behind", left, err)
	}
	if one.log.Text()+two.log.Text() != "" {
		t.Errorf("got log %s%s", one.log.Text(), two.log.Text())
	}
}

// TestLockShared: registries of one process share an account, and it is free when the last one has
// given it back.
func TestLockShared(t *testing.T) {
	dir := t.TempDir()
	one, two := newProcess(dir, "one"), newProcess(dir, "two")
	first, second := one.mustTake(t, demo), one.mustTake(t, demo)
	first.ends(time.Minute)
	if got := says(t, dir); got.EndsWithin != 0 {
		t.Errorf("got %+v, while another registry works on", got)
	}
	first.release()
	first.release()
	first.ends(time.Minute) // it has nothing any more
	if got := says(t, dir); got.EndsWithin != 0 {
		t.Errorf("got %+v, though the last user has not said so", got)
	}
	second.ends(time.Minute)
	if got := says(t, dir); got.EndsWithin != time.Minute {
		t.Errorf("got %+v, want the end", got)
	}
	third := one.mustTake(t, demo) // as a reload does that brings the account back
	second.release()
	if got := says(t, dir); got.EndsWithin != 0 {
		t.Errorf("got %+v, want an account in use", got)
	}
	synctest.Test(t, func(t *testing.T) {
		if _, err := two.take(t.Context(), demo); err == nil || !strings.Contains(err.Error(), "is in use by") {
			t.Errorf("got %v, want a refusal", err)
		}
	})
	third.release()
	two.mustTake(t, demo).release()
}

// TestLockWaits: a holder that ends is waited for, as long as it has said; one that says so a moment
// later too.
func TestLockWaits(t *testing.T) {
	dir := t.TempDir()
	one, two := newProcess(dir, "/one"), newProcess(dir, "/two")
	synctest.Test(t, func(t *testing.T) {
		lock := one.mustTake(t, demo)
		go func() {
			time.Sleep(time.Second)
			lock.ends(time.Minute)
			time.Sleep(50 * time.Second)
			lock.release()
		}()
		begin := time.Now()
		taken := two.mustTake(t, demo)
		if waited := time.Since(begin); waited < 51*time.Second || waited > 52*time.Second {
			t.Errorf("waited for %v, want the 51 s that it took", waited)
		}
		want := fmt.Sprintf(`level=INFO msg="another eppmux ends its work with the account; waiting for it" registry=a pid=%d config=/one within=1m0s`, os.Getpid())
		if got := two.log.Text(); strings.Count(got, "waiting for it") != 1 || !strings.Contains(got, want) {
			t.Errorf("got log %s, want %q", got, want)
		}
		taken.release()

		lock = one.mustTake(t, demo)
		lock.ends(10 * time.Second)
		begin = time.Now()
		if _, err := two.take(t.Context(), demo); err == nil || !strings.Contains(err.Error(), "(config /one) ends its work with it, and has not done so within 12s") {
			t.Errorf("got %v, want the end of patience", err)
		}
		if waited := time.Since(begin); waited < 12*time.Second || waited > 13*time.Second {
			t.Errorf("waited for %v, want 12 s", waited)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if _, err := two.take(ctx, demo); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the end of the context", err)
		}
		lock.release()
	})
}

// TestLockRace: files that come and go let no two processes in at a time.
func TestLockRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var inside, met atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for done := 0; done < 500; {
				f, _, err := tryLock(path)
				if err != nil {
					t.Error(err)
					return
				}
				if f == nil {
					continue
				}
				if inside.Add(1) > 1 {
					met.Add(1)
				}
				done++
				inside.Add(-1)
				if err := os.Remove(path); err != nil {
					met.Add(1)
				}
				f.Close()
			}
		})
	}
	wg.Wait()
	if n := met.Load(); n > 0 {
		t.Errorf("%d times two were in at once", n)
	}
}

// TestLockMended: a file that somebody has removed is made anew, unless another process was quicker.
func TestLockMended(t *testing.T) {
	dir := t.TempDir()
	one, two := newProcess(dir, "/one"), newProcess(dir, "/two")
	lock := one.mustTake(t, demo)
	path := one.path(accountOf(demo))
	old := time.Now().Add(-240 * time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	one.mend()
	if info, err := os.Stat(path); err != nil || info.ModTime().Before(old.Add(time.Hour)) || one.log.Text() != "" {
		t.Errorf("got %v, %v, log %s, want a file that is no longer old", info.ModTime(), err, one.log.Text())
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	one.mend()
	if got := one.log.Text(); says(t, dir).Config != "/one" || !strings.Contains(got, `level=WARN msg="the file of a lock was gone; it is made anew"`) {
		t.Errorf("got %+v, log %s", says(t, dir), got)
	}
	synctest.Test(t, func(t *testing.T) {
		if _, err := two.take(t.Context(), demo); err == nil {
			t.Error("got the lock that was made anew")
		}
	})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	theirs := two.mustTake(t, demo)
	one.mend()
	if got := one.log.Text(); !strings.Contains(got, `level=ERROR msg="the account is used by another process too"`) || !strings.Contains(got, "(config /two)") {
		t.Errorf("got log %s", got)
	}
	lock.release()
	if says(t, dir).Config != "/two" {
		t.Error("the file of the other process is gone")
	}
	theirs.release()
}

// TestNotLocked: where nothing can be locked for another reason than another process, the program
// serves, and says so.
func TestNotLocked(t *testing.T) {
	dir := t.TempDir()
	p := newProcess(filepath.Join(dir, "none"), "c")
	if got, err := p.take(t.Context(), demo); got != nil || err != nil {
		t.Errorf("got %v, %v, want no lock", got, err)
	}
	want := `level=WARN msg="` + notLocked + `" registry=a err="open ` + dir
	if got := p.log.Text(); !strings.Contains(got, want) {
		t.Errorf("got log %s, want %q", got, want)
	}
	// A link that somebody has put there leads nowhere.
	p = newProcess(dir, "c")
	precious := clitest.WriteFile(t, dir, "precious", "text", 0o600)
	if err := os.Symlink(precious, p.path(accountOf(demo))); err != nil {
		t.Fatal(err)
	}
	if got, err := p.take(t.Context(), demo); got != nil || err != nil || string(clitest.ReadFile(t, precious)) != "text" {
		t.Errorf("got %v, %v, %q", got, err, clitest.ReadFile(t, precious))
	}
	// What a process without a lock gives back.
	(*accountLock)(nil).ends(time.Second)
	(*accountLock)(nil).release()

	t.Setenv("STATE_DIRECTORY", "")
	t.Setenv("RUNTIME_DIRECTORY", "")
	t.Setenv("TMPDIR", filepath.Join(dir, "none"))
	p = newProcess("", "c")
	if got, err := p.take(t.Context(), demo); got != nil || err != nil || !strings.Contains(p.log.Text(), notLocked) {
		t.Errorf("got %v, %v, log %s, want a warning", got, err, p.log.Text())
	}
	p.mend()
}

// startAccounts starts registries of the account demo, at a registry that knows another one too.
func startAccounts(t *testing.T, observe func(sandbox.Frame), registries ...string) (*reloadStand, *clitest.Registry) {
	t.Helper()
	made := clitest.NewTLS(t)
	registry := clitest.StartRegistry(t, made, sandbox.Config{MaxSessions: 2, Observe: observe})
	st := &reloadStand{t: t, dir: t.TempDir(), log: clitest.NewTranscript()}
	clitest.WriteFile(t, st.dir, "ca.pem", string(made.CAPEM), 0o600)
	clitest.WriteFile(t, st.dir, "c.pem", string(made.ClientCertPEM), 0o600)
	clitest.WriteFile(t, st.dir, "c.key", string(made.ClientKeyPEM), 0o600)
	for i, r := range registries {
		registries[i] = st.account(registry, r, "demo")
	}
	st.begin("state: {dir: .}", registries...)
	return st, registry
}

// account is the mapping of a registry of that name with that account.
func (st *reloadStand) account(r *clitest.Registry, name, clientID string) string {
	return strings.Replace(st.registry(name, "tls: {ca_file: ca.pem, cert_file: c.pem, key_file: c.key}", "sessions: {max: 1}",
		fmt.Sprintf("login: {client_id: %s, password: %s-secret}", clientID, clientID)), "address: sandbox", fmt.Sprintf("address: %q", r.Address), 1)
}

// TestReloadMovesLock: a reload to another account takes its lock before it changes anything, and
// gives the other one back when its sessions are closed.
func TestReloadMovesLock(t *testing.T) {
	held, free := make(chan struct{}, 1), make(chan struct{}) // one for a check that is held; closed by letGo
	letGo := sync.OnceFunc(func() { close(free) })
	st, registry := startAccounts(t, func(f sandbox.Frame) {
		if bytes.Contains(f.Payload, []byte("hold.example")) {
			held <- struct{}{}
			<-free
		}
	}, "a")
	t.Cleanup(letGo) // before the registry's end
	conn := st.connect("a")
	st.check(conn)
	them := newProcess(st.dir, "/them")
	to := func(id string) *config.Registry {
		return &config.Registry{Name: "them", Address: registry.Address, Login: config.Login{ClientID: id}}
	}
	theirs := them.mustTake(t, to("other"))
	moved := strings.Replace(st.account(registry, "a", "other"), st.socket("a"), st.socket("b"), 1)
	st.write("state: {dir: .}", moved)
	st.want(st.reload(), `msg="registry stays as it was" registry=a err="account other at `, "(config /them)", "msg=reloaded failed=a\n")
	st.check(st.connect("a"))
	if _, err := os.Stat(st.socket("b")); err == nil || st.s.members[0].cfg.Login.ClientID != "demo" {
		t.Errorf("got %v, %s: something has changed", err, st.s.members[0].cfg.Login.ClientID)
	}
	theirs.release()

	// A command in flight keeps a session of the old account, and its lock.
	busy := st.connect("a")
	if _, err := busy.Write(clitest.Unit(strings.ReplaceAll(clitest.CheckXML, "example.com", "hold.example"))); err != nil {
		t.Fatal(err)
	}
	<-held
	st.want(st.reload(), "msg=reloaded changed=a\n")
	var mine *accountLock
	taken := make(chan struct{}) // closed when mine is set
	go func() {
		defer close(taken)
		mine, _ = them.take(t.Context(), to("demo"))
	}()
	select {
	case <-taken:
		t.Errorf("the lock was given back with %d sessions open", registry.Counters().Sessions["demo"])
	case <-time.After(3 * leaveLook):
	}
	letGo()
	if answer, err := clitest.ReadUnit(busy); err != nil || !bytes.Contains(answer, []byte(`code="1000"`)) {
		t.Errorf("got %s, %v, want the answer", answer, err)
	}
	<-taken
	if n := registry.Counters().Sessions["demo"]; n != 0 || mine == nil {
		t.Errorf("got lock %v with %d sessions open", mine, n)
	}
	st.check(conn)
	if _, err := them.take(t.Context(), to("other")); err == nil || !strings.Contains(err.Error(), "is in use by") {
		t.Errorf("got %v, want a refusal", err)
	}
	// A reload that cannot listen keeps the account that it has.
	st.write("state: {dir: .}", strings.Replace(st.account(registry, "a", "demo"), st.socket("a"), st.dir, 1))
	mine.release()
	st.want(st.reload(), "registry stays as it was", "something else than a socket")
	them.mustTake(t, to("demo")).release()
}

// TestReloadReturnsToLedger: a reload that comes back to an account while sessions of it are still open goes on
// with its ledger.
func TestReloadReturnsToLedger(t *testing.T) {
	held, free := make(chan struct{}, 1), make(chan struct{}) // one for a check that is held; closed by letGo
	letGo := sync.OnceFunc(func() { close(free) })
	st, registry := startAccounts(t, func(f sandbox.Frame) {
		if bytes.Contains(f.Payload, []byte("hold.example")) {
			held <- struct{}{}
			<-free
		}
	}, "a")
	t.Cleanup(letGo) // before the registry's end
	busy := st.connect("a")
	if _, err := busy.Write(clitest.Unit(strings.ReplaceAll(clitest.CheckXML, "example.com", "hold.example"))); err != nil {
		t.Fatal(err)
	}
	<-held
	first := st.s.members[0].tenure.ledger.path
	for _, id := range []string{"other", "demo"} {
		st.write("state: {dir: .}", st.account(registry, "a", id))
		st.want(st.reload(), "msg=reloaded changed=a\n")
	}
	if got := st.s.members[0].tenure.ledger.path; got != first {
		t.Errorf("got %s, want %s", got, first)
	}
	letGo()
	if answer, err := clitest.ReadUnit(busy); err != nil || !bytes.Contains(answer, []byte(`code="1000"`)) {
		t.Errorf("got %s, %v, want the answer", answer, err)
	}
	st.check(st.connect("a"))
}

// TestReloadRefusesAccount: a registry that a reload adds is refused while another process has the
// account, and leaves nothing.
func TestReloadRefusesAccount(t *testing.T) {
	st, registry := startAccounts(t, nil, "a")
	st.check(st.connect("a"))
	them := newProcess(st.dir, "/them")
	theirs := them.mustTake(t, &config.Registry{Address: registry.Address, Login: config.Login{ClientID: "other"}})
	connections := registry.Counters().Connections
	st.write("state: {dir: .}", st.account(registry, "a", "demo"), st.account(registry, "b", "other"))
	st.want(st.reload(), `msg="registry could not be started" registry=b err="account other at `, "msg=reloaded unchanged=a failed=b\n")
	if _, err := os.Stat(st.socket("b")); err == nil || registry.Counters().Connections != connections {
		t.Errorf("got %v, %d connections, want %d and no socket", err, registry.Counters().Connections, connections)
	}
	theirs.release()
	st.want(st.reload(), "added=b")
	st.check(st.connect("b"))
}

// TestReloadSharedAccount: two registries of one config may have one account, as ever, and it is
// free for others when both have gone.
func TestReloadSharedAccount(t *testing.T) {
	st, registry := startAccounts(t, nil, "a", "b")
	st.check(st.connect("a"))
	st.check(st.connect("b"))
	them := newProcess(st.dir, "/them")
	account := &config.Registry{Address: registry.Address, Login: config.Login{ClientID: "demo"}}
	st.write("state: {dir: .}", st.account(registry, "a", "demo"))
	st.want(st.reload(), "removed=b unchanged=a")
	<-st.s.retired[0].gone
	if _, err := them.take(t.Context(), account); err == nil {
		t.Error("got the account, which a has")
	}
	st.write("state: {dir: .}", "c")
	st.want(st.reload(), "added=c removed=a")
	lock := them.mustTake(t, account) // it waits for the end of a
	if n := registry.Counters().Sessions["demo"]; n != 0 {
		t.Errorf("the lock was given back with %d sessions open", n)
	}
	lock.release()
	st.write("state: {dir: /}", "c")
	st.want(st.reload(), "state.dir and state.on_error change at a restart only")
}
