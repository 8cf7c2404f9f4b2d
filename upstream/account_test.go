package upstream

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
	"eppmux/upstream/pool"
)

func TestLoginTakesServicesFromGreeting(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.accept()
		r.greet()
		got := r.want("login")
		for _, want := range []string{"<clID>demo</clID>", "<pw>demo-secret</pw>", "<objURI>urn:ietf:params:xml:ns:domain-1.0</objURI>",
			"<extURI>urn:ietf:params:xml:ns:secDNS-1.1</extURI>", "<lang>en</lang>"} {
			if !strings.Contains(got, want) {
				t.Errorf("got %s, want %s in it", got, want)
			}
		}
		r.reply(1000)
	})
}

func TestLoginTakesServicesFromConfig(t *testing.T) {
	inPlay(t, func(c *Config) { c.Login.ObjectURIs = []string{"urn:x"} }, func(p *play) {
		r := p.accept()
		r.greet()
		if got := r.want("login"); !strings.Contains(got, "<objURI>urn:x</objURI>") || strings.Contains(got, "domain-1.0") {
			t.Errorf("got %s", got)
		}
		r.reply(1000)
	})
}

// TestEnds is what becomes of a query and of a transform when the registry does something else than
// answering. A query is then asked once more on another session, a transform never (faults.md rows
// 2 to 11).
func TestEnds(t *testing.T) {
	faults := []struct {
		name  string
		does  func(r *registrySide)
		cause pool.Cause
	}{
		{"closes", func(r *registrySide) { r.close() }, pool.CauseRegistryClosed},
		{"closes in mid-answer", func(r *registrySide) {
			_, _ = r.nc.Write([]byte{0, 0, 1, 0, '<', 'e', 'p', 'p'})
			r.close()
		}, pool.CauseRegistryClosed},
		{"falls silent in mid-answer", func(r *registrySide) {
			_, _ = r.nc.Write([]byte{0, 0, 1, 0, '<', 'e', 'p', 'p'})
			time.Sleep(61 * time.Second)
		}, pool.CauseCommandTimeout},
		{"never answers", func(*registrySide) { time.Sleep(61 * time.Second) }, pool.CauseCommandTimeout},
		{"answers another's", func(r *registrySide) { r.send(response(1000, "M0000000000000-C-1")) }, pool.CauseMismatch},
		{"greets", func(r *registrySide) { r.greet() }, pool.CauseMismatch},
		{"sends no EPP", func(r *registrySide) { r.send("<html/>") }, pool.CauseFrame},
		{"sends no XML", func(r *registrySide) { r.send("oops") }, pool.CauseFrame},
		{"sends a length of 4", func(r *registrySide) { _, _ = r.nc.Write([]byte{0, 0, 0, 4}); synctest.Wait() }, pool.CauseFrame},
		{"sends a length of 4 GiB", func(r *registrySide) { _, _ = r.nc.Write([]byte{255, 255, 255, 255}); synctest.Wait() }, pool.CauseFrame},
	}
	for _, f := range faults {
		t.Run(f.name+"/transform", func(t *testing.T) {
			inPlay(t, nil, func(p *play) {
				r := p.session()
				a := p.ask(deleteCommand("<clTRID>C-1</clTRID>"))
				r.want("delete")
				f.does(r)
				if e := a.end(); e.End != pool.EndUnknown || e.Cause != f.cause {
					t.Errorf("got %+v, want unknown for %v", e, f.cause)
				}
				r.wantEnd()
				p.next() // the next session: nothing is sent on it
			})
		})
		t.Run(f.name+"/query", func(t *testing.T) {
			inPlay(t, nil, func(p *play) {
				r := p.session()
				a := p.ask(checkCommand("<clTRID>C-1</clTRID>"))
				r.want("check")
				first := r.id
				f.does(r)
				a.waiting()
				r.wantEnd()
				r = p.next()
				r.want("check")
				if r.id == first {
					t.Errorf("got the same muxTRID %s twice", r.id)
				}
				r.reply(1000)
				if e := a.end(); e.End != pool.EndAnswered || !strings.Contains(e.Answer, "<clTRID>C-1</clTRID>") {
					t.Errorf("got %+v, want the second session's answer", e)
				}
			})
		})
	}
}

