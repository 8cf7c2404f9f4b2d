package sandbox

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var checkFrame = epp("<command>" + objectXML("check", "D:<name>a.com</name>") + "</command>")

// Each test commits one breach and finds that one counted, and no other.

func TestBreachPipelined(t *testing.T) {
	for _, tt := range []struct {
		name   string
		frames string
		want   uint64
	}{
		{"one", string(unit(checkFrame)), 0},
		{"two in one write", string(unit(checkFrame)) + string(unit(checkFrame)), 1},
		{"five in one write", strings.Repeat(string(unit(checkFrame)), 5), 4},
		{"hello ahead", string(unit(epp("<hello/>"))) + string(unit(checkFrame)), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, Config{})
			c := enter(t, r, "demo")
			n := strings.Count(tt.frames, "<epp ")
			go c.conn.Write([]byte(tt.frames))
			for range n {
				if p, err := c.receive(); err != nil {
					t.Fatal(p, err)
				}
			}
			breaches(t, r, Breaches{Pipelined: tt.want})
		})
	}
}

// TestBreachPipelinedLate: octets that come in while the answer is being made are seen, were it
// only one.
func TestBreachPipelinedLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{Latency: time.Second})
		c := enter(t, r, "demo")
		c.send(checkFrame)
		time.Sleep(time.Second / 2)
		second := unit(checkFrame)
		c.conn.Write(second[:5])
		for i := range 2 {
			if p, err := c.receive(); err != nil {
				t.Fatal(p, err)
			}
			if i == 0 {
				c.conn.Write(second[5:])
			}
		}
		breaches(t, r, Breaches{Pipelined: 1})
	})
}

// TestBreachPipelinedTCP: over TCP what lies in the kernel counts, too; a hasty but honest client
// is never blamed.
func TestBreachPipelinedTCP(t *testing.T) {
	r := start(t, Config{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	go r.Serve(ln)
	conn, err := net.Dial("tcp", ln.Addr().String())
	must(t, err)
	defer conn.Close()
	c := &client{t: t, conn: conn, name: "tcp"}
	c.greet()
	c.login("demo", "demo-secret").want(1000)
	for range 2000 {
		c.do("check", "D:<name>a.com</name>").want(1000)
	}
	breaches(t, r, Breaches{})
	conn.Write([]byte(strings.Repeat(string(unit(checkFrame)), 3)))
	got := 0
	for buf := make([]byte, 1<<16); got < 3; {
		n, err := conn.Read(buf)
		must(t, err)
		got += strings.Count(string(buf[:n]), "</epp>")
	}
	breaches(t, r, Breaches{Pipelined: 2})
}

func TestBreachTooManySessions(t *testing.T) {
	r := start(t, Config{MaxSessions: 2})
	a := enter(t, r, "demo")
	enter(t, r, "demo")
	enter(t, r, "other") // another account has its own
	c := connect(t, r)
	c.greet()
	c.login("demo", "demo-secret").want(2502)
	c.ended()
	breaches(t, r, Breaches{TooManySessions: 1})
	if n := r.Counters(); n.SessionsPeak["demo"] != 2 || n.Sessions["demo"] != 2 {
		t.Errorf("%+v", n)
	}
	a.command("<logout/>").want(1500)
	enter(t, r, "demo")
	breaches(t, r, Breaches{TooManySessions: 1})
}

// TestSessionSlotAfterHangup: a slot is free once the registry has seen the connection end, also
// while a command is under way.
func TestSessionSlotAfterHangup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{MaxSessions: 1, Latency: time.Minute})
		c := enter(t, r, "demo")
		c.send(checkFrame)
		c.conn.Close()
		synctest.Wait()
		enter(t, r, "demo")
		breaches(t, r, Breaches{})
	})
}

func TestUnlimitedSessions(t *testing.T) {
	r := start(t, Config{MaxSessions: -1})
	for range 20 {
		enter(t, r, "demo")
	}
	breaches(t, r, Breaches{})
}

