package upstream

import (
	"strings"
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
	o := &oneSession{Pool: NewPool(PoolConfig{MinSessions: 1, MaxSessions: 1, QueueTimeout: time.Hour, CommandTimeout: time.Hour}, 0)}
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
		o.Submit(&Exchange{Command: frame.CommandCheck, weight: weight, since: now}, now)
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
		counts[x.weight]++
		o.Answered(o.session, CauseNone, now)
		submit(x.weight)
		o.step()
	}
	if one, three := counts[1]/4, counts[3]; three < 280 || three > 330 || one < 90 || one > 106 {
		t.Errorf("a client of weight 1 got %d, one of weight 3 %d; want 100 and 300", one, three)
	}
}

// TestFlooders: a client beside two that always have something to send waits no more than about
// twice what it would alone, on a single session.
func TestFlooders(t *testing.T) {
	const rtt = 20 * time.Millisecond
	inPlay(t, nil, func(p *play) {
		r := p.session()
		flooder := func() *asker {
			a := &asker{p: p}
			a.again = true
			return a
		}
		for range 2 {
			a := flooder()
			p.on(func() { a.submit(checkCommand("")) })
		}
		polite := &asker{p: p}
		var longest time.Duration
		for i := range 20 {
			begin := time.Now()
			sent := false
			for n := 0; ; n++ {
				r.want("check")
				if !sent && n == 3+i%3 { // it asks now and then
					time.Sleep(time.Duration(i) * time.Millisecond) // at any moment of another's command
					begin, sent = time.Now(), true
					p.on(func() { polite.submit(checkCommand("<clTRID>POLITE</clTRID>")) })
					time.Sleep(rtt - time.Duration(i)*time.Millisecond)
				} else {
					time.Sleep(rtt)
				}
				mine := strings.HasSuffix(r.id, "-POLITE")
				r.reply(1000)
				if mine {
					break
				}
			}
			longest = max(longest, time.Since(begin))
		}
		if longest > 2*rtt {
			t.Errorf("waited %v at the longest, alone it would be %v", longest, rtt)
		}
	})
}

// BenchmarkQueue is a submit and a dispatch with ten thousand clients waiting, in any order.
func BenchmarkQueue(b *testing.B) {
	o := newOneSession()
	for i := range 10_000 {
		o.Submit(&Exchange{Command: frame.CommandCheck, weight: 1, since: time.Duration(i * 7919 % 10_000)}, 0)
	}
	o.Opened(o.session, 0)
	now := time.Duration(0)
	b.ReportAllocs()
	for b.Loop() {
		o.step()
		now += time.Microsecond
		x := o.sent
		o.Answered(o.session, CauseNone, now)
		x.since = now
		o.Submit(x, now)
	}
}
