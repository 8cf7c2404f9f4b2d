package cluster

import (
	"testing"
	"time"
)

func TestSystemClocks(t *testing.T) {
	c := new(systemClocks)
	for range 100 {
		before, got, after := bootTime(), c.Boot(), bootTime()
		// The reading that it goes by may have been made somewhat before its own moment.
		if got < before-time.Second || got > after+time.Second {
			t.Fatalf("boot %v, want %v to %v", got, before, after)
		}
	}
}

func TestBootIsReadAgain(t *testing.T) {
	c := new(systemClocks)
	c.Boot()
	stale := &reading{at: time.Now(), boot: bootTime() - time.Hour}
	c.seen.Store(stale)
	if got := c.Boot(); got > stale.boot+time.Minute {
		t.Fatalf("boot %v is read again without a reason", got)
	}
	if drifted(0, bootSlack-1) || !drifted(0, bootSlack) || !drifted(time.Hour, 0) || !drifted(0, time.Hour) {
		t.Error("what has drifted is judged wrongly")
	}
}

func TestFence(t *testing.T) {
	s := &script{at: Instant{time.Hour, 2 * time.Hour}}
	f := NewFence(s)
	if !f.Passed() || f.Left() != 0 {
		t.Error("a new one has not passed")
	}
	f.Set(s.at, 10*time.Second)
	if f.Left() != 9*time.Second {
		t.Errorf("left %v, want 9s", f.Left())
	}
	for _, by := range []Instant{{9 * time.Second, 0}, {0, 9 * time.Second}} {
		s.at.Boot += by.Boot
		s.at.Wall += by.Wall
		if !f.Passed() {
			t.Errorf("after %v it has not passed", by)
		}
		s.at.Boot -= by.Boot
		s.at.Wall -= by.Wall
	}
	if f.End(); !f.Passed() {
		t.Error("after its end it has not passed")
	}
}

// TestFenceIsMetOnce: who was told that the fence has passed has given the account up, so a renewal that is
// known only then must not move it.
func TestFenceIsMetOnce(t *testing.T) {
	w := &world{}
	c := &worldClocks{w: w, rate: 1, boot: time.Hour, wall: 500000 * time.Hour}
	const ttl = 10 * time.Second
	f := NewFence(c)
	first := Now(c)
	if f.Passed(); !f.Set(first, ttl) || f.Passed() {
		t.Fatal("a new fence cannot be set")
	}
	w.now = 5 * time.Second
	renewed := Now(c)
	w.now = 9 * time.Second
	if f.Left() > 0 {
		t.Fatal("it has not passed")
	}
	if !f.Set(renewed, ttl) || f.Passed() {
		t.Fatal("nobody has met it, so it may be moved")
	}
	w.now = 14 * time.Second
	if !f.Passed() {
		t.Fatal("it has not passed")
	}
	if f.Set(Now(c), ttl) || !f.Passed() {
		t.Fatal("it was met, and is moved")
	}
}