func TestBreachTooFast(t *testing.T) {
	k := newClock()
	r := start(t, Config{RateLimit: 3, RatePer: 10 * time.Second, Now: k.Now, MaxSessions: 3})
	a, b := enter(t, r, "demo"), enter(t, r, "demo")
	check := func(c *client, code int) {
		t.Helper()
		c.do("check", "D:<name>a.com</name>").want(code)
	}
	check(a, 1000) // at 0 s
	k.step(4 * time.Second)
	check(b, 1000) // at 4 s, the account is one
	check(a, 1000) // at 4 s
	check(b, 2502)
	b.ask(epp("<hello/>")) // never counts
	k.step(6*time.Second - 1)
	check(a, 2502) // the first is still in the window
	k.step(1)
	check(a, 1000) // at 10 s
	check(a, 2502)
	k.step(4 * time.Second)
	check(a, 1000) // at 14 s: those of 4 s are out
	check(b, 1000)
	check(b, 2502)
	breaches(t, r, Breaches{TooFast: 4})
	enter(t, r, "other").do("check", "D:<name>a.com</name>").want(1000)
	a.command("<logout/>").want(1500)
	if n := r.Counters().Codes[2502]; n != 4 {
		t.Errorf("%d times 2502", n)
	}
}

// TestTooFastNotCarriedOut: what is refused has no effect.
func TestTooFastNotCarriedOut(t *testing.T) {
	k := newClock()
	r := start(t, Config{RateLimit: 1, Now: k.Now})
	c := enter(t, r, "demo")
	c.do("check", "D:<name>new.com</name>").want(1000)
	c.do("create", "D:<name>new.com</name>"+pw).want(2502)
	k.step(time.Second)
	c.do("check", "D:<name>new.com</name>").want(1000).has(`avail="1"`)
}

func TestBreachTooMany(t *testing.T) {
	r := start(t, Config{MaxCommands: 2})
	c := enter(t, r, "demo")
	c.do("check", "D:<name>a.com</name>").want(1000)
	c.do("check", "D:<name>a.com</name>").want(1000)
	c.do("check", "D:<name>a.com</name>").want(2502)
	c.ended()
	breaches(t, r, Breaches{TooMany: 1})
	d := enter(t, r, "demo")
	d.do("check", "D:<name>a.com</name>").want(1000)
	d.do("check", "D:<name>a.com</name>").want(1000)
	d.command("<logout/>").want(1500)
	breaches(t, r, Breaches{TooMany: 1})
}

func TestBreachClTRIDRepeated(t *testing.T) {
	r := start(t, Config{})
	check := func(c *client, id string) {
		c.ask(epp("<command>" + objectXML("check", "D:<name>a.com</name>") + "<clTRID>" + id + "</clTRID></command>")).want(1000)
	}
	a, b, other := enter(t, r, "demo"), enter(t, r, "demo"), enter(t, r, "other")
	check(a, "SAME-1")
	check(a, "SAME-2")
	check(other, "SAME-1") // unique per account only
	breaches(t, r, Breaches{})
	check(b, "SAME-1") // over sessions as well
	check(b, " SAME-2 ")
	breaches(t, r, Breaches{ClTRIDRepeated: 2})
	// A command without id repeats none.
	a.ask(checkFrame).want(1000)
	a.ask(checkFrame).want(1000)
	breaches(t, r, Breaches{ClTRIDRepeated: 2})
}

// TestSeenIDs: memory is bounded, and the latest are known.
func TestSeenIDs(t *testing.T) {
	s := newTally().seen
	s.limit = 100
	for i := range 1000 {
		if s.add("a", fmt.Sprint(i)) {
			t.Fatalf("%d is new", i)
		}
		if n := len(s.young) + len(s.old); n > 200 {
			t.Fatalf("%d remembered", n)
		}
	}
	for i := 901; i < 1000; i++ {
		if !s.add("a", fmt.Sprint(i)) {
			t.Fatalf("%d is forgotten", i)
		}
	}
}

