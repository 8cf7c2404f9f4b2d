package upstream

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
	"eppmux/upstream/pool"
)

func answerText(code, text, clTRID string) string {
	return strings.Replace(strings.Replace(response(1000, clTRID), "1000", code, 1), "<msg>m</msg>", "<msg>"+text+"</msg>", 1)
}

// TestLoginLost: a session that answers 2002 as not logged in is discarded, though a hello would go
// well, and the command goes once more, on one that is known to be logged in: a transform too,
// since it was not executed (faults.md row 13).
func TestLoginLost(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		a := p.ask(deleteCommand("<clTRID>C-1</clTRID>"))
		r.want("delete")
		first := r.id
		r.send(answerText("2002", "Registrar is not logged in", r.id))
		r.lostLogin()
		r.wantEnd()
		a.waiting()
		r = p.session()
		r.want("delete")
		if r.id == first {
			t.Error("the same muxTRID came twice")
		}
		r.send(answerText("2002", "Registrar is not logged in", r.id))
		if e := a.end(); e.End != pool.EndAnswered || e.Code != 2002 || !strings.Contains(e.Answer, "<clTRID>C-1</clTRID>") {
			t.Errorf("got %+v, want the second answer", e)
		}
		r.answered() // the session goes on
	})
}

// TestLoginLostElsewhere: the other sessions may have lost their login at the same time; the
// command does not go there unless they have answered since.
func TestLoginLostElsewhere(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.MinSessions, c.Pool.MaxSessions = 2, 2 }, func(p *play) {
		one, two := p.session(), p.session()
		time.Sleep(time.Minute)
		a := p.ask(checkCommand(""))
		one.want("check")
		one.send(answerText("2201", "Session timeout", one.id))
		one.lostLogin()
		one.wantEnd()
		three := p.session() // in the place of one
		three.want("check")
		three.reply(1000)
		if e := a.end(); e.End != pool.EndAnswered || e.Code != 1000 {
			t.Errorf("got %+v", e)
		}
		_ = two
	})
}

// TestHonestWords: a client that is told that it must log in, on a session that is logged in, costs nobody
// a session, however often it asks.
func TestHonestWords(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		for range 5 {
			a := p.ask(deleteCommand(""))
			r.want("delete")
			r.send(answerText("2002", "You must log in first", r.id))
			r.loggedIn()
			if e := a.end(); e.End != pool.EndAnswered || e.Code != 2002 {
				t.Fatalf("got %+v", e)
			}
		}
		r.answered()
	})
}

// TestHonest2201: an answer that a client has no right is the client's.
func TestHonest2201(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		a := p.ask(checkCommand(""))
		r.want("check")
		r.reply(2201)
		r.loggedIn()
		if e := a.end(); e.Code != 2201 {
			t.Errorf("got %+v", e)
		}
		b := p.ask(checkCommand(""))
		r.want("check")
		r.reply(1000)
		b.end()
	})
}

// TestThrottled: faults.md row 14.
func TestThrottled(t *testing.T) {
	inPlay(t, func(c *Config) { c.Throttled = []Pattern{{2502, "too many"}} }, func(p *play) {
		r := p.session()
		a := p.ask(deleteCommand(""))
		r.want("delete")
		begin := time.Now()
		r.send(answerText("2502", "Too many requests", r.id))
		b := p.ask(checkCommand(""))
		r.want("delete")
		if d := time.Since(begin); d != time.Second {
			t.Errorf("sent again after %v, want %v", d, time.Second)
		}
		r.reply(1000)
		if e := a.end(); e.Code != 1000 {
			t.Errorf("got %+v", e)
		}
		r.want("check")
		r.reply(1000)
		b.end()

		c := p.ask(deleteCommand(""))
		for {
			r.want("delete")
			r.send(answerText("2502", "Too many requests", r.id))
			if len(c.ends) > 0 {
				break
			}
		}
		if e := c.end(); e.End != pool.EndNotSent || e.Cause != pool.CauseThrottled {
			t.Errorf("got %+v, want not sent", e)
		}
	})
}

