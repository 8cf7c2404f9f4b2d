package ratelimit

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unsafe"
)

// exact is a bucket without a burst that keeps each answer by itself, written for nothing but to be
// right: the oracle for limits whose answers are kept by slices.
type exact struct {
	limit    Limit
	inFlight int
	answered []time.Duration
}

func (e *exact) used(now time.Duration) int {
	at := slices.IndexFunc(e.answered, func(t time.Duration) bool { return t+e.limit.Per > now })
	if at < 0 {
		at = len(e.answered)
	}
	e.answered = e.answered[at:]
	return e.inFlight + len(e.answered)
}

// next is as Bucket.Next.
func (e *exact) next(now time.Duration) time.Duration {
	excess := e.used(now) - e.limit.N
	switch {
	case excess < 0:
		return now
	case excess >= len(e.answered):
		return Never
	}
	return e.answered[excess] + e.limit.Per
}

// sliced are limits whose answers are kept by slices, just so and by far, with windows that are no
// multiple of the slices.
var sliced = []Limit{
	{N: numSlices + 1, Per: time.Second},
	{N: 3000, Per: 1_234_567_891},
	{N: 20_000, Per: time.Minute},
	{N: 7919, Per: 7919},
}

// TestSlicesNeverLetMoreThrough: what a bucket admits, the oracle admits. What the oracle admits, the
// bucket admits a slice later at the latest.
func TestSlicesNeverLetMoreThrough(t *testing.T) {
	for seed, l := range sliced {
		rng := rand.New(rand.NewPCG(uint64(seed), 4))
		b, e := NewBucket(l), &exact{limit: l}
		pause := int64(l.Per) / int64(l.N) // the longest, so that commands come twice as fast as they may
		var now time.Duration
		held, waited := 0, time.Duration(0)
		for range 12 * l.N {
			now += time.Duration(rng.Int64N(pause + 1))
			if rng.IntN(5*l.N) == 0 {
				now += l.Per / time.Duration(2+rng.IntN(5)) // a rest
			}
			if b.Used(now) < e.used(now) {
				t.Fatalf("%v at %v: got %d used, want %d at least", l, now, b.Used(now), e.used(now))
			}
			// Of those in flight some are answered, in no order of theirs.
			for b.inFlight > 0 && rng.IntN(3) > 0 {
				if rng.IntN(20) == 0 {
					b.Undo(now)
				} else {
					b.Done(now)
					e.answered = append(e.answered, now)
				}
				e.inFlight--
			}
			if at := b.Next(now); at > now {
				held++
				if at == Never {
					continue
				}
				waited = max(waited, at-e.next(now))
				now = at
			}
			if e.next(now) > now {
				t.Fatalf("%v: admitted at %v, where %d are used", l, now, e.used(now))
			}
			b.Take(now)
			e.inFlight++
		}
		if held == 0 || waited > l.grain() {
			t.Errorf("%v: held %d times, by as much as %v longer than needed, want %v at most", l, held, waited, l.grain())
		}
	}
}

// TestSlicedRegistryNeverSeesMore is TestRegistryNeverSeesMore and TestLimitIsUsed for limits whose
// answers are kept by slices.
func TestSlicedRegistryNeverSeesMore(t *testing.T) {
	for seed, l := range sliced[:2] {
		for _, burst := range []int{0, l.N / 3} {
			l.Burst = burst
			s := simulation{limit: l, clients: 2 * l.N, rtt: upTo(l.Per / 50), length: 20 * l.Per, faults: seed == 1}
			s.run(rand.New(rand.NewPCG(uint64(seed), 5)))
			slices.Sort(s.counted)
			if got := worstWindow(s.counted, l.Per); got > l.N {
				t.Errorf("%v: got %d commands in a window, want at most %d", l, got, l.N)
			}
			if got := float64(len(s.taken)) / float64(20*l.N); !s.faults && got < 0.97 {
				t.Errorf("%v: got %.4f of the limit used, want at least 0.97", l, got)
			}
		}
	}
}

// TestSlicedMemory: a limit of many more, used in full, has no more memory than one of
// numSlices a day, and no push copies more than that.
func TestSlicedMemory(t *testing.T) {
	const most = 2 * (numSlices + 1) * int(unsafe.Sizeof(run{}))
	for _, n := range []int{numSlices, numSlices + 1, 200_000} {
		l := Limit{N: n, Per: 24 * time.Hour}
		b := NewBucket(l)
		var now time.Duration
		for range 2*n + 1 {
			now = max(now+l.spacing()/2, b.Next(now))
			b.Take(now)
			b.Done(now)
		}
		if b.Used(now) < n/2 {
			t.Errorf("%v: only %d are used", l, b.Used(now))
		}
		if got := cap(b.answered.buf) * int(unsafe.Sizeof(run{})); got > most || b.answered.n > l.runs() {
			t.Errorf("%v: %d octets for %d runs, want %d octets and %d runs at most", l, got, b.answered.n, most, l.runs())
		}
	}
}

// TestSlicedSetLimit: from one slice to another, and from slices to none and back, what is used
// counts on.
func TestSlicedSetLimit(t *testing.T) {
	limits := append([]Limit{{N: 5, Per: time.Second}, {N: 900, Per: time.Second}}, sliced[:2]...)
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 6))
		b := NewBucket(limits[0])
		e := &exact{limit: limits[0]}
		var now time.Duration
		for range 20_000 {
			now += time.Duration(rng.Int64N(int64(200 * time.Microsecond)))
			if rng.IntN(2000) == 0 {
				e.used(now) // forgets what the old limit forgets
				e.limit = limits[rng.IntN(len(limits))]
				b.SetLimit(now, e.limit)
			}
			if b.Used(now) < e.used(now) {
				t.Fatalf("seed %d: got %d used, want %d at least", seed, b.Used(now), e.used(now))
			}
			if b.Next(now) <= now {
				b.Take(now)
				b.Done(now)
				e.answered = append(e.answered, now)
			}
		}
	}
}

// BenchmarkGrow is the worst push: into a ring that is full and has to grow.
func BenchmarkGrow(b *testing.B) {
	for _, l := range []Limit{{N: numSlices, Per: 24 * time.Hour}, {N: 50_000_000, Per: 24 * time.Hour}} {
		b.Run(fmt.Sprint(l), func(b *testing.B) {
			full := ring{buf: make([]run, l.runs()/2)}
			for i := range full.buf {
				full.push(time.Duration(i)*(l.grain()+1), 1, l.grain(), l.runs())
			}
			b.ReportAllocs()
			for b.Loop() {
				r := full
				r.push(l.Per, 1, l.grain(), l.runs())
			}
		})
	}
}
