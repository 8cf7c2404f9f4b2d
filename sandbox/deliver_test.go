package sandbox

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestLargeAnswer: an answer far above the size of the kept buffer comes whole, in one write, and
// the buffer is given up behind it.
func TestLargeAnswer(t *testing.T) {
	const hosts = 2000
	r := start(t, Config{})
	for i := range hosts {
		must(t, r.AddHost("demo", fmt.Sprintf("ns%d.example.com", i+100)))
	}
	c := enter(t, r, "demo")
	for range 2 {
		rp := c.do("info", "D:<name>example.com</name>").want(1000)
		if n := strings.Count(rp.text, "<domain:host>"); n != hosts+2 || len(rp.text) < 64<<10 {
			t.Errorf("%d hosts in %d octets", n, len(rp.text))
		}
		c.checks()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.sessions {
		if cap(s.out) > 64<<10 {
			t.Errorf("%d octets are kept", cap(s.out))
		}
	}
}

// TestOneWriteAnAnswer: without quirks each answer is one write and so one TLS record. The harness
// checks that for every answer that it reads over a pipe; here it is seen to do so.
func TestOneWriteAnAnswer(t *testing.T) {
	r := start(t, Config{Quirks: Quirks{SplitWrites: true}})
	c := connect(t, r)
	if p, err := c.receive(); err == nil || !strings.Contains(err.Error(), "4 octets are not one data unit") {
		t.Errorf("got %q, %v", p, err)
	}
}

// TestPipelinedByOctet: one octet behind a message before its answer is a breach, one after it is
// none.
func TestPipelinedByOctet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{Latency: time.Second})
		c := enter(t, r, "demo")
		frame := unit(checkFrame)
		c.conn.Write(frame)
		c.answered("1000")
		c.conn.Write(frame[:1])
		synctest.Wait()
		breaches(t, r, Breaches{})
		c.conn.Write(frame[1:])
		time.Sleep(time.Second - 1)
		c.conn.Write(frame[:1])
		c.answered("1000")
		breaches(t, r, Breaches{Pipelined: 1})
		c.conn.Write(frame[1:])
		c.answered("1000")
		breaches(t, r, Breaches{Pipelined: 1})
	})
}

// TestSlotIsFreeWithTheAnswer: a client that has read the last answer can log in again at once, for
// each answer that ends one.
func TestSlotIsFreeWithTheAnswer(t *testing.T) {
	for _, tt := range []struct{ fault, xml, code string }{
		{"", "<logout/>", "1500"},
		{"2500-close", objectXML("check", "D:<name>a.com</name>"), "2500"},
		{"x5xx", objectXML("check", "D:<name>a.com</name>"), "1500"},
	} {
		r := start(t, Config{MaxSessions: 1})
		for range 50 {
			r.SetFaults(nil)
			c := enterWild(t, r, "demo")
			r.SetFaults(faults(t, tt.fault))
			c.send(epp("<command>" + tt.xml + "</command>"))
			c.answered(tt.code)
		}
		if n := r.Counters(); n.Logins != 50 || n.LoginsRefused != 0 || n.SessionsPeak["demo"] != 1 {
			t.Errorf("%s: counted %+v", tt.fault, n)
		}
		breaches(t, r, Breaches{})
	}
}
