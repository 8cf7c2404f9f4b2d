package upstream

import (
	"strings"
	"testing"
	"time"

	"eppmux/frame"
)

func TestWeights(t *testing.T) {
	p := NewPool(PoolConfig{MinSessions: 1, MaxSessions: 1, QueueTimeout: time.Hour, CommandTimeout: time.Hour}, 0)
	now := time.Duration(0)
	var session *Session
	var sent *Exchange
	step := func() {
		for a, ok := p.Next(); ok; a, ok = p.Next() {
			switch a.Do {
			case DoOpen:
				session = a.Session
			case DoSend:
				sent = a.Exchange
			}
		}
	}
	step()
	counts := map[uint8]int{}
	submit := func(weight uint8) {
		p.Submit(&Exchange{Command: frame.CommandCheck, weight: weight, since: now}, now)
	}
	for range 4 {
		submit(1)
	}
	submit(3)
	p.Opened(session, now)
	step()
	for range 700 {
		now += time.Millisecond
		x := sent
		counts[x.weight]++
		p.Answered(session, CauseNone, now)
		submit(x.weight)
		step()
	}
	if one, three := counts[1]/4, counts[3]; three < 280 || three > 330 || one < 90 || one > 106 {
		t.Errorf("a client of weight 1 got %d, one of weight 3 %d; want 100 and 300", one, three)
	}
}

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

func BenchmarkQueue(b *testing.B) {
	p := NewPool(PoolConfig{MinSessions: 1, MaxSessions: 1, QueueTimeout: time.Hour, CommandTimeout: time.Hour}, 0)
	var session *Session
	var sent *Exchange
	step := func() {
		for a, ok := p.Next(); ok; a, ok = p.Next() {
			switch a.Do {
			case DoOpen:
				session = a.Session
			case DoSend:
				sent = a.Exchange
			}
		}
	}
	step()
	for i := range 10_000 {
		p.Submit(&Exchange{Command: frame.CommandCheck, weight: 1, since: time.Duration(i * 7919 % 10_000)}, 0)
	}
	p.Opened(session, 0)
	now := time.Duration(0)
	b.ReportAllocs()
	for b.Loop() {
		step()
		now += time.Microsecond
		x := sent
		p.Answered(session, CauseNone, now)
		x.since = now
		p.Submit(x, now)
	}
}
