package upstream

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/upstream/pool"
)

// patient has clients wait for long.
func patient(c *Config) { c.Pool.QueueTimeout = 10 * time.Minute }

// TestShop is the manual of the shop: a owns, b forwards, both clients are answered with their own ids.
func TestShop(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		early := s.b.ask(deleteCommand("<clTRID>early</clTRID>"))
		early.waiting()
		s.lead()
		if a, b := s.roles(); a != RoleOwner || b != RoleFollower {
			t.Fatalf("got roles %v and %v", a, b)
		}
		far := s.b.ask(deleteCommand("<clTRID>far</clTRID>"))
		near := s.ask(deleteCommand("<clTRID>near</clTRID>"))
		for own, c := range map[string]*asker{"early": early, "far": far, "near": near} {
			if e := c.end(); e.End != pool.EndAnswered || !strings.Contains(e.Answer, "<clTRID>"+own+"</clTRID>") || s.reg.count(own) != 1 {
				t.Errorf("%s: got %+v, %d times at the registry", own, e, s.reg.count(own))
			}
		}
		shot := s.b.shot()
		if shot.LaneCounts[pool.SessionIdle] == 0 || shot.Sessions != [pool.NumSessionStates]int{} || shot.Owner != "a" ||
			shot.Forwarded[pool.EndAnswered] != 2 || shot.Lanes.Opened == 0 || shot.Logins != [numLoginResults]uint64{} {
			t.Errorf("got %+v, %+v", shot.Counters.Lanes, shot)
		}
		if got := s.b.account.greeting; !strings.Contains(string(got), "play") {
			t.Errorf("got greeting %q at the follower", got)
		}
	})
}

// TestServedAt: a client whose command waited in the queue of the owner was served when it ended; the
// owner's own clients were when it was sent. So they take turns.
func TestServedAt(t *testing.T) {
	inShop(t, patient, func(s *shop) {
		s.lead()
		s.reg.hold()
		time.Sleep(time.Second)
		near := s.ask(deleteCommand("<clTRID>near</clTRID>"))
		far := s.b.ask(deleteCommand("<clTRID>far</clTRID>"))
		sent := s.account.Now()
		time.Sleep(time.Second)
		s.reg.free()
		near.end()
		far.end()
		if near.served > sent {
			t.Errorf("the owner's client: served at %v, sent by %v", near.served, sent)
		}
		if now := s.b.account.Now(); far.served != now {
			t.Errorf("the follower's client: served at %v, ended at %v", far.served, now)
		}
	})
}

// TestServedAtNotSent: what the owner has not sent was no service, so its client's turn stays what it was.
func TestServedAtNotSent(t *testing.T) {
	brief := func(c *Config) { c.Pool.QueueTimeout, c.Pool.CommandTimeout = 2*time.Second, time.Minute }
	inShop(t, brief, func(s *shop) {
		s.lead()
		s.reg.hold()
		time.Sleep(time.Second) // until there is a lane
		for range 8 {           // more than the owner has sessions
			s.ask(deleteCommand(""))
		}
		far := s.b.ask(deleteCommand("<clTRID>far</clTRID>"))
		time.Sleep(2500 * time.Millisecond)
		if e := far.end(); e.End != pool.EndNotSent || far.served != 0 {
			t.Errorf("got %+v, served at %v", e, far.served)
		}
		s.reg.free()
		time.Sleep(time.Second)
	})
}

// TestDo: a caller that is no connection is forwarded too.
func TestDoForwarded(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		s.lead()
		call := s.b.do(deleteCommand("<clTRID>C</clTRID>"))
		if r := call.end(); r.End != pool.EndAnswered || s.reg.count("C") != 1 {
			t.Errorf("got %+v", r)
		}
	})
}

