package upstream

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/sandbox"
	"eppmux/upstream/pool"
)

// tally counts what is written on connections, TLS and all.
type tally struct{ octets, writes atomic.Int64 }

type tallied struct {
	net.Conn
	t *tally
}

func (c *tallied) Write(p []byte) (int, error) {
	c.t.octets.Add(int64(len(p)))
	c.t.writes.Add(1)
	return c.Conn.Write(p)
}

// overTLS is inShop with a registry over TLS, whose connections are tallied.
func overTLS(t *testing.T, f func(s *shop, n *tally)) {
	t.Helper()
	n, certs := new(tally), (*sandbox.TLS)(nil)
	inShop(t, func(c *Config) {
		patient(c)
		var err error
		if certs, err = sandbox.NewTLS(); err != nil {
			t.Error(err)
		}
		dial := c.Dial
		c.TLS, c.Dial = certs.Client, func(ctx context.Context) (net.Conn, error) {
			nc, err := dial(ctx)
			return &tallied{nc, n}, err
		}
	}, func(s *shop) {
		s.reg.tls = certs.Server
		f(s, n)
	})
}

// TestFenceSilence: behind the fence TLS says nothing either: no handshake, no alert on octets that it cannot
// read, no end of the connection.
func TestFenceSilence(t *testing.T) {
	for name, happens := range map[string]func(s *shop){
		"loss":    func(s *shop) { s.account.Lose() },
		"command": func(s *shop) { s.ask(deleteCommand("")) },
		"garbage": func(s *shop) {
			s.reg.conns[0].Write([]byte{23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0})
		},
		"end": func(s *shop) { s.reg.conns[0].Close(); time.Sleep(time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			overTLS(t, func(s *shop, n *tally) {
				f := new(fence)
				s.account.Own(Ownership{Term: 1, Fence: f})
				synctest.Wait()
				before := n.octets.Load()
				if before == 0 || s.states()[0] != pool.SessionIdle {
					t.Fatal("no session")
				}
				f.passed.Store(true)
				happens(s)
				synctest.Wait()
				s.account.Lose()
				synctest.Wait()
				if got := n.octets.Load(); got != before {
					t.Errorf("%d octets were written behind the fence", got-before)
				}
			})
		})
	}
}

// passing is a fence that passes when it has been asked so often.
type passing struct{ left atomic.Int64 }

func (p *passing) Passed() bool { return p.left.Add(-1) < 0 }

// TestFenceAnywhere: wherever the fence passes, in the handshake, at the login, between the records of a long
// command, no octet follows. The command reaches the registry once at the most, and ends as what holds.
func TestFenceAnywhere(t *testing.T) {
	long := strings.Replace(deleteCommand("<clTRID>C</clTRID>"), "<delete>", "<delete>"+strings.Repeat(" ", 40_000), 1)
	ends := make(map[pool.End]int)
	for k := range int64(16) {
		overTLS(t, func(s *shop, n *tally) {
			f := new(passing)
			f.left.Store(k)
			a := s.ask(long)
			s.account.Own(Ownership{Term: 1, Fence: f})
			time.Sleep(2 * time.Minute)
			if got := n.writes.Load(); got > k {
				t.Errorf("fence at %d: %d writes", k, got)
			}
			s.account.Lose()
			s.account.Own(Ownership{Term: 2})
			time.Sleep(2 * time.Minute)
			e := a.end()
			ends[e.End]++
			if seen := s.reg.count("C"); seen > 1 || e.End == pool.EndNotSent || e.End == pool.EndAnswered && seen != 1 {
				t.Errorf("fence at %d: got %+v, %d times at the registry", k, e, seen)
			}
		})
	}
	if ends[pool.EndAnswered] == 0 || ends[pool.EndUnknown] == 0 {
		t.Errorf("got ends %v", ends)
	}
}

// TestFenceTwo: where the fence keeps back two commands of one turn, both wait for the next owner.
func TestFenceTwo(t *testing.T) {
	inShop(t, func(c *Config) { patient(c); c.Pool.MinSessions, c.Pool.MaxSessions = 2, 2 }, func(s *shop) {
		f := new(fence)
		s.account.Own(Ownership{Term: 1, Fence: f})
		time.Sleep(time.Minute)
		f.passed.Store(true)
		one, two := &asker{p: s.play, id: 1}, &asker{p: s.play, id: 2}
		s.on(func() {
			s.account.turn(func() {
				one.submit(deleteCommand("<clTRID>one</clTRID>"))
				two.submit(deleteCommand("<clTRID>two</clTRID>"))
			})
		})
		one.waiting()
		two.waiting()
		s.account.Own(Ownership{Term: 2})
		time.Sleep(time.Minute)
		for own, c := range map[string]*asker{"one": one, "two": two} {
			if e := c.end(); e.End != pool.EndAnswered || s.reg.count(own) != 1 {
				t.Errorf("%s: got %+v, %d times at the registry", own, e, s.reg.count(own))
			}
		}
	})
}

// TestLoseHears: an answer that has come, and that nobody has read, reaches its client before the session is
// closed.
func TestLoseHears(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		s.account.Own(Ownership{Term: 1})
		s.reg.hold()
		a := s.ask(deleteCommand("<clTRID>C</clTRID>"))
		next := s.ask(deleteCommand("<clTRID>next</clTRID>"))
		s.on(func() {
			k := s.loop.sockets[0]
			k.in, k.pending = unitOf(response(1000, s.reg.ids[0])), true
			s.account.lost()
		})
		if e := a.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
		next.waiting()
		if len(s.states()) > 0 || s.reg.count("next") > 0 {
			t.Errorf("got sessions %v, %s", s.states(), fmt.Sprint(s.reg.ids))
		}
	})
}
