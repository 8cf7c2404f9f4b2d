package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// ledgerStand keeps ledgers in a folder of the test.
type ledgerStand struct {
	*ledgers
	t   *testing.T
	log *clitest.Transcript
}

func newLedgerStand(t *testing.T) *ledgerStand {
	st := &ledgerStand{t: t, log: clitest.NewTranscript()}
	st.ledgers = newLedgers(&config.Config{State: config.State{Dir: t.TempDir()}}, slog.New(slog.NewTextHandler(st.log, nil)))
	return st
}

// someLedger is a content that CheckLedger takes.
var someLedger = pageOf(1)

// pageOf is a ledger of that version, of a pool that has done nothing.
func pageOf(version int) []byte {
	p := pool.New(pool.Config{Grant: pool.Grant{MinSessions: 1, MaxSessions: 1}, Rand: rand.New(rand.NewPCG(1, 2))}, 0)
	text, err := json.Marshal(struct {
		Version int
		Ledger  *pool.Ledger
	}{version, p.Ledger(0, time.Hour)})
	if err != nil {
		panic(err)
	}
	return text
}

// keep keeps content, and returns whether it was written.
func (st *ledgerStand) keep(f *ledgerFile, content []byte) bool {
	st.t.Helper()
	result := make(chan bool, 1) // the one
	f.Keep(content, 7, func(ticket uint64, ok bool) {
		if ticket != 7 {
			st.t.Errorf("got ticket %d", ticket)
		}
		result <- ok
	})
	return <-result
}

// TestLedgerFile: what was kept last is there at the next start, for its account alone, in a file
// that nobody else reads.
func TestLedgerFile(t *testing.T) {
	st, a := newLedgerStand(t), accountOf(demo)
	f, memory := st.open(a)
	if memory.State != upstream.MemoryNone {
		t.Errorf("got %v of a first start", memory.State)
	}
	if !st.keep(f, pageOf(2)) || !st.keep(f, someLedger) {
		t.Error("got no writing")
	}
	if info, err := os.Stat(f.path); err != nil || info.Mode() != 0o600 {
		t.Errorf("got %v, %v", info, err)
	}
	second, memory := st.open(a) // another registry of this process, with a file of its own
	if memory.State != upstream.MemoryNone || second.path == f.path {
		t.Errorf("got %v at %s for a second user of the account", memory.State, second.path)
	}
	other, memory := st.open(accountID{"epp.example:700", "other"})
	if memory.State != upstream.MemoryNone {
		t.Errorf("got %v of another account", memory.State)
	}
	for _, f := range []*ledgerFile{f, f, second, other, nil} {
		f.close()
	}
	f, memory = st.open(a)
	defer f.close()
	if memory.State != upstream.MemoryKept || !bytes.Equal(memory.Content, someLedger) {
		t.Errorf("got %v %s, want %s", memory.State, memory.Content, someLedger)
	}
	if st.log.Text() != "" {
		t.Errorf("got log %s", st.log.Text())
	}
}

// TestLedgerCoalesces: while the disk is at work only the newest content waits, and all are told of
// its end; the last one is written before close returns.
func TestLedgerCoalesces(t *testing.T) {
	st := newLedgerStand(t)
	f, _ := st.open(accountOf(demo))
	var written []string
	begun, free := make(chan struct{}), make(chan struct{}) // one for each writing
	f.write = func(_ string, text []byte) error {
		begun <- struct{}{}
		<-free
		_, content, _ := bytes.Cut(text, []byte("\n"))
		written = append(written, string(content))
		return nil
	}
	ends := make(chan uint64, 4)
	for i := range uint64(4) {
		f.Keep(fmt.Append(nil, i), i, func(ticket uint64, ok bool) { ends <- ticket })
		if i == 0 {
			<-begun
		}
	}
	free <- struct{}{}
	<-begun
	free <- struct{}{}
	for want := range uint64(4) {
		if got := <-ends; got != want {
			t.Errorf("got the end of %d, want %d", got, want)
		}
	}
	f.Keep([]byte("last"), 9, func(uint64, bool) {})
	go func() { <-begun; free <- struct{}{} }()
	f.close()
	if got := strings.Join(written, " "); got != "0 3 last" {
		t.Errorf("got %q written", got)
	}
}

