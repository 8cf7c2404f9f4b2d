package audit

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Config says where a Log writes, and what. The zero value of a field means what its comment says.
type Config struct {
	File    string       // path; must be a regular file or not be there, in a folder that is
	Frames  bool         // write payloads too, without their secrets
	MaxSize int64        // octets above which the file is rotated; 0: never
	Keep    int          // rotated files that are kept; 0: all
	Logger  *slog.Logger // nil: silent

	open func(path string) (file, error) // nil: openFile
}

const (
	// maxHeld bounds the memory for entries that wait for the disk, in octets. Notes of commands
	// about to be sent may take half of it, so that there is room for ends.
	maxHeld = 8 << 20

	// recordSize is the most that a record takes beside its payloads and texts, in octets.
	recordSize = 512

	// flushFrom is the number of waiting octets above which they are written without a Flush.
	flushFrom = 64 << 10

	// slowAfter is how long a write may take before the disk counts as failing.
	slowAfter = time.Second

	// The pause before a failed attempt is repeated doubles each time from minPause to maxPause.
	minPause = 100 * time.Millisecond
	maxPause = 10 * time.Second
)

// Log writes entries to a file. It implements upstream.Auditor and prometheus.Collector. All
// methods may be called from any goroutine, and only Close waits for the disk.
//
// The disk fails from a write that fails, or takes longer than a second, until the next one that
// succeeds. Meanwhile such notes fail at once, and entries are kept until the disk works again,
// up to 8 MiB; what comes beyond that is lost, counted, and marked in the file. A failed write is
// repeated after 100 ms, then after twice as long each time, up to 10 s.
type Log struct {
	// Immutable after Open.
	log    *slog.Logger
	wake   chan struct{} // tells run that there is work; never closed; one that waits is enough
	closed chan struct{} // closed by run at its end

	// Owned by run.
	disk   *disk
	render *renderer
	spare  queue     // empty; to be exchanged for queue
	lines  lines     // rendered and not written yet
	noted  uint64    // lost lines that the file tells of
	logged time.Time // when an error was logged last
	silent int       // errors since then, which were not logged

	slowly *time.Timer // calls slow slowAfter a write began; immutable, set and stopped by run

	mu sync.Mutex
	// Guarded by mu.
	queue   queue
	held    int       // octets that the entries of queue and lines count for
	failing bool      // the disk fails
	since   time.Time // when the disk began to fail
	why     error     // its last error; nil while failing: the disk does not answer
	lostAt  time.Time // when a line was lost last
	writing bool      // a write is under way
	began   time.Time // when the write under way, or the last one, began
	reopen  bool      // Reopen was called
	closing bool      // Close was called
	counts  counts
}

// counts are numbers since Open.
type counts struct {
	records uint64            // lines about commands that were written
	errors  uint64            // failures of the disk
	lost    [numLosses]uint64 // entries that were not written
}

// allLost is the number of entries lost for any reason.
func (c *counts) allLost() (n uint64) {
	for _, l := range c.lost {
		n += l
	}
	return n
}

// loss says why an entry was not written.
type loss uint8

const (
	lossFull     loss = iota // no room, since more came than the disk took
	lossDisk                 // no room, since the disk failed
	lossShutdown             // the disk did not take it before the end
	numLosses
)

// String is the reason as the label of a metric.
func (l loss) String() string { return [...]string{"full", "disk", "shutdown"}[l] }

// Open opens the file, which it creates with mode 0600 if there is none, and begins to write. It
// fails if the file cannot be opened or written. Close must be called in the end.
func Open(cfg Config) (*Log, error) {
	l := &Log{
		log:    cfg.Logger,
		wake:   make(chan struct{}, 1),
		closed: make(chan struct{}),
		render: newRenderer(cfg.Frames),
		lines:  newLines(),
	}
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

// Record implements upstream.Auditor. done is called once: with ticket and true when the line of e
// is written, or with ticket and false when that has failed. After a false the line may still be
// written later. done is called by the Log's goroutine, which may wait for a Flush to write, or, if
// e is refused at once, before Record returns. It must not block.
func (l *Log) Record(e *Entry, ticket uint64, done func(ticket uint64, ok bool)) {
	w := waiter{done, ticket}
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
		done(ticket, false)
	}
}

// Add implements upstream.Auditor. The line of e is written after the next Flush, or earlier. If
// there is no room, it is lost, and counted as such.
func (l *Log) Add(e *Entry) {
	l.mu.Lock()
	l.push(e, waiter{}, maxHeld)
	much := len(l.queue.octets) > flushFrom
	l.mu.Unlock()
	if much {
		l.poke()
	}
}

// Flush implements upstream.Auditor: all entries so far are written soon.
func (l *Log) Flush() { l.poke() }

// push puts a copy of e into the queue and reports whether there was room: no more than room octets
// may wait with it, but if nothing else waits, e may have any size. It counts an entry without room
// as lost. mu must be held.
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

// sizeOf is what e counts for in Log.held, in octets.
func sizeOf(e *Entry) int {
	return recordSize + len(e.Payload) + len(e.Answer) + len(e.ClTRID)
}

// Reopen makes the Log look soon whether its file still stands at its path, and open a new one if
// not: to be called after another program has renamed the file. A failing disk is tried again at
// once.
func (l *Log) Reopen() {
	l.mu.Lock()
	l.reopen = true
	l.mu.Unlock()
	l.poke()
}

// Close writes the entries that wait and closes the file. It returns after within at the latest,
// with an error if entries could not be written. Entries that come later are lost.
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

// poke wakes run.
func (l *Log) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run is the Log's goroutine. It writes until Close, tries once more to write the lines that are
// left, and ends. Close waits for it, but no longer than it may.
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
			continue // the attempt is not due yet
		}
		if len(l.queue.records) == 0 && !now && !closing && !l.failing && l.counts.allLost() == l.noted {
			l.mu.Unlock()
			continue // an earlier wake has taken all entries
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

// attempt writes all lines that are rendered, behind a line about lost ones if there are new ones.
// gone is the number of entries that were lost before the last rendered entry was taken.
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

// write writes p, or checks the disk if p is a newline alone. The disk counts as failing once that
// takes longer than slowAfter, and after an error.
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

// slow makes the disk count as failing if a write is under way for too long. Called by the timer,
// on a goroutine of its own.
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

// settle drops the first lines, as many as were written, and tells all waiters.
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

// logEvery is the least time between two errors in the log.
const logEvery = time.Minute

// trouble counts an error, and logs it unless one was logged less than logEvery ago.
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

// end counts the lines that are left as lost, or, if there are none, writes the line that says so.
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
