package ratelimit

import (
	"container/heap"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

const day = 24 * time.Hour

// use takes and answers n commands, at once.
func use(b *Bucket, n int, now time.Duration) {
	for range n {
		b.Take(now)
		b.Done(now)
	}
}

// TestTakeUp: what was used counts in the next process for what is left of its period, by the wall
// clock, and never for less.
func TestTakeUp(t *testing.T) {
	const wall = 1000 * day
	l := Limit{N: 10, Per: time.Hour}
	for _, c := range []struct {
		name    string
		pause   time.Duration // between the writing and the taking up, by the wall clock
		skew    time.Duration
		inHand  int // in flight at the writing
		used    int // at the taking up
		atOnce  int // used 50 minutes later
		atRight int // used an hour later
	}{
		{"at once", 0, 0, 0, 4, 4, 0},
		{"a quarter", 15 * time.Minute, 0, 0, 4, 0, 0},
		{"gone", 2 * time.Hour, 0, 0, 0, 0, 0},
		{"skew", 15 * time.Minute, 10 * time.Minute, 0, 4, 4, 0},
		{"skew beyond now", time.Minute, 10 * time.Minute, 0, 4, 4, 0},
		{"in flight", 2 * time.Hour, 0, 3, 3, 3, 0},
		{"the clock was set back", -5 * time.Hour, 0, 0, 4, 4, 0},
	} {
		b := NewBucket(l)
		use(b, 4, 0)
		for range c.inHand {
			b.Take(0)
		}
		p := b.Page(0, wall)
		n := TakeUp(p, 7, wall+c.pause, c.skew)
		for _, at := range []struct {
			after time.Duration
			want  int
		}{{0, c.used}, {50 * time.Minute, c.atOnce}, {time.Hour, c.atRight}} {
			if got := n.Used(7 + at.after); got != at.want {
				t.Errorf("%s: after %v: got %d in use, want %d", c.name, at.after, got, at.want)
			}
		}
	}
}

// TestPageIsShort: a page has at most 64 counts, each not before the answers in it and within a 63rd
// of the period behind them; and what is written down again and again stays there.
func TestPageIsShort(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	l := Limit{N: 5000, Per: day}
	b := NewBucket(l)
	var at []time.Duration
	now := time.Duration(0)
	for range l.N {
		now += time.Duration(rng.Int64N(int64(l.Per) / 5000))
		use(b, 1, now)
		at = append(at, now)
	}
	wall := 1000*day + now
	for range 30 {
		p := b.Page(now, wall)
		if err := p.Validate(); err != nil || len(p.Counts) > 64 {
			t.Fatalf("got %d counts, %v, want at most 64 and no error", len(p.Counts), err)
		}
		i := 0
		for _, c := range p.Counts {
			for range c.N {
				if late := c.At - (at[i] + wall - now); late < 0 || late > l.Per/63+l.Per/1024 {
					t.Fatalf("answer %d counts %v late, want 0 to a 63rd of the period", i, late)
				}
				i++
			}
		}
		if i != len(at) {
			t.Fatalf("got %d answers, want %d", i, len(at))
		}
		b = TakeUp(p, now, wall, 0)
	}
}

// TestPageSpacing: a burst is not to be had again by a restart.
func TestPageSpacing(t *testing.T) {
	l := Limit{N: 100, Per: 100 * time.Second, Burst: 5}
	b := NewBucket(l)
	use(b, 5, 0)
	n := TakeUp(b.Page(0, day), 0, day+2*time.Second, 0)
	for want := range 2 {
		if n.Next(0) > 0 {
			t.Fatalf("got %d commands after 2 s, want 2", want)
		}
		use(n, 1, 0)
	}
	if got := n.Next(0); got != time.Second {
		t.Errorf("the third may go after %v, want 1s", got)
	}
	p := b.Page(0, day)
	p.Open = 50
	if got := TakeUp(p, 0, 50*day, 0).Next(0); got != time.Second {
		t.Errorf("behind what may have been sent the next may go after %v, want 1s", got)
	}
}

func TestFill(t *testing.T) {
	b := NewBucket(Limit{N: 3, Per: time.Second})
	if b.Fill(5); b.Next(5) != 5+time.Second {
		t.Errorf("a full bucket admits at %v, want a period later", b.Next(5))
	}
}

func TestPageValidate(t *testing.T) {
	good := Page{Limit: Limit{N: 1, Per: 1}, Counts: []Count{{1, 1}, {1, 2}}}
	if err := good.Validate(); err != nil {
		t.Errorf("a good page: %v", err)
	}
	for _, p := range []Page{
		{},
		{Limit: good.Limit, Open: -1},
		{Limit: good.Limit, Open: runMax + 1},
		{Limit: good.Limit, Due: -1},
		{Limit: good.Limit, Counts: []Count{{1, 0}}},
		{Limit: good.Limit, Counts: []Count{{1, runMax + 1}}},
		{Limit: good.Limit, Counts: []Count{{-1, 1}}},
		{Limit: good.Limit, Counts: []Count{{2, 1}, {1, 1}}},
		{Limit: good.Limit, Counts: slices.Repeat([]Count{{1, 1}}, 65)},
	} {
		if p.Validate() == nil {
			t.Errorf("no error for %+v", p)
		}
	}
}

// restarts is a registry that counts, and a process that ends and begins again: cleanly, or at any
// moment, with what was kept last.
type restarts struct {
	limit    Limit
	rng      *rand.Rand
	recent   time.Duration
	clients  int
	rtt      time.Duration
	disk     time.Duration // the longest that a writing takes
	counted  []time.Duration
	lost     int // slots that crashes cost, at their takings up
	crashes  int
	byCrash  int     // in hundredths, of all ends
	busy     float64 // chance that a client has a command
	writings int
}

func (r *restarts) upTo(d time.Duration) time.Duration {
	return time.Duration(r.rng.Int64N(int64(d) + 1))
}

// run plays until the length is over, with so many ends.
func (r *restarts) run(length time.Duration, ends int) {
	// The process's clock begins anew each time; all instants here are those of the world.
	const wall = 1000 * day
	b := NewBucket(r.limit)
	b.Ration()
	kept := b.Page(0, wall)
	for now, i := time.Duration(0), 0; i <= ends; i++ {
		until := now + r.upTo(2*length/time.Duration(ends+1))
		var pending events
		var writing *Page
		var written time.Duration
		for now < until {
			for pending.Len() > 0 && pending[0].at <= now {
				heap.Pop(&pending)
				b.Done(now)
			}
			if writing != nil && written <= now {
				kept, writing = *writing, nil
				b.Written()
			}
			for pending.Len() < r.clients && r.rng.Float64() < r.busy && b.Next(now) <= now {
				b.Take(now)
				rtt := r.upTo(r.rtt)
				heap.Push(&pending, event{at: now + rtt})
				r.counted = append(r.counted, now+r.upTo(rtt))
			}
			if writing == nil && b.Wants() {
				p := b.Write(now, wall+now, r.recent)
				writing, written = &p, now+r.upTo(r.disk)
				r.writings++
			}
			now += r.upTo(max(r.limit.Per/1000, r.disk/4))
		}
		if r.rng.IntN(100) >= r.byCrash { // it ends cleanly
			for pending.Len() > 0 {
				now = max(now, heap.Pop(&pending).(event).at)
				b.Done(now)
			}
			b.Ration()
			kept = b.Page(now, wall+now)
		} else {
			if r.crashes++; writing != nil && r.rng.IntN(2) == 0 {
				kept = *writing
			}
			// What is in flight is counted by now, as where a connection is closed.
			for j, at := range r.counted {
				r.counted[j] = min(at, now)
			}
		}
		used := b.Used(now)
		now += r.upTo(r.limit.Per / 50)
		var again Page
		text, err := json.Marshal(kept)
		if err == nil {
			err = json.Unmarshal(text, &again)
		}
		if err != nil || !reflect.DeepEqual(again, kept) {
			panic("a page is not what it was behind JSON")
		}
		b = TakeUp(again, now, wall+now, 0)
		r.lost += max(0, b.Used(now)-used)
		b.Ration()
	}
}

// TestRegistryNeverSeesMoreBehindRestarts: over any number of ends and crashes the registry counts no
// window above the limit.
func TestRegistryNeverSeesMoreBehindRestarts(t *testing.T) {
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 4))
		n := 1 + rng.IntN(400)
		r := restarts{rng: rng, limit: Limit{N: n, Per: time.Duration(3+rng.IntN(3600)) * time.Second, Burst: rng.IntN(n + 1)},
			clients: 1 + rng.IntN(50), byCrash: 50, busy: 0.7}
		r.rtt, r.disk, r.recent = r.limit.Per/time.Duration(1+rng.IntN(200)), r.limit.Per/time.Duration(20+rng.IntN(20000)), r.limit.Per/50
		r.run(8*r.limit.Per, 1+rng.IntN(60))
		slices.Sort(r.counted)
		if got := worstWindow(r.counted, r.limit.Per); got > r.limit.N {
			t.Errorf("seed %d: %v: got %d commands in a window, want at most %d", seed, r.limit, got, r.limit.N)
		}
	}
}

// TestCrashesLoseLittle: of 1,000 a day, ten crashes and ten clean ends lose less than 100.
func TestCrashesLoseLittle(t *testing.T) {
	for seed := range uint64(20) {
		r := restarts{rng: rand.New(rand.NewPCG(seed, 5)), limit: Limit{N: 1000, Per: day}, clients: 5, byCrash: 50, busy: 1,
			rtt: 50 * time.Millisecond, disk: 20 * time.Millisecond, recent: 5 * time.Second}
		r.limit.Per = time.Hour // so that steps are short; the block is the same
		r.run(20*time.Minute, 20)
		if got := len(r.counted); got > 1000 || r.lost > 8*r.crashes {
			t.Errorf("seed %d: got %d commands and %d lost by %d crashes, want at most 1000, and 8 lost by each", seed, got, r.lost, r.crashes)
		}
	}
}