// TestPending: a command is not written on a session that has something to say.
func TestPending(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		p.on(func() {
			p.loop.sockets[0].pending = true
		})
		a := p.ask(deleteCommand(""))
		r.wantEnd()
		r = p.session()
		r.want("delete")
		r.reply(1000)
		if e := a.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
	})
}

// TestEndedYoung: a registry that ends by an answer whatever is opened, whoever asks, is left alone
// for longer and longer; one that does so now and then is not.
func TestEndedYoung(t *testing.T) {
	for _, tt := range []struct {
		life        time.Duration // of each session
		least, most time.Duration // until the seventh
	}{
		{0, 15 * time.Second, time.Minute},
		{10 * time.Second, 0, 3 * time.Second},
	} {
		inPlay(t, func(c *Config) { c.Pool.MaxSessions, c.Pool.Keepalive = 1, 0 }, func(p *play) {
			var gap time.Duration
			r := p.session()
			for i := range 7 {
				time.Sleep(tt.life)
				a := p.ask(strings.Replace(checkCommand(""), "a.example", fmt.Sprint(i, ".example"), 1))
				r.want("check")
				r.reply(2500)
				a.end()
				begin := time.Now()
				r = p.session()
				gap = time.Since(begin)
			}
			if gap < tt.least || gap > tt.most {
				t.Errorf("sessions that live %v: the last was replaced after %v", tt.life, gap)
			}
		})
	}
}

// TestUnaskedBehindLogin: a session whose login's answer has something behind it carries nothing,
// and what waits is not burnt on it.
func TestUnaskedBehindLogin(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		a := p.ask(deleteCommand(""))
		r := p.accept()
		r.greet()
		r.want("login")
		one := response(1000, r.id)
		unit := append([]byte{0, 0, 0, byte(len(one) + 4)}, one...)
		_, _ = r.nc.Write(append(append([]byte{}, unit...), unit...))
		r.wantEnd()
		a.waiting()
		r = p.session()
		r.want("delete")
		r.reply(1000)
		if e := a.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
	})
}

// TestQueryNotRepeatedInTime: what was sent once is not said to be unsent.
func TestQueryNotRepeatedInTime(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		a := p.ask(checkCommand(""))
		r.want("check")
		p.mu.Lock()
		p.refuse = net.ErrClosed
		p.mu.Unlock()
		r.close()
		time.Sleep(9 * time.Second)
		if e := a.end(); e.End != pool.EndUnknown {
			t.Errorf("got %+v, want unknown", e)
		}
	})
}

// TestDrainWhileDialing: an attempt to open a session that hangs does not delay the end.
func TestDrainWhileDialing(t *testing.T) {
	inPlay(t, func(c *Config) {
		c.Dial = func(ctx context.Context) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	}, func(p *play) {
		synctest.Wait()
		begin := time.Now()
		p.on(func() { p.account.drain(30 * time.Second) })
		synctest.Wait()
		if !p.drained || time.Since(begin) > 0 {
			t.Errorf("drained %v after %v, want at once", p.drained, time.Since(begin))
		}
	})
}

