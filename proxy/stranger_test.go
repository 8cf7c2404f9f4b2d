package proxy

import (
	"strings"
	"testing"
	"time"
)

// stays fails unless a hello is answered.
func (p *peer) stays() {
	p.t.Helper()
	if g := p.ask(eppOpen + "<hello/></epp>"); !strings.Contains(g, "<greeting>") {
		p.t.Fatalf("got %s, want a greeting", g)
	}
}

// age makes all clients older, and sees to their timers at once.
func (f *fixture) age(by time.Duration) {
	f.t.Helper()
	err := f.server.ask(func() {
		s := f.server
		for c := s.clients; c != nil; c = c.next {
			c.loginBy -= by
			c.wakeBy(s.clock())
		}
		s.tick()
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

// reloadUsers changes nothing but who may log in.
func (f *fixture) reloadUsers(r *echoRegistry, users map[string]PasswordHash) {
	f.t.Helper()
	cfg := testConfig(f.t, r.ln.Addr().String(), r.certs)
	cfg.Users = users
	if err := f.server.Reload(cfg); err != nil {
		f.t.Fatal(err)
	}
}

// TestVerifyLoginTimeout: a stranger is closed when its time is over, whatever it has said; who has
// logged in once is not.
func TestVerifyLoginTimeout(t *testing.T) {
	f, r := verifying(t, nil)
	known := f.dial()
	known.want(known.ask(loginAs("web", "web-secret", "", "V-1")), 1000, "V-1")
	silent, talks, half := f.dial(), f.dial(), f.dial()
	talks.want(talks.ask(loginAs("web", "wrong", "", "V-2")), 2200, "V-2")
	if _, err := half.nc.Write(unit(check("a.example", "V-3"))[:50]); err != nil {
		t.Fatal(err)
	}
	err := f.server.ask(func() {
		for c := f.server.clients; c != nil; c = c.next {
			if left := c.loginBy - f.server.clock(); !c.trusted && (left <= 0 || left > loginTimeout || !c.timer.In() || f.server.timers.of(c) > c.loginBy) {
				t.Errorf("%v are left until %v, the timer is in: %v", left, c.loginBy, c.timer.In())
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	f.age(loginTimeout / 100)
	talks.stays()
	f.reloadUsers(r, hashes(t, "web", "another-secret"))
	f.age(loginTimeout)
	for _, p := range []*peer{silent, talks, half} {
		got := p.read()
		p.want(got, 2501, "")
		if !strings.Contains(got, "login timeout") {
			t.Errorf("got %s", got)
		}
		p.wantClosed()
	}
	known.want(known.ask(check("a.example", "V-4")), 2002, "V-4")
	if n := f.server.Snapshot().Closes[closedNoLogin]; n != 3 {
		t.Errorf("got %d closes, want 3", n)
	}
}

// TestVerifyLoginTimeoutWaits: the time for which a login waits to be verified does not count.
func TestVerifyLoginTimeoutWaits(t *testing.T) {
	f, _ := verifying(t, nil)
	resume := f.pauseLogins()
	right, wrong := f.dial(), f.dial()
	right.write(loginAs("web", "web-secret", "", "V-1"))
	wrong.write(loginAs("web", "wrong", "", "V-2"))
	waitFor(t, "the queue", func() bool { return f.server.verifier.len() == 2 })
	var then, left time.Duration // of the one that is wrong, which came last
	err := f.server.ask(func() {
		then = f.server.clock()
		for c := f.server.clients; c != nil; c = c.next {
			if left = c.loginBy - c.check.since; left <= 0 || left > loginTimeout {
				t.Errorf("%v are left", left)
			}
			c.wakeBy(then)
		}
		left = f.server.clients.loginBy - f.server.clients.check.since
		f.server.tick()
	})
	if err != nil {
		t.Fatal(err)
	}
	resume()
	right.want(right.read(), 1000, "V-1")
	wrong.want(wrong.read(), 2200, "V-2")
	err = f.server.ask(func() {
		if c := f.server.clients; c.loginBy < then+left || !c.timer.In() || f.server.timers.of(c) > c.loginBy {
			t.Errorf("it may stay until %v, want %v at least; the timer is in: %v", c.loginBy, then+left, c.timer.In())
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	f.age(loginTimeout)
	wrong.want(wrong.read(), 2501, "")
	wrong.wantClosed()
	right.want(right.ask(check("a.example", "V-3")), 1000, "V-3")
}

// TestVerifyCommandsInARow: a stranger's commands count as refused logins do; those of one whom a
// reload has logged out do not, nor those of one that came while no login was needed.
func TestVerifyCommandsInARow(t *testing.T) {
	f, r := startEcho(t, nil)
	before := f.dial()
	f.reloadUsers(r, hashes(t, "web", "web-secret"))
	out := f.dial()
	out.want(out.ask(loginAs("web", "web-secret", "", "V-1")), 1000, "V-1")
	f.reloadUsers(r, hashes(t, "web", "another-secret"))
	for range 2 * maxRefusals {
		before.want(before.ask(check("a.example", "V-2")), 2002, "V-2")
		out.want(out.ask(check("a.example", "V-3")), 2002, "V-3")
	}
	p := f.dial()
	p.want(p.ask(check("a.example", "V-4")), 2002, "V-4")
	p.want(p.ask(loginAs("web", "wrong", "", "V-5")), 2200, "V-5")
	p.stays()
	p.want(p.ask(check("a.example", "V-6")), 2501, "V-6")
	p.wantClosed()
	f.age(loginTimeout)
	before.want(before.ask(loginAs("web", "another-secret", "", "V-7")), 1000, "V-7")
	out.want(out.ask(loginAs("web", "another-secret", "", "V-8")), 1000, "V-8")
	if sn := f.server.Snapshot(); sn.Closes[closedRefused] != 1 || sn.Closes[closedNoLogin] != 0 || sn.NotLoggedIn != 4*maxRefusals+2 {
		t.Errorf("got closes %v and %d commands before login", sn.Closes, sn.NotLoggedIn)
	}
	if got := r.take(); len(got) != 0 {
		t.Errorf("got %q at the registry", got)
	}
}

// TestVerifyRoom: a stranger has room for one login; who has logged in, for more.
func TestVerifyRoom(t *testing.T) {
	f, r := verifying(t, nil)
	p := f.dial()
	p.want(p.ask(command(`<login><clID>`+strings.Repeat("a", maxLogin)+`</clID></login>`, "V-1")), 2500, "")
	p.wantClosed()

	resume := f.pauseLogins()
	enough, more := f.dial(), f.dial()
	for p, n := range map[*peer]int{enough: strangerAhead, more: strangerAhead + 1} {
		p.write(loginAs("web", "web-secret", "", "V-2"))
		c := check("a.example", "V-3")
		ahead := append(unit(c), unit(check(strings.Repeat("b", maxLogin)+".example", "V-4"))...)
		if _, err := p.nc.Write(ahead[:n]); err != nil {
			t.Fatal(err)
		}
	}
	more.want(more.read(), 2500, "")
	more.wantClosed()
	resume()
	enough.want(enough.read(), 1000, "V-2")
	enough.want(enough.read(), 1000, "V-3")
	enough.nc.Close()

	p = f.dial()
	p.want(p.ask(loginAs("web", "web-secret", "", "V-5")), 1000, "V-5")
	f.reloadUsers(r, hashes(t, "web", "another-secret"))
	p.want(p.ask(check(strings.Repeat("c", 3*maxLogin), "V-6")), 2002, "V-6")
	if sn := f.server.Snapshot(); sn.Closes[closedFrame] != 1 || sn.Closes[closedAhead] != 1 {
		t.Errorf("got closes %v", sn.Closes)
	}
}

// TestVerifyBusyIsNoRefusal: logins that come while too many wait are answered, not counted against
// the client, up to a bound.
func TestVerifyBusyIsNoRefusal(t *testing.T) {
	f, _ := verifying(t, nil)
	resume := f.pauseLogins()
	for i := range verificationsMax { // of two lines: of connections that have been refused, and that have not
		p := f.dial()
		if i%2 == 0 {
			p.want(p.ask(command(`<login><clID>web</clID><pw>web-secret</pw><newPW>c</newPW></login>`, "V-0")), 2102, "V-0")
		}
		p.write(loginAs("web", "wrong", "", "V-1"))
	}
	waitFor(t, "the queue", func() bool { return f.server.verifier.len() == verificationsMax })
	honest, deaf := f.dial(), f.dial()
	for range maxBusy {
		honest.want(honest.ask(loginAs("web", "web-secret", "", "V-2")), 2400, "V-2")
	}
	for range maxBusy + maxRefusals - 1 {
		deaf.want(deaf.ask(loginAs("web", "web-secret", "", "V-3")), 2400, "V-3")
	}
	deaf.want(deaf.ask(loginAs("web", "web-secret", "", "V-3")), 2501, "V-3")
	deaf.wantClosed()
	f.server.verifier.rest = func(time.Duration) {}
	resume()
	waitFor(t, "room", func() bool { return f.server.verifier.len() == 0 })
	honest.want(honest.ask(loginAs("web", "web-secret", "", "V-4")), 1000, "V-4")
}