// next plays the login of the session that follows a lost one, after its back-off.
func (p *play) next() *registrySide {
	p.t.Helper()
	return p.session()
}

func TestQueryIsRepeatedOnce(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		a := p.ask(checkCommand(""))
		r.want("check")
		r.close()
		r = p.session()
		r.want("check")
		r.close()
		if e := a.end(); e.End != pool.EndUnknown {
			t.Errorf("got %+v, want unknown", e)
		}
	})
}

// TestAbsentClTRID: faults.md row 6.
func TestAbsentClTRID(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		a := p.ask(checkCommand("<clTRID>C-1</clTRID>"))
		r.want("check")
		r.send(response(2001, ""))
		if e := a.end(); e.End != pool.EndAnswered || e.Code != 2001 || strings.Contains(e.Answer, "clTRID") {
			t.Errorf("got %+v, want the answer as it came", e)
		}
	})
}

// TestNoClTRID: the client sent none and gets none, though the registry got one of ours.
func TestNoClTRID(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		a := p.ask(checkCommand(""))
		r.want("check")
		if len(r.id) != tridHead || !isMuxTRID([]byte(r.id)) {
			t.Errorf("got clTRID %q, want a bare muxTRID", r.id)
		}
		r.reply(1000)
		if e := a.end(); e.End != pool.EndAnswered || e.Answer != response(1000, "") {
			t.Errorf("got %+v", e)
		}
	})
}

// TestTwoAnswersAtOnce: the first is the client's, the second nobody asked for.
func TestTwoAnswersAtOnce(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		a, b := p.ask(checkCommand("")), p.ask(deleteCommand(""))
		r.want("check")
		one := response(1000, r.id)
		unit := append([]byte{0, 0, 0, byte(len(one) + 4)}, one...)
		_, _ = r.nc.Write(append(append([]byte{}, unit...), unit...))
		if e := a.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
		r.wantEnd()
		r = p.next()
		r.want("delete")
		r.reply(1000)
		if e := b.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
	})
}

// TestUnasked: octets on an idle session end it before it carries a command (faults.md rows 7 and
// 8).
func TestUnasked(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		r.send(response(1000, "LATE"))
		r.wantEnd()
		a := p.ask(deleteCommand(""))
		r = p.next()
		r.want("delete")
		r.reply(1000)
		if e := a.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
	})
}

// TestUnaskedGreeting: it is learnt, and the session ends (faults.md row 8).
func TestUnaskedGreeting(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		var before, after int
		p.on(func() { before = p.greetings })
		r.greet()
		r.wantEnd()
		p.on(func() { after = p.greetings })
		if after != before+1 {
			t.Errorf("learnt %d greetings, want one", after-before)
		}
	})
}

// TestCodeCloses: x5xx is delivered and ends the session (faults.md row 12); 15xx is a success.
func TestCodeCloses(t *testing.T) {
	for _, code := range []int{1500, 1501, 2500, 2502, 2503} {
		inPlay(t, nil, func(p *play) {
			r := p.session()
			a := p.ask(deleteCommand(""))
			r.want("delete")
			r.reply(code)
			if e := a.end(); e.End != pool.EndAnswered || e.Code != code {
				t.Errorf("got %+v, want %d", e, code)
			}
			r.wantEnd()
		})
	}
}

