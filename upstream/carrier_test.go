package upstream

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// paper implements carrier without a connection: the account's messages lie on paper until the test
// answers them. It is the second carrier, and shows that nothing above the interface asks for
// sockets or TLS. Owned by the loop.
type paper struct {
	*session
	desk  *papers
	login frame.Login
	sent  bool   // the login
	over  bool   // the attempt to open the session has ended
	dead  bool   // nothing may be written any more
	shut  bool   // closed
	wrote string // payload of the account's last message
}

// papers makes the carriers of an account.
type papers struct {
	p   *play
	all []*paper // the oldest first; owned by the loop
}

func (d *papers) carry(s *session) carrier {
	c := &paper{session: s, desk: d}
	d.all = append(d.all, c)
	return c
}

func (c *paper) recall() {
	if !c.sent {
		c.fail(errRecalled)
	}
}

func (c *paper) cancel() { c.fail(&openError{"login", pool.CauseRegistryClosed, context.Canceled}) }

// fail ends the attempt to open the session, after the turn.
func (c *paper) fail(err error) {
	if !c.over {
		c.over = true
		c.a.loop.Post(func() { c.a.turn(func() { c.notOpened(err) }) })
	}
}

func (c *paper) sendExchange(x *Exchange) {
	switch {
	case c.s.Exchange() != &x.Exchange:
	case c.dead:
		c.unsent(x, pool.CauseUnasked)
	default:
		c.wrote = string(c.begin(x)[frame.HeaderLen:])
	}
}

func (c *paper) sendKeepalive() { c.sendOwn() }
func (c *paper) sendLogout()    { c.sendOwn() }

func (c *paper) sendOwn() {
	switch {
	case c.shut || c.s.State() == pool.SessionClosing:
	case c.dead:
		c.poison(pool.CauseUnasked)
	default:
		c.wrote = string(c.ownMessage()[frame.HeaderLen:])
	}
}

func (c *paper) hear() {}

func (c *paper) close() {
	if !c.shut {
		c.shut = true
		c.a.turn(c.closed)
	}
}

// onPaper is inPlay with sessions on paper.
func onPaper(t *testing.T, change func(*Config), f func(*papers)) {
	t.Helper()
	d := new(papers)
	inPlay(t, func(c *Config) {
		c.carry = d.carry
		if change != nil {
			change(c)
		}
	}, func(p *play) {
		d.p = p
		synctest.Wait()
		f(d)
	})
}

// last is the youngest session; it fails unless there are n in all.
func (d *papers) last(n int) *paper {
	d.p.t.Helper()
	synctest.Wait()
	var all []*paper
	d.p.on(func() { all = d.all })
	if len(all) != n {
		d.p.t.Fatalf("%d sessions were opened, want %d", len(all), n)
	}
	return all[n-1]
}

// greet has the registry greet and the account send its login.
func (c *paper) greet() {
	c.desk.p.t.Helper()
	g, err := frame.ParseGreeting([]byte(epp(testGreeting)))
	if err != nil {
		c.desk.p.t.Fatal(err)
	}
	c.desk.p.on(func() {
		c.login, c.sent = c.loginFor(&c.a.target, &g), true
		c.wrote = string(frame.AppendLogin(nil, &c.login)[frame.HeaderLen:])
	})
}

// answerLogin answers the login.
func (c *paper) answerLogin(code int) {
	c.desk.p.t.Helper()
	m, err := new(frame.Scanner).Scan([]byte(response(code, c.login.ClTRID)))
	if err != nil {
		c.desk.p.t.Fatal(err)
	}
	c.desk.p.on(func() {
		if c.over {
			return
		}
		c.over = true
		err := c.judgeLogin(m, &c.login)
		c.shown([]byte(epp(testGreeting)))
		c.a.turn(func() {
			if err != nil {
				c.notOpened(err)
			} else {
				c.loggedIn()
			}
		})
	})
	synctest.Wait()
}

var anyID = regexp.MustCompile(`<clTRID>(M[^<]*)</clTRID>`)

