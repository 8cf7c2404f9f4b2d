package upstream

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/audit"
	"eppmux/frame"
	"eppmux/ratelimit"
	"eppmux/upstream/pool"
)

// loggedIn answers the poll by which the session is asked whether it is logged in.
func (r *registrySide) loggedIn() {
	r.p.t.Helper()
	if got := r.want("poll"); !strings.Contains(got, `op="req"`) {
		r.p.t.Errorf("got %s, want a poll req", got)
	}
	r.reply(1300)
}

// lostLogin refuses that poll.
func (r *registrySide) lostLogin() {
	r.p.t.Helper()
	r.want("poll")
	r.reply(2002)
}

// refuse answers the last command as a session without a login does, in words that say nothing.
func (r *registrySide) refuse(code int) {
	r.p.t.Helper()
	r.send(answerText(fmt.Sprint(code), "Command use error", r.id))
}

// TestSilentLoss: a session that refuses a command in words that say nothing, and our poll too, has lost
// its login. The command goes again, on a new one, and its client sees nothing of it.
func TestSilentLoss(t *testing.T) {
	for _, code := range []int{2002, 2200, 2201, 2202} {
		for _, poll := range []int{2002, 2200, 2201, 2202} {
			inPlay(t, nil, func(p *play) {
				r := p.session()
				a := p.ask(deleteCommand("<clTRID>C-1</clTRID>"))
				r.want("delete")
				r.refuse(code)
				a.waiting()
				r.want("poll")
				r.refuse(poll)
				r.wantEnd()
				a.waiting()
				r = p.session()
				r.want("delete")
				r.reply(1000)
				if e := a.end(); e.Code != 1000 || !strings.Contains(e.Answer, "<clTRID>C-1</clTRID>") {
					t.Errorf("%d, %d: got %+v", code, poll, e)
				}
				r.loggedIn() // a poll means something here
				var s Snapshot
				p.on(func() { p.account.Snapshot(&s) })
				if s.SessionCloses[pool.CauseLoginLost] != 1 || s.Held != 1 {
					t.Errorf("%d, %d: counted %d losses, %d answers held", code, poll, s.SessionCloses[pool.CauseLoginLost], s.Held)
				}
			})
		}
	}
}

// TestHeldAnswer: what is held is delivered octet for octet once the poll is answered, and when it never
// is: after some seconds, when the session ends, when the account drains, and through a reload.
func TestHeldAnswer(t *testing.T) {
	for name, then := range map[string]func(*play, *registrySide){
		"answered":  func(_ *play, r *registrySide) { r.reply(1301) },
		"says none": func(_ *play, r *registrySide) { r.reply(2101) },
		"late":      func(*play, *registrySide) { time.Sleep(6 * time.Second) },
		"closed":    func(_ *play, r *registrySide) { r.close() },
		"broken":    func(_ *play, r *registrySide) { r.send("<x") },
		"2500":      func(_ *play, r *registrySide) { r.reply(2500) },
		"drained": func(p *play, _ *registrySide) {
			p.on(func() { p.account.drain(time.Second) })
			time.Sleep(2 * time.Second)
		},
		"reloaded": func(p *play, r *registrySide) {
			cfg := p.account.cfg
			cfg.Login.ClientID = "other"
			p.account.Reload(cfg)
			r.reply(1300)
		},
	} {
		inPlay(t, nil, func(p *play) {
			r := p.session()
			a := p.ask(deleteCommand("<clTRID>C-1</clTRID>"))
			r.want("delete")
			id := r.id
			r.refuse(2201)
			r.want("poll")
			a.waiting()
			then(p, r)
			want := strings.Replace(answerText("2201", "Command use error", id), id, "C-1", 1)
			if e := a.end(); e.End != pool.EndAnswered || e.Code != 2201 || e.Answer != want {
				t.Errorf("%s: got %+v, want the answer that was held", name, e)
			}
		})
	}
}

// TestHeldIsNotSlow: the time for which an answer was held is not the registry's: metrics and record have
// its own, whether it is delivered in the end or its command goes again.
func TestHeldIsNotSlow(t *testing.T) {
	for _, lost := range []bool{false, true} {
		book := new(memoryBook)
		inPlay(t, func(c *Config) { c.Audit = book }, func(p *play) {
			r := p.session()
			a := p.ask(deleteCommand(""))
			r.want("delete")
			time.Sleep(20 * time.Millisecond)
			r.refuse(2201)
			r.want("poll")
			time.Sleep(3 * time.Second)
			if lost {
				r.refuse(2201)
				r.wantEnd()
				r = p.session()
				r.want("delete")
				time.Sleep(20 * time.Millisecond)
			}
			r.reply(1000)
			a.end()
			var s Snapshot
			p.on(func() { p.account.Snapshot(&s) })
			if h := &s.RTT[ClassTransform]; h.Sum != 20*time.Millisecond || h.Count() != 1 {
				t.Errorf("lost %v: counted %v in %d answers, want 20 ms in one", lost, h.Sum, h.Count())
			}
			for _, e := range book.entries {
				if e.RTT != 20*time.Millisecond {
					t.Errorf("lost %v: %v is recorded for %v, want 20 ms", lost, e.RTT, e.Event)
				}
			}
		})
	}
}