// TestYield: what is in flight ends at the old owner, what waits there and at the follower is sent by the
// next one, each once, and the sessions have logged out when done is called.
func TestYield(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		s.lead()
		s.reg.hold()
		inFlight := s.b.ask(deleteCommand("<clTRID>flies</clTRID>"))
		waits := s.ask(deleteCommand("<clTRID>waits</clTRID>"))
		far := s.b.ask(deleteCommand("<clTRID>far</clTRID>"))
		done := make(chan struct{}, 1)
		s.account.Yield(5*time.Second, func() { done <- struct{}{} })
		synctest.Wait()
		if len(done) > 0 || s.reg.count("far") > 0 {
			t.Fatal("done, with a command in flight, or another one was sent")
		}
		s.reg.free()
		if len(done) != 1 || s.reg.outs != 1 {
			t.Fatalf("done %d times, %d logouts", len(done), s.reg.outs)
		}
		if e := inFlight.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
		waits.waiting()
		far.waiting()
		s.term++
		s.b.account.Own(Ownership{Term: s.term})
		synctest.Wait()
		if e := far.end(); e.End != pool.EndAnswered || s.reg.count("far") != 1 {
			t.Errorf("got %+v, %d times at the registry", e, s.reg.count("far"))
		}
		waits.waiting() // until a follows b: here nobody takes its lanes
		s.account.Own(Ownership{Term: s.term + 1})
		time.Sleep(time.Second) // the slot of the session that has ended may be counted a while
		if e := waits.end(); e.End != pool.EndAnswered || s.reg.count("waits") != 1 {
			t.Errorf("got %+v, %d times at the registry", e, s.reg.count("waits"))
		}
	})
}

// TestYieldNothing: whoever owns nothing has given it up at once.
func TestYieldNothing(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		done := 0
		s.account.Yield(time.Hour, func() { done++ })
		synctest.Wait()
		s.lead()
		s.b.account.Yield(time.Hour, func() { done++ })
		synctest.Wait()
		if done != 2 {
			t.Errorf("got %d ends, want 2", done)
		}
	})
}

// TestYieldEnds: a Yield that another role ends is told its end, once.
func TestYieldEnds(t *testing.T) {
	for name, next := range map[string]func(s *shop){
		"own":    func(s *shop) { s.account.Own(Ownership{Term: 9}) },
		"follow": func(s *shop) { s.account.Follow(s.lanes()) },
		"lose":   func(s *shop) { s.account.Lose() },
		"yield":  func(s *shop) { s.account.Yield(0, func() {}) },
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, patient, func(s *shop) {
				s.account.Own(Ownership{Term: 1})
				s.reg.hold()
				s.ask(deleteCommand(""))
				done := 0
				s.account.Yield(time.Hour, func() { done++ })
				synctest.Wait()
				if done != 0 {
					t.Error("done with a command in flight")
				}
				next(s)
				synctest.Wait()
				s.reg.free()
				time.Sleep(time.Minute)
				if done != 1 {
					t.Errorf("got %d ends", done)
				}
			})
		})
	}
}

// TestLose: sessions are closed without a word. What is in flight is unknown, what waits goes on waiting,
// and a Yield that is under way has its end.
func TestLose(t *testing.T) {
	inShop(t, patient, func(s *shop) {
		s.lead()
		s.reg.hold()
		inFlight := s.b.ask(deleteCommand("<clTRID>flies</clTRID>"))
		waits := s.ask(deleteCommand("<clTRID>waits</clTRID>"))
		far := s.b.ask(deleteCommand("<clTRID>far</clTRID>"))
		yielded := 0
		s.account.Yield(time.Minute, func() { yielded++ })
		synctest.Wait()
		had := s.reg.had()
		s.account.Lose()
		synctest.Wait()
		if e := inFlight.end(); e.End != pool.EndUnknown {
			t.Errorf("got %+v", e)
		}
		if yielded != 1 || s.reg.had() != had || len(s.states()) != 0 {
			t.Errorf("%d ends of the Yield, %d octets behind the loss, sessions %v", yielded, s.reg.had()-had, s.states())
		}
		waits.waiting()
		far.waiting()
		s.reg.free()
		s.lead()
		time.Sleep(30 * time.Second) // the registry may count the session for a while
		for own, c := range map[string]*asker{"waits": waits, "far": far} {
			if e := c.end(); e.End != pool.EndAnswered || s.reg.count(own) != 1 {
				t.Errorf("%s: got %+v, %d times at the registry", own, e, s.reg.count(own))
			}
		}
	})
}

