package upstream

import (
	"strings"
	"testing"
	"time"
)

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
