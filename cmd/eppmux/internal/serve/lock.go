package serve

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"eppmux/cmd/eppmux/internal/config"
)

// accountID is what a registry counts sessions by.
type accountID struct{ address, clientID string }

func accountOf(r *config.Registry) accountID {
	return accountID{strings.ToLower(r.Address), r.Login.ClientID}
}

func (a accountID) String() string { return a.clientID + " at " + a.address }

// locks keep two processes from using one account at the same time: each would open as many
// sessions, and send as much, as the registry grants to both together. There is a file for each
// account in use, locked by flock(2), so that the lock ends with the process, however that ends.
// Registries of one process may share an account. Any goroutine may use a locks.
type locks struct {
	// Immutable.
	folder func() (string, error) // chosen when it is asked for first: a demo needs none
	config string                 // absolute path of the config file, for other processes
	host   string
	notify *notifier
	log    *slog.Logger

	mu   sync.Mutex
	held map[accountID]*heldLock // guarded by mu
}

// heldLock is a lock of this process. Guarded by locks.mu.
type heldLock struct {
	file  *os.File
	says  holder
	users int // registries of this process
}

// accountLock is the part of one registry in the lock of its account; nil: nothing is locked.
type accountLock struct {
	locks   *locks
	account accountID
	over    bool // guarded by locks.mu
}

// holder is what a lock's file says of the process that holds it.
type holder struct {
	PID      int    `json:"pid"`
	Host     string `json:"host"` // on a folder that several hosts or containers share
	Config   string `json:"config"`
	Address  string `json:"address"`
	ClientID string `json:"client_id"`
	// EndsWithin is not 0 when the process ends its work with the account, and how long that may
	// take from then.
	EndsWithin time.Duration `json:"ends_within_ns,omitempty"`
}

const (
	// lockTry is the time between two attempts to get a lock that another process holds.
	lockTry = 50 * time.Millisecond

	// lockSettle is how long a holder may take to say that it ends: somebody may have sent it a
	// signal just before. It is also what a holder gets beyond the time that it has said.
	lockSettle = 2 * time.Second
)

// newLocks returns the locks of the process that has the config cfg from file.
func newLocks(file string, cfg *config.Config, notify *notifier, log *slog.Logger) *locks {
	l := &locks{folder: sync.OnceValues(func() (string, error) { return stateFolder(cfg) }),
		config: file, notify: notify, log: log, held: make(map[accountID]*heldLock)}
	l.host, _ = os.Hostname() // empty is as good
	if abs, err := filepath.Abs(file); err == nil {
		l.config = abs
	}
	return l
}

// notLocked is the log line where a lock cannot be had for a reason that is no other process. An
// operator wants a host with a full or read-only disk to serve all the same.
const notLocked = "accounts are not locked: a second eppmux for the same one would not be noticed"

// take locks the account of r. It waits for a process that has said that it ends, and refuses while
// another one holds the account. An account of the built-in registry needs no lock. The error is
// that of ctx if ctx ends first.
func (l *locks) take(ctx context.Context, r *config.Registry) (*accountLock, error) {
	if r.Sandbox() {
		return nil, nil
	}
	if _, err := l.folder(); err != nil {
		l.log.Warn(notLocked, "registry", r.Name, "err", err.Error())
		return nil, nil
	}
	a := accountOf(r)
	if l.share(a) {
		return &accountLock{locks: l, account: a}, nil
	}
	file, err := l.await(ctx, r.Name, a)
	if file == nil {
		return nil, err
	}
	h := &heldLock{file: file, says: l.self(a), users: 1}
	h.write()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[a] = h
	return &accountLock{locks: l, account: a}, nil
}

// self is what the file of a lock of ours says.
func (l *locks) self(a accountID) holder {
	return holder{PID: os.Getpid(), Host: l.host, Config: l.config, Address: a.address, ClientID: a.clientID}
}

// share adds a user to a lock that this process holds, and reports whether it holds it.
func (l *locks) share(a accountID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.held[a]
	if h == nil {
		return false
	}
	if h.users++; h.says.EndsWithin != 0 {
		h.says.EndsWithin = 0
		h.write()
	}
	return true
}

