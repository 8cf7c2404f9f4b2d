package pool

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
)

// The world's process: it ends at any moment, or cleanly, and another one goes on with what was kept.

// simDisk is where the ledger is kept.
type simDisk struct {
	kept    []byte        // nil: nothing was ever kept
	at      time.Duration // when that was written down
	writing []byte        // nil: nothing
	since   time.Duration // when that was written down
	slow    time.Duration // the longest that a writing takes
	fails   float64       // chance that one fails
	loose   bool          // commands went without a reservation once
	crashes float64       // chance at each step that the process is killed
	killed  time.Duration // when it was last, or when it ended with more sessions than there may be now, or nobody knows how
	logins  int           // the highest budget of logins so far
	lives   int
	life    int // rises with each end of a process, or of its role
}

// wall is the host's wall clock.
func (w *world) wall() time.Duration { return w.now + simWall + w.roles.ahead }

// simWall is the wall clock less the world's.
const simWall = 20_000 * 24 * time.Hour

// withLedger gives the world a ledger, and a limit that is to outlive the process.
func (w *world) withLedger() {
	r := rand.New(rand.NewPCG(w.seed, 2))
	w.cfg.Ledger = LedgerPolicy(r.IntN(3))
	w.disk.slow = []time.Duration{time.Millisecond, 20 * time.Millisecond, keepTimeout / 2}[r.IntN(3)]
	if w.cfg.Ledger == LedgerBlock && r.IntN(2) == 0 {
		w.disk.slow, w.disk.fails = 2*keepTimeout, w.faults
	}
	if w.cfg.Ledger != LedgerNot {
		w.disk.crashes = []float64{0, 0.0003, 0.003, 0.05}[r.IntN(4)]
		n := 10 + r.IntN(300)
		// It does not count logouts: a reload may fill it, and sessions above sessions.max must go.
		clients := Commands(func(c frame.Command, _ frame.Op) bool { return c == frame.CommandCheck || c == frame.CommandCreate })
		w.cfg.Rules = append(w.cfg.Rules, Rule{Name: "long", Commands: clients,
			Limit: ratelimit.Limit{N: n, Per: time.Duration(3+r.IntN(100)) * time.Second, Burst: r.IntN(n + 1)}})
	}
	w.useUnits()
	w.pool = New(w.cfg, 0)
}

// useUnits has some of the rules count objects.
func (w *world) useUnits() {
	for i := range w.cfg.Rules {
		if w.units.IntN(3) == 0 {
			w.cfg.Rules[i].Unit = UnitObjects
			w.names = true
		}
	}
}

// counted is how often a rule counts x, a command of a client; nil: one of ours.
func (r *Rule) counted(x *Exchange) int {
	if x == nil || r.Unit != UnitObjects {
		return 1
	}
	return int(max(1, x.Objects))
}

// keep is a disk that is slow and fails at times.
func (w *world) keep(ticket uint64) {
	d := &w.disk
	if d.writing != nil {
		w.errorf("two writings at once")
	}
	l := w.pool.WriteDown(w.now, w.wall())
	life := d.life
	text, err := json.Marshal(l)
	if err != nil {
		w.errorf("encoding: %v", err)
	}
	if err := l.Validate(); err != nil { // the next process would take it for damaged
		w.errorf("%v: %s", err, text)
	}
	d.writing, d.since = text, w.now
	ok := !w.chance(d.fails)
	w.after(w.upTo(d.slow), func() {
		if life != d.life { // it is known already whether it is there
			w.pool.Kept(ticket, ok, w.now)
			return
		}
		if ok || w.chance(0.3) { // it may be there though it failed
			d.kept, d.at = text, d.since
		}
		d.writing = nil
		w.pool.Kept(ticket, ok, w.now)
	})
}

// crash kills the process. What it was writing may be kept. Everything else goes on.
func (w *world) crash() {
	d := &w.disk
	w.endWriting()
	for _, s := range w.pool.sessions {
		k := w.sockets[s]
		if k == nil || k.dead {
			continue
		}
		if w.counts(k); k.working || w.chance(0.3) {
			w.ghosts = append(w.ghosts, w.now+w.upTo(ghostLife))
		}
		delete(w.sockets, s)
	}
	clear(w.exchange)
	for _, c := range w.clients {
		if c.x != nil {
			w.ended++
		}
		w.connections++
		c.id, c.known, c.x = w.connections, Kinds{}, nil
	}
	w.events, w.registryUp, d.killed = nil, true, w.now
	w.now += w.upTo(2 * time.Second)
	w.begin()
	w.start()
}

