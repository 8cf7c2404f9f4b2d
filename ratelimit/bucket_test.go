package ratelimit

import (
	"fmt"
	"testing"
	"time"
)

// A script is run against one bucket, one line per step; instants are in milliseconds.
type step struct {
	at   int
	do   string // take, done, undo, next, used, idle, or set
	want int    // of next: instant or never; of used: slots; of idle: 0 or 1
	set  Limit
}

const never = -1

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func runScript(t *testing.T, l Limit, script []step) {
	t.Helper()
	b := NewBucket(l)
	for i, s := range script {
		where := fmt.Sprintf("%v step %d (at %d %s)", l, i, s.at, s.do)
		now := ms(s.at)
		switch s.do {
		case "take":
			if at := b.Next(now); at > now {
				t.Fatalf("%s: got next %v, want now", where, at)
			}
			b.Take(now)
		case "done":
			b.Done(now)
		case "undo":
			b.Undo(now)
		case "set":
			b.SetLimit(now, s.set)
			if got := b.Limit(); got != s.set {
				t.Fatalf("%s: got limit %v, want %v", where, got, s.set)
			}
		case "next":
			want := ms(s.want)
			if s.want == never {
				want = Never
			}
			if got := b.Next(now); got != want {
				t.Fatalf("%s: got %v, want %v", where, got, want)
			}
		case "used":
			if got := b.Used(now); got != s.want {
				t.Fatalf("%s: got %d, want %d", where, got, s.want)
			}
		case "idle":
			if got := b.Idle(now); got != (s.want == 1) {
				t.Fatalf("%s: got %v, want %v", where, got, s.want == 1)
			}
		default:
			t.Fatalf("%s: no such step", where)
		}
	}
}

func TestSlotIsFreePerAfterTheAnswer(t *testing.T) {
	runScript(t, Limit{N: 2, Per: ms(1000)}, []step{
		{at: 0, do: "idle", want: 1},
		{at: 0, do: "next", want: 0},
		{at: 0, do: "take"},
		{at: 10, do: "take"},
		{at: 10, do: "used", want: 2},
		{at: 10, do: "next", want: never}, // both are in flight
		{at: 300, do: "done"},
		{at: 300, do: "next", want: 1300}, // not 1000: the registry may have counted it at 300
		{at: 1299, do: "next", want: 1300},
		{at: 1299, do: "used", want: 2},
		{at: 1300, do: "used", want: 1},
		{at: 1300, do: "take"},
		{at: 1300, do: "next", want: never},
		{at: 1400, do: "done"},
		{at: 1500, do: "done"},
		{at: 1500, do: "next", want: 2400}, // the earlier answer frees the earlier slot
		{at: 2399, do: "idle", want: 0},
		{at: 2400, do: "used", want: 1},
		{at: 2500, do: "used", want: 0},
		{at: 2500, do: "idle", want: 1},
	})
}

func TestUndoFreesTheSlotAtOnce(t *testing.T) {
	runScript(t, Limit{N: 1, Per: ms(1000)}, []step{
		{at: 0, do: "take"},
		{at: 0, do: "next", want: never},
		{at: 5, do: "undo"},
		{at: 5, do: "used", want: 0},
		{at: 5, do: "take"},
		{at: 6, do: "done"},
		{at: 6, do: "next", want: 1006},
	})
}

func TestBurstThenSpacing(t *testing.T) {
	runScript(t, Limit{N: 10, Per: ms(1000), Burst: 3}, []step{
		{at: 0, do: "take"},
		{at: 0, do: "take"},
		{at: 0, do: "take"},
		{at: 0, do: "next", want: 100},
		{at: 100, do: "take"},
		{at: 100, do: "next", want: 200},
		{at: 250, do: "take"},
		{at: 250, do: "next", want: 300}, // lateness of less than the burst is made up for
		{at: 300, do: "take"},
		{at: 1000, do: "take"}, // after a rest the burst is whole again
		{at: 1000, do: "take"},
		{at: 1000, do: "take"},
		{at: 1000, do: "next", want: 1100},
		{at: 1100, do: "take"},
		{at: 1100, do: "next", want: never}, // ten are in flight: the log has its say
		{at: 1110, do: "done"},
		{at: 1110, do: "next", want: 2110},
	})
}

