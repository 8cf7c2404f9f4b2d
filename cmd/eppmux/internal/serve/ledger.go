package serve

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// ledgers are the files in which use of limits, logins and refusals outlive the process, one for each
// account. Nil: none are kept. Any goroutine may use them.
type ledgers struct {
	// Immutable.
	folder string
	policy pool.LedgerPolicy
	key    []byte // nil: it could not be had, so no refusal is kept
	log    *slog.Logger

	mu   sync.Mutex
	used map[string]bool // paths; guarded by mu
}

// ledgerFolder returns the folder that lasts: that of the config, or of the service manager. Empty:
// there is none. A folder in /tmp is none, nor is one that ends with the service.
func ledgerFolder(cfg *config.Config) string {
	if cfg.State.Dir != "" {
		return cfg.State.Dir
	}
	first, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":")
	return first
}

// newLedgers returns those of a process with the config cfg.
func newLedgers(cfg *config.Config, log *slog.Logger) *ledgers {
	l := &ledgers{folder: ledgerFolder(cfg), policy: pool.LedgerWarn, log: log, used: make(map[string]bool)}
	if l.folder == "" {
		return nil
	}
	if cfg.State.OnError == config.StateBlock {
		l.policy = pool.LedgerBlock
	}
	var err error
	if l.key, err = ledgerKey(l.folder, log); err != nil {
		log.Warn("refused credentials cannot be remembered beyond a restart", "err", err.Error())
	}
	return l
}

// keyLen is the number of octets of the key for hashes of credentials.
const keyLen = 32

