package sandbox

import (
	"fmt"
	"testing"
	"time"
)

func TestPoll(t *testing.T) {
	r := start(t, Config{})
	c := enter(t, r, "demo")
	rp := c.command(`<poll op="req"/>`).want(1301).has(`<msgQ count="3"`, "<qDate>", "Welcome")
	first := rp.attr("msgQ", "id")
	// Any answer tells of the queue; req alone does not dequeue.
	rp = c.do("check", "D:<name>a.com</name>").want(1000).has(`<msgQ count="3" id="` + first + `"/>`)
	rp.lacks("<qDate>", "Welcome")
	c.do("info", "D:<name>a.com</name>").want(2303).has(`<msgQ count="3"`)
	if again := c.command(`<poll op="req"/>`).attr("msgQ", "id"); again != first {
		t.Errorf("second req got %s, want %s", again, first)
	}
	rp = c.command(`<poll op="ack" msgID="` + first + `"/>`).want(1000).has(`<msgQ count="2"`)
	second := rp.attr("msgQ", "id")
	c.command(`<poll op="ack" msgID="` + first + `"/>`).want(2303)
	rp = c.command(`<poll op="req"/>`).want(1301)
	if got := rp.attr("msgQ", "id"); got != second {
		t.Errorf("next message %s, want %s", got, second)
	}
	c.command(`<poll op="ack" msgID="` + second + `"/>`).want(1000)
	rp = c.command(`<poll op="req"/>`).want(1301)
	c.command(`<poll op="ack" msgID="` + rp.attr("msgQ", "id") + `"/>`).want(1000).lacks("msgQ")
	c.command(`<poll op="req"/>`).want(1300).lacks("msgQ")
	c.command(`<poll op="ack"/>`).want(2003)
	c.command(`<poll op="look"/>`).want(2005)
	c.command(`<poll/>`).want(2003)
	c.command(`<poll op="req"><x/></poll>`).want(2001)
	// Queues are separate.
	other := enter(t, r, "other")
	other.command(`<poll op="req"/>`).want(1300)
	r.AddMessage("other", "for <other> & nobody else")
	other.command(`<poll op="req"/>`).want(1301).has("for &lt;other&gt; &amp; nobody else")
	c.command(`<poll op="req"/>`).want(1300)
	r.AddMessage("nobody", "lost")
}

// TestPollIsOneQueue: the sessions of an account have one queue, and what one has acknowledged is
// gone for all. RFC 5730 section 2.9.2.3.
func TestPollIsOneQueue(t *testing.T) {
	r := start(t, Config{Empty: true})
	a, b := enter(t, r, "demo"), enter(t, r, "demo")
	a.checks()
	r.AddMessage("demo", "one")
	r.AddMessage("demo", "two")
	first := a.command(`<poll op="req"/>`).want(1301).has(">one<", `count="2"`).attr("msgQ", "id")
	if again := b.command(`<poll op="req"/>`).want(1301).has(">one<").attr("msgQ", "id"); again != first {
		t.Errorf("the other session got %s, want %s", again, first)
	}
	b.command(`<poll op="ack" msgID="` + first + `"/>`).want(1000).has(`count="1"`)
	a.command(`<poll op="ack" msgID="`+first+`"/>`).want(2303).has("no message "+first, `count="1"`)
	a.command(`<poll op="req"/>`).want(1301).has(">two<")
	other := enter(t, r, "other")
	second := a.command(`<poll op="req"/>`).attr("msgQ", "id")
	other.command(`<poll op="ack" msgID="` + second + `"/>`).want(2303).lacks("msgQ")
	a.command(`<poll op="ack" msgID=" ` + second + ` "/>`).want(1000).lacks("msgQ")
}

// TestPollOutOfOrder: a message may be acknowledged before those in front of it; they keep their
// order.
func TestPollOutOfOrder(t *testing.T) {
	r := start(t, Config{Empty: true})
	for i := range 4 {
		r.AddMessage("demo", fmt.Sprintf("message %d", i))
	}
	c := enter(t, r, "demo")
	id := func(n int) string { return fmt.Sprint(1001 + n) }
	for _, tt := range []struct {
		ack  int
		head string // that of the queue afterwards
		left int
	}{{2, id(0), 3}, {0, id(1), 2}, {3, id(1), 1}, {1, "", 0}} {
		rp := c.command(`<poll op="ack" msgID="` + id(tt.ack) + `"/>`).want(1000)
		if tt.left == 0 {
			rp.lacks("msgQ")
			continue
		}
		rp.has(fmt.Sprintf(`<msgQ count="%d" id="%s"/>`, tt.left, tt.head))
	}
	c.command(`<poll op="req"/>`).want(1300)
}

// TestPollTellsTime: qDate is when the message was queued, not when it is read, and msgQ stands in
// every answer but has neither date nor text there.
func TestPollTellsTime(t *testing.T) {
	k := newClock()
	r := start(t, Config{Empty: true, Now: k.Now})
	c := enter(t, r, "demo")
	c.checks()
	k.step(time.Minute)
	r.AddMessage("demo", "late")
	k.step(time.Hour)
	c.command(`<poll op="req"/>`).want(1301).has("<qDate>2031-03-01T12:01:00.0Z</qDate><msg>late</msg>")
	for _, xml := range []string{
		objectXML("check", "D:<name>a.com</name>"), objectXML("info", "D:<name>missing.com</name>"), "<renounce/>", `<poll op="ack" msgID="1"/>`,
	} {
		c.command(xml).has(`<msgQ count="1" id="1001"/>`).lacks("qDate", "late")
	}
	c.command("<logout/>").want(1500).lacks("msgQ")
	d := connect(t, r)
	d.greet()
	d.login("demo", "wrong-secret").want(2200).lacks("msgQ")
	d.login("demo", "demo-secret").want(1000).has(`<msgQ count="1" id="1001"/>`)
}

// TestPollOfLostAnswer: a message whose answer was lost is still there, and an ack that was carried
// out though its answer was lost is done: the second one is 2303.
func TestPollOfLostAnswer(t *testing.T) {
	r := start(t, Config{Empty: true, Faults: faults(t, "close-after:cmd=poll,every=1,first=2")})
	r.AddMessage("demo", "one")
	c := enterWild(t, r, "demo")
	c.send(epp(`<command><poll op="req"/></command>`))
	c.ended()
	c = enterWild(t, r, "demo")
	c.send(epp(`<command><poll op="ack" msgID="1001"/></command>`))
	c.ended()
	c = enterWild(t, r, "demo")
	c.command(`<poll op="ack" msgID="1001"/>`).want(2303)
	c.command(`<poll op="req"/>`).want(1300)
	if n := r.Counters(); n.Executed["poll"] != 3 || n.Commands["poll"] != 4 || n.Faults["close-after"] != 2 {
		t.Errorf("counted %+v", n)
	}
}
