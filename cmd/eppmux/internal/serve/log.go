package serve

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"eppmux/audit"
	"eppmux/cmd/eppmux/internal/config"
)

const (
	// maxLogQueue bounds the memory for log lines that wait to be written, in octets.
	maxLogQueue = 1 << 20

	// keepLogQueue is the largest memory that is kept for the next lines, in octets.
	keepLogQueue = 64 << 10

	// logShutdown bounds the writing of the last lines.
	logShutdown = time.Second
)

// Log is where the program logs while it serves: a queue, and a goroutine that alone writes to
// standard error. A write there blocks while nobody reads, as with a log driver whose disk hangs or
// a terminal that is held; event loops must not. Beyond 1 MiB that wait, lines are lost and
// counted. Once there is room again, a line says how many were lost before it.
//
// Characters that do not print are written as \uXXXX, since a terminal would act on them.
type Log struct {
	// Immutable after StartLog.
	to     *lineWriter // owned by run
	format config.LogFormat
	own    slog.Handler  // of lines about the log itself, whatever the level; owned by run
	closed chan struct{} // closed by run at its end

	// Owned by run.
	untold uint64 // lost lines that no line tells of yet

	mu   sync.Mutex
	more sync.Cond // of mu: there is work for run
	// Guarded by mu.
	queue   []byte // lines that wait
	writing int    // octets that run has taken and not written yet
	gap     uint64 // lines lost behind those of queue
	lost    uint64 // lines lost since StartLog
	closing bool   // Close was called
}

// StartLog begins to write to w what is written to the Log. Close must be called in the end.
func StartLog(format config.LogFormat, w io.Writer) *Log {
	l := &Log{to: &lineWriter{to: w}, format: format, closed: make(chan struct{})}
	l.own = newHandler(format, nil, l.to)
	l.more.L = &l.mu
	go l.run()
	return l
}

// logger returns a logger to l of what is at least as grave as level, which may change while the
// logger is in use.
func (l *Log) logger(level *slog.LevelVar) *slog.Logger {
	return slog.New(newHandler(l.format, level, l))
}

// newHandler returns a handler that writes to w.
func newHandler(format config.LogFormat, level slog.Leveler, w io.Writer) slog.Handler {
	opts := &slog.HandlerOptions{Level: level}
	if format == config.LogJSON {
		return slog.NewJSONHandler(w, opts)
	}
	return slog.NewTextHandler(w, opts)
}

// Write implements io.Writer: p is one line or more, which are written soon, or lost together. Any
// goroutine may call it. It never waits for the reader and never fails.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := len(l.queue) + l.writing
	// Behind a gap all is lost, so that the line about it stands where it belongs.
	if l.closing || l.gap > 0 || waiting > 0 && waiting+len(p) > maxLogQueue {
		n := lines(p)
		l.gap += n
		l.lost += n
		return len(p), nil
	}
	l.queue = audit.AppendVisible(l.queue, p)
	l.more.Signal()
	return len(p), nil
}

// lines is the number of lines in p.
func lines(p []byte) uint64 { return uint64(bytes.Count(p, []byte{'\n'})) }

// Lost returns the number of lines that were lost, or that nobody took when they were written. A nil
// Log has lost none. Any goroutine may call it.
func (l *Log) Lost() uint64 {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// Close writes the lines that wait. It returns after a second at the latest, with the rest not
// written if nobody has read by then. Lines that come later are lost.
func (l *Log) Close() {
	l.mu.Lock()
	l.closing = true
	l.more.Signal()
	l.mu.Unlock()
	late := time.NewTimer(logShutdown)
	defer late.Stop()
	select {
	case <-l.closed:
	case <-late.C:
	}
}

// run is the Log's goroutine. It writes until Close, and then what is left. Close waits for it, but
// no longer than it may.
func (l *Log) run() {
	defer close(l.closed)
	var spare []byte // empty; to be exchanged for queue
	for {
		taken, gap := l.take(spare)
		if len(taken) == 0 && gap == 0 {
			return
		}
		l.put(taken, gap)
		if spare = taken[:0]; cap(spare) > keepLogQueue {
			spare = nil
		}
	}
}

// take waits for lines and returns them, with the number of those that are lost behind them. After
// Close it returns nothing once nothing is left.
func (l *Log) take(spare []byte) (taken []byte, gap uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writing = 0
	for len(l.queue) == 0 && l.gap == 0 && !l.closing {
		l.more.Wait()
	}
	taken, gap = l.queue, l.gap
	l.queue, l.gap, l.writing = spare, 0, len(taken)
	return taken, gap
}

// put writes lines, and a line that says how many are lost before or behind them.
func (l *Log) put(taken []byte, gap uint64) {
	l.tell()
	if n, err := l.to.Write(taken); err != nil {
		failed := lines(taken[n:])
		l.untold += failed
		l.mu.Lock()
		l.lost += failed
		l.mu.Unlock()
	}
	l.untold += gap
	l.tell()
}

// tell writes a line about lost lines, if there is something to tell. What cannot be written is told
// the next time.
func (l *Log) tell() {
	if l.untold == 0 {
		return
	}
	rec := slog.NewRecord(time.Now(), slog.LevelWarn, "log lines lost: standard error did not take them", 0)
	rec.AddAttrs(slog.Uint64("lines", l.untold))
	if l.own.Handle(context.Background(), rec) == nil {
		l.untold = 0
	}
}

// lineWriter begins a new line after a write that has failed within one. Each write must end with
// the end of a line.
type lineWriter struct {
	to  io.Writer
	cut bool // what was written last is not a whole line
}

// Write implements io.Writer.
func (w *lineWriter) Write(p []byte) (int, error) {
	if w.cut {
		if _, err := w.to.Write([]byte{'\n'}); err != nil {
			return 0, err
		}
		w.cut = false
	}
	n, err := w.to.Write(p)
	w.cut = n > 0 && p[n-1] != '\n'
	return n, err
}
