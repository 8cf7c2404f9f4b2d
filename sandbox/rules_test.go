package sandbox

import (
	"crypto/tls"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// took checks how long something takes.
func took(t *testing.T, want time.Duration, what func()) {
	t.Helper()
	began := time.Now()
	what()
	if d := time.Since(began); d != want {
		t.Errorf("took %v, want %v", d, want)
	}
}

func TestRuleHangup(t *testing.T) {
	k := newClock()
	r := start(t, Config{RateLimit: 2, Now: k.Now, Rules: Rules{Hangup: true}})
	c := enter(t, r, "demo")
	c.checks()
	c.checks()
	c.send(checkFrame)
	c.ended()
	breaches(t, r, Breaches{TooFast: 1})

	r = start(t, Config{MaxCommands: 2, Rules: Rules{Hangup: true}})
	c = enter(t, r, "demo")
	c.checks()
	c.checks()
	c.send(checkFrame)
	c.ended()
	breaches(t, r, Breaches{TooMany: 1})
}

func TestRuleCountAll(t *testing.T) {
	k := newClock()
	r := start(t, Config{RateLimit: 4, RatePer: time.Minute, Now: k.Now, Rules: Rules{CountAll: true}})
	c := enter(t, r, "demo") // 1
	c.ask(epp("<hello/>"))   // 2
	c.checks()               // 3
	c.checks()               // 4
	c.do("check", "D:<name>a.com</name>").want(2502)
	c.ask(epp("<hello/>")).want(2502)
	c.command("<logout/>").want(2502)
	d := connect(t, r)
	d.greet()
	d.login("demo", "demo-secret").want(2502)
	d.login("nobody", "demo-secret").want(2200) // no account, no limit
	breaches(t, r, Breaches{TooFast: 4})
	k.step(time.Minute)
	d.login("demo", "demo-secret").want(1000)
	c.command("<logout/>").want(1500)
	if n := r.Counters(); n.LoginsRefused != 2 {
		t.Errorf("counted %+v", n)
	}
}

func TestRuleRatePerSession(t *testing.T) {
	k := newClock()
	r := start(t, Config{RateLimit: 1, Now: k.Now, Rules: Rules{RatePerSession: true}})
	a, b := enter(t, r, "demo"), enter(t, r, "demo")
	a.checks()
	b.checks()
	a.do("check", "D:<name>a.com</name>").want(2502)
	k.step(time.Second)
	a.checks()
	breaches(t, r, Breaches{TooFast: 1})
}

func TestRuleOneFramePerRead(t *testing.T) {
	for _, tt := range []struct {
		name   string
		writes []string
	}{
		{"two in one", []string{string(unit(createFrame)) + string(unit(checkFrame))}},
		{"header first", []string{string(unit(createFrame))[:4], string(unit(createFrame))[4:]}},
	} {
		r := start(t, Config{Rules: Rules{OneFramePerRead: true}})
		c := enter(t, r, "demo")
		c.checks()
		for _, w := range tt.writes {
			c.conn.Write([]byte(w))
		}
		c.ended()
		if n := r.Counters(); n.Executed["create"] != 0 {
			t.Errorf("%s: counted %+v", tt.name, n)
		}
	}
	synctest.Test(t, func(t *testing.T) { // while the answer is being made
		r := start(t, Config{Latency: time.Second, Rules: Rules{OneFramePerRead: true}})
		c := enter(t, r, "demo")
		c.send(createFrame)
		time.Sleep(time.Second / 2)
		c.conn.Write([]byte{0})
		c.ended()
		if n := r.Counters(); n.Executed["create"] != 1 || n.Codes[1000] != 1 {
			t.Errorf("counted %+v", n)
		}
	})
}

func TestRuleSilentBadLength(t *testing.T) {
	for _, header := range []string{"\x00\x00\x00\x04", "\x00\x00\x10\x01"} {
		r := start(t, Config{MaxFrame: 4096, Rules: Rules{SilentBadLength: true}})
		c := enter(t, r, "demo")
		c.conn.Write([]byte(header + "x"))
		c.ended()
		breaches(t, r, Breaches{BadLength: 1})
	}
}

func TestRuleLoginErrors(t *testing.T) {
	c := connect(t, start(t, Config{Rules: Rules{LoginErrors: 1}}))
	c.greet()
	c.login("demo", "wrong-secret").want(2501)
	c.ended()
}

// TestRuleLate: a session counts for a while after its end, also behind a logout.
func TestRuleLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{MaxSessions: 1, Rules: Rules{LateFor: time.Second}})
		try := func(code int) *client {
			t.Helper()
			c := connect(t, r)
			c.greet()
			c.login("demo", "demo-secret").want(code)
			return c
		}
		for _, ends := range []func(*client){
			func(c *client) { c.command("<logout/>").want(1500) },
			func(c *client) { c.conn.Close() },
		} {
			c := try(1000)
			ends(c)
			synctest.Wait()
			try(2502).ended()
			time.Sleep(time.Second)
			try(1000).command("<logout/>").want(1500)
			time.Sleep(time.Second)
		}
	})
}

// TestRuleLastCommand: the session ends behind the answer to its last command; hello and login do not
// count.
func TestRuleLastCommand(t *testing.T) {
	r := start(t, Config{Rules: Rules{LastCommand: 2}})
	for range 2 {
		c := enter(t, r, "demo")
		c.send(epp("<hello/>"))
		c.greet()
		c.command(`<poll op="req"/>`).want(1301)
		c.command(`<poll op="req"/>`).want(1301)
		c.ended()
	}
}

func TestRuleGhost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{MaxSessions: 2, IdleTimeout: time.Hour, Rules: Rules{GhostFor: time.Minute}})
		try := func(code int) *client {
			t.Helper()
			c := connect(t, r)
			c.greet()
			c.login("demo", "demo-secret").want(code)
			return c
		}
		a, b := try(1000), try(1000)
		a.command("<logout/>").want(1500) // leaves none
		a = try(1000)
		a.conn.Close()
		synctest.Wait()
		if n := r.Counters(); n.Sessions["demo"] != 1 || n.Ghosts["demo"] != 1 {
			t.Errorf("sessions %v, ghosts %v", n.Sessions, n.Ghosts)
		}
		try(2502)
		breaches(t, r, Breaches{}) // the client did nothing wrong
		time.Sleep(time.Minute - 1)
		try(2502)
		time.Sleep(time.Nanosecond)
		a = try(1000)
		if n := r.Counters(); n.Sessions["demo"] != 2 || len(n.Ghosts) != 0 {
			t.Errorf("sessions %v, ghosts %v", n.Sessions, n.Ghosts)
		}
		try(2502)
		breaches(t, r, Breaches{TooManySessions: 1})
		took(t, time.Hour-time.Minute, b.ended) // the registry itself knows whom it closed
		a.ended()
		try(1000)
		try(1000)
	})
}

func TestRuleSNI(t *testing.T) {
	certs, err := NewTLS()
	must(t, err)
	for name, want := range map[string]bool{"localhost": true, "127.0.0.1": false} {
		r := start(t, Config{Rules: Rules{RequireSNI: true}})
		config := certs.Client.Clone()
		config.ServerName = name
		config.InsecureSkipVerify = true // of a test: an address as name is never sent
		conn := tlsPipe(t, r, certs.Server, config)
		_, err := conn.Read(make([]byte, 10))
		if (err == nil) != want {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// tlsPipe connects over TLS in memory.
func tlsPipe(t *testing.T, r *Registry, server, client *tls.Config) *tls.Conn {
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close() })
	go r.ServeConn(tls.Server(far, server))
	return tls.Client(near, client)
}