// TestPaTRID: poll data names earlier commands by our ids; their clients' come back.
func TestPaTRID(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		long := strings.Repeat("x", 64)
		ids := map[string]string{}
		for _, own := range []string{"<clTRID>OLD-1</clTRID>", "<clTRID>" + long + "</clTRID>", "<clTRID>A&amp;B</clTRID>", ""} {
			a := p.ask(deleteCommand(own))
			r.want("delete")
			ids[own] = r.id
			r.reply(1001)
			a.end()
		}
		for own, id := range ids {
			pan := func(trid string) string {
				return epp(`<response><result code="1301"><msg>m</msg></result><resData><domain:panData ` + domainNS + `><domain:name>a.example</domain:name>` +
					`<domain:paTRID>` + trid + `<svTRID>S</svTRID></domain:paTRID></domain:panData></resData><trID>%s<svTRID>S-2</svTRID></trID></response>`)
			}
			a := p.ask(epp(`<command><poll op="req"/><clTRID>P-1</clTRID></command>`))
			r.want("poll")
			r.send(fmt.Sprintf(pan("<clTRID>"+id+"</clTRID>"), "<clTRID>"+r.id+"</clTRID>"))
			if got, want := a.end().Answer, fmt.Sprintf(pan(own), "<clTRID>P-1</clTRID>"); got != want {
				t.Errorf("got %s\nwant %s", got, want)
			}
		}
	})
}

// TestForeignPaTRID: an id that is not ours stays as it is.
func TestForeignPaTRID(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		a := p.ask(epp(`<command><poll op="req"/></command>`))
		r.want("poll")
		body := `<response><result code="1301"><msg>m</msg></result><resData><domain:panData ` + domainNS + `><domain:paTRID><clTRID>HAND-1</clTRID>` +
			`<svTRID>S</svTRID></domain:paTRID></domain:panData></resData><trID>%s<svTRID>S-2</svTRID></trID></response>`
		r.send(epp(fmt.Sprintf(body, "<clTRID>"+r.id+"</clTRID>")))
		if got, want := a.end().Answer, epp(fmt.Sprintf(body, "")); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	})
}

func TestQueueTimeout(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		a, b := p.ask(checkCommand("")), p.ask(checkCommand(""))
		r.want("check")
		time.Sleep(8*time.Second - time.Millisecond)
		b.waiting()
		time.Sleep(time.Millisecond)
		if e := b.end(); e.End != pool.EndNotSent || e.Cause != pool.CauseQueueTimeout {
			t.Errorf("got %+v, want not sent", e)
		}
		r.reply(1000)
		a.end()
	})
}

// TestOrphan: the answer of a command whose client has gone is read, and the session serves on.
func TestOrphan(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		a := p.ask(deleteCommand(""))
		r.want("delete")
		p.on(func() { p.account.Cancel(a.x) })
		b := p.ask(deleteCommand(""))
		r.reply(1000)
		r.want("delete")
		r.reply(1000)
		if e := b.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
		a.waiting()
		d := p.ask(deleteCommand(""))
		r.want("delete")
		c := p.ask(deleteCommand(""))
		p.on(func() { p.account.Cancel(c.x) })
		r.reply(1000)
		if e := d.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
		c.waiting()
		d = p.ask(deleteCommand(""))
		w := p.ask(deleteCommand(""))
		p.on(func() { p.account.Withdraw(w.x) })
		r.want("delete")
		r.reply(1000)
		if e := d.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
		w.waiting()
		var s Snapshot
		p.on(func() { p.account.Snapshot(&s) })
		if got := s.Outcomes[frame.CommandDelete]; got != [...]uint64{pool.EndNotSent: 1, pool.EndAnswered: 3, OutcomeOrphan: 1, OutcomeDropped: 1} {
			t.Errorf("got outcomes %v, want one not sent, three answered, one orphan and one dropped", got)
		}
	})
}