// TestFence: behind it not an octet goes to the registry, whatever is due: a command, a keepalive, a
// logout, a login. What was to be sent waits for the next owner.
func TestFence(t *testing.T) {
	for name, due := range map[string]func(s *shop) *asker{
		"command":   func(s *shop) *asker { return s.ask(deleteCommand("<clTRID>C</clTRID>")) },
		"keepalive": func(s *shop) *asker { time.Sleep(2 * time.Minute); return nil },
		"logout":    func(s *shop) *asker { s.account.Yield(time.Second, func() {}); return nil },
		"login": func(s *shop) *asker {
			for _, nc := range s.reg.conns {
				nc.Close()
			}
			time.Sleep(time.Minute)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, func(c *Config) { c.Pool.Keepalive = time.Minute; c.Pool.QueueTimeout = time.Hour }, func(s *shop) {
				f := new(fence)
				s.account.Own(Ownership{Term: 1, Fence: f})
				synctest.Wait()
				had := s.reg.had()
				f.passed.Store(true)
				c := due(s)
				synctest.Wait()
				if got := s.reg.had(); got != had {
					t.Errorf("%d octets went to the registry behind the fence", got-had)
				}
				s.on(func() { // what the kernel has not sent is not sent by the close either
					if first := s.loop.sockets[0]; name != "login" && !first.aborted {
						t.Error("the session was closed, not aborted")
					}
				})
				if shot := s.shot(); shot.Fenced != 1 || shot.Role != RoleNone || len(s.states()) != 0 {
					t.Errorf("fenced %d times, role %v, sessions %v", shot.Fenced, shot.Role, s.states())
				}
				s.account.Own(Ownership{Term: 2, Fence: new(fence)})
				time.Sleep(time.Minute)
				if c != nil {
					if e := c.end(); e.End != pool.EndAnswered || s.reg.count("C") != 1 {
						t.Errorf("got %+v, %d times at the registry", e, s.reg.count("C"))
					}
				}
			})
		})
	}
}

// TestFenceAnswer: an answer that comes behind the fence still reaches its client, and the next command
// does not go out.
func TestFenceAnswer(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		f := new(fence)
		s.account.Own(Ownership{Term: 1, Fence: f})
		s.reg.hold()
		one := s.ask(deleteCommand("<clTRID>one</clTRID>"))
		two := s.ask(deleteCommand("<clTRID>two</clTRID>"))
		f.passed.Store(true)
		s.reg.free()
		if e := one.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
		two.waiting()
		if n := s.reg.count("two"); n != 0 {
			t.Errorf("sent %d times behind the fence", n)
		}
	})
}

// TestDown: it counts while an owner has no session, and not otherwise; the account is up only with one.
func TestDown(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		if d := s.account.Down(); d != 0 {
			t.Errorf("got %v of nobody's account", d)
		}
		up := func(when string, want bool) {
			if got := s.account.Up(); got != want {
				t.Errorf("%s: up is %v, want %v", when, got, want)
			}
		}
		up("nobody's account", false)
		s.play.mu.Lock()
		s.refuse = errTest
		s.play.mu.Unlock()
		s.account.Own(Ownership{Term: 1})
		time.Sleep(10 * time.Second)
		if d := s.account.Down(); d < 9*time.Second {
			t.Errorf("got %v without a session for 10 s", d)
		}
		up("without a session", false)
		s.operate(s.account.Pause)
		if d := s.account.Down(); d != 0 {
			t.Errorf("got %v while paused", d)
		}
		up("while paused", false)
		s.operate(s.account.Resume)
		s.play.mu.Lock()
		s.refuse = nil
		s.play.mu.Unlock()
		time.Sleep(5 * time.Minute)
		if d := s.account.Down(); d != 0 {
			t.Errorf("got %v with a session", d)
		}
		up("with a session", true)
		s.account.Lose()
		synctest.Wait()
		if d := s.account.Down(); d != 0 {
			t.Errorf("got %v behind the loss", d)
		}
		up("behind the loss", false)
	})
}

