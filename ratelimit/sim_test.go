package ratelimit

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// A registry that counts commands in any window, and clients that always have one more: the promise
// of a Limit and the use that is made of it, over random response times.

type simulation struct {
	limit   Limit
	clients int
	rtt     func(*rand.Rand) time.Duration
	length  time.Duration
	faults  bool // some commands are undone, some sessions die without an answer

	taken   []time.Duration // instants of Take of what was sent
	counted []time.Duration // when the registry counted each
}

// An answer or an undo that is due.
type event struct {
	at   time.Duration
	undo bool
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at < e[j].at }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	*e = old[:len(old)-1]
	return x
}

func (s *simulation) run(rng *rand.Rand) {
	b := NewBucket(s.limit)
	var pending events
	var now time.Duration
	for now < s.length {
		for pending.Len() > 0 && pending[0].at <= now {
			if e := heap.Pop(&pending).(event); e.undo {
				b.Undo(now)
			} else {
				b.Done(now)
			}
		}
		for pending.Len() < s.clients && b.Next(now) <= now {
			b.Take(now)
			rtt := s.rtt(rng)
			undo := s.faults && rng.IntN(10) == 0
			heap.Push(&pending, event{now + rtt, undo})
			if !undo {
				s.taken = append(s.taken, now)
				s.counted = append(s.counted, now+time.Duration(rng.Int64N(int64(rtt)+1)))
			}
		}
		next := Never
		if pending.Len() < s.clients {
			next = b.Next(now)
		}
		if pending.Len() > 0 {
			next = min(next, pending[0].at)
		}
		now = next
	}
}

// worstWindow is the greatest number of instants in any half-open window of length per. The
// instants must be sorted.
func worstWindow(instants []time.Duration, per time.Duration) int {
	worst, first := 0, 0
	for i, at := range instants {
		for at-instants[first] >= per {
			first++
		}
		worst = max(worst, i-first+1)
	}
	return worst
}

func upTo(d time.Duration) func(*rand.Rand) time.Duration {
	return func(rng *rand.Rand) time.Duration { return time.Duration(rng.Int64N(int64(d) + 1)) }
}

// heavyTail is mostly quick, now and then longer than the window itself.
func heavyTail(per time.Duration) func(*rand.Rand) time.Duration {
	return func(rng *rand.Rand) time.Duration {
		d := time.Duration(rng.Int64N(int64(per)/50 + 1))
		if rng.IntN(20) == 0 {
			d += time.Duration(rng.Int64N(int64(2*per) + 1))
		}
		return d
	}
}

func TestRegistryNeverSeesMore(t *testing.T) {
	for seed := range uint64(120) {
		rng := rand.New(rand.NewPCG(seed, 1))
		n := 1 + rng.IntN(60)
		s := simulation{
			limit:   Limit{N: n, Per: time.Duration(1+rng.IntN(5000)) * time.Millisecond, Burst: rng.IntN(n + 1)},
			clients: 1 + rng.IntN(300),
			faults:  rng.IntN(2) == 0,
		}
		s.length = 12 * s.limit.Per
		s.rtt = heavyTail(s.limit.Per)
		if rng.IntN(2) == 0 {
			s.rtt = upTo(s.limit.Per / 50)
		}
		s.run(rng)
		slices.Sort(s.counted)
		if got := worstWindow(s.counted, s.limit.Per); got > s.limit.N {
			t.Errorf("seed %d: %v, %d clients: got %d commands in a window, want at most %d", seed, s.limit, s.clients, got, s.limit.N)
		}
		s.checkSpacing(t, seed)
	}
}

// checkSpacing holds what was sent against the definition of the burst: in a time w no more than
// Burst and one for each P/N that fits into w.
func (s *simulation) checkSpacing(t *testing.T, seed uint64) {
	t.Helper()
	burst := s.limit.burst()
	for i := range s.taken {
		for j := i; j < min(len(s.taken), i+s.limit.N+2); j++ {
			allowed := burst + int((s.taken[j]-s.taken[i])*time.Duration(s.limit.N)/s.limit.Per)
			// With a burst of N the window alone rules: N at its end, N at the next one's start.
			if sent := j - i + 1; sent > allowed && burst < s.limit.N {
				t.Fatalf("seed %d: %v: got %d sent in %v, want at most %d", seed, s.limit, sent, s.taken[j]-s.taken[i], allowed)
			}
		}
	}
}

func TestLimitIsUsed(t *testing.T) {
	for _, l := range []Limit{
		{N: 100, Per: time.Second},
		{N: 100, Per: time.Second, Burst: 10},
		{N: 100, Per: time.Second, Burst: 1},
		{N: 7, Per: time.Second, Burst: 3},
		{N: 600, Per: time.Minute, Burst: 50},
		{N: 1, Per: time.Second},
	} {
		for seed := range uint64(3) {
			s := simulation{limit: l, clients: 300, rtt: upTo(l.Per / 50), length: 60 * l.Per}
			s.run(rand.New(rand.NewPCG(seed, 2)))
			most := float64(l.N) * float64(s.length/l.Per)
			if got := float64(len(s.taken)) / most; got < 0.97 {
				t.Errorf("seed %d: %v: got %.4f of the limit used, want at least 0.97", seed, l, got)
			}
			slices.Sort(s.counted)
			if got := worstWindow(s.counted, l.Per); got > l.N {
				t.Errorf("seed %d: %v: got %d commands in a window, want at most %d", seed, l, got, l.N)
			}
		}
	}
}

// TestChangesUnderLoad changes the limit while commands are in flight. Over windows of the shortest
// period seen, the registry never sees more than the largest N; after the last change and one
// window more, the last limit rules.
func TestChangesUnderLoad(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 3))
		limits := make([]Limit, 5)
		for i := range limits {
			n := 1 + rng.IntN(40)
			limits[i] = Limit{N: n, Per: time.Second, Burst: rng.IntN(n + 1)}
		}
		b := NewBucket(limits[0])
		var pending events
		var counted []time.Duration
		var settled time.Duration
		current := 0
		for step := range 4000 {
			now := ms(5 * step)
			if step%500 == 499 && current+1 < len(limits) {
				current++
				b.SetLimit(now, limits[current])
				settled = now + time.Second + ms(100)
			}
			for pending.Len() > 0 && pending[0].at <= now {
				heap.Pop(&pending)
				b.Done(now)
			}
			for b.Next(now) <= now {
				b.Take(now)
				rtt := ms(rng.IntN(50))
				heap.Push(&pending, event{at: now + rtt})
				counted = append(counted, now+time.Duration(rng.Int64N(int64(rtt)+1)))
			}
		}
		slices.Sort(counted)
		largest := slices.MaxFunc(limits, func(a, b Limit) int { return a.N - b.N }).N
		if got := worstWindow(counted, time.Second); got > largest {
			t.Errorf("seed %d: got %d commands in a window, want at most %d", seed, got, largest)
		}
		first, _ := slices.BinarySearch(counted, settled)
		if got, want := worstWindow(counted[first:], time.Second), limits[current].N; got > want {
			t.Errorf("seed %d: after the last change: got %d commands in a window, want at most %d", seed, got, want)
		}
	}
}