func TestKeepalive(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.Keepalive = 4 * time.Minute }, func(p *play) {
		r := p.session()
		begin := time.Now()
		for range 3 {
			r.want("hello")
			r.greet()
		}
		if d := time.Since(begin); d != 12*time.Minute {
			t.Errorf("three keepalives took %v, want 12m", d)
		}
		a := p.ask(checkCommand(""))
		r.want("check")
		r.reply(1000)
		a.end()
	})
	inPlay(t, func(c *Config) { c.Pool.Keepalive, c.Pool.KeepaliveCommand = time.Minute, frame.CommandPoll }, func(p *play) {
		r := p.session()
		if got := r.want("poll"); !strings.Contains(got, `op="req"`) {
			t.Errorf("got %s, want a poll that reads", got)
		}
		r.reply(1300)
		r.want("poll")
	})
}

// TestIdleSessionRetires: above sessions.min, a session with nothing to do for a keepalive's time
// logs out.
func TestIdleSessionRetires(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.MaxSessions, c.Pool.Keepalive = 2, time.Minute }, func(p *play) {
		one := p.session()
		a := p.ask(checkCommand(""))
		one.want("check")
		b := p.ask(checkCommand(""))
		two := p.session()
		two.want("check")
		one.reply(1000)
		two.reply(1000)
		a.end()
		b.end()
		two.want("logout")
		two.reply(1500)
		two.wantEnd()
		one.want("hello")
	})
}

func TestMaxAgeAndMaxCommands(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.MaxAge = time.Hour }, func(p *play) {
		r := p.session()
		begin := time.Now()
		r.want("logout")
		if d := time.Since(begin); d > time.Hour || d < 54*time.Minute {
			t.Errorf("logged out after %v, want 54 to 60 minutes", d)
		}
		r.reply(1500)
		r.wantEnd()
		p.session()
	})
	inPlay(t, func(c *Config) { c.Pool.MaxCommands = 20 }, func(p *play) {
		r := p.session()
		for n := 1; ; n++ {
			a := p.ask(checkCommand(""))
			r.want("check")
			r.reply(1000)
			a.end()
			if p.states()[0] == pool.SessionDraining {
				if n < 17 || n > 19 {
					t.Errorf("logged out after %d commands, want 17 to 19", n)
				}
				break
			}
		}
		r.want("logout")
		r.reply(1500)
		p.session()
	})
}

func TestBackoff(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		p.mu.Lock()
		p.refuse = errors.New("no route")
		p.mu.Unlock()
		a := p.ask(checkCommand(""))
		time.Sleep(8 * time.Second)
		if e := a.end(); e.End != pool.EndNotSent {
			t.Errorf("got %+v", e)
		}
		time.Sleep(10 * time.Minute)
		var s Snapshot
		p.on(func() { p.account.Snapshot(&s) })
		if n := s.Logins[LoginFailed]; n < 10 || n > 20 {
			t.Errorf("tried %d times in ten minutes, want about once a minute", n)
		}
		b := p.ask(checkCommand("")) // the registry has been away for long: the client learns soon
		time.Sleep(time.Second)
		if e := b.end(); e.End != pool.EndNotSent || e.Cause != pool.CauseRegistryAway {
			t.Errorf("got %+v", e)
		}
		p.mu.Lock()
		p.refuse = nil
		p.mu.Unlock()
		p.session()
	})
}

func TestLoginRefused(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		a := p.ask(checkCommand(""))
		r := p.accept()
		r.greet()
		r.want("login")
		r.reply(2200)
		if e := a.end(); e.End != pool.EndNotSent || e.Cause != pool.CauseLoginRefused {
			t.Errorf("got %+v", e)
		}
		r.wantEnd()
		if e := p.ask(checkCommand("")).end(); e.Cause != pool.CauseLoginRefused {
			t.Errorf("got %+v", e)
		}
		begin := time.Now()
		p.session()
		if d := time.Since(begin); d < 15*time.Minute {
			t.Errorf("logged in again after %v, want 15 minutes at least", d)
		}
		if log := p.log.String(); !strings.Contains(log, "2200") || strings.Contains(log, "demo-secret") {
			t.Errorf("got log %s, want the code in it and not the password", log)
		}
	})
}