// TestHeldLate: a poll that is refused after the answer had to be delivered still ends the session.
func TestHeldLate(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		a := p.ask(deleteCommand(""))
		r.want("delete")
		r.refuse(2201)
		r.want("poll")
		time.Sleep(6 * time.Second)
		if e := a.end(); e.Code != 2201 {
			t.Errorf("got %+v", e)
		}
		r.refuse(2201)
		r.wantEnd()
	})
}

// TestHeldOrphan: a client that leaves while its answer is held gets nothing, and the record has how its
// command ended.
func TestHeldOrphan(t *testing.T) {
	for _, lost := range []bool{false, true} {
		book := new(memoryBook)
		inPlay(t, func(c *Config) { c.Audit = book }, func(p *play) {
			r := p.session()
			a := p.ask(deleteCommand(""))
			r.want("delete")
			r.refuse(2002)
			r.want("poll")
			p.on(func() { p.account.Cancel(a.x) })
			if lost {
				r.refuse(2002)
				r.wantEnd()
			} else {
				r.reply(1300)
			}
			synctest.Wait()
			a.waiting()
			var s Snapshot
			p.on(func() { p.account.Snapshot(&s) })
			if n := s.Outcomes[frame.CommandDelete][OutcomeOrphan]; n != 1 {
				t.Errorf("lost %v: counted %d orphans", lost, n)
			}
		})
	}
}

// memoryBook is an Auditor that keeps what it is told.
type memoryBook struct{ entries []audit.Entry }

func (b *memoryBook) Record(_ *audit.Entry, ticket uint64, done func(uint64, bool)) {
	done(ticket, true)
}
func (b *memoryBook) Add(e *audit.Entry) { b.entries = append(b.entries, *e) }
func (b *memoryBook) Flush()             {}

// TestLossIsRecorded: the record of a transform says that its first sending was refused, and how the
// second ended.
func TestLossIsRecorded(t *testing.T) {
	book := new(memoryBook)
	inPlay(t, func(c *Config) { c.Audit, c.Pool.Record = book, pool.RecordAlways }, func(p *play) {
		r := p.session()
		a := p.ask(deleteCommand(""))
		r.want("delete")
		r.refuse(2201)
		r.want("poll")
		r.refuse(2201)
		r.wantEnd()
		r = p.session()
		r.want("delete")
		r.reply(1000)
		a.end()
	})
	if len(book.entries) != 2 || book.entries[0].Event != audit.Rejected || book.entries[0].Code != 2201 ||
		book.entries[1].Event != audit.End || book.entries[1].Code != 1000 {
		t.Errorf("got %+v", book.entries)
	}
}

// TestOwnPollRefused: a keepalive poll that is refused tells of a lost login by its code alone.
func TestOwnPollRefused(t *testing.T) {
	for _, code := range []int{2002, 2200, 2201, 2202} {
		inPlay(t, func(c *Config) { c.Pool.Keepalive, c.Pool.KeepaliveCommand = time.Minute, frame.CommandPoll }, func(p *play) {
			r := p.session()
			r.want("poll")
			r.reply(1300)
			r.want("poll")
			r.refuse(code)
			r.wantEnd()
			p.session().loggedIn()
		})
	}
}

// TestPollsRefused: an account that may not poll loses some sessions until that is known, and none then.
// Where nobody asks anything either, attempts to log in back off.
func TestPollsRefused(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.Keepalive, c.Pool.KeepaliveCommand = 2*time.Second, frame.CommandPoll }, func(p *play) {
		logins := 0
		var r *registrySide
		for logins = 1; logins < 10; logins++ {
			r = p.session()
			r.want("poll")
			r.refuse(2201)
			if payload, err := r.read(); err == nil {
				if !strings.Contains(payload, "<poll") {
					t.Errorf("got %s", payload)
				}
				break
			}
		}
		if logins != 3 {
			t.Errorf("%d logins until it is known, want 3", logins)
		}
		var s Snapshot
		p.on(func() { p.account.Snapshot(&s) })
		if !s.PollRefused {
			t.Error("it is not said")
		}
		if n := strings.Count(p.log.String(), "registry refuses polls"); n != 1 {
			t.Errorf("it is logged %d times", n)
		}
	})
}