func TestBreachBeforeLogin(t *testing.T) {
	r := start(t, Config{})
	c := connect(t, r)
	c.greet()
	c.do("check", "D:<name>a.com</name>").want(2002)
	c.command(`<poll op="req"/>`).want(2002)
	c.command("<logout/>").want(2002)
	c.command("<renounce/>").want(2002)
	c.ask(epp("<hello/>"))
	c.login("demo", "demo-secret").want(1000)
	breaches(t, r, Breaches{BeforeLogin: 4})
}

func TestBreachUnparseable(t *testing.T) {
	check := objectXML("check", "D:<name>a.com</name>")
	bad := []string{
		"", " ", "<epp", "text", "<epp/>", epp(""), epp("<hello/><hello/>"), epp("<greeting/>"), epp("<x:hello xmlns:x='urn:x'/>"),
		"<epp><hello/></epp>",
		epp("<command/>"),
		epp("<command>" + check + check + "</command>"),
		epp("<command>" + check + "<clTRID>ABC-1</clTRID><clTRID>ABC-2</clTRID></command>"),
		epp("<command>" + check + "<clTRID>AB</clTRID></command>"),
		epp("<command>" + check + "<clTRID>" + strings.Repeat("A", 65) + "</clTRID></command>"),
		epp("<command>" + check + "<clTRID/></command>"),
		epp("<command>" + check + "<clTRID>ABC<x/></clTRID></command>"),
		epp("<extension/>"),
		"<!DOCTYPE epp>" + epp("<hello/>"),
		epp("<hello/>") + epp("<hello/>"),
	}
	r := start(t, Config{})
	c := enter(t, r, "demo")
	sent := 0
	for _, p := range bad {
		if p == "" {
			continue // no data unit has an empty payload
		}
		sent++
		if rp := c.ask(p); rp.code != 2001 || strings.Contains(rp.text, "clTRID>A") {
			t.Errorf("%s\ngot %s", p, rp.text)
		}
	}
	// What does not fit a schema is answered, not counted, and the session lives.
	c.do("check", "D:<nome>a.com</nome>").want(2001)
	breaches(t, r, Breaches{Unparseable: uint64(sent)})
}

func TestBreachBadLength(t *testing.T) {
	for _, header := range []string{"\x00\x00\x00\x00", "\x00\x00\x00\x04", "\x00\x00\x10\x01", "GET "} {
		r := start(t, Config{MaxFrame: 4096})
		c := enter(t, r, "demo")
		c.conn.Write([]byte(header + "x"))
		p, err := c.receive()
		if err != nil || !strings.Contains(p, `code="2500"`) {
			t.Errorf("%q: %s %v", header, p, err)
		}
		c.ended()
		breaches(t, r, Breaches{BadLength: 1})
	}
}

func TestBreachTruncated(t *testing.T) {
	for _, part := range []int{1, 4, 5, 100} {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, Config{})
			c := enter(t, r, "demo")
			c.conn.Write(unit(checkFrame)[:part])
			c.conn.Close()
			synctest.Wait()
			b := r.Counters().Breaches
			b.NotSingleWrite = 0 // of the four octets
			if b != (Breaches{Truncated: 1}) {
				t.Errorf("%d octets: %+v", part, b)
			}
		})
	}
}

func TestBreachNotSingleWrite(t *testing.T) {
	r := start(t, Config{})
	c := enter(t, r, "demo")
	u := unit(checkFrame)
	c.conn.Write(u[:4])
	c.conn.Write(u[4:])
	if p, err := c.receive(); err != nil {
		t.Fatal(p, err)
	}
	breaches(t, r, Breaches{NotSingleWrite: 1})
	if n := r.Counters().Breaches.Total(); n != 1 {
		t.Errorf("total %d", n)
	}
}

func TestTotal(t *testing.T) {
	if n := (Breaches{1, 2, 4, 8, 16, 32, 64, 128, 256, 512}).Total(); n != 1023 {
		t.Errorf("total %d", n)
	}
}