// TestReloadRoles: a reload under any role drops no session, no lane and nothing that waits.
func TestReloadRoles(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		waits := s.ask(deleteCommand("<clTRID>waits</clTRID>"))
		next := s.cfg
		next.Pool.QueueTimeout += time.Second
		s.account.Reload(next)
		waits.waiting()
		s.lead()
		if e := waits.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
		s.reg.hold()
		flies := s.b.ask(deleteCommand("<clTRID>flies</clTRID>"))
		lanes, logins := s.b.shot().Lanes.Opened, s.shot().Logins
		next.Login.Password = "another"
		s.account.Reload(next)
		next.Address = "other:700"
		s.b.account.Reload(next)
		synctest.Wait()
		s.reg.free()
		if e := flies.end(); e.End != pool.EndAnswered || s.reg.count("flies") != 1 {
			t.Errorf("got %+v", e)
		}
		if got := s.b.shot().Lanes; got.Opened != lanes || got.Closed != [pool.NumCauses]uint64{} {
			t.Errorf("got lanes %+v", got)
		}
		if got := s.shot().Logins; got != logins {
			t.Errorf("got logins %v, want %v", got, logins)
		}
		// A follower waits as long as an owner by that file may take.
		wait := next.Pool.QueueTimeout + next.Pool.CommandTimeout + time.Second
		if got := s.b.account.poolConfig(); !got.Relay || got.MaxSessions != 4 || got.CommandTimeout != wait {
			t.Errorf("got %+v of a follower", got)
		}
	})
}

// TestFollowAgain: the same owner again changes nothing; another term opens new lanes, and what is in
// flight is answered all the same.
func TestFollowAgain(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		s.lead()
		opened := s.b.shot().Lanes.Opened
		s.b.account.Follow(s.lanes())
		synctest.Wait()
		if got := s.b.shot().Lanes.Opened; got != opened {
			t.Errorf("%d lanes were opened, want %d", got, opened)
		}
		s.reg.hold()
		flies := s.b.ask(deleteCommand("<clTRID>flies</clTRID>"))
		other := s.lanes()
		other.Term = 99
		s.b.account.Follow(other)
		synctest.Wait()
		s.reg.free()
		if e := flies.end(); e.End != pool.EndAnswered || s.reg.count("flies") != 1 {
			t.Errorf("got %+v", e)
		}
		waits := s.b.ask(deleteCommand("<clTRID>waits</clTRID>"))
		waits.waiting()
		s.b.account.Orphan()
		synctest.Wait()
		s.b.account.Follow(s.lanes())
		if e := waits.end(); e.End != pool.EndAnswered || s.reg.count("waits") != 1 {
			t.Errorf("got %+v", e)
		}
	})
}

// TestOnRole: it is said once for each change, with what holds by then.
func TestOnRole(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		type is struct {
			term uint64
			ok   bool
		}
		var got []is
		s.on(func() {
			s.account.OnRole(func() {
				term, ok := s.account.OwnerTerm()
				got = append(got, is{term, ok})
			})
		})
		s.account.Own(Ownership{Term: 3})
		s.account.Own(Ownership{Term: 5})
		s.account.Yield(0, func() {})
		s.account.Lose()
		s.account.Follow(s.lanes())
		s.account.Orphan()
		s.account.Own(Ownership{Term: 7})
		s.account.Lose()
		s.account.Lose()
		synctest.Wait()
		s.on(func() {})
		want := []is{{3, true}, {5, true}, {0, false}, {7, true}, {0, false}}
		if len(got) != len(want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("got %v, want %v", got, want)
			}
		}
	})
}

var errTest = errors.New("no way")
