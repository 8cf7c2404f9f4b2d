package pool

import (
	"testing"
	"time"
)

// TestPace: the longest of the last answers counts, and what took long for once is forgotten.
func TestPace(t *testing.T) {
	var p pace
	if got := p.longest(); got != 0 {
		t.Errorf("without an answer: %v", got)
	}
	p.answered(20 * time.Second)
	for n := 2; n <= 3*paceAnswers; n++ {
		p.answered(time.Duration(n%7+1) * time.Millisecond)
		want := 20 * time.Second
		if n > 2*paceAnswers {
			want = 7 * time.Millisecond
		}
		if got := p.longest(); got != want {
			t.Fatalf("after %d answers: %v, want %v", n, got, want)
		}
	}
}

// TestPaces: many fast queries do not make it forgotten how long transforms take.
func TestPaces(t *testing.T) {
	d := newDesk(t, func(*Config) {})
	s := d.open()
	d.ask(false)
	d.wait(time.Second)
	d.answer(s, CauseNone)
	for range 3 * paceAnswers {
		d.ask(true)
		d.wait(time.Millisecond)
		d.answer(s, CauseNone)
	}
	d.Drain(d.now+time.Minute, d.now)
	if got, want := d.drainBy-d.lastSend(), 1250*time.Millisecond; got != want {
		t.Errorf("nothing is sent for the last %v, want %v", got, want)
	}
}
