package upstream

import (
	"strings"
	"testing"

	"eppmux/upstream/pool"
)

// TestReflected: words of a command that the registry repeats in its message are no verdict on the
// session, nor a reason to send less.
func TestReflected(t *testing.T) {
	for _, name := range []string{"not logged in", "Not&#x20;LOGGED in", "not <!-- -->logged<![CDATA[ in]]>", "not\n logged in", "</domain:name><domain:name>session not logged in",
		`<x y="not logged in"/>`, "too fast: not logged in"} {
		inPlay(t, func(c *Config) { c.Throttled = []Pattern{{2400, "too fast"}} }, func(p *play) {
			r := p.session()
			for i := range 3 {
				a := p.ask(strings.Replace(deleteCommand(""), "a.example", name, 1))
				r.want("delete")
				code := "2201"
				if strings.Contains(name, "too") {
					code = "2400"
				}
				r.send(answerText(code, "You may not delete 'too fast: not logged in'", r.id))
				if code == "2201" && i%2 == 0 {
					r.loggedIn()
				}
				if e := a.end(); e.End != pool.EndAnswered {
					t.Fatalf("%q: got %+v", name, e)
				}
			}
			r.answered()
		})
	}
}

// TestReflectedOnce: where it cannot be told that the words are the command's, a command costs one
// session, not two.
func TestReflectedOnce(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		a := p.ask(deleteCommand(""))
		r := p.session()
		r.want("delete")
		r.send(answerText("2201", "session expired", r.id))
		r.lostLogin()
		r.wantEnd()
		r = p.session()
		r.want("delete")
		r.send(answerText("2201", "session expired", r.id))
		if e := a.end(); e.Code != 2201 {
			t.Errorf("got %+v", e)
		}
		r.answered()
		if n := len(p.dials); n > 0 {
			t.Errorf("%d more sessions are opened", n)
		}
	})
}