func TestBurstOfOne(t *testing.T) {
	runScript(t, Limit{N: 4, Per: ms(1000), Burst: 1}, []step{
		{at: 0, do: "take"},
		{at: 1, do: "done"},
		{at: 1, do: "next", want: 250},
		{at: 250, do: "take"},
		{at: 251, do: "done"},
		{at: 600, do: "take"},
		{at: 600, do: "next", want: 850}, // no making up
	})
}

func TestUndoAndSpacing(t *testing.T) {
	l := Limit{N: 4, Per: ms(1000), Burst: 1}
	t.Run("of the latest gives the place back", func(t *testing.T) {
		runScript(t, l, []step{
			{at: 0, do: "take"},
			{at: 10, do: "undo"},
			{at: 10, do: "idle", want: 1},
			{at: 10, do: "take"},
			{at: 10, do: "next", want: 260},
		})
	})
	t.Run("of what may be an older one does not", func(t *testing.T) {
		runScript(t, l, []step{
			{at: 0, do: "take"},
			{at: 1000, do: "take"},
			{at: 1001, do: "undo"},
			{at: 1001, do: "used", want: 1},
			{at: 1001, do: "next", want: 1250},
		})
	})
	t.Run("nor after an answer that may be the latest's", func(t *testing.T) {
		runScript(t, l, []step{
			{at: 0, do: "take"},
			{at: 1000, do: "take"},
			{at: 1001, do: "done"},
			{at: 1002, do: "undo"},
			{at: 1002, do: "next", want: 1250},
		})
	})
	t.Run("of one of several at the same instant does", func(t *testing.T) {
		runScript(t, Limit{N: 4, Per: ms(1000), Burst: 2}, []step{
			{at: 0, do: "take"},
			{at: 0, do: "take"},
			{at: 0, do: "next", want: 250},
			{at: 1, do: "done"},
			{at: 2, do: "undo"},
			{at: 2, do: "take"},
			{at: 2, do: "next", want: 250},
		})
	})
	t.Run("a rule changed in between keeps it", func(t *testing.T) {
		runScript(t, l, []step{
			{at: 0, do: "take"},
			{at: 1, do: "set", set: Limit{N: 2, Per: ms(1000), Burst: 1}},
			{at: 2, do: "undo"},
			{at: 2, do: "used", want: 0},
			{at: 2, do: "next", want: 501},
		})
	})
}