// TestDrainWhileLoggingIn: an attempt whose login was sent is waited for and logged out, until the
// deadline; one whose login was not is given up.
func TestDrainWhileLoggingIn(t *testing.T) {
	drain := func(p *play) { p.on(func() { p.account.drain(10 * time.Second) }); synctest.Wait() }
	inPlay(t, nil, func(p *play) {
		r := p.accept()
		r.greet()
		r.want("login")
		drain(p)
		r.reply(1000)
		r.want("logout")
		if p.drained {
			t.Error("drained before the logout is answered")
		}
		r.reply(1500)
		r.wantEnd()
		synctest.Wait()
		if !p.drained || p.abandoned > 0 {
			t.Errorf("drained %v, %d without a logout", p.drained, p.abandoned)
		}
	})
	inPlay(t, nil, func(p *play) {
		r := p.accept()
		r.greet()
		r.want("login")
		begin := time.Now()
		drain(p)
		r.wantEnd()
		synctest.Wait()
		if d := time.Since(begin); d != 10*time.Second || !p.drained || p.abandoned != 1 {
			t.Errorf("closed after %v, drained %v, %d without a logout, want 1 at the deadline", d, p.drained, p.abandoned)
		}
	})
	inPlay(t, nil, func(p *play) {
		r := p.accept()
		drain(p)
		r.wantEnd()
		synctest.Wait()
		if !p.drained || p.abandoned > 0 {
			t.Errorf("drained %v, %d without a logout", p.drained, p.abandoned)
		}
	})
	inPlay(t, nil, func(p *play) { // what waits opens a session, and ends
		a := p.ask(checkCommand(""))
		r := p.accept()
		r.greet()
		r.want("login")
		drain(p)
		p.on(func() { p.account.Cancel(a.x) })
		r.reply(1000)
		r.want("logout")
		r.reply(1500)
		r.wantEnd()
		synctest.Wait()
		if !p.drained || p.abandoned > 0 {
			t.Errorf("drained %v, %d without a logout", p.drained, p.abandoned)
		}
	})
}

// TestPauseWhileLoggingIn: a pause waits for a login that was sent, and logs out.
func TestPauseWhileLoggingIn(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.accept()
		r.greet()
		r.want("login")
		p.operate(p.account.Pause)
		r.reply(1000)
		r.want("logout")
		r.reply(1500)
		r.wantEnd()
		p.operate(p.account.Resume)
		p.session().answered()
	})
}

// TestFullDoesNotHoldBack: 2502 for a session more does not keep a session that ends from being
// replaced.
func TestFullDoesNotHoldBack(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.MaxSessions = 3 }, func(p *play) {
		one := p.session()
		a, b := p.ask(checkCommand("")), p.ask(checkCommand(""))
		one.want("check")
		two := p.accept()
		two.greet()
		two.want("login")
		two.reply(2502)
		one.reply(1000)
		one.want("check")
		one.reply(1000)
		a.end()
		b.end()
		begin := time.Now()
		one.close()
		c := p.ask(checkCommand(""))
		r := p.session()
		r.want("check")
		r.reply(1000)
		if e := c.end(); e.End != pool.EndAnswered || time.Since(begin) > 5*time.Second {
			t.Errorf("got %+v after %v", e, time.Since(begin))
		}
	})
}

// TestShadow: a limit in shadow mode holds nothing back and counts what it would have.
func TestShadow(t *testing.T) {
	rule := pool.Rule{Limit: ratelimit.Limit{N: 2, Per: time.Minute}, Commands: allCommands(), Shadow: true}
	inPlay(t, func(c *Config) { c.Pool.Rules = []pool.Rule{rule} }, func(p *play) {
		r := p.session()
		for range 5 {
			a := p.ask(checkCommand(""))
			r.want("check")
			r.reply(1000)
			a.end()
		}
		var s Snapshot
		p.on(func() { p.account.Snapshot(&s) })
		if s.Exceeded[0] != 3 {
			t.Errorf("counted %d, want 3", s.Exceeded[0])
		}
	})
}

// TestClockLeap: after a leap of the wall clock, as when the host slept, idle sessions are probed.
func TestClockLeap(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.Keepalive = time.Hour }, func(p *play) {
		r := p.session()
		p.on(func() { p.account.wallAhead -= 10 * time.Minute })
		begin := time.Now()
		r.want("hello")
		if d := time.Since(begin); d > clockWatch {
			t.Errorf("probed after %v", d)
		}
		r.greet()
	})
}

// TestKeepaliveAfterLimit: a keepalive that no limit admitted while another session's command held
// the only slot comes as soon as one does.
func TestKeepaliveAfterLimit(t *testing.T) {
	rule := pool.Rule{Limit: ratelimit.Limit{N: 1, Per: time.Second}, Commands: pool.Commands(func(c frame.Command, _ frame.Op) bool {
		return c == frame.CommandCheck || c == frame.CommandHello
	})}
	inPlay(t, func(c *Config) {
		c.Pool.Rules = []pool.Rule{rule}
		c.Pool.MinSessions, c.Pool.MaxSessions = 2, 2
		c.Pool.Keepalive, c.Pool.CommandTimeout = time.Minute, time.Hour
	}, func(p *play) {
		one, two := p.session(), p.session()
		a := p.ask(checkCommand(""))
		one.want("check")
		time.Sleep(10 * time.Minute)
		one.reply(1000)
		a.end()
		begin := time.Now()
		two.want("hello")
		if d := time.Since(begin); d > 3*time.Second {
			t.Errorf("the keepalive came after %v", d)
		}
		two.greet()
	})
}

