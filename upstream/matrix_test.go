package upstream

import (
	"strings"
	"testing"
	"time"

	"eppmux/upstream/pool"
)

// The tests in this file are for rows of docs/faults.md that have none elsewhere.

// TestSlowAnswer: row 10. An answer that takes nearly all of the time is the client's, and no
// session is opened for it.
func TestSlowAnswer(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.MaxSessions = 3 }, func(p *play) {
		r := p.session()
		a := p.ask(deleteCommand("<clTRID>C-1</clTRID>"))
		r.want("delete")
		time.Sleep(59 * time.Second)
		a.waiting()
		r.reply(1000)
		if e := a.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
		if n := len(p.dials); n > 0 {
			t.Errorf("%d more sessions were opened", n)
		}
	})
}

// TestStrangeAnswer: row 37. What a registry answers against its own rules is passed on octet for
// octet.
func TestStrangeAnswer(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		a := p.ask(checkCommand("<clTRID>C-1</clTRID>"))
		r.want("check")
		body := `<response><result code="2303"><msg>none</msg></result><result code="1000"><msg>and yet</msg></result>` +
			`<msgQ count="99999999999999999999" id="` + strings.Repeat("9", 5000) + `"/><resData><x:y xmlns:x="urn:x">data</x:y></resData>` +
			`<trID><clTRID>%</clTRID><svTRID>S</svTRID></trID></response>`
		r.send(epp(strings.Replace(body, "%", r.id, 1)))
		if e := a.end(); e.Code != 2303 || e.Answer != epp(strings.Replace(body, "%", "C-1", 1)) {
			t.Errorf("got %+v", e)
		}
	})
}

// TestDeadPeer: row 38. A session whose other end is gone without a word is found by its keepalive,
// and replaced.
func TestDeadPeer(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.Keepalive = 4 * time.Minute }, func(p *play) {
		r := p.session()
		r.want("hello")
		begin := time.Now()
		r.wantEnd()
		if d := time.Since(begin); d != time.Minute {
			t.Errorf("closed after %v, want timeouts.command", d)
		}
		r = p.session()
		a := p.ask(deleteCommand(""))
		r.want("delete")
		r.reply(1000)
		a.end()
	})
}

// TestDesyncIsCounted: rows 5, 7 and 8.
func TestDesyncIsCounted(t *testing.T) {
	for cause, does := range map[pool.Cause]func(r *registrySide){
		pool.CauseMismatch: func(r *registrySide) { r.send(response(1000, "M0000000000000-C-1")) },
		pool.CauseFrame:    func(r *registrySide) { r.send("oops") },
	} {
		inPlay(t, nil, func(p *play) {
			r := p.session()
			a := p.ask(deleteCommand(""))
			r.want("delete")
			does(r)
			a.end()
			var s Snapshot
			p.on(func() { p.account.Snapshot(&s) })
			if s.Desync[cause] != 1 || s.SessionCloses[cause] != 1 {
				t.Errorf("%v: counted %d and %d, want one each", cause, s.Desync[cause], s.SessionCloses[cause])
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			if !strings.Contains(p.log.String(), "outcome of a transform is unknown") {
				t.Errorf("%v: the log does not say that the outcome is unknown: %s", cause, p.log)
			}
		})
	}
}