// want fails unless the account's last message is the command.
func (c *paper) want(command string) (id string) {
	c.desk.p.t.Helper()
	synctest.Wait()
	c.desk.p.on(func() {
		if !strings.Contains(c.wrote, "<"+command) {
			c.desk.p.t.Errorf("got %q, want a %s", c.wrote, command)
		}
		if m := anyID.FindStringSubmatch(c.wrote); m != nil {
			id = m[1]
		}
	})
	return id
}

// read has the account read a message.
func (c *paper) read(payload string) {
	c.desk.p.on(func() {
		c.wrote = ""
		c.a.turn(func() { c.message([]byte(payload), pool.CauseNone) })
	})
	synctest.Wait()
}

// session is a session that has logged in, the nth.
func (d *papers) session(n int) *paper {
	d.p.t.Helper()
	c := d.last(n)
	c.greet()
	c.want("login")
	c.answerLogin(1000)
	return c
}

// TestPaper: a command goes over a carrier of another kind and comes back with the client's own
// clTRID, from the queue and by Do.
func TestPaper(t *testing.T) {
	onPaper(t, nil, func(d *papers) {
		c := d.last(1)
		c.greet()
		if c.want("login"); !strings.Contains(c.wrote, "<clID>demo</clID>") || !strings.Contains(c.wrote, "secDNS-1.1") {
			t.Errorf("got login %s", c.wrote)
		}
		c.answerLogin(1000)
		a := d.p.ask(checkCommand("<clTRID>C-1</clTRID>"))
		id := c.want("check")
		a.waiting()
		c.read(response(1000, id))
		if e := a.end(); e.End != pool.EndAnswered || e.Code != 1000 || !strings.Contains(e.Answer, "<clTRID>C-1</clTRID>") {
			t.Errorf("got %+v", e)
		}
		call := d.p.do(deleteCommand("<clTRID>C-2</clTRID>"))
		id = c.want("delete")
		c.read(response(2303, id))
		if r := call.end(); r.End != pool.EndAnswered || r.Code != 2303 || r.MuxTRID != id {
			t.Errorf("got %+v", r)
		}
		var s Snapshot
		d.p.on(func() { d.p.account.Snapshot(&s) })
		if s.Logins[LoginOK] != 1 || s.Sessions[pool.SessionIdle] != 1 || s.Commands[frame.CommandCheck][frame.Code(1000).Index()] != 1 {
			t.Errorf("got %+v", s)
		}
		if d.p.greetings != 1 {
			t.Errorf("%d greetings were learnt, want one", d.p.greetings)
		}
	})
}

// TestPaperLost: with the session's end a transform ends as unknown, and a query goes to the next
// session under another muxTRID.
func TestPaperLost(t *testing.T) {
	onPaper(t, func(c *Config) { c.Pool.MinSessions, c.Pool.MaxSessions = 2, 2 }, func(d *papers) {
		one := d.session(1)
		two := d.session(2)
		transform := d.p.ask(deleteCommand(""))
		one.want("delete")
		query := d.p.ask(checkCommand(""))
		first := two.want("check")
		for _, c := range []*paper{one, two} {
			d.p.on(func() { c.close() })
		}
		if e := transform.end(); e.End != pool.EndUnknown || e.Cause != pool.CauseRegistryClosed {
			t.Errorf("got %+v of a transform", e)
		}
		query.waiting()
		time.Sleep(2 * time.Second) // back-off
		three := d.session(3)
		id := three.want("check")
		if id == first {
			t.Errorf("got the same muxTRID %s twice", id)
		}
		three.read(response(1000, id))
		if e := query.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v of a query", e)
		}
		if n := d.p.account.counts.SessionCloses[pool.CauseRegistryClosed]; n != 2 {
			t.Errorf("%d sessions were closed by the registry, want 2", n)
		}
	})
}

