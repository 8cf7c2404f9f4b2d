package ratelimit

import (
	"testing"
	"time"
)

// heir returns a new bucket that inherits.
func heir(now time.Duration, l Limit, from ...*Bucket) *Bucket {
	b := NewBucket(l)
	b.Inherit(now, from...)
	return b
}

// TestInherit: answers and commands in flight of all count, as do their ends.
func TestInherit(t *testing.T) {
	l := Limit{N: 4, Per: ms(1000)}
	x, y := NewBucket(l), NewBucket(l)
	x.Take(0)
	x.Done(ms(100))
	x.Take(ms(150))
	x.Take(ms(150))
	y.Take(0)
	y.Done(ms(50))
	b := heir(ms(200), Limit{N: 5, Per: ms(1000)}, x, y)
	want := func(b *Bucket, at, used int, next time.Duration) {
		t.Helper()
		if got := b.Used(ms(at)); got != used {
			t.Fatalf("at %d: got %d used, want %d", at, got, used)
		}
		if got := b.Next(ms(at)); got != next {
			t.Fatalf("at %d: got next %v, want %v", at, got, next)
		}
	}
	want(b, 200, 4, ms(200))
	b.Take(ms(200))
	want(b, 200, 5, ms(1050))
	x.Undo(ms(250)) // nothing was sent
	want(b, 250, 4, ms(250))
	x.Done(ms(300))
	want(b, 300, 4, ms(300))
	want(b, 1050, 3, ms(1050))
	want(b, 1100, 2, ms(1100))
	b.Undo(ms(1100))
	want(b, 1299, 1, ms(1299))
	if !b.Idle(ms(5000)) || b.before != nil {
		t.Errorf("it is not idle, or knows of %d buckets still", len(b.before))
	}
}

// TestInheritOnce: a command in flight counts once for an heir that has it by several ways, however
// often rules are split and joined.
func TestInheritOnce(t *testing.T) {
	l := Limit{N: 1000, Per: ms(1000)}
	first := NewBucket(l)
	first.Take(0)
	b := first
	for i := range 12 {
		one, two := heir(ms(i), l, b), heir(ms(i), l, b)
		b = heir(ms(i), l, one, two)
	}
	if got := b.Used(ms(200)); got != 1 {
		t.Fatalf("got %d used while one is in flight", got)
	}
	first.Done(ms(300))
	if got := b.Used(ms(1299)); got != 1 {
		t.Errorf("got %d used, want 1", got)
	}
	if got := b.Used(ms(1300)); got != 0 {
		t.Errorf("got %d used a period after the answer", got)
	}
	// An answer that is there already is counted by each way, and ends where counts end.
	b.Take(ms(2000))
	b.Done(ms(2000))
	for range 100 {
		b = heir(ms(2000), l, heir(ms(2000), l, b), heir(ms(2000), l, b))
	}
	if got := b.Used(ms(2999)); got != runMax {
		t.Errorf("got %d used, want %d", got, runMax)
	}
	if got := b.Next(ms(2999)); got != ms(3000) || b.Used(ms(3000)) != 0 {
		t.Errorf("got next %v, %d used", got, b.Used(ms(3000)))
	}
}

// TestInheritSpacing: the bursts of all together count, in commands.
func TestInheritSpacing(t *testing.T) {
	l := Limit{N: 10, Per: ms(1000), Burst: 3}
	x, y := NewBucket(l), NewBucket(l)
	for _, b := range []*Bucket{x, x, y} {
		b.Take(0)
		b.Done(0)
	}
	b := heir(0, l, x, y)
	if got := b.Next(0); got != ms(100) {
		t.Errorf("got next %v, want that of three back to back", got)
	}
	if got := heir(0, Limit{N: 4, Per: ms(1000), Burst: 1}, x).Next(0); got != ms(500) {
		t.Errorf("got next %v, want that of two back to back", got)
	}
	if got := heir(ms(900), l, x, y).Next(ms(900)); got != ms(900) {
		t.Errorf("got next %v after a rest", got)
	}
	if b := heir(0, Limit{N: 2, Per: ms(1000), Burst: 1}, x, y, b); b.Next(0) > ms(1000) {
		t.Errorf("got next %v, above the window", b.Next(0))
	}
}

// TestInheritSlices: what was kept by slices counts by those, what was not by none.
func TestInheritSlices(t *testing.T) {
	wide, narrow := sliced[0], Limit{N: 100, Per: time.Second}
	x := NewBucket(wide)
	for range 3 {
		x.Take(ms(10))
		x.Done(ms(10))
	}
	x.Take(ms(10) + 1)
	x.Done(ms(10) + 1)
	b := heir(ms(20), narrow, x)
	if b.answered.n != 1 || b.Used(ms(1010)) != 4 || b.Used(ms(1010)+1) != 0 {
		t.Errorf("got %d runs", b.answered.n)
	}
	y := NewBucket(narrow)
	for i := range 90 {
		y.Take(time.Duration(i))
		y.Done(time.Duration(i))
	}
	if b := heir(ms(20), wide, y); b.answered.n != 1 || b.Used(ms(20)) != 90 {
		t.Errorf("got %d runs of %d answers", b.answered.n, b.Used(ms(20)))
	}
}
