package serve

import (
	"cmp"
	"log/slog"
	"sync/atomic"
	"time"

	"eppmux/audit"
)

// unresolved knows the transforms of unknown outcome that the audit log has and nobody has resolved:
// those that earlier processes have left, and those of this one. A goroutine reads the log, so that
// no command waits for that. All methods may be called from any goroutine; a nil one knows nothing.
type unresolved struct {
	log   *slog.Logger
	quit  chan struct{}             // closed by stop
	ended chan struct{}             // closed by run
	seen  atomic.Pointer[leftovers] // as of the last reading; nil: none yet

	before map[string]uint64 // at the first reading, by registry; immutable once seen is set
}

// leftovers are what is unresolved, by registry. Immutable.
type leftovers map[string]leftover

// leftover is what is unresolved at one registry.
type leftover struct {
	count  int
	oldest time.Time
}

// lookEvery is how often the audit log is looked at for what is new.
const lookEvery = time.Second

// watchUnresolved begins to read the log at path. stop must be called.
func watchUnresolved(path string, log *slog.Logger) *unresolved {
	u := newUnresolved(log)
	go u.run(&audit.Watch{Path: path})
	return u
}

func newUnresolved(log *slog.Logger) *unresolved {
	return &unresolved{log: log, quit: make(chan struct{}), ended: make(chan struct{})}
}

// unresolvedShutdown bounds the wait for a reading that is under way: a disk that does not answer must
// not keep the process.
const unresolvedShutdown = 2 * time.Second

// stop ends the reading. One that is under way is waited for, for a while.
func (u *unresolved) stop() {
	if u == nil {
		return
	}
	close(u.quit)
	late := time.NewTimer(unresolvedShutdown)
	defer late.Stop()
	select {
	case <-u.ended:
	case <-late.C:
		u.log.Warn("reading the audit log takes too long; it is left")
	}
}

// run reads the log, on a goroutine of its own, until stop, which waits for it.
func (u *unresolved) run(w *audit.Watch) {
	defer close(u.ended)
	defer w.Close()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	failed := false
	for {
		news, err := w.Look()
		switch {
		case err != nil && !failed:
			u.log.Warn("audit log cannot be read: transforms of unknown outcome may be missing on the status page",
				"err", err.Error())
		case err == nil && news:
			u.take(w.Stories())
		}
		failed = err != nil
		select {
		case <-tick.C:
		case <-u.quit:
			return
		}
	}
}

// take publishes what a reading has found. Of the first one it writes to the log.
func (u *unresolved) take(stories []*audit.Story, part bool) {
	all := make(leftovers)
	for _, s := range stories {
		l := all[s.Registry]
		l.count++
		if at := s.At(); l.oldest.IsZero() || at.Before(l.oldest) {
			l.oldest = at
		}
		all[s.Registry] = l
	}
	if u.seen.Load() == nil {
		u.before = make(map[string]uint64)
		for name, l := range all {
			u.before[name] = uint64(l.count)
		}
		u.warn(stories, part)
	}
	u.seen.Store(&all)
}

// warnedEach is how many transforms that earlier processes have left are logged one by one.
const warnedEach = 20

// warn logs what earlier processes have left.
func (u *unresolved) warn(stories []*audit.Story, part bool) {
	for i, s := range stories {
		if i == warnedEach {
			u.log.Warn("more transforms of unknown outcome are left", "count", len(stories)-i,
				"do", "eppmux audit --unknown lists all")
			break
		}
		u.log.Warn("a transform of unknown outcome is left by an earlier process", "registry", s.Registry,
			"command", cmp.Or(s.Command, "-"), "muxtrid", s.MuxTRID, "sent", audit.Moment{Time: s.At()}.String())
	}
	if part {
		u.log.Info("the audit log goes further back than was read; eppmux audit --unknown reads all",
			"read_octets", audit.MaxWatched)
	}
}

// of returns what is unresolved at a registry; known is not set before the log was read.
func (u *unresolved) of(registry string) (count int, oldest time.Time, known bool) {
	if u == nil {
		return 0, oldest, false
	}
	all := u.seen.Load()
	if all == nil {
		return 0, oldest, false
	}
	l := (*all)[registry]
	return l.count, l.oldest, true
}

// atStart is how many transforms earlier processes have left at a registry.
func (u *unresolved) atStart(registry string) uint64 {
	if u == nil || u.seen.Load() == nil {
		return 0
	}
	return u.before[registry]
}
