package upstream

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/frame"
)

// said is an answer to the last command in which the registry says more than it should.
func (r *registrySide) said(code, words string) {
	r.p.t.Helper()
	r.send(epp(`<response><result code="` + code + `"><msg>` + words + `</msg></result><trID><clTRID>` + r.id + `</clTRID><svTRID>S-1</svTRID></trID></response>`))
}

// logged is the log and what the status tells.
func (p *play) logged() string {
	synctest.Wait()
	var trouble string
	p.on(func() { trouble = p.account.trouble })
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String() + trouble
}

// TestRefusalHidesPassword: a registry that repeats the password in its refusal does not put it
// into the log, neither quoted nor in part.
func TestRefusalHidesPassword(t *testing.T) {
	const password = `c"nary <ä> ` + "\u200b1"
	inPlay(t, func(c *Config) { c.Login.Password = password }, func(p *play) {
		r := p.accept()
		r.greet()
		r.want("login")
		long := strings.Repeat("x", maxRefusal-3) // the cut goes through the password
		r.said("2200", `the password c"nary &lt;ä&gt; `+"\u200b1"+` is wrong `+long)
		log := p.logged()
		if !strings.Contains(log, "the password [redacted] is wrong") || strings.Contains(log, "nary") {
			t.Errorf("got %s", log)
		}
	})
	inPlay(t, func(c *Config) { c.Login.Password = password }, func(p *play) {
		r := p.accept()
		r.greet()
		r.want("login")
		r.said("2200", strings.Repeat("x", maxRefusal-3)+`<![CDATA[`+password+`]]>`)
		if log := p.logged(); !strings.Contains(log, "xxx[re") || strings.Contains(log, `c"`) || strings.Contains(log, `c\"`) {
			t.Errorf("got %s", log)
		}
	})
}

// TestWordsToClients: what a registry says to a client's command may repeat an authInfo, and is not
// logged; what it says to a message of our own is.
func TestWordsToClients(t *testing.T) {
	poll := func(c *Config) {
		c.Pool.KeepaliveCommand, c.Pool.Keepalive = frame.CommandPoll, time.Minute
	}
	inPlay(t, poll, func(p *play) {
		r := p.session()
		a := p.ask(deleteCommand(""))
		r.want("delete")
		r.said("2502", "canary is too much")
		if e := a.end(); !strings.Contains(e.Answer, "canary is too much") {
			t.Errorf("got %+v, want the answer as it is", e)
		}
		if log := p.logged(); !strings.Contains(log, "result code 2502") || strings.Contains(log, "canary") {
			t.Errorf("got %s", log)
		}
	})
	inPlay(t, poll, func(p *play) {
		r := p.session()
		time.Sleep(61 * time.Second)
		r.want("poll")
		r.said("2502", "canary is too much")
		if log := p.logged(); !strings.Contains(log, `result code 2502: \"canary is too much\"`) {
			t.Errorf("got %s", log)
		}
	})
}

func TestShown(t *testing.T) {
	for _, tt := range []struct{ content, want string }{
		{"ABC-1", "ABC-1"},
		{"A&amp;B", "A&amp;B"},
		{"A<!-- canary -->", "A..."},
		{"<![CDATA[A]]>", "..."},
		{strings.Repeat("x", maxShown), strings.Repeat("x", maxShown)},
		{strings.Repeat("x", maxShown+1), strings.Repeat("x", maxShown) + "..."},
		{"", ""},
	} {
		content := []byte(tt.content)
		if got := shown(content); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.content, got, tt.want)
		}
		if string(content) != tt.content {
			t.Errorf("%s: it has changed to %s", tt.content, content)
		}
	}
}
