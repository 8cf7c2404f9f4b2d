package sandbox

import (
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestHugeGoesOn: a huge data unit has as many octets as it announces, in pieces a tenth of a
// second apart, and the session goes on behind it.
func TestHugeGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{Faults: faults(t, "huge=40000:cmd=check,first=1")})
		c := enterWild(t, r, "demo")
		c.send(checkFrame)
		began := time.Now()
		header := make([]byte, 4)
		_, err := io.ReadFull(c.conn, header)
		must(t, err)
		if n := binary.BigEndian.Uint32(header); n != 40000 {
			t.Errorf("announced %d", n)
		}
		body := make([]byte, 40000-4)
		_, err = io.ReadFull(c.conn, body)
		must(t, err)
		if d := time.Since(began); d != 2*trickleGap {
			t.Errorf("three pieces took %v", d)
		}
		if strings.Trim(string(body), " ") != "" {
			t.Errorf("got %.40q", body)
		}
		c.checks()
		breaches(t, r, Breaches{})
	})
}

// TestHugeEnds: a client that hangs up on the header, or a registry that closes, ends it.
func TestHugeEnds(t *testing.T) {
	for _, end := range []func(r *Registry, c *client){
		func(_ *Registry, c *client) { c.conn.Close() },
		func(r *Registry, _ *client) { r.Close() },
	} {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, Config{Faults: faults(t, "huge:cmd=check")})
			c := enterWild(t, r, "demo")
			c.send(checkFrame)
			_, err := io.ReadFull(c.conn, make([]byte, 100))
			must(t, err)
			end(r, c)
			synctest.Wait()
			if n := r.Counters(); len(r.Sessions()) != 0 || n.Sessions["demo"] != 0 {
				t.Errorf("sessions %v", n.Sessions)
			}
		})
	}
}

// TestUnaskedWaitsForSilence: each message puts the unasked answer off; it comes once, when the
// session has been idle for the time, and does not count as an answer.
func TestUnaskedWaitsForSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{Faults: faults(t, "unasked=5s:cmd=check,first=1"), IdleTimeout: time.Minute})
		c := enterWild(t, r, "demo")
		c.ask(checkWith("FIRST-1")).want(1000)
		for range 3 {
			c.quiet(4 * time.Second)
			c.ask(epp("<hello/>"))
		}
		c.quiet(5*time.Second - 1)
		took(t, 1, func() { c.answered("1000", "<clTRID>FIRST-1</clTRID>") })
		took(t, 55*time.Second, c.ended) // what the registry says does not make the client less idle
		if n := r.Counters(); n.Codes[1000] != 2 || n.Faults["unasked"] != 1 {
			t.Errorf("counted %+v", n)
		}
	})
}

// TestGoodbye: once the session is idle, a response comes that answers nothing, and then the end.
func TestGoodbye(t *testing.T) {
	for text, code := range map[string]string{"goodbye:first=1": "2500", "goodbye=1500:first=1": "1500", "goodbye=2502:first=1": "2502"} {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, Config{Faults: faults(t, text)})
			c := enterWild(t, r, "demo")
			took(t, 0, func() { c.ask(checkWith("BYE-1")).want(1000) })
			c.quiet(goodbyeAfter - 1)
			p, err := c.receive()
			if err != nil || !strings.Contains(p, `<result code="`+code+`">`) || strings.Contains(p, "clTRID") {
				t.Errorf("%s: got %s, %v", text, p, err)
			}
			c.ended()
			synctest.Wait()
			if n := r.Counters(); len(r.Sessions()) != 0 || n.Faults["goodbye"] != 1 {
				t.Errorf("counted %+v", n)
			}
		})
	}
}

// TestTurnAway: a response stands in place of the greeting, and then the connection ends.
func TestTurnAway(t *testing.T) {
	r := start(t, Config{Faults: faults(t, "turn-away=2502:first=1")})
	c := connect(t, r)
	if p, err := c.receive(); err != nil || !strings.Contains(p, `<result code="2502">`) || strings.Contains(p, "greeting") {
		t.Errorf("got %s, %v", p, err)
	}
	c.ended()
	enter(t, r, "demo")
}