func TestSetLimit(t *testing.T) {
	t.Run("lower: what is used still counts", func(t *testing.T) {
		runScript(t, Limit{N: 4, Per: ms(1000)}, []step{
			{at: 0, do: "take"},
			{at: 0, do: "take"},
			{at: 0, do: "take"},
			{at: 0, do: "take"},
			{at: 100, do: "done"},
			{at: 200, do: "done"},
			{at: 300, do: "done"},
			{at: 400, do: "set", set: Limit{N: 2, Per: ms(1000)}},
			{at: 400, do: "used", want: 4},
			{at: 400, do: "next", want: 1300}, // three must be free, one has no answer
			{at: 500, do: "done"},
			{at: 1300, do: "used", want: 1},
			{at: 1300, do: "take"},
			{at: 1300, do: "next", want: 1500},
		})
	})
	t.Run("lower, all in flight", func(t *testing.T) {
		runScript(t, Limit{N: 2, Per: ms(1000)}, []step{
			{at: 0, do: "take"},
			{at: 0, do: "take"},
			{at: 0, do: "set", set: Limit{N: 1, Per: ms(1000)}},
			{at: 10, do: "done"},
			{at: 10, do: "next", want: never},
			{at: 20, do: "done"},
			{at: 20, do: "next", want: 1020},
		})
	})
	t.Run("higher: at once", func(t *testing.T) {
		runScript(t, Limit{N: 1, Per: ms(1000)}, []step{
			{at: 0, do: "take"},
			{at: 0, do: "set", set: Limit{N: 2, Per: ms(1000)}},
			{at: 0, do: "take"},
			{at: 0, do: "next", want: never},
		})
	})
	t.Run("longer: what is remembered counts longer", func(t *testing.T) {
		runScript(t, Limit{N: 1, Per: ms(1000)}, []step{
			{at: 0, do: "take"},
			{at: 100, do: "done"},
			{at: 500, do: "set", set: Limit{N: 1, Per: ms(5000)}},
			{at: 500, do: "next", want: 5100},
		})
	})
	t.Run("shorter", func(t *testing.T) {
		runScript(t, Limit{N: 1, Per: ms(5000)}, []step{
			{at: 0, do: "take"},
			{at: 100, do: "done"},
			{at: 500, do: "set", set: Limit{N: 1, Per: ms(1000)}},
			{at: 500, do: "next", want: 1100},
		})
	})
	t.Run("the spacing is counted in commands", func(t *testing.T) {
		runScript(t, Limit{N: 2, Per: ms(3600_000), Burst: 1}, []step{
			{at: 0, do: "take"},
			{at: 0, do: "done"},
			{at: 1, do: "next", want: 1800_000},
			{at: 1, do: "set", set: Limit{N: 100, Per: ms(1000), Burst: 1}},
			{at: 1, do: "next", want: 11}, // one command ahead, at the new spacing
		})
	})
	t.Run("the spacing is never longer than the new window", func(t *testing.T) {
		runScript(t, Limit{N: 8, Per: ms(800), Burst: 7}, []step{
			{at: 0, do: "take"},
			{at: 0, do: "take"},
			{at: 0, do: "take"},
			{at: 0, do: "take"},
			{at: 0, do: "undo"},
			{at: 0, do: "undo"},
			{at: 0, do: "undo"},
			{at: 0, do: "undo"},
			{at: 0, do: "idle", want: 1},
			{at: 0, do: "take"},
			{at: 0, do: "take"},
			{at: 0, do: "take"},
			{at: 0, do: "set", set: Limit{N: 2, Per: ms(800), Burst: 1}},
			{at: 0, do: "done"},
			{at: 0, do: "done"},
			{at: 0, do: "done"},
			{at: 800, do: "next", want: 800},
		})
	})
}

// TestClockThatStepsBack is about instants taken on two threads: an earlier one must not free a
// slot too early.
func TestClockThatStepsBack(t *testing.T) {
	runScript(t, Limit{N: 2, Per: ms(1000)}, []step{
		{at: 0, do: "take"},
		{at: 0, do: "take"},
		{at: 500, do: "done"},
		{at: 400, do: "done"},
		{at: 1400, do: "used", want: 2},
		{at: 1500, do: "used", want: 0},
	})
}

func TestMisusePanics(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func()
	}{
		{"take too early", func() {
			b := NewBucket(Limit{N: 1, Per: ms(1000)})
			b.Take(0)
			b.Take(0)
		}},
		{"take against the spacing", func() {
			b := NewBucket(Limit{N: 2, Per: ms(1000), Burst: 1})
			b.Take(0)
			b.Take(ms(499))
		}},
		{"done without take", func() { NewBucket(Limit{N: 1, Per: 1}).Done(0) }},
		{"undo without take", func() { NewBucket(Limit{N: 1, Per: 1}).Undo(0) }},
		{"new with a wrong limit", func() { NewBucket(Limit{}) }},
		{"set a wrong limit", func() { NewBucket(Limit{N: 1, Per: 1}).SetLimit(0, Limit{}) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				if text, _ := recover().(string); len(text) < 4 || text[:4] != "BUG:" {
					t.Errorf("got %q, want a panic that begins with BUG:", text)
				}
			}()
			tt.do()
		})
	}
}