// await returns the locked file of an account. Both results are nil where the file system does not
// let us lock.
func (l *locks) await(ctx context.Context, registry string, a accountID) (*os.File, error) {
	tick := time.NewTicker(lockTry)
	defer tick.Stop()
	var seen holder
	var until time.Time
	for first := true; ; first = false {
		file, other, err := tryLock(l.path(a))
		if err != nil {
			l.log.Warn(notLocked, "registry", registry, "err", err.Error())
			return nil, nil
		}
		if file != nil {
			return file, nil
		}
		if first || other != seen {
			seen, until = other, time.Now().Add(other.EndsWithin+lockSettle)
			if other.EndsWithin != 0 {
				l.tellWaiting(registry, other)
			}
		}
		if time.Now().After(until) {
			return nil, l.refusal(a, other)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// tellWaiting tells operator and service manager whom we wait for.
func (l *locks) tellWaiting(registry string, other holder) {
	l.log.Info("another eppmux ends its work with the account; waiting for it", "registry", registry,
		"pid", other.PID, "config", other.Config, "within", other.EndsWithin)
	l.notify.waiting(other.PID, other.EndsWithin+lockSettle)
}

// refusal says who holds the account and what to do.
func (l *locks) refusal(a accountID, other holder) error {
	who := "another process"
	if other.PID != 0 {
		who = fmt.Sprintf("process %d (config %s)", other.PID, other.Config)
	}
	if other.Host != l.host && other.Host != "" {
		who += " on host " + other.Host
	}
	if other.EndsWithin != 0 {
		return fmt.Errorf("account %s: %s ends its work with it, and has not done so within %v; lock: %s",
			a, who, other.EndsWithin+lockSettle, l.path(a))
	}
	return fmt.Errorf("account %s is in use by %s: both together would open more sessions than the registry grants; "+
		"stop that process, or take the account out of one of the configs; lock: %s", a, who, l.path(a))
}

// path is where the file of an account is, in a folder that there must be. The name does not show
// the account.
func (l *locks) path(a accountID) string {
	folder, _ := l.folder()
	sum := sha256.Sum256([]byte(a.address + "\x00" + a.clientID))
	return filepath.Join(folder, fmt.Sprintf("account-%x.lock", sum[:8]))
}

// tryLock opens and locks the file at path. If another process holds the lock, it returns no file,
// and what the holder says: nothing, for a moment at its start.
func tryLock(path string) (*os.File, holder, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, holder{}, err
		}
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil && samePlace(f, path) {
			return f, holder{}, nil
		}
		if errors.Is(err, syscall.EWOULDBLOCK) {
			var other holder
			_ = json.NewDecoder(f).Decode(&other)
			f.Close()
			return nil, other, nil
		}
		f.Close()
		if err != nil {
			return nil, holder{}, fmt.Errorf("lock %s: %w", path, err)
		}
		// Its holder has removed it, as at each end.
	}
}

// samePlace reports whether f is the file at path.
func samePlace(f *os.File, path string) bool {
	ours, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(ours, there)
}

// write makes the file say what h does. Readers find the whole line at any time, and what may stand
// behind it does not disturb them. The lock holds whatever the file says, so an error is none.
func (h *heldLock) write() {
	line, err := json.Marshal(h.says)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	line = append(line, '\n')
	if _, err := h.file.WriteAt(line, 0); err == nil {
		_ = h.file.Truncate(int64(len(line)))
	}
}

// ends makes the file say that the account will be free within the given time, if nobody else of
// this process uses it.
func (c *accountLock) ends(within time.Duration) {
	if c == nil {
		return
	}
	c.locks.mu.Lock()
	defer c.locks.mu.Unlock()
	if h := c.locks.held[c.account]; !c.over && h.users == 1 {
		h.says.EndsWithin = within
		h.write()
	}
}

// release gives the account back. Called again it does nothing.
func (c *accountLock) release() {
	if c == nil {
		return
	}
	c.locks.mu.Lock()
	defer c.locks.mu.Unlock()
	if c.over {
		return
	}
	c.over = true
	h := c.locks.held[c.account]
	if h.users--; h.users > 0 {
		return
	}
	delete(c.locks.held, c.account)
	if path := c.locks.path(c.account); samePlace(h.file, path) {
		_ = os.Remove(path) // while it is locked: a process that has it open already sees that it is gone
	}
	h.file.Close()
}

// mend writes each file again, so that no cleaner takes it for old, and makes it anew if it is gone.
func (l *locks) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range slices.Collect(maps.Keys(l.held)) {
		h := l.held[a]
		if !samePlace(h.file, l.path(a)) {
			file, other, err := tryLock(l.path(a))
			switch {
			case err != nil:
				l.log.Warn(notLocked, "err", err.Error())
				continue
			case file == nil:
				l.log.Error("the account is used by another process too", "err", l.refusal(a, other).Error())
				continue
			}
			l.log.Warn("the file of a lock was gone; it is made anew", "file", l.path(a))
			h.file.Close()
			h.file = file
		}
		h.write()
	}
}