// ledgerKey returns the key in the folder, and makes it where there is none. Of processes that make
// it at the same time one wins.
func ledgerKey(folder string, log *slog.Logger) ([]byte, error) {
	path := filepath.Join(folder, "ledger.key")
	key, _, err := cli.ReadFile(path, keyLen)
	switch {
	case err == nil && len(key) == keyLen:
		return key, nil
	case err == nil:
		if err := setAside(path, log, fmt.Errorf("%d octets, want %d", len(key), keyLen)); err != nil {
			return nil, err
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	key = make([]byte, keyLen)
	rand.Read(key) // it never fails
	temp := path + fmt.Sprintf(".%d", os.Getpid())
	defer os.Remove(temp)
	if err := writeSynced(temp, key); err != nil {
		return nil, err
	}
	if err := os.Link(temp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	key, _, err = cli.ReadFile(path, keyLen)
	return key, errors.Join(err, syncFolder(folder))
}

// maxLedger bounds a ledger, in octets. One with 64 limits of 64 counts each has a fifth of it.
const maxLedger = 1 << 20

// ledgerHead is the first line of a file. The ledger follows.
type ledgerHead struct {
	Version  int    `json:"version"`
	Address  string `json:"address"`
	ClientID string `json:"client_id"`
	SHA256   string `json:"sha256"` // of the ledger
}

const ledgerFileVersion = 1

// open returns the keeper of an account, whose lock is held, and what it kept last. Of registries of
// one process that share an account each has a file. close must be called.
func (l *ledgers) open(a accountID) (*ledgerFile, upstream.Memory) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := sha256.Sum256([]byte(a.address + "\x00" + a.clientID))
	path := filepath.Join(l.folder, fmt.Sprintf("account-%x.ledger", sum[:8]))
	for n := 2; l.used[path]; n++ {
		path = filepath.Join(l.folder, fmt.Sprintf("account-%x-%d.ledger", sum[:8], n))
	}
	l.used[path] = true
	f := &ledgerFile{all: l, account: a, path: path, write: replaceFile,
		wake: make(chan struct{}, 1), ending: make(chan struct{}), ended: make(chan struct{})}
	memory := f.read()
	go f.run()
	return f, memory
}

// ledgerFile is the file of one account. It implements upstream.Keeper.
type ledgerFile struct {
	// Immutable.
	all     *ledgers
	account accountID
	path    string
	write   func(path string, content []byte) error // replaceFile, but for tests
	wake    chan struct{}                           // has room for one; never closed
	ending  chan struct{}                           // closed by close
	ended   chan struct{}                           // closed by run

	mu    sync.Mutex
	next  []byte          // that waits to be written; nil: none; guarded by mu
	waits []func(ok bool) // for the end of that writing; guarded by mu
	over  bool            // guarded by mu
}

// read returns what the file has.
func (f *ledgerFile) read() upstream.Memory {
	text, _, err := cli.ReadFile(f.path, maxLedger)
	if errors.Is(err, fs.ErrNotExist) {
		return upstream.Memory{}
	}
	if errors.Is(err, fs.ErrPermission) {
		f.all.log.Error("a ledger cannot be read; its limits count as full", "file", f.path, "err", err.Error())
		return upstream.Memory{State: upstream.MemoryLost}
	}
	var content []byte
	if err == nil {
		content, err = f.content(text)
	}
	if err == nil {
		return upstream.Memory{State: upstream.MemoryKept, Content: content}
	}
	if err := setAside(f.path, f.all.log, fmt.Errorf("its limits count as full: %w", err)); err != nil {
		f.all.log.Warn("a damaged file stays where it is until it is replaced", "file", f.path, "err", err.Error())
	}
	return upstream.Memory{State: upstream.MemoryLost}
}

// content returns the ledger in text, which is the whole file, if it is one of this account.
func (f *ledgerFile) content(text []byte) ([]byte, error) {
	line, content, _ := bytes.Cut(text, []byte("\n"))
	var head ledgerHead
	if err := json.Unmarshal(line, &head); err != nil {
		return nil, err
	}
	switch want := f.head(content); {
	case head.Version != want.Version:
		return nil, fmt.Errorf("version %d, want %d", head.Version, want.Version)
	case head.SHA256 != want.SHA256:
		return nil, errors.New("its sum is wrong")
	case head != want:
		return nil, fmt.Errorf("it is of the account %s", accountID{head.Address, head.ClientID})
	}
	return content, upstream.CheckLedger(content)
}

func (f *ledgerFile) head(content []byte) ledgerHead {
	return ledgerHead{Version: ledgerFileVersion, Address: f.account.address, ClientID: f.account.clientID,
		SHA256: fmt.Sprintf("%x", sha256.Sum256(content))}
}

// Keep implements upstream.Keeper.
func (f *ledgerFile) Keep(content []byte, ticket uint64, done func(ticket uint64, ok bool)) {
	f.mu.Lock()
	f.next = content
	f.waits = append(f.waits, func(ok bool) { done(ticket, ok) })
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// run writes what comes, on a goroutine of its own, until close, which waits for it.
func (f *ledgerFile) run() {
	defer close(f.ended)
	for {
		select {
		case <-f.wake:
			f.flush()
		case <-f.ending:
			f.flush()
			return
		}
	}
}

// flush writes the newest content.
func (f *ledgerFile) flush() {
	f.mu.Lock()
	content, waits := f.next, f.waits
	f.next, f.waits = nil, nil
	f.mu.Unlock()
	if content == nil {
		return
	}
	line, err := json.Marshal(f.head(content))
	if err != nil {
		panic("BUG: " + err.Error())
	}
	text := append(append(line, '\n'), content...)
	if len(text) > maxLedger {
		err = fmt.Errorf("%d octets are too many", len(text))
	} else {
		err = f.write(f.path, text)
	}
	if err != nil {
		f.all.log.Warn("a ledger could not be written", "file", f.path, "err", err.Error())
	}
	for _, done := range waits {
		done(err == nil)
	}
}

// ledgerShutdown bounds the wait for the last writing.
const ledgerShutdown = 2 * time.Second

// close writes what still waits, for a while at the most. Called again, or on nil, it does nothing.
func (f *ledgerFile) close() {
	if f == nil || !f.first() {
		return
	}
	close(f.ending)
	late := time.NewTimer(ledgerShutdown)
	defer late.Stop()
	select {
	case <-f.ended:
	case <-late.C:
		f.all.log.Warn("the last writing of a ledger takes too long", "file", f.path)
		return
	}
	f.all.mu.Lock()
	defer f.all.mu.Unlock()
	delete(f.all.used, f.path)
}

// first reports whether it is called first.
func (f *ledgerFile) first() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	first := !f.over
	f.over = true
	return first
}

// setAside gives a damaged file a second name, which stays when the file is replaced. It stays in its
// place until then: a start that finds none counts as the first one.
func setAside(path string, log *slog.Logger, why error) error {
	aside := path + ".damaged-" + time.Now().UTC().Format("20060102T150405.000000Z")
	if err := os.Link(path, aside); err != nil {
		return err
	}
	log.Warn("a damaged file is set aside", "file", path, "as", aside, "err", why.Error())
	return nil
}

// replaceFile makes content that of the file, on the disk: the old one or the new one is there at any
// time. Nobody else may write the file meanwhile.
func replaceFile(path string, content []byte) error {
	temp := path + ".new"
	if err := writeSynced(temp, content); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// writeSynced writes a file that only its owner may read, on the disk.
func writeSynced(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncFolder brings the names in a folder to the disk.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