// TestPaperEnds: each way in which the registry spoils a session ends it once, for its cause.
func TestPaperEnds(t *testing.T) {
	for _, tt := range []struct {
		name  string
		does  func(c *paper, id string)
		cause pool.Cause
		end   pool.End
	}{
		{"another's answer", func(c *paper, _ string) { c.read(response(1000, "M0000000000000-C")) }, pool.CauseMismatch, pool.EndUnknown},
		{"no EPP", func(c *paper, _ string) { c.read("<html/>") }, pool.CauseFrame, pool.EndUnknown},
		{"an answer x5xx", func(c *paper, id string) { c.read(response(2502, id)) }, pool.CauseCodeCloses, pool.EndAnswered},
		{"unasked octets", func(c *paper, _ string) {
			c.desk.p.on(func() { c.a.turn(func() { c.poison(pool.CauseUnasked) }) })
		}, pool.CauseUnasked, pool.EndUnknown},
		{"silence", func(c *paper, _ string) { time.Sleep(61 * time.Second) }, pool.CauseCommandTimeout, pool.EndUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onPaper(t, nil, func(d *papers) {
				c := d.session(1)
				a := d.p.ask(deleteCommand(""))
				tt.does(c, c.want("delete"))
				if e := a.end(); e.End != tt.end {
					t.Errorf("got %+v, want %v", e, tt.end)
				}
				d.p.on(func() {
					if !c.shut {
						t.Error("the session is not closed")
					}
					if n := d.p.account.counts.SessionCloses[tt.cause]; n != 1 {
						t.Errorf("%d sessions ended for %v, want one", n, tt.cause)
					}
				})
			})
		})
	}
}

// TestPaperUnsent: what a carrier could not write waits for the next session, with nothing sent.
func TestPaperUnsent(t *testing.T) {
	onPaper(t, nil, func(d *papers) {
		c := d.session(1)
		d.p.on(func() { c.dead = true })
		a := d.p.ask(deleteCommand(""))
		a.waiting()
		if !c.shut {
			t.Error("the session is not closed")
		}
		time.Sleep(2 * time.Second)
		c = d.session(2)
		c.read(response(1000, c.want("delete")))
		if e := a.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
	})
}

// TestPaperKeepalive: our own messages go over it as well, and their answers keep the session.
func TestPaperKeepalive(t *testing.T) {
	for _, tt := range []struct {
		command frame.Command
		wrote   string
		answer  func(id string) string
	}{
		{frame.CommandHello, "hello", func(string) string { return epp(testGreeting) }},
		{frame.CommandPoll, "poll", func(id string) string { return response(1300, id) }},
	} {
		t.Run(tt.wrote, func(t *testing.T) {
			onPaper(t, func(c *Config) { c.Pool.Keepalive, c.Pool.KeepaliveCommand = time.Minute, tt.command }, func(d *papers) {
				c := d.session(1)
				for range 3 {
					time.Sleep(61 * time.Second)
					c.read(tt.answer(c.want(tt.wrote)))
				}
				if got := d.p.states(); len(got) != 1 || got[0] != pool.SessionIdle {
					t.Errorf("got sessions %v, want one idle", got)
				}
				d.p.on(func() { c.dead = true })
				time.Sleep(61 * time.Second)
				d.p.on(func() {
					if !c.shut || d.p.account.counts.SessionCloses[pool.CauseUnasked] != 1 {
						t.Error("a keepalive that could not be written did not end the session")
					}
				})
			})
		})
	}
}

// TestPaperLogout: a drain logs out, and closes when that is answered.
func TestPaperLogout(t *testing.T) {
	onPaper(t, nil, func(d *papers) {
		c := d.session(1)
		d.p.on(func() { d.p.account.drain(10 * time.Second) })
		id := c.want("logout")
		if c.shut {
			t.Error("the session is closed before the answer")
		}
		c.read(response(1500, id))
		d.p.on(func() {
			if !c.shut || !d.p.drained || d.p.abandoned != 0 {
				t.Errorf("closed %v, drained %v, abandoned %d", c.shut, d.p.drained, d.p.abandoned)
			}
		})
	})
}