// TestEchoIsNoLoss: what a registry echoes of a client's command says nothing of the session.
func TestEchoIsNoLoss(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		a := p.ask(checkCommand(""))
		r.want("check")
		r.send(epp(`<response><result code="2201"><msg>Authorization error</msg><value><undef/></value><extValue><value><name>Not logged in</name></value>` +
			`<reason>not the sponsor</reason></extValue></result><trID><clTRID>` + r.id + `</clTRID><svTRID>S</svTRID></trID></response>`))
		r.loggedIn() // its code asks for that
		if e := a.end(); e.End != pool.EndAnswered || e.Code != 2201 {
			t.Errorf("got %+v, want the answer", e)
		}
		b := p.ask(checkCommand(""))
		r.want("check") // on the same session
		r.reply(1000)
		b.end()
	})
}

// TestThrottledTogether: answers that were under way when the registry throttled belong to the same
// episode.
func TestThrottledTogether(t *testing.T) {
	inPlay(t, func(c *Config) {
		c.Throttled = []Pattern{{2502, ""}}
		c.Pool.MinSessions, c.Pool.MaxSessions = 4, 4
	}, func(p *play) {
		var sides []*registrySide
		for range 4 {
			sides = append(sides, p.session())
		}
		var asked []*asker
		for _, r := range sides {
			asked = append(asked, p.ask(checkCommand("")))
			r.want("check")
		}
		begin := time.Now()
		for _, r := range sides {
			r.reply(2502)
		}
		for _, r := range sides {
			r.want("check")
			r.reply(1000)
		}
		for _, a := range asked {
			if e := a.end(); e.Code != 1000 {
				t.Errorf("got %+v", e)
			}
		}
		if d := time.Since(begin); d > 2*time.Second {
			t.Errorf("four answers throttled for %v", d)
		}
	})
}

// TestHelloIsNoProof: a session that has answered a keepalive by a greeting is not known to be
// logged in.
func TestHelloIsNoProof(t *testing.T) {
	inPlay(t, func(c *Config) {
		c.Pool.MinSessions, c.Pool.MaxSessions, c.Pool.Keepalive = 2, 2, time.Minute
	}, func(p *play) {
		one, two := p.session(), p.session()
		time.Sleep(59 * time.Second)
		a := p.ask(deleteCommand(""))
		one.want("delete")
		two.want("hello")
		one.send(answerText("2002", "You are not logged in", one.id))
		two.greet()
		one.lostLogin()
		one.wantEnd()
		three := p.session()
		three.want("delete")
		three.reply(1000)
		if e := a.end(); e.Code != 1000 {
			t.Errorf("got %+v", e)
		}
	})
}

// TestLimitedTime: the time counts for which a limit holds a command back while a session is idle.
func TestLimitedTime(t *testing.T) {
	rule := pool.Rule{Limit: ratelimit.Limit{N: 1, Per: 3 * time.Second}, Commands: pool.Commands(func(c frame.Command, _ frame.Op) bool {
		return c == frame.CommandCheck
	})}
	inPlay(t, func(c *Config) { c.Pool.Rules = []pool.Rule{rule} }, func(p *play) {
		r := p.session()
		for range 3 {
			a := p.ask(checkCommand(""))
			r.want("check")
			r.reply(1000)
			a.end()
		}
		var s Snapshot
		p.on(func() { p.account.Snapshot(&s) })
		if s.Limited[0] != 6*time.Second {
			t.Errorf("got %v, want 6s", s.Limited[0])
		}
	})
}
