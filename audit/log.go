package audit

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Config says where a Log writes, and what. Zero values mean what the comments say.
type Config struct {
	File    string
	Frames  bool         // payloads too, without their secrets
	MaxSize int64        // octets from which on the file is rotated; 0: never
	Keep    int          // rotated files that are kept; 0: all
	Logger  *slog.Logger // nil: silent

	open func(path string) (file, error) // nil: openFile
}

const (
	// maxHeld bounds what waits for the disk, in octets. Announcements may take half of it, so that
	// ends have room.
	maxHeld = 8 << 20

	// recordSize is what a record takes beside its payloads and texts, at most.
	recordSize = 512

	// flushFrom is how many octets are written without a Flush.
	flushFrom = 64 << 10

	// slowAfter is how long a write may take before the disk counts as failing.
	slowAfter = time.Second

	// How long to wait before a failed attempt is repeated: twice as long each time.
	minPause = 100 * time.Millisecond
	maxPause = 10 * time.Second
)

// Log writes entries to a file. Announce, Add, Flush and Reopen may be called from any goroutine
// and never wait for the disk.
//
// While the disk fails, announcements fail at once, and what is recorded is kept until it works
// again, as far as there is room. Failing are a write that fails and one that takes longer than
// slowAfter.
type Log struct {
	// Immutable after Open.
	log    *slog.Logger
	wake   chan struct{} // says that there is something to do; never closed; one that waits is enough
	closed chan struct{} // closed by run at its end

	// Owned by run.
	disk   *disk
	render *renderer
	spare  queue // empty: the next one
	lines  lines // rendered and not written yet
	noted  uint64
	logged time.Time // when an error was logged last
	silent int       // errors since then

	slowly *time.Timer // calls slow while a write is under way; immutable

	mu sync.Mutex
	// Guarded by mu.
	queue   queue
	held    int // octets, of queue and lines
	failing bool
	since   time.Time // when it began to fail
	why     error     // that it fails; nil: the disk does not answer
	lostAt  time.Time // when a line was lost last
	writing bool
	began   time.Time // the write under way, or the last one
	reopen  bool
	closing bool
	counts  counts
}

// counts are since Open.
type counts struct {
	records uint64 // written
	errors  uint64
	lost    [numLosses]uint64
}

func (c *counts) allLost() (n uint64) {
	for _, l := range c.lost {
		n += l
	}
	return n
}

// loss says why an entry was not written.
type loss uint8

const (
	lossFull     loss = iota // there was no room: more came than the disk took
	lossDisk                 // the same, while the disk failed
	lossShutdown             // the disk failed until the end
	numLosses
)

func (l loss) String() string { return [...]string{"full", "disk", "shutdown"}[l] }

// Open opens the file and begins to write. Close ends it.
func Open(cfg Config) (*Log, error) {
	l := &Log{log: cfg.Logger, wake: make(chan struct{}, 1), closed: make(chan struct{}), render: newRenderer(cfg.Frames), lines: newLines()}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	l.disk = &disk{path: cfg.File, maxSize: cfg.MaxSize, keep: cfg.Keep, open: cfg.open, trouble: l.trouble,
		warn: func(err error) { l.log.Warn("audit log", "err", err.Error()) }}
	if l.disk.open == nil {
		l.disk.open = openFile
	}
	if err := l.disk.reopen(); err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	if err := l.own(start); err != nil {
		l.disk.close()
		return nil, fmt.Errorf("audit log: %w", err)
	}
	l.slowly = time.AfterFunc(slowAfter, l.slow)
	l.slowly.Stop()
	go l.run()
	return l, nil
}

// Announce is upstream.Auditor's: done is called with turn when e is written, or with false when it
// is not now; it may be written later all the same. Both wait for a Flush.
func (l *Log) Announce(e *Entry, turn uint64, done func(turn uint64, ok bool)) {
	w := waiter{done, turn}
	l.mu.Lock()
	ok := !l.failing && !l.closing
	if !ok {
		w.done = nil
	}
	if !l.push(e, w, maxHeld/2) {
		ok = false
	}
	much := len(l.queue.octets) > flushFrom
	l.mu.Unlock()
	if much {
		l.poke()
	}
	if !ok {
		done(turn, false)
	}
}

// Add is upstream.Auditor's.
func (l *Log) Add(e *Entry) {
	l.mu.Lock()
	l.push(e, waiter{}, maxHeld)
	much := len(l.queue.octets) > flushFrom
	l.mu.Unlock()
	if much {
		l.poke()
	}
}

// Flush is upstream.Auditor's.
func (l *Log) Flush() { l.poke() }

// push puts a copy of e into the queue if there is room: whatever its size, if nothing else waits.
// mu is held.
func (l *Log) push(e *Entry, w waiter, room int) bool {
	why, size := lossFull, sizeOf(e)
	switch {
	case l.closing:
		why = lossShutdown
	case l.held > 0 && l.held+size > room:
		if l.failing {
			why = lossDisk
		}
	default:
		l.queue.push(e, w, size)
		l.held += size
		return true
	}
	l.counts.lost[why]++
	l.lostAt = time.Now()
	return false
}

