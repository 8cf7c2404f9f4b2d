package pool

import (
	"testing"
	"time"

	"eppmux/frame"
)

// oneSession is a pool with a single session, which is opened by hand, and what it has sent last.
type oneSession struct {
	*Pool
	session *Session
	sent    *Exchange
}

func newOneSession() *oneSession {
	o := &oneSession{Pool: New(Config{Grant: Grant{MinSessions: 1, MaxSessions: 1}, QueueTimeout: time.Hour, CommandTimeout: time.Hour}, 0)}
	o.step()
	return o
}

// step takes the actions.
func (o *oneSession) step() {
	for a, ok := o.Next(); ok; a, ok = o.Next() {
		switch a.Do {
		case DoOpen:
			o.session = a.Session
		case DoSend:
			o.sent = a.Exchange
		}
	}
}

// TestWeights: when commands wait, a client of weight 3 gets three times as many as one of weight
// 1.
func TestWeights(t *testing.T) {
	o := newOneSession()
	counts := map[uint8]int{}
	now := time.Duration(0)
	submit := func(weight uint8) {
		o.Submit(&Exchange{Command: frame.CommandCheck, Weight: weight, Since: now}, now)
	}
	for range 4 {
		submit(1)
	}
	submit(3)
	o.Opened(o.session, now)
	o.step()
	for range 700 {
		now += time.Millisecond
		x := o.sent
		counts[x.Weight]++
		o.Answered(o.session, CauseNone, now)
		submit(x.Weight)
		o.step()
	}
	if one, three := counts[1]/4, counts[3]; three < 280 || three > 330 || one < 90 || one > 106 {
		t.Errorf("a client of weight 1 got %d, one of weight 3 %d; want 100 and 300", one, three)
	}
}

// BenchmarkQueue is a submit and a dispatch with ten thousand clients waiting, in any order.
func BenchmarkQueue(b *testing.B) {
	o := newOneSession()
	for i := range 10_000 {
		o.Submit(&Exchange{Command: frame.CommandCheck, Weight: 1, Since: time.Duration(i * 7919 % 10_000)}, 0)
	}
	o.Opened(o.session, 0)
	now := time.Duration(0)
	b.ReportAllocs()
	for b.Loop() {
		o.step()
		now += time.Microsecond
		x := o.sent
		o.Answered(o.session, CauseNone, now)
		x.Since = now
		o.Submit(x, now)
	}
}
