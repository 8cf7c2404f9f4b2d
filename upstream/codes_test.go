package upstream

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/upstream/pool"
)

// countingRegistry answers what connects to it, each command after 5 ms: a delete by 2303, anything else
// by 1000. The third 2303 in a session becomes 2503, and ends it.
type countingRegistry struct {
	p      *play
	logins atomic.Int32
	ended  atomic.Int32 // sessions, by 2503
}

// run ends with the test's bubble: when stop is closed.
func (c *countingRegistry) run(stop <-chan struct{}) {
	for {
		select {
		case nc := <-c.p.dials:
			c.p.accepted = append(c.p.accepted, nc)
			go c.serve(nc)
		case <-stop:
			return
		}
	}
}

// serve ends when the connection does.
func (c *countingRegistry) serve(nc net.Conn) {
	defer nc.Close()
	for payload, errors := epp(testGreeting), 0; ; {
		unit := append(binary.BigEndian.AppendUint32(nil, uint32(len(payload)+4)), payload...)
		if _, err := nc.Write(unit); err != nil || strings.Contains(payload, "2503") {
			return
		}
		var head [4]byte
		if _, err := io.ReadFull(nc, head[:]); err != nil {
			return
		}
		command := make([]byte, binary.BigEndian.Uint32(head[:])-4)
		if _, err := io.ReadFull(nc, command); err != nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
		code, id := 1000, clTRIDForm.FindSubmatch(command)
		switch text := string(command); {
		case strings.Contains(text, "<login>"):
			c.logins.Add(1)
		case strings.Contains(text, "<logout"):
			code = 1500
		case strings.Contains(text, "<delete>"):
			if code = 2303; errors == 2 {
				code = 2503
				c.ended.Add(1)
			}
			errors++
		}
		payload = response(code, string(id[1]))
	}
}

// TestThirdEqualError: at a registry that ends sessions with the third equal error, a client that makes
// errors as fast as it is answered does not cost another one an answer; and one that makes some now and
// then sees no session end.
func TestThirdEqualError(t *testing.T) {
	for name, every := range map[string]time.Duration{"without end": 0, "now and then": 6 * time.Second} {
		change := func(c *Config) {
			c.Pool.MinSessions, c.Pool.MaxSessions, c.Pool.EqualErrors = 2, 3, 3
		}
		inPlay(t, change, func(p *play) {
			registry, stop := &countingRegistry{p: p}, make(chan struct{})
			go registry.run(stop)
			time.Sleep(time.Second)
			bad := &asker{p: p, id: 1 << 40, again: every == 0}
			var good []*asker
			const seconds = 120
			for i := range 10 * seconds {
				good = append(good, p.ask(checkCommand("")))
				p.on(func() {
					if bad.x == nil && (every == 0 || i%int(10*every/time.Second) == 0) {
						bad.submit(deleteCommand(""))
					}
				})
				time.Sleep(100 * time.Millisecond)
			}
			time.Sleep(10 * time.Second)
			failed := 0
			p.on(func() {
				for _, a := range good {
					if len(a.ends) != 1 || a.ends[0].End != pool.EndAnswered || a.ends[0].Code != 1000 {
						failed++
					}
				}
			})
			if failed > 0 {
				t.Errorf("%s: %d of %d good commands were not answered", name, failed, len(good))
			}
			if every > 0 && registry.ended.Load() > 0 {
				t.Errorf("%s: the registry has ended %d sessions", name, registry.ended.Load())
			}
			t.Logf("%s: %d logins, %d sessions ended by the registry", name, registry.logins.Load(), registry.ended.Load())
			close(stop)
			synctest.Wait()
		})
	}
}

// TestFailingSession: a session that answers nothing but 2400, while another works, is replaced. Its
// clients have its answers. What hello is answered does not count.
func TestFailingSession(t *testing.T) {
	change := func(c *Config) { c.Pool.MinSessions, c.Pool.MaxSessions, c.Pool.Keepalive = 2, 3, time.Minute }
	inPlay(t, change, func(p *play) {
		one, two := p.session(), p.session()
		for i := range 5 {
			a := p.ask(checkCommand(""))
			one.want("check")
			one.reply(2400)
			if e := a.end(); e.End != pool.EndAnswered || e.Code != 2400 {
				t.Errorf("got %+v", e)
			}
			if i < 4 {
				two.answered()
				time.Sleep(time.Minute)
				for _, r := range []*registrySide{one, two} {
					r.want("hello")
					r.greet()
				}
			}
		}
		p.session()
		one.want("logout")
		one.reply(1500)
		one.wantEnd()
		var s Snapshot
		p.on(func() { p.account.Snapshot(&s) })
		if s.SessionCloses[pool.CauseFailing] != 1 {
			t.Errorf("got closes %v", s.SessionCloses)
		}
	})
}
