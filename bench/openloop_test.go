package main

import (
	"testing"
	"time"
)

func TestSchedule(t *testing.T) {
	s := newSchedule(200, 3, 50*time.Millisecond)
	if s.total != 10 || s.each() != 4 {
		t.Errorf("got %d commands, %d of one client at the most, want 10 and 4", s.total, s.each())
	}
	for k, want := range []time.Duration{0, 5 * time.Millisecond, 10 * time.Millisecond} {
		if got := s.due(k); got != want {
			t.Errorf("command %d is due after %v, want %v", k, got, want)
		}
	}
	counts := make([]int, 3)
	for k := range s.total {
		counts[s.client(k)]++
	}
	if counts[0] != 4 || counts[1] != 3 || counts[2] != 3 {
		t.Errorf("clients get %v commands", counts)
	}
}

// TestScheduleKeepsTime: what is handed out has the intended time, whatever the clients do, and
// never comes before it.
func TestScheduleKeepsTime(t *testing.T) {
	s := newSchedule(1000, 2, 40*time.Millisecond)
	to := []chan time.Time{make(chan time.Time, s.each()), make(chan time.Time, s.each())}
	begin := time.Now()
	s.run(begin, to) // nobody takes anything meanwhile
	if took := time.Since(begin); took < s.due(s.total-1) {
		t.Errorf("all were handed out after %v", took)
	}
	for k := range s.total {
		if at := <-to[s.client(k)]; at != begin.Add(s.due(k)) {
			t.Fatalf("command %d was due at %v, want %v", k, at.Sub(begin), s.due(k))
		}
	}
}