// TestHalfAnswers: half and stall send the first half of the data unit, header included, octet by
// octet that of the whole answer.
func TestHalfAnswers(t *testing.T) {
	for _, fault := range []string{"half", "stall"} {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, Config{Record: true, Quirks: Quirks{SvTRID: SvTRIDConstant}})
			c := enterWild(t, r, "demo")
			whole := unit(c.ask(checkWith("HALF-1")).want(1000).text)
			r.SetFaults(faults(t, fault))
			c.send(checkWith("HALF-1"))
			got := make([]byte, len(whole)/2)
			_, err := io.ReadFull(c.conn, got)
			must(t, err)
			if string(got) != string(whole[:len(whole)/2]) {
				t.Errorf("%s: got %q", fault, got)
			}
			if fault == "half" {
				c.ended()
				return
			}
			for range 3 { // muted for good, whatever comes
				c.send(epp("<hello/>"))
				c.send(checkWith("HALF-2"))
			}
			c.quiet(time.Hour)
			// The registry does not carry out what it does not answer.
			if got := r.Executions("check", "a.com"); got != (Times{Received: 5, Executed: 2}) {
				t.Errorf("executions %+v", got)
			}
			c.conn.Write([]byte("\x00\x00\x00\x00x"))
			c.ended()
		})
	}
}

// TestX5xxCodes: the fault turns any code into its x5xx, or into the one it names, and its answer
// is otherwise the true one.
func TestX5xxCodes(t *testing.T) {
	for _, tt := range []struct{ fault, xml, code, has string }{
		{"x5xx", objectXML("check", "D:<name>a.com</name>"), "1500", "<domain:name avail=\"1\">a.com<"},
		{"x5xx", objectXML("create", "D:<name>pending-a.com</name>"+pw), "1501", "creData"},
		{"x5xx", objectXML("info", "D:<name>missing.com</name>"), "2503", "no such domain"},
		{"x5xx", `<poll op="req"/>`, "1501", "Welcome"},
		{"x5xx=2500", objectXML("check", "D:<name>a.com</name>"), "2500", "Command failed; server closing connection"},
		{"x5xx=2502", objectXML("create", "D:<name>new.com</name>"+pw), "2502", "creData"},
	} {
		r := start(t, Config{})
		c := enterInvalid(t, r, "demo", "x5xx")
		r.SetFaults(faults(t, tt.fault))
		c.send(epp("<command>" + tt.xml + "<clTRID>X5-1</clTRID></command>"))
		c.answered(tt.code, tt.has, "<clTRID>X5-1</clTRID>")
		c.ended()
		if n := r.Counters(); n.Faults["x5xx"] != 1 || n.Sessions["demo"] != 0 {
			t.Errorf("%s: counted %+v", tt.fault, n)
		}
	}
	// A greeting has no code to be turned.
	r := start(t, Config{Faults: faults(t, "x5xx:cmd=hello")})
	c := enterWild(t, r, "demo")
	c.ask(epp("<hello/>")).has("<greeting>")
	c.checks()
}

// TestLostLoginEnds: the fault 2002 lasts until the connection ends; the slot stays taken till
// then.
func TestLostLoginEnds(t *testing.T) {
	r := start(t, Config{MaxSessions: 1, Faults: faults(t, "2002:cmd=check,first=1")})
	c := enterWild(t, r, "demo")
	c.do("check", "D:<name>a.com</name>").want(2002)
	c.login("demo", "demo-secret").want(2002).has("Registrar is not logged in")
	c.do("create", "D:<name>new.com</name>"+pw).want(2002)
	d := connect(t, r)
	d.greet()
	d.login("demo", "demo-secret").want(2502)
	d.ended()
	if n := r.Counters(); n.Executed["create"] != 0 || n.Sessions["demo"] != 1 || n.Logins != 1 {
		t.Errorf("counted %+v", n)
	}
	breaches(t, r, Breaches{TooManySessions: 1})
}

// TestLostSessionFreesItsSlot: after the fault 2201 another connection may log in at once, and the
// connection itself may log in to another account.
func TestLostSessionFreesItsSlot(t *testing.T) {
	r := start(t, Config{MaxSessions: 1, Faults: faults(t, "2201:cmd=check,first=1")})
	c := enterWild(t, r, "demo")
	c.do("check", "D:<name>a.com</name>").want(2201).has("Session timeout")
	enter(t, r, "demo").checks()
	c.login("demo", "demo-secret").want(2502)
	c.ended()
	c = enterWild(t, r, "other")
	r.SetFaults(faults(t, "2201:cmd=check,first=1"))
	c.do("check", "D:<name>a.com</name>").want(2201)
	c.command(`<poll op="req"/>`).want(2201)
	c.login("other", "other-secret").want(1000)
	c.checks()
	breaches(t, r, Breaches{TooManySessions: 1})
}