// TestPollsRefusedBehindWork: such an account is known by one session more, where that has answered a
// client.
func TestPollsRefusedBehindWork(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		a := p.ask(deleteCommand(""))
		r.want("delete")
		r.refuse(2201)
		r.want("poll")
		r.refuse(2201)
		r.wantEnd()
		r = p.session()
		r.want("delete")
		r.refuse(2201)
		if e := a.end(); e.Code != 2201 {
			t.Errorf("got %+v", e)
		}
		r.answered()
		r.want("poll")
		r.refuse(2201)
		for range 3 {
			b := p.ask(deleteCommand(""))
			r.want("delete")
			r.refuse(2201)
			if e := b.end(); e.Code != 2201 {
				t.Errorf("got %+v", e)
			}
		}
		cfg := p.account.cfg
		p.account.Reload(cfg)
		b := p.ask(deleteCommand(""))
		r.want("delete")
		r.refuse(2201)
		r.loggedIn() // it may have been given the right
		b.end()
	})
}

// TestDoubtIsBounded: behind a poll that was answered, one doubtful answer goes to its client at once,
// and another behind each that shows the login.
func TestDoubtIsBounded(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		forbidden := func(asked bool) {
			t.Helper()
			a := p.ask(deleteCommand(""))
			r.want("delete")
			r.refuse(2201)
			if asked {
				r.loggedIn()
			}
			if e := a.end(); e.Code != 2201 {
				t.Errorf("got %+v", e)
			}
		}
		forbidden(true)
		forbidden(false)
		forbidden(true)
		for range 4 {
			forbidden(false)
			r.answered()
		}
		time.Sleep(11 * time.Second)
		forbidden(true)
	})
}

// TestDoubtLimited: where a limit does not admit the poll now, the client has its answer, and the session
// is asked before it carries more, if that is soon.
func TestDoubtLimited(t *testing.T) {
	for wait, soon := range map[time.Duration]bool{time.Second: true, 10 * time.Second: false} {
		rule := pool.Rule{Limit: ratelimit.Limit{N: 1, Per: wait}, Commands: pool.Commands(func(c frame.Command, _ frame.Op) bool {
			return c == frame.CommandPoll || c == frame.CommandDelete
		})}
		inPlay(t, func(c *Config) { c.Pool.Rules = []pool.Rule{rule} }, func(p *play) {
			r := p.session()
			a := p.ask(deleteCommand(""))
			r.want("delete")
			r.refuse(2201)
			if e := a.end(); e.Code != 2201 {
				t.Errorf("got %+v", e)
			}
			b := p.ask(checkCommand(""))
			if soon {
				r.want("poll")
				r.refuse(2201)
				r.wantEnd()
				r = p.session()
			}
			r.want("check")
			r.reply(1000)
			if e := b.end(); e.Code != 1000 {
				t.Errorf("got %+v", e)
			}
			if soon {
				time.Sleep(wait)
				r.answered()
				r.loggedIn()
			}
		})
	}
}

// TestClosedBehind2202: a query that is answered 2202 by a registry that closes behind it is answered,
// and the end is the registry's.
func TestClosedBehind2202(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		a := p.ask(checkCommand(""))
		r.want("check")
		r.refuse(2202)
		r.close()
		if e := a.end(); e.End != pool.EndAnswered || e.Code != 2202 {
			t.Errorf("got %+v", e)
		}
		var s Snapshot
		p.on(func() { p.account.Snapshot(&s) })
		if s.SessionCloses[pool.CauseRegistryClosed] != 1 || s.SessionCloses[pool.CauseCodeCloses] > 0 || sumOf(s.Desync[:]) > 0 {
			t.Errorf("closes %v, desync %v", s.SessionCloses, s.Desync)
		}
	})
}

func sumOf(counts []uint64) (n uint64) {
	for _, c := range counts {
		n += c
	}
	return n
}

// TestHeldOddAnswer: an answer that no XML parser takes is held, and delivered octet for octet, like any
// other.
func TestHeldOddAnswer(t *testing.T) {
	for _, b := range brokenAnswers {
		answer := strings.Replace(b.answer, "1000", "2201", 1)
		inPlay(t, nil, func(p *play) {
			r := p.session()
			r.answered()
			a := p.ask(deleteCommand("<clTRID>C-1</clTRID>"))
			r.want("delete")
			r.send(withID(answer, r.id))
			r.loggedIn()
			if e := a.end(); e.End != pool.EndAnswered || e.Code != 2201 || e.Answer != withID(answer, "C-1") {
				t.Errorf("%q: got %+v", answer, e)
			}
			r.answered() // the session goes on
		})
	}
}