func TestRingKeepsOrder(t *testing.T) {
	var r ring
	next, oldest := 0, 0
	for round := range 50 {
		for range round % 7 * 3 {
			r.push(time.Duration(next), 1, 0, 1000)
			next++
		}
		for range min(round%5*3, r.len()) {
			if got := r.at(0); got != time.Duration(oldest) {
				t.Fatalf("round %d: got oldest %d, want %d", round, got, oldest)
			}
			r.pop()
			oldest++
		}
		for i := range r.len() {
			if got := r.at(i); got != time.Duration(oldest+i) {
				t.Fatalf("round %d: at(%d): got %d, want %d", round, i, got, oldest+i)
			}
		}
	}
}

// TestMemory: the ring grows with use up to N, not further, and not at once.
func TestMemory(t *testing.T) {
	b := NewBucket(Limit{N: 100, Per: ms(1000)})
	for i := range 5 {
		b.Take(ms(i))
		b.Done(ms(i))
	}
	if got := len(b.answered.buf); got != smallest {
		t.Errorf("after 5 commands: got room for %d, want %d", got, smallest)
	}
	for i := range 2000 {
		now := b.Next(ms(i))
		b.Take(now)
		b.Done(now)
	}
	if got := len(b.answered.buf); got != 100 {
		t.Errorf("after 2000 commands: got room for %d, want 100", got)
	}
}

func BenchmarkTakeDone(b *testing.B) {
	for _, l := range []Limit{{N: 100, Per: time.Second}, {N: 100, Per: time.Second, Burst: 10},
		{N: numSlices, Per: time.Hour}, {N: 10000, Per: time.Hour}, {N: 5_000_000, Per: 24 * time.Hour}} {
		b.Run(l.String(), func(b *testing.B) {
			bucket := NewBucket(l)
			var now time.Duration
			for range l.N {
				now = max(now, bucket.Next(now))
				bucket.Take(now)
				bucket.Done(now)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				now = max(now, bucket.Next(now))
				bucket.Take(now)
				bucket.Done(now)
			}
		})
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	bucket := NewBucket(Limit{N: 100, Per: time.Second, Burst: 10})
	var now time.Duration
	one := func() {
		now = max(now, bucket.Next(now))
		bucket.Take(now)
		now += ms(1)
		bucket.Done(now)
	}
	for range 200 {
		one()
	}
	if got := testing.AllocsPerRun(1000, one); got != 0 {
		t.Errorf("got %v allocations per command, want 0", got)
	}
}

// TestFrees: the next slot is free a period behind the oldest answer.
func TestFrees(t *testing.T) {
	b := NewBucket(Limit{N: 3, Per: time.Minute})
	if got := b.Frees(0); got != Never {
		t.Errorf("of an unused bucket: %v", got)
	}
	b.Take(0)
	b.Take(0)
	if got := b.Frees(time.Second); got != Never {
		t.Errorf("while nothing is answered: %v", got)
	}
	b.Done(2 * time.Second)
	b.Done(5 * time.Second)
	if got := b.Frees(6 * time.Second); got != 62*time.Second {
		t.Errorf("got %v, want a minute behind the first answer", got)
	}
	if got := b.Frees(63 * time.Second); got != 65*time.Second {
		t.Errorf("got %v, want a minute behind the second answer", got)
	}
	if got := b.Frees(65 * time.Second); got != Never {
		t.Errorf("when all are free: %v", got)
	}
}

// TestFree: it tells when a slot is free, and asks for no reservation.
func TestFree(t *testing.T) {
	b := NewBucket(Limit{N: 2, Per: time.Minute})
	at := func(now, want time.Duration) {
		t.Helper()
		if got := b.Free(now); got != want {
			t.Errorf("at %v: got %v, want %v", now, got, want)
		}
	}
	at(3, 3)
	b.Take(3)
	at(3, 3)
	b.Take(4)
	at(4, Never)
	b.Done(5)
	at(6, 5+time.Minute)
	b.Done(7)
	at(8, 5+time.Minute)
	at(5+time.Minute, 5+time.Minute)
	if b.Ration(); b.Free(time.Hour) != time.Hour || b.Dry() {
		t.Errorf("got %v of a bucket without a reservation, dry %v", b.Free(time.Hour), b.Dry())
	}
}
