package upstream

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"eppmux/upstream/pool"
)

// TestSecondAnswerWithoutID: rows 6 and 7 together. Where answers have their clTRID, one without is
// not given to the client that is next: it may be a second one to the command before.
func TestSecondAnswerWithoutID(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		first := p.ask(deleteCommand("<clTRID>A-0</clTRID>")) // else it is a kind that only ends sessions
		r.want("delete")
		r.reply(1000)
		first.end()
		for i := range 20 {
			named := func(payload string) string {
				return strings.Replace(payload, "a.example", fmt.Sprint(i, ".example"), 1)
			}
			a := p.ask(named(checkCommand("<clTRID>A-1</clTRID>")))
			r.want("check")
			r.reply(1000)
			if e := a.end(); e.Code != 1000 {
				t.Fatalf("%d: got %+v", i, e)
			}
			command, name, want := deleteCommand, "delete", pool.EndUnknown
			if i%2 == 0 {
				command, name, want = checkCommand, "check", pool.EndAnswered
			}
			b := p.ask(named(command("<clTRID>B-1</clTRID>")))
			r.want(name)
			r.send(response(1000, "")) // once more, to A's command
			r.wantEnd()
			if r = p.session(); want == pool.EndAnswered {
				b.waiting()
				r.want("check")
				r.send(response(1301, r.id))
			}
			if e := b.end(); e.End != want || e.Code == 1000 {
				t.Fatalf("%d: got %+v, want it %v", i, e, want)
			}
		}
		var s Snapshot
		p.on(func() { p.account.Snapshot(&s) })
		if n := s.Desync[pool.CauseMismatch]; n != 20 {
			t.Errorf("counted %d mismatches", n)
		}
	})
}

// TestAnswersWithoutID: which answers without a clTRID are taken behind one that had it.
func TestAnswersWithoutID(t *testing.T) {
	for code, taken := range map[int]bool{1000: false, 1300: false, 1999: false, 2000: true, 2001: true, 2002: true, 2005: true,
		2006: false, 2201: false, 2303: false, 2400: false, 2500: false, 2502: false} {
		for _, named := range []bool{true, false} {
			inPlay(t, nil, func(p *play) {
				r := p.session()
				if named {
					r.answered()
				}
				a := p.ask(deleteCommand("<clTRID>A-1</clTRID>"))
				r.want("delete")
				r.send(response(code, ""))
				if asWithoutLogin(code) && (taken || !named) {
					r.loggedIn()
				}
				if e := a.end(); (e.End == pool.EndAnswered) != (taken || !named) {
					t.Errorf("%d, behind one that had it %v: got %+v", code, named, e)
				}
			})
		}
	}
}

// TestLogoutWithoutID: the answer to a logout, or to a command that has no place for a clTRID, may
// have none.
func TestLogoutWithoutID(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		r.answered()
		a := p.ask(epp(`<extension><x xmlns="urn:x">a.example</x></extension>`))
		r.want("extension")
		r.send(response(1000, ""))
		if e := a.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
		p.on(func() { p.account.drain(time.Minute) })
		r.want("logout")
		r.send(response(1500, ""))
		r.wantEnd()
		var s Snapshot
		p.on(func() { p.account.Snapshot(&s) })
		if s.Desync[pool.CauseMismatch] > 0 {
			t.Error("it counts as a mismatch")
		}
	})
}