// TestLedgerDamaged: a file that is no ledger of its account is set aside and named, and its limits
// count as full, at the next start too if nothing was written meanwhile.
func TestLedgerDamaged(t *testing.T) {
	a := accountOf(demo)
	whole := func(st *ledgerStand, account accountID, content string) []byte {
		f, _ := st.open(account)
		st.keep(f, []byte(content))
		defer os.Remove(f.path)
		defer f.close()
		return clitest.ReadFile(t, f.path)
	}
	for name, tt := range map[string]struct {
		spoil func(*ledgerStand) []byte
		want  string
	}{
		"empty": {func(*ledgerStand) []byte { return nil }, "unexpected end"},
		"half":  {func(st *ledgerStand) []byte { b := whole(st, a, string(someLedger)); return b[:len(b)-3] }, "its sum is wrong"},
		"another digit": {func(st *ledgerStand) []byte {
			b := whole(st, a, string(someLedger))
			at := bytes.LastIndex(b, []byte(`"N":20`)) // of logins a minute
			b[at+len(`"N":`)] = '9'                    // it is JSON, and a ledger, all the same
			if _, content, _ := bytes.Cut(b, []byte("\n")); upstream.CheckLedger(content) != nil {
				st.t.Errorf("%s is no ledger", content)
			}
			return b
		}, "its sum is wrong"},
		"not a ledger":  {func(st *ledgerStand) []byte { return whole(st, a, `{"Version":1`) }, "ledger: unexpected end"},
		"other account": {func(st *ledgerStand) []byte { return whole(st, accountID{"x:1", "y"}, string(someLedger)) }, "of the account y at x:1"},
		"version": {func(st *ledgerStand) []byte {
			return bytes.Replace(whole(st, a, string(someLedger)), []byte(`"version":1`), []byte(`"version":2`), 1)
		}, "version 2, want 1"},
		"later ledger": {func(st *ledgerStand) []byte { return whole(st, a, string(pageOf(99))) }, "version 99"},
		"too long":     {func(*ledgerStand) []byte { return make([]byte, maxLedger+1) }, "larger than"},
	} {
		st := newLedgerStand(t)
		text := tt.spoil(st)
		f, _ := st.open(a)
		f.close()
		if err := os.WriteFile(f.path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			f, memory := st.open(a)
			if memory.State != upstream.MemoryLost {
				t.Errorf("%s: got %v, want a loss", name, memory.State)
			}
			f.close()
		}
		aside, _ := filepath.Glob(f.path + ".damaged-*")
		if len(aside) != 2 || !bytes.Equal(clitest.ReadFile(t, aside[0]), text) || !strings.Contains(st.log.Text(), tt.want) {
			t.Errorf("%s: got %q, log %s, want %q", name, aside, st.log.Text(), tt.want)
		}
		f, _ = st.open(a)
		if !st.keep(f, someLedger) {
			t.Errorf("%s: not written anew", name)
		}
		f.close()
		if f, memory := st.open(a); memory.State != upstream.MemoryKept {
			t.Errorf("%s: got %v behind a writing", name, memory.State)
		} else {
			f.close()
		}
	}
}

// TestLedgerFails: a writing that fails is told, and leaves the content of before.
func TestLedgerFails(t *testing.T) {
	st := newLedgerStand(t)
	f, _ := st.open(accountOf(demo))
	if !st.keep(f, someLedger) {
		t.Error("got a failure")
	}
	before := clitest.ReadFile(t, f.path)
	if err := os.Mkdir(f.path+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	if st.keep(f, []byte("new")) || !strings.Contains(st.log.Text(), "could not be written") {
		t.Errorf("got a writing, log %s", st.log.Text())
	}
	if st.keep(f, make([]byte, maxLedger)) {
		t.Error("got a writing that is too long to be read")
	}
	if !bytes.Equal(clitest.ReadFile(t, f.path), before) {
		t.Error("the content of before is gone")
	}
	f.write = func(string, []byte) error { return errors.New("disk") }
	if st.keep(f, someLedger) {
		t.Error("got a writing")
	}
	f.close()
}

// TestLedgerKey: it is made once, and a damaged one is replaced.
func TestLedgerKey(t *testing.T) {
	st := newLedgerStand(t)
	log := slog.New(slog.NewTextHandler(st.log, nil))
	again, err := ledgerKey(st.folder, log)
	if err != nil || len(st.key) != keyLen || !bytes.Equal(again, st.key) {
		t.Errorf("got %x, %v, want %x", again, err, st.key)
	}
	path := filepath.Join(st.folder, "ledger.key")
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("got %v, %v", info, err)
	}
	if err := os.WriteFile(path, st.key[:5], 0o600); err != nil {
		t.Fatal(err)
	}
	if next, err := ledgerKey(st.folder, log); err != nil || len(next) != keyLen || bytes.Equal(next, st.key) {
		t.Errorf("got %x, %v, want a new one", next, err)
	}
	if !strings.Contains(st.log.Text(), "set aside") {
		t.Errorf("got log %s", st.log.Text())
	}
}

// TestLedgerFolder: ledgers are kept in a folder that lasts, or not at all.
func TestLedgerFolder(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("RUNTIME_DIRECTORY", dir)
	t.Setenv("STATE_DIRECTORY", "")
	log := slog.New(slog.DiscardHandler)
	if l := newLedgers(&config.Config{}, log); l != nil {
		t.Errorf("got ledgers in %s", l.folder)
	}
	t.Setenv("STATE_DIRECTORY", dir+":/more")
	if l := newLedgers(&config.Config{State: config.State{OnError: config.StateBlock}}, log); l == nil || l.folder != dir || l.policy != pool.LedgerBlock {
		t.Errorf("got %+v", l)
	}
	if l := newLedgers(&config.Config{State: config.State{Dir: dir, OnError: config.StateWarn}}, log); l.policy != pool.LedgerWarn {
		t.Errorf("got policy %v", l.policy)
	}
}