// endWriting ends what is being written: it may be kept.
func (w *world) endWriting() {
	d := &w.disk
	if d.writing != nil && w.chance(0.5) {
		d.kept, d.at = d.writing, d.since
	}
	d.writing = nil
	d.life++
}

// takeUp returns what was kept last.
func (w *world) takeUp() *Ledger {
	d := &w.disk
	if w.refusedAt >= d.at { // nobody knows of it
		w.refusedAt = -1
	}
	var l *Ledger
	switch {
	case d.kept == nil:
	case w.chance(0.1):
		l, w.refusedAt = LostLedger(), -1
	default:
		l = new(Ledger)
		if err := json.Unmarshal(d.kept, l); err != nil || l.Validate() != nil {
			w.errorf("what was kept cannot be read: %v, %v", err, l.Validate())
		}
		if text, _ := json.Marshal(l); !slices.Equal(text, d.kept) {
			w.errorf("read as %s, kept as %s", text, d.kept)
		}
	}
	if d.writing = nil; l == nil || !l.Clean || w.most > w.cfg.MaxSessions {
		d.killed = w.now
	}
	d.lives++
	return l
}

// begin begins the next process, with what the last one has kept.
func (w *world) begin() {
	l := w.takeUp()
	w.roles = simRoles{change: w.roles.change, steps: w.roles.steps, ahead: w.roles.ahead}
	w.pool = Resume(w.cfg, l, w.now, w.wall())
	w.paused, w.cut = false, 0
	w.mistaken, w.reloads = 0, 0 // that polls mean nothing here is not kept
	w.drained, w.draining, w.most, w.settled, w.stopped = false, false, w.cfg.MaxSessions, never, 0
	w.settle()
}

// checkEnd: behind a drain it is written that it was the end, and nothing is reserved.
func (w *world) checkEnd() {
	if w.cfg.Ledger == LedgerNot || w.disk.slow > keepTimeout/2 || w.disk.loose || w.stopped > 0 || w.roles.change {
		return
	}
	var l Ledger
	if err := json.Unmarshal(w.disk.kept, &l); err != nil || !l.Clean || l.Logins.Open > 0 {
		w.errorf("the end is kept as %s: %v", w.disk.kept, err)
	}
	for i := range l.Rules {
		if l.Rules[i].Page.Open > 0 {
			w.errorf("behind the end there is use in rule %d that is not known: %+v", i, l.Rules[i].Page)
		}
	}
}

// checkLong compares clients' commands with the limit that outlives the process: I7.
func (w *world) checkLong() {
	i := slices.IndexFunc(w.cfg.Rules, func(r Rule) bool { return r.Name == "long" })
	if i < 0 || w.disk.loose || w.now < w.longAt {
		return
	}
	l := w.cfg.Rules[i].Limit
	w.longAt = w.now + l.Per/4
	var seen []time.Duration
	for _, at := range w.long {
		if *at <= w.now {
			seen = append(seen, *at)
		}
	}
	slices.Sort(seen)
	for i := l.N; i < len(seen); i++ {
		if seen[i]-seen[i-l.N] < l.Per {
			w.errorf("I7: %d commands within %v, over %d lives: %v", l.N+1, seen[i]-seen[i-l.N], w.disk.lives+1, l)
			break
		}
	}
	w.long = slices.DeleteFunc(w.long, func(at *time.Duration) bool { return *at < w.now-2*l.Per })
}

// checkLoose notes that the pool goes on without a ledger.
func (w *world) checkLoose() {
	k := &w.pool.keeping
	if w.disk.loose = w.disk.loose || k.broken && w.cfg.Ledger == LedgerWarn; k.broken && w.cfg.Ledger != LedgerStrict {
		w.disk.logins = 1000 // they go on
	}
	var all []*ratelimit.Bucket
	for _, b := range k.buckets {
		if slices.Contains(all, b) {
			w.errorf("a bucket is kept twice")
		}
		all = append(all, b)
	}
	if w.cfg.Ledger == LedgerNot && len(k.buckets)+int(k.ticket) > 0 {
		w.errorf("a ledger is kept that nobody asked for: %+v", *k)
	}
}