// TestCeiling: 2502 at login lowers the number of sessions, and it grows back.
func TestCeiling(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.MaxSessions = 2 }, func(p *play) {
		one := p.session()
		a, b := p.ask(checkCommand("")), p.ask(checkCommand(""))
		one.want("check")
		two := p.accept()
		two.greet()
		two.want("login")
		two.reply(2502)
		two.wantEnd()
		one.reply(1000)
		one.want("check")
		one.reply(1000)
		a.end()
		b.end()
		time.Sleep(time.Minute)
		c, d := p.ask(checkCommand("")), p.ask(checkCommand(""))
		one.want("check")
		two = p.session()
		two.want("check")
		one.reply(1000)
		two.reply(1000)
		c.end()
		d.end()
	})
}

func TestNoGreeting(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		p.accept()
		time.Sleep(11 * time.Second)
		var s Snapshot
		p.on(func() { p.account.Snapshot(&s) })
		if s.Logins[LoginFailed] != 1 {
			t.Errorf("got %v, want one attempt that failed", s.Logins)
		}
		p.session()
	})
}

func TestDrain(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		a, b := p.ask(checkCommand("")), p.ask(deleteCommand(""))
		r.want("check")
		p.on(func() { p.account.drain(30 * time.Second) })
		if e := p.ask(checkCommand("")).end(); e.End != pool.EndNotSent || e.Cause != pool.CauseShutdown {
			t.Errorf("got %+v, want not sent", e)
		}
		r.reply(1000)
		r.want("delete")
		r.reply(1000)
		r.want("logout")
		if p.drained {
			t.Error("drained before the logout is answered")
		}
		r.reply(1500)
		if a.end().End != pool.EndAnswered || b.end().End != pool.EndAnswered || !p.drained || p.abandoned > 0 {
			t.Errorf("got %v and %v, drained %v", a.end(), b.end(), p.drained)
		}
	})
}

func TestDrainTimeout(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		a, b := p.ask(deleteCommand("")), p.ask(deleteCommand(""))
		r.want("delete")
		p.on(func() { p.account.drain(5 * time.Second) })
		time.Sleep(5 * time.Second)
		if e := a.end(); e.End != pool.EndUnknown || e.Cause != pool.CauseShutdown {
			t.Errorf("got %+v, want unknown", e)
		}
		if e := b.end(); e.End != pool.EndNotSent || e.Cause != pool.CauseShutdown {
			t.Errorf("got %+v, want not sent", e)
		}
		r.wantEnd()
		if p.abandoned != 1 {
			t.Errorf("%d sessions are said to have had no logout, want 1", p.abandoned)
		}
		if !p.drained {
			t.Error("not drained")
		}
	})
}

// TestClientLimit: one client's limit does not hold another back.
func TestClientLimit(t *testing.T) {
	rule := pool.Rule{Limit: ratelimit.Limit{N: 1, Per: time.Second}, Scope: pool.ScopeClient, Commands: allCommands()}
	inPlay(t, func(c *Config) { c.Pool.Rules = []pool.Rule{rule} }, func(p *play) {
		r := p.session()
		ask := func(who string) *asker {
			a := &asker{p: p}
			p.on(func() {
				var s frame.Scanner
				m, _ := s.Scan([]byte(checkCommand("")))
				a.x = p.account.Exchange(Sender{Client: a, Budget: p.account.Budget(who)}, m)
				p.account.Submit(a.x)
			})
			return a
		}
		a := ask("one")
		r.want("check")
		r.reply(1000)
		a.end()
		b, c := ask("one"), ask("two")
		r.want("check")
		r.reply(1000)
		c.end()
		b.waiting()
		begin := time.Now()
		r.want("check")
		r.reply(1000)
		b.end()
		if d := time.Since(begin); d != time.Second {
			t.Errorf("the second command of one client waited %v, want 1s", d)
		}
	})
}