// TestPaperRecalled: a pause gives up an attempt whose login was not sent, which counts as no
// failure; one whose login was sent goes on, and is logged out.
func TestPaperRecalled(t *testing.T) {
	onPaper(t, nil, func(d *papers) {
		c := d.last(1)
		d.p.operate(d.p.account.Pause)
		d.p.on(func() {
			if !c.over {
				t.Error("the attempt goes on")
			}
			if got := d.p.account.counts.Logins; got != [numLoginResults]uint64{} {
				t.Errorf("got logins %v, want none", got)
			}
		})
		d.p.operate(d.p.account.Resume)
		c = d.last(2)
		c.greet()
		d.p.operate(d.p.account.Pause)
		if c.over {
			t.Error("the attempt is given up though its login was sent")
		}
		c.answerLogin(1000)
		c.read(response(1500, c.want("logout")))
		if got := d.p.states(); len(got) != 0 {
			t.Errorf("got sessions %v, want none", got)
		}
	})
}

// TestPaperCancelled: the end of a drain gives up an attempt whose login was sent, and says so.
func TestPaperCancelled(t *testing.T) {
	onPaper(t, nil, func(d *papers) {
		c := d.last(1)
		c.greet()
		d.p.on(func() { d.p.account.drain(10 * time.Second) })
		time.Sleep(11 * time.Second)
		d.p.on(func() {
			if !c.over || !d.p.drained || d.p.abandoned != 1 {
				t.Errorf("over %v, drained %v, abandoned %d", c.over, d.p.drained, d.p.abandoned)
			}
		})
	})
}

// TestPaperRefused: a refused login is told and counted as over TLS.
func TestPaperRefused(t *testing.T) {
	for code, want := range map[int]LoginResult{2200: LoginRefused, 2502: LoginFull, 2400: LoginFailed, 1500: LoginFailed} {
		onPaper(t, nil, func(d *papers) {
			c := d.last(1)
			c.greet()
			c.answerLogin(code)
			d.p.on(func() {
				a := d.p.account
				if a.counts.Logins[want] != 1 || !strings.HasPrefix(a.trouble, "login: result code") {
					t.Errorf("%d: got %v, %q", code, a.counts.Logins, a.trouble)
				}
			})
		})
	}
}

// TestPaperNews: a greeting that nobody asked for is learnt; its session ends all the same when the
// carrier says so.
func TestPaperNews(t *testing.T) {
	onPaper(t, nil, func(d *papers) {
		c := d.session(1)
		var last []byte
		d.p.on(func() {
			d.p.account.OnGreeting(func(payload []byte) { last = payload })
			borrowed := []byte(strings.Replace(epp(testGreeting), "2020", "2021", 1))
			c.news(borrowed)
			clear(borrowed)
			c.news([]byte("oops"))
		})
		if !bytes.Contains(last, []byte("2021-")) {
			t.Errorf("got %s", last)
		}
	})
}

// TestReloadChoosesCarrier: sessions that are opened after a reload have the new target's carrier;
// the others keep theirs until they are replaced.
func TestReloadChoosesCarrier(t *testing.T) {
	var cfg Config
	other := new(papers)
	onPaper(t, func(c *Config) { c.Address = "one:700"; cfg = *c }, func(d *papers) {
		old := d.session(1)
		other.p = d.p
		next := cfg
		next.Address, next.carry = "two:700", other.carry
		if last := d.p.account.Reload(next); last != 1 {
			t.Errorf("got session %d as the last of the old carrier, want 1", last)
		}
		old.read(response(1500, old.want("logout")))
		c := other.session(1)
		a := d.p.ask(checkCommand(""))
		c.read(response(1000, c.want("check")))
		if e := a.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
		if n := len(d.all); n != 1 {
			t.Errorf("the old carrier was chosen %d times, want once", n)
		}
	})
}

// TestDefaultCarrier: a config that names no carrier gets TLS.
func TestDefaultCarrier(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		p.session()
		p.on(func() {
			p.account.pool.Sessions(func(s *pool.Session) {
				if _, ok := carrierOf(s).(*tcpCarrier); !ok {
					t.Errorf("got a %T", carrierOf(s))
				}
			})
		})
	})
}
