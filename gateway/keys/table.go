package keys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"eppmux/audit"
	"eppmux/gateway/carry"
)

// Config says where keys are kept and for how long. Zero values mean what the comments say.
type Config struct {
	File       string        // path; its folder exists
	Keep       time.Duration // 0: 24 h
	MaxEntries int64         // 0: 1,000,000
	MaxOctets  int64         // of all entries, above which no claim is taken; 0: 1 GiB
	Logger     *slog.Logger  // nil: silent
}

// Table is a file of keys. It implements carry.Table. From any goroutine.
type Table struct {
	// Immutable after Open.
	path   string
	file   *os.File    // that db has open
	is     fs.FileInfo // of file, to see whether path still leads to it
	db     *bolt.DB
	keep   time.Duration
	most   Config
	log    *slog.Logger
	opened time.Time
	base   int64         // the table's clock at opened, see clock
	wake   chan struct{} // tells run of work; never closed; one that waits is enough
	ended  chan struct{} // closed by run at its end

	mu sync.Mutex
	// Guarded by mu.
	waiting []*change
	flights map[string]*flight // by keyOf
	counts  counts
	broken  error // why nothing is written any more
	closing bool

	// Of tests, guarded by mu: what transactions fail with, and what run does next; nil: nothing.
	faultHook func() error
	inRun     func()
}

// flight is a key of which this process knows more than the file does.
type flight struct {
	// Immutable once its claim is submitted.
	key    string
	sent   []byte  // the command with its secrets, which the answer may repeat
	claim  record  // what is written before the command is sent; its digest is there from the start
	before *flight // a void one whose place it takes, and gives back where it is no flight after all; nil: none

	ready chan struct{} // closed when it is over

	// Guarded by Table.mu.
	claimed bool    // its claim is on the disk: its command may be sent
	ending  bool    // End has been called
	end     *record // what became of it; nil: nothing was sent. Not changed once ending.
	over    bool    // it has ended, and end is not on the disk; one that is, is no flight any more
}

// Open opens the file, or makes it with mode 0600. Claims without an end are unknown from now on. An error
// says what is wrong, where, and what to do; the file is left as it was. Close must be called in the end.
func Open(cfg Config) (*Table, error) {
	if cfg.Keep == 0 {
		cfg.Keep = 24 * time.Hour
	}
	if cfg.MaxEntries == 0 {
		cfg.MaxEntries = 1_000_000
	}
	if cfg.MaxOctets == 0 {
		cfg.MaxOctets = 1 << 30
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	db, file, c, newest, err := openFile(cfg.File)
	if err != nil {
		return nil, err
	}
	is, err := file.Stat()
	if err != nil {
		return nil, errors.Join(explain(cfg.File, err), shut(db, file, nil))
	}
	now := time.Now()
	t := &Table{path: cfg.File, file: file, is: is, db: db, keep: cfg.Keep, most: cfg, log: cfg.Logger, opened: now,
		base: max(now.UnixNano(), newest), wake: make(chan struct{}, 1), ended: make(chan struct{}),
		flights: make(map[string]*flight), counts: c}
	if c.broken > 0 {
		t.log.Warn("key file has records that cannot be read; their keys are unknown", "file", t.path,
			"records", c.broken)
	}
	go t.run()
	return t, nil
}

// Close writes what waits and closes the file. What has no end by then is unknown to the next process.
func (t *Table) Close() error {
	t.mu.Lock()
	was := t.closing
	t.closing = true
	t.mu.Unlock()
	t.stir()
	<-t.ended
	if was {
		return nil
	}
	if err := shut(t.db, t.file, t.failed()); err != nil {
		return fmt.Errorf("key file %s: %w", t.path, err)
	}
	return nil
}

// clock is the time by which entries grow old. It goes on from the newest entry where the wall clock was
// set back between two processes, and does not follow that while a process lives: a leap ahead must not
// have keys forgotten.
func (t *Table) clock() int64 { return t.base + int64(time.Since(t.opened)) }

func (t *Table) fault() error {
	t.mu.Lock()
	f := t.faultHook
	t.mu.Unlock()
	if f == nil {
		return nil
	}
	return f()
}

// flies reports whether the process knows more of a key than the file.
func (t *Table) flies(key string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.flights[key] != nil
}

// Begin implements carry.Table.
func (t *Table) Begin(ctx context.Context, user, registry string, key *carry.Key, transform []byte) (
	carry.Entry, bool, error) {
	f := &flight{key: keyOf(user, key.Name), sent: transform, ready: make(chan struct{})}
	f.claim.digest, f.claim.registry = key.Digest, registry
	for {
		other, over := t.enter(f)
		switch {
		case other == nil:
			return t.first(ctx, f)
		case other.claim.digest != f.claim.digest:
			return t.reused()
		case over:
			return t.known(other.end)
		}
		select {
		case <-other.ready:
		case <-ctx.Done():
			return carry.Entry{}, false, carry.ErrKeyInFlight
		}
	}
}

// first goes on with a key that is in flight nowhere else: by what the file has of it.
func (t *Table) first(ctx context.Context, f *flight) (carry.Entry, bool, error) {
	if f.before == nil { // else the file does not know yet that nothing was sent
		old, err := t.read(f.key)
		if err != nil || old != nil {
			t.leave(f)
		}
		switch {
		case err != nil:
			return carry.Entry{}, false, fmt.Errorf("%w: %w", carry.ErrKeyStorage, err)
		case old != nil && old.readable() && old.digest != f.claim.digest:
			return t.reused()
		case old != nil:
			return t.known(old)
		}
	}
	if err := t.claim(ctx, f); err != nil {
		return carry.Entry{}, false, err
	}
	return carry.Entry{}, true, nil
}

// enter makes f the flight of its key, unless there is another, which it returns, and whether that is over.
// A void one, of which nothing was sent, makes way.
func (t *Table) enter(f *flight) (other *flight, over bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	other = t.flights[f.key]
	if other != nil && !(other.over && other.end == nil) {
		return other, other.over
	}
	f.before = other
	t.flights[f.key] = f
	return nil, false
}

// leave ends a flight that was none: no command was sent for it.
func (t *Table) leave(f *flight) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(f)
	close(f.ready)
}

