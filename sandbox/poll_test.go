package sandbox

import "testing"

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
