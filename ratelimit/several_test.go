package ratelimit

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Commands that take several slots at once, as checks of several names do.

// several is a number of slots that a command had, and when.
type several struct {
	at time.Duration
	n  int
}

// ledger is a bucket without a burst that keeps each answer by itself: the reference. It looks for the
// instant at which n are free by trying all at which something becomes free.
type ledger struct {
	limit    Limit
	inFlight int
	answered []several
}

func (l *ledger) used(now time.Duration) int {
	used := l.inFlight
	for _, s := range l.answered {
		if s.at+l.limit.Per > now {
			used += s.n
		}
	}
	return used
}

func (l *ledger) next(now time.Duration, n int) time.Duration {
	if n > l.limit.N {
		return Never
	}
	at := now
	for _, s := range append([]several{{now - l.limit.Per, 0}}, l.answered...) {
		if at = max(now, s.at+l.limit.Per); l.used(at)+n <= l.limit.N {
			return at
		}
	}
	return Never
}

// TestSeveralByReference: a bucket admits so many when the reference does, neither sooner nor later.
func TestSeveralByReference(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 21))
		limit := Limit{N: 1 + rng.IntN(80), Per: time.Second}
		b, l := NewBucket(limit), &ledger{limit: limit}
		var flying []int
		now := time.Duration(0)
		held := 0
		for range 3000 {
			now += ms(rng.IntN(30))
			for len(flying) > 0 && rng.IntN(2) == 0 {
				n := flying[0]
				flying = flying[1:]
				if l.inFlight -= n; rng.IntN(8) == 0 {
					b.UndoN(now, n)
				} else {
					b.DoneN(now, n)
					l.answered = append(l.answered, several{now, n})
				}
			}
			if rng.IntN(300) == 0 {
				l.limit.N = 1 + rng.IntN(80)
				l.answered = slices.DeleteFunc(l.answered, func(s several) bool { return s.at+time.Second <= now })
				b.SetLimit(now, l.limit)
			}
			n := 1 + rng.IntN(l.limit.N+l.limit.N/4+1)
			if got, want := b.NextN(now, n), l.next(now, n); got != want || b.Used(now) != l.used(now) {
				t.Fatalf("seed %d: %v at %v: got next %v for %d, %d used, want %v, %d", seed, l.limit, now, got, n, b.Used(now), want, l.used(now))
			} else if got > now {
				held++
				continue
			}
			b.TakeN(now, n)
			l.inFlight += n
			flying = append(flying, n)
		}
		if held == 0 {
			t.Errorf("seed %d: nothing was held", seed)
		}
	}
}

// worstSum is the greatest sum in any half-open window of length per. counted must be sorted.
func worstSum(counted []several, per time.Duration) int {
	worst, sum, first := 0, 0, 0
	for _, s := range counted {
		for sum += s.n; s.at-counted[first].at >= per; first++ {
			sum -= counted[first].n
		}
		worst = max(worst, sum)
	}
	return worst
}