// remove takes f out of the flights. The caller holds mu.
func (t *Table) remove(f *flight) {
	if t.flights[f.key] != f {
		return
	}
	delete(t.flights, f.key)
	if f.before != nil && !f.claimed {
		t.flights[f.key] = f.before
	}
}

func (t *Table) reused() (carry.Entry, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.reused++
	return carry.Entry{}, false, carry.ErrKeyReused
}

// known is what a repeat is told.
func (t *Table) known(r *record) (carry.Entry, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.state == stateAnswered {
		t.counts.replays++
	} else {
		t.counts.doubts++
	}
	e := r.entry()
	if r.state == stateClaimed {
		e.Until = t.opened // of an earlier process
	}
	return e, false, nil
}

// read reads the record of a key; nil: there is none, or it is too old.
func (t *Table) read(key string) (r *record, err error) {
	if err := t.failed(); errors.Is(err, errDamaged) {
		return nil, err
	}
	err = guarded(func() error {
		return t.db.View(func(tx *bolt.Tx) error {
			r, _, _ = look(tx.Bucket(keysBucket), []byte(key))
			return nil
		})
	})
	if err != nil {
		t.fails(err)
		return nil, err
	}
	if r != nil && r.readable() && r.stamp <= t.clock()-int64(t.keep) {
		return nil, nil
	}
	return r, nil
}

// claim writes f's claim. It returns nil only once that is on the disk.
func (t *Table) claim(ctx context.Context, f *flight) error {
	if err := t.room(); err != nil {
		t.leave(f)
		return err
	}
	f.claim.command, _ = audit.WithoutSecrets(f.sent) // none where it cannot be read with certainty
	f.claim.stamp, f.claim.sent = t.clock(), time.Now().UnixNano()
	c := &change{key: f.key, becomes: func(*record) (*record, bool) { return &f.claim, false }}
	t.submit(c)
	select {
	case err := <-c.done:
		if err != nil {
			t.leave(f)
			return fmt.Errorf("%w: %w", carry.ErrKeyStorage, err)
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		f.claimed, f.before = true, nil
		t.counts.claims++
		return nil
	case <-ctx.Done():
		go t.abandon(f, c)
		return fmt.Errorf("%w: the disk does not answer in time", carry.ErrKeyStorage)
	}
}

// room refuses a claim where the bounds are reached.
func (t *Table) room() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts.entries < t.most.MaxEntries && t.counts.octets < t.most.MaxOctets {
		return nil
	}
	t.counts.full++
	return fmt.Errorf("%w: there are %d keys of %d octets, which is all that is kept",
		carry.ErrKeyStorage, t.counts.entries, t.counts.octets)
}

// abandon takes back a claim whose caller did not wait for the disk. It ends when the disk answers, at the
// latest with Close.
func (t *Table) abandon(f *flight, c *change) {
	if <-c.done != nil {
		t.leave(f)
		return
	}
	t.mu.Lock()
	f.claimed, f.ending = true, true // and nothing was sent
	t.mu.Unlock()
	c = &change{key: f.key, becomes: f.settle}
	t.submit(c)
	t.finish(f, <-c.done)
}

// settle is what the record of f becomes by its end.
func (f *flight) settle(old *record) (now *record, keep bool) {
	if old == nil || old.stamp != f.claim.stamp {
		return nil, true // it is another's
	}
	return f.end, false
}

// finish has the end of f told to its repeats. err is why the file does not have it; run tries again.
func (t *Table) finish(f *flight, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f.over = err != nil; !f.over {
		t.remove(f)
	}
	close(f.ready)
}
