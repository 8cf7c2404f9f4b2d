package upstream

import (
	"strings"
	"testing"
	"time"

	"eppmux/upstream/pool"
)

// TestLate: what a check is filled with at the moment at which it goes is what the registry gets, under the
// same muxTRID, and what the audit log has. The answer has the call's own clTRID.
func TestLate(t *testing.T) {
	rec := &bookkeeper{}
	inPlay(t, func(c *Config) { c.Audit, c.AuditQueries = rec, true }, func(p *play) {
		r := p.session()
		c := p.account.NewCaller(CallerConfig{Client: "x"})
		first := p.call(c, checkOf("x.0", "a.example"))
		r.want("check")
		names, times := []string{"b.example"}, 0
		what := checkOf("x.1", names...)
		what.Late = func() []byte {
			times++
			return checkOf("another id", names...).Payload
		}
		k := p.call(c, what)
		if times > 0 {
			t.Error("it was asked for before its turn")
		}
		for range 100 { // so many that it needs more room
			names = append(names, "c.example")
		}
		r.reply(1000)
		sent := r.want("check")
		if n := strings.Count(sent, "<domain:name>"); n != 101 || times != 1 {
			t.Errorf("sent %d names, asked %d times", n, times)
		}
		if !strings.HasSuffix(r.id, "-x.1") || strings.Contains(sent, "another id") {
			t.Errorf("sent as %s: %s", r.id, sent)
		}
		muxTRID := r.id
		r.reply(1000)
		got := k.end()
		if got.End != pool.EndAnswered || !strings.Contains(string(got.Payload), "<clTRID>x.1</clTRID>") || got.MuxTRID != muxTRID {
			t.Errorf("got %+v: %s", got, got.Payload)
		}
		p.on(func() {
			e := rec.entries[len(rec.entries)-1]
			if string(e.Payload) != sent || string(e.MuxTRID) != muxTRID || string(e.ClTRID) != "x.1" {
				t.Errorf("recorded %s as %s of %s", e.Payload, e.MuxTRID, e.ClTRID)
			}
		})
		first.end()
	})
}

// TestLateFirst: a check that was asked before the registry's first greeting, when nothing is known of its
// objects yet, is filled all the same.
func TestLateFirst(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		what := checkOf("x.1", "a.example")
		what.Late = func() []byte { return checkOf("x.1", "a.example", "b.example").Payload }
		k := p.call(p.account.NewCaller(CallerConfig{Client: "x"}), what)
		r := p.session()
		if sent := r.want("check"); !strings.Contains(sent, "b.example") {
			t.Errorf("sent %s", sent)
		}
		r.reply(1000)
		k.end()
	})
}

// TestLateAgain: a check that goes again after its session was lost goes as it went.
func TestLateAgain(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		times := 0
		what := checkOf("x.1", "a.example")
		what.Late = func() []byte {
			times++
			return checkOf("x.1", "a.example", "b.example").Payload
		}
		k := p.call(p.account.NewCaller(CallerConfig{Client: "x"}), what)
		one := r.want("check")
		r.close()
		r = p.session()
		two := r.want("check")
		if times != 1 || strings.Count(two, "b.example") != 1 || strings.Count(one, "b.example") != 1 {
			t.Errorf("asked %d times, went as %s and %s", times, one, two)
		}
		r.reply(1000)
		k.end()
	})
}