func sizeOf(e *Entry) int {
	return recordSize + len(e.Payload) + len(e.Answer) + len(e.ClTRID)
}

// Reopen makes sure, soon, that the file stands at its path, as after another program has renamed
// it. A failing disk is tried again at once.
func (l *Log) Reopen() {
	l.mu.Lock()
	l.reopen = true
	l.mu.Unlock()
	l.poke()
}

// Close writes what waits and closes the file. It waits for so long at most; the error is about
// what could not be written.
func (l *Log) Close(within time.Duration) error {
	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	l.poke()
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case <-l.closed:
	case <-late.C:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held > 0 || l.counts.lost[lossShutdown] > 0 {
		return fmt.Errorf("audit log: the disk did not take the last lines")
	}
	return nil
}

func (l *Log) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run writes until Close; then it tries once more what is left, and ends. Close waits for it, as
// long as it may.
func (l *Log) run() {
	defer close(l.closed)
	var again <-chan time.Time // when a failed attempt is due again; nil: none has failed
	pause := minPause
	for {
		select {
		case <-l.wake:
		case <-again:
			again = nil
		}
		l.mu.Lock()
		now, closing := l.reopen, l.closing
		if again != nil && !now && !closing {
			l.mu.Unlock()
			continue // there is time
		}
		if len(l.queue.records) == 0 && !now && !closing && !l.failing && l.counts.allLost() == l.noted {
			l.mu.Unlock()
			continue // another wake has taken all there was
		}
		l.queue, l.spare = l.spare, l.queue
		l.reopen = false
		gone := l.counts.allLost()
		l.mu.Unlock()
		l.lines.append(l.render, &l.spare)
		l.spare.reset()
		err := l.attempt(gone)
		if closing {
			l.end()
			return
		}
		if err == nil {
			again, pause = nil, minPause
			continue
		}
		again = time.After(pause)
		pause = min(2*pause, maxPause)
	}
}

// attempt writes all that is rendered. gone entries were lost before what was taken last.
func (l *Log) attempt(gone uint64) error {
	now := time.Now()
	var own []byte
	if gone > l.noted {
		own = l.render.appendOwn(nil, lost, now, gone-l.noted)
	}
	p := l.lines.behind(own)
	n, err := l.write(p, now)
	if err == nil {
		l.noted = gone
	}
	l.settle(l.lines.within(n - len(p)))
	return err
}

// write writes p, and has the disk count as failing when that takes too long.
func (l *Log) write(p []byte, now time.Time) (int, error) {
	l.mu.Lock()
	l.writing, l.began = true, now
	l.mu.Unlock()
	l.slowly.Reset(slowAfter)
	var n int
	var err error
	if len(p) > 1 {
		n, err = l.disk.write(p, now)
	} else {
		err = l.disk.ready(0, now)
	}
	l.slowly.Stop()
	l.mu.Lock()
	was := l.failing
	l.writing, l.failing, l.why = false, err != nil, err
	if err != nil && !was {
		l.since = time.Now()
	}
	l.mu.Unlock()
	switch {
	case err != nil:
		l.trouble(err)
	case was:
		l.log.Info("audit log goes on", "file", l.disk.path)
		l.logged = time.Time{}
	}
	return n, err
}

// slow is called when a write may have taken too long.
func (l *Log) slow() {
	l.mu.Lock()
	is := l.writing && time.Since(l.began) >= slowAfter && !l.failing
	if is {
		l.failing, l.since, l.why = true, time.Now(), nil
		l.counts.errors++
	}
	l.mu.Unlock()
	if is {
		l.log.Error("audit log: the disk does not answer", "file", l.disk.path)
	}
}

// settle takes out what has been written, the first of the lines, and tells all who wait.
func (l *Log) settle(written int) {
	size := 0
	for _, k := range l.lines.all[:written] {
		size += k.size
	}
	l.mu.Lock()
	l.counts.records += uint64(written)
	l.held -= size
	l.mu.Unlock()
	for i := range l.lines.all {
		l.lines.all[i].tell(i < written)
	}
	l.lines.drop(written)
}

// logEvery is how often errors are logged.
const logEvery = time.Minute

// trouble counts an error and logs it, unless one was logged shortly before.
func (l *Log) trouble(err error) {
	l.mu.Lock()
	l.counts.errors++
	waiting := l.held
	l.mu.Unlock()
	now := time.Now()
	if !l.logged.IsZero() && now.Sub(l.logged) < logEvery {
		l.silent++
		return
	}
	l.log.Error("audit log", "err", err.Error(), "waiting_octets", waiting, "not_logged_before", l.silent)
	l.logged, l.silent = now, 0
}

// own writes a line about the log itself.
func (l *Log) own(ev Event) error {
	now := time.Now()
	_, err := l.disk.write(l.render.appendOwn([]byte{'\n'}, ev, now, 0), now)
	return err
}

// end counts what is left as lost, or says that nothing is.
func (l *Log) end() {
	l.mu.Lock()
	left := len(l.lines.all)
	l.counts.lost[lossShutdown] += uint64(left)
	l.mu.Unlock()
	if left == 0 {
		if err := l.own(stop); err != nil {
			l.trouble(err)
		}
	}
	l.disk.close()
}