// TestSeveralNeverSeesMore: a registry that counts names at any moment between a command's sending and its
// answer never counts more than the limit, and no more than a burst goes back to back; also where the use
// is written down, and the process ends without a word and another takes up.
func TestSeveralNeverSeesMore(t *testing.T) {
	for seed := range uint64(120) {
		rng := rand.New(rand.NewPCG(seed, 22))
		n := 1 + rng.IntN(200)
		limit := Limit{N: n, Per: time.Duration(1+rng.IntN(5000)) * time.Millisecond, Burst: rng.IntN(n + 1)}
		if seed%10 == 0 {
			limit.N, limit.Burst = 5000, 0
		}
		rationed := rng.IntN(2) == 0
		b := NewBucket(limit)
		if rationed {
			b.Ration()
		}
		rtt := heavyTail(limit.Per)
		var pending events
		var flying []several // by event
		var counted, taken []several
		var written Page // what a crash would leave
		begun := false
		wants, sent, dry := 0, 0, 0
		now := time.Duration(0)
		for now < 8*limit.Per {
			now += limit.Per / 400
			for pending.Len() > 0 && pending[0].at <= now {
				e := heap.Pop(&pending).(event)
				i := slices.IndexFunc(flying, func(s several) bool { return s.at == e.at })
				if e.undo {
					b.UndoN(now, flying[i].n)
				} else {
					b.DoneN(now, flying[i].n)
				}
				flying = slices.Delete(flying, i, i+1)
			}
			if rationed && (b.Wants() || rng.IntN(100) == 0) {
				written, begun = b.Write(now, now+day, limit.Per/10), true
				if b.Written(); len(counted) > 0 && rng.IntN(40) == 0 {
					b = TakeUp(written, now, now+day, 0)
					b.Ration()
					pending, flying = nil, nil
				}
			}
			if wants == 0 {
				wants = 1 + rng.IntN(limit.Most())
			}
			if at := b.NextN(now, wants); at > now {
				if rationed && b.Dry() {
					dry++
				}
				continue
			}
			b.TakeN(now, wants)
			d := rtt(rng) + time.Duration(len(counted)) // no two at the same instant
			e := event{now + d, rng.IntN(10) == 0}
			heap.Push(&pending, e)
			flying = append(flying, several{e.at, wants})
			if !e.undo {
				counted = append(counted, several{now + time.Duration(rng.Int64N(int64(d)+1)), wants})
				taken = append(taken, several{now, wants})
				sent += wants
			}
			wants = 0
		}
		slices.SortFunc(counted, func(x, y several) int { return int(x.at - y.at) })
		if got := worstSum(counted, limit.Per); got > limit.N {
			t.Errorf("seed %d: %v: got %d in a window, want at most %d", seed, limit, got, limit.N)
		}
		if sent < limit.N || rationed && (!begun || dry == 0) {
			t.Errorf("seed %d: %v: sent %d, %d dry", seed, limit, sent, dry)
		}
		for i := range taken {
			sum := 0
			for j := i; j < len(taken) && limit.burst() < limit.N; j++ {
				sum += taken[j].n
				w := taken[j].at - taken[i].at
				if allowed := limit.burst() + int(w*time.Duration(limit.N)/limit.Per); sum > allowed {
					t.Fatalf("seed %d: %v: got %d sent in %v, want at most %d", seed, limit, sum, w, allowed)
				}
			}
		}
	}
}

// TestSeveralInherit: slots in flight and their answers count for the heir, each of them.
func TestSeveralInherit(t *testing.T) {
	l := Limit{N: 100, Per: ms(1000)}
	x := NewBucket(l)
	x.TakeN(0, 30)
	x.TakeN(0, 20)
	x.DoneN(ms(10), 20)
	b := heir(ms(20), l, x)
	if got := b.Used(ms(20)); got != 50 {
		t.Fatalf("got %d used, want 50", got)
	}
	if got := b.NextN(ms(20), 50); got != ms(20) {
		t.Errorf("50 more at %v", got)
	}
	if got := b.NextN(ms(20), 51); got != ms(1010) {
		t.Errorf("51 more at %v", got)
	}
	x.DoneN(ms(30), 30)
	if got := b.NextN(ms(40), 71); got != ms(1030) {
		t.Errorf("71 more at %v", got)
	}
	if got := b.NextN(ms(40), 101); got != Never {
		t.Errorf("more than the limit at %v", got)
	}
	b = NewBucket(Limit{N: 100, Per: ms(1000), Burst: 10})
	if got, at := b.NextN(0, 11), b.NextN(0, 10); got != Never || at != 0 {
		t.Errorf("more than the burst at %v, the burst at %v", got, at)
	}
	b.TakeN(0, 10)
	if got := b.NextN(0, 4); got != ms(40) {
		t.Errorf("four behind the burst at %v", got)
	}
	b.UndoN(0, 10)
	if got := b.NextN(0, 10); got != 0 {
		t.Errorf("behind an undo at %v", got)
	}
}

// TestSeveralRationed: one that takes more than a block is admitted once that is written, though others
// take some meanwhile.
func TestSeveralRationed(t *testing.T) {
	b := NewBucket(Limit{N: 1024, Per: time.Hour}) // a block of 8
	b.Ration()
	if b.NextN(0, 50) != Never || !b.Wants() || !b.Dry() {
		t.Fatal("it is admitted, or nothing is to be written")
	}
	if p := b.Write(0, 0, time.Second); p.Open < 50 {
		t.Errorf("reserved %d", p.Open)
	}
	if b.NextN(0, 50) != Never {
		t.Error("admitted before it is written")
	}
	b.Written()
	use(b, 7, 0)
	if b.NextN(0, 50) != 0 || b.Dry() {
		t.Error("not admitted")
	}
	b.TakeN(0, 50)
	b.DoneN(0, 50)
	if p := b.Page(0, 0); p.Open != 0 || len(p.Counts) != 1 || p.Counts[0].N != 57 {
		t.Errorf("got %+v", p)
	}
}