// TestLateRefused: what is no check of the same kind of objects does not go, nor is anything but a check
// filled; the payload goes as it is.
func TestLateRefused(t *testing.T) {
	host := strings.ReplaceAll(string(checkOf("x", "ns.example").Payload), "domain", "host")
	for name, late := range map[string]string{
		"broken":            "<epp",
		"empty":             "",
		"a response":        response(1000, "x"),
		"a transform":       deleteCommand(""),
		"a hello":           epp("<hello/>"),
		"of hosts":          host,
		"asks for a change": strings.Replace(checkCommand(""), "</command>", `<extension><x xmlns="urn:x"/></extension></command>`, 1),
	} {
		inPlay(t, nil, func(p *play) {
			r := p.session()
			what := checkOf("x.1", "a.example")
			what.Late = func() []byte { return []byte(late) }
			k := p.call(p.account.NewCaller(CallerConfig{Client: "x"}), what)
			if got := r.want("check"); strings.Count(got, "<domain:name>a.example<") != 1 || len(got) > len(what.Payload)+20 {
				t.Errorf("%s: sent %s", name, got)
			}
			r.reply(1000)
			if got := k.end(); got.End != pool.EndAnswered {
				t.Errorf("%s: got %+v", name, got)
			}
			if !strings.Contains(p.log.String(), "is no such check") {
				t.Errorf("%s: nothing is said of it", name)
			}
		})
	}
	inPlay(t, nil, func(p *play) {
		r := p.session()
		for _, payload := range []string{deleteCommand(""),
			strings.ReplaceAll(checkCommand(""), "check", "info")} {
			k := p.call(p.account.NewCaller(CallerConfig{Client: "x"}), Call{Payload: []byte(payload), Late: func() []byte {
				t.Errorf("asked to fill %s", payload)
				return nil
			}})
			r.want("domain:")
			r.reply(1000)
			k.end()
		}
		what := checkOf("x.1", "a.example")
		what.Late = func() []byte { return nil }
		k := p.call(p.account.NewCaller(CallerConfig{Client: "x"}), what)
		r.want("check")
		r.reply(1000)
		k.end()
	})
}

// TestLateNever: of a call that was given up before its turn, and of one behind whose like sessions ended.
func TestLateNever(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.QueueTimeout = time.Hour }, func(p *play) {
		r := p.session()
		c := p.account.NewCaller(CallerConfig{Client: "x"})
		first := p.call(c, checkOf("x.0", "a.example"))
		r.want("check")
		what := checkOf("x.1", "b.example")
		what.Late = func() []byte { t.Error("asked for a call that was given up"); return nil }
		k := p.call(c, what)
		k.cancel()
		k.end()
		r.reply(1000)
		first.end()

	})
}

// TestLateSuspect: one behind whose like sessions ended goes as it is: others' names are not lost with it.
func TestLateSuspect(t *testing.T) {
	inPlay(t, func(c *Config) {
		c.Pool.MinSessions, c.Pool.MaxSessions, c.Pool.QueueTimeout = 2, 2, time.Hour
	}, func(p *play) {
		one, two := p.session(), p.session()
		c := p.account.NewCaller(CallerConfig{Client: "x"})
		asked := 0
		what := checkOf("x.1", "evil.example")
		what.Late = func() []byte { asked++; return nil }
		k := p.call(c, what)
		for _, r := range []*registrySide{one, two} {
			r.want("check")
			r.close()
		}
		if got := k.end(); got.End != pool.EndUnknown || asked != 1 {
			t.Errorf("got %+v, asked %d times", got, asked)
		}
		p.session()
		p.session()
		k = p.call(c, what)
		time.Sleep(time.Minute)
		p.on(func() {
			if x := c.under[0]; !x.Suspect() || !x.Sent() || asked != 1 {
				t.Errorf("a suspect: %v, sent: %v, asked for %d times", x.Suspect(), x.Sent(), asked)
			}
		})
		k.cancel()
	})
}

// TestLateOverLane: a follower fills a check as it hands it to the owner.
func TestLateOverLane(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		times := 0
		what := checkOf("late", "a.example")
		what.Late = func() []byte { times++; return checkOf("late", "a.example", "b.example").Payload }
		k := s.b.call(s.b.account.NewCaller(CallerConfig{Client: "x"}), what)
		time.Sleep(time.Second)
		if times > 0 {
			t.Error("asked before anybody owns the account")
		}
		before := s.reg.had()
		s.lead()
		time.Sleep(time.Second)
		if got := k.end(); got.End != pool.EndAnswered || times != 1 || s.reg.count("late") != 1 {
			t.Errorf("got %+v, asked %d times", got, times)
		}
		if n := s.reg.had() - before; n < len(what.Payload)+len("<domain:name>b.example</domain:name>") {
			t.Errorf("the registry had %d octets", n)
		}
	})
}
