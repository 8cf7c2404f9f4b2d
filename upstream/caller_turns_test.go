package upstream

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/ratelimit"
	"eppmux/upstream/pool"
)

// checkOf is a check of a name, with a clTRID.
func checkOf(clTRID string, names ...string) Call {
	var b strings.Builder
	for _, name := range names {
		b.WriteString("<domain:name>" + name + "</domain:name>")
	}
	return Call{Payload: []byte(epp(`<command><check><domain:check ` + domainNS + `>` + b.String() +
		`</domain:check></check><clTRID>` + clTRID + `</clTRID></command>`))}
}

// who is whose command an id is of: the clTRID in it up to a stop.
func who(muxTRID string) string {
	_, own, _ := strings.Cut(muxTRID, "-")
	name, _, _ := strings.Cut(own, ".")
	return name
}

// served answers n commands of the sessions in turn, and returns whose they were, in the order in which
// they came.
func served(n int, sessions ...*registrySide) (order []string) {
	for i := range n {
		r := sessions[i%len(sessions)]
		r.want("check")
		order = append(order, who(r.id))
		time.Sleep(time.Millisecond)
		r.reply(1000)
	}
	return order
}

// TestCallerTakesTurns: a Caller with a thousand commands is one among the clients: between two commands of
// a client there is one of the Caller, and all the other clients have had one too.
func TestCallerTakesTurns(t *testing.T) {
	for _, sessions := range []int{1, 3} {
		inPlay(t, func(c *Config) {
			c.Pool.MinSessions, c.Pool.MaxSessions, c.Pool.QueueTimeout = sessions, sessions, time.Hour
		}, func(p *play) {
			var open []*registrySide
			for range sessions {
				open = append(open, p.session())
			}
			many := p.account.NewCaller(CallerConfig{Client: "many"})
			var calls []*call
			for i := range 1000 {
				calls = append(calls, p.call(many, checkOf(fmt.Sprint("many.", i), "a.example")))
			}
			clients := make([]*asker, 4)
			for i := range clients {
				clients[i] = p.ask(checkCommand(fmt.Sprintf("<clTRID>client%d.x</clTRID>", i)))
				p.on(func() { clients[i].again = true })
			}
			order := served(300, open...)
			since := map[string]int{} // commands of the Caller since the client's last
			for i, name := range order {
				if i < 20 { // the Caller was alone before
					continue
				}
				if name != "many" {
					if since[name] > 2 {
						t.Errorf("%d sessions: %s had to wait for %d of the Caller at %d: %v", sessions, name, since[name], i,
							order[max(0, i-20):i+1])
					}
					since[name] = 0
					continue
				}
				for i := range clients {
					since[fmt.Sprint("client", i)]++
				}
			}
			counts := map[string]int{}
			for _, name := range order[20:] {
				counts[name]++
			}
			if n := counts["many"]; n < 50 || n > 62 {
				t.Errorf("%d sessions: the Caller had %d of 280 among five: %v", sessions, n, counts)
			}
			p.on(func() {
				if n := p.account.pool.Queued(); n > 5 {
					t.Errorf("%d wait in the pool", n)
				}
				var sn Snapshot
				if p.account.Snapshot(&sn); sn.Queued < 890 || sn.Oldest < 0 {
					t.Errorf("%d wait by the snapshot", sn.Queued)
				}
				for _, a := range clients {
					a.again = false
				}
			})
			for _, c := range calls {
				c.cancel()
			}
		})
	}
}

// TestCallersByWeight: a Caller of weight 3 gets three times as much as one of weight 1, and what it has in
// flight does not count for it.
func TestCallersByWeight(t *testing.T) {
	inPlay(t, func(c *Config) {
		c.Pool.MinSessions, c.Pool.MaxSessions, c.Pool.QueueTimeout = 4, 4, time.Hour
	}, func(p *play) {
		var open []*registrySide
		for range 4 {
			open = append(open, p.session())
		}
		var calls []*call
		for name, weight := range map[string]uint8{"one": 1, "three": 3} {
			c := p.account.NewCaller(CallerConfig{Client: name, Weight: weight})
			for i := range 400 {
				calls = append(calls, p.call(c, checkOf(fmt.Sprint(name, ".", i), "a.example")))
			}
		}
		counts := map[string]int{}
		for _, name := range served(400, open...)[40:] {
			counts[name]++
		}
		if n := counts["three"]; n < 255 || n > 285 {
			t.Errorf("got %v, want three of four", counts)
		}
		for _, c := range calls {
			c.cancel()
		}
	})
}

// TestCallerInOrder: the commands of a Caller go in their order, as many at a time as there are sessions.
func TestCallerInOrder(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.MinSessions, c.Pool.MaxSessions = 2, 2 }, func(p *play) {
		one, two := p.session(), p.session()
		c := p.account.NewCaller(CallerConfig{Client: "x"})
		var calls []*call
		for i := range 6 {
			calls = append(calls, p.call(c, checkOf(fmt.Sprint("x.", i), "a.example")))
		}
		for i, r := range []*registrySide{one, two, two, one, two, one} {
			if r.want("check"); !strings.HasSuffix(r.id, fmt.Sprint("-x.", i)) {
				t.Errorf("got %s, want x.%d", r.id, i)
			}
			if i == 2 {
				one.reply(1000)
			}
			if i > 0 {
				r.reply(1000)
			}
		}
		for i, k := range calls {
			if got := k.end(); got.End != pool.EndAnswered || !strings.Contains(string(got.Payload), fmt.Sprintf("<clTRID>x.%d<", i)) {
				t.Errorf("%d: got %+v", i, got)
			}
		}
		p.on(func() {
			if len(c.under) > 0 || c.behind != nil || c.last != nil || c.flow != (pool.Flow{}) || len(p.account.calls.all) > 0 {
				t.Errorf("something is left: %+v", c)
			}
			if c.answers != 6 || c.known == (pool.Kinds{}) {
				t.Errorf("it had %d answers", c.answers)
			}
		})
	})
}

// TestCallerGivesUp: a call can be given up at each stage, and the others go on.
func TestCallerGivesUp(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		c := p.account.NewCaller(CallerConfig{Client: "x"})
		var calls []*call
		for i := range 6 {
			calls = append(calls, p.call(c, checkOf(fmt.Sprint("x.", i), "a.example")))
		}
		r.want("check")
		gone := Result{End: pool.EndNotSent, Cause: pool.CauseClientGone}
		for _, i := range []int{3, 5, 1} { // two that wait behind, and the one that waits
			calls[i].cancel()
			if got := calls[i].end(); got.End != gone.End || got.Cause != gone.Cause {
				t.Errorf("%d: got %+v", i, got)
			}
		}
		calls[0].cancel()
		if got := calls[0].end(); got.End != pool.EndUnknown || got.Cause != pool.CauseClientGone || got.MuxTRID != r.id {
			t.Errorf("got %+v of the one that was sent", got)
		}
		for _, want := range []string{"x.2", "x.4"} {
			r.reply(1000)
			if r.want("check"); !strings.HasSuffix(r.id, "-"+want) {
				t.Errorf("got %s, want %s", r.id, want)
			}
		}
		r.reply(1000)
		if got := calls[4].end(); got.End != pool.EndAnswered {
			t.Errorf("got %+v", got)
		}
	})
}

// TestCallerWaits: a call waits for QueueTimeout, from when it was made, whether it is submitted or not.
func TestCallerWaits(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		c := p.account.NewCaller(CallerConfig{Client: "x"})
		sent := p.call(c, checkOf("x.0", "a.example"))
		r.want("check")
		var calls []*call
		for i := range 4 {
			calls = append(calls, p.call(c, checkOf(fmt.Sprint("x.", i+1), "a.example")))
			time.Sleep(time.Second)
		}
		time.Sleep(3900 * time.Millisecond)
		for i, k := range calls {
			select {
			case got := <-k.result:
				t.Errorf("%d has ended: %+v", i, got)
			default:
			}
			time.Sleep(200 * time.Millisecond)
			if got := k.end(); got.End != pool.EndNotSent || got.Cause != pool.CauseQueueTimeout {
				t.Errorf("%d: got %+v", i, got)
			}
			time.Sleep(800 * time.Millisecond)
		}
		r.reply(1000)
		if got := sent.end(); got.End != pool.EndAnswered {
			t.Errorf("got %+v", got)
		}
	})
}

// TestCallerPaused: those that wait behind say the same reason.
func TestCallerPaused(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		p.session()
		p.operate(p.account.Pause)
		c := p.account.NewCaller(CallerConfig{Client: "x"})
		one, two := p.call(c, checkOf("x.1", "a.example")), p.call(c, checkOf("x.2", "a.example"))
		time.Sleep(9 * time.Second)
		for _, k := range []*call{one, two} {
			if got := k.end(); got.End != pool.EndNotSent || got.Cause != pool.CausePaused {
				t.Errorf("got %+v", got)
			}
		}
		k := p.call(c, checkOf("x.3", "a.example"))
		p.operate(p.account.Resume)
		r := p.session()
		r.want("check")
		r.reply(1000)
		if got := k.end(); got.End != pool.EndAnswered {
			t.Errorf("got %+v", got)
		}
	})
}

// TestCallerEnds: with the account, and with a drain, which lets what is submitted end.
func TestCallerEnds(t *testing.T) {
	for name, end := range map[string]func(*play){
		"close": func(p *play) { p.account.Close() },
		"drain": func(p *play) { p.on(func() { p.account.drain(time.Minute) }) },
	} {
		inPlay(t, nil, func(p *play) {
			r := p.session()
			c := p.account.NewCaller(CallerConfig{Client: "x"})
			var calls []*call
			for i := range 4 {
				calls = append(calls, p.call(c, checkOf(fmt.Sprint("x.", i), "a.example")))
			}
			r.want("check")
			end(p)
			shut := calls[2:]
			if name == "close" {
				shut = calls[1:]
				if got := calls[0].end(); got.End != pool.EndUnknown || got.Cause != pool.CauseShutdown {
					t.Errorf("close: got %+v", got)
				}
			}
			for _, k := range append(shut, p.call(c, checkOf("x.9", "a.example"))) {
				if got := k.end(); got.End != pool.EndNotSent || got.Cause != pool.CauseShutdown {
					t.Errorf("%s: got %+v", name, got)
				}
			}
			if r.reply(1000); name == "drain" {
				r.want("check")
				r.reply(1000)
				for _, k := range calls[:2] {
					if got := k.end(); got.End != pool.EndAnswered {
						t.Errorf("got %+v", got)
					}
				}
				r.want("logout")
				r.reply(1500)
			} else {
				r.silent(time.Second)
			}
		})
	}
}

// TestCallerLosesSessions: checks whose sessions are lost go again, before the next is submitted.
func TestCallerLosesSessions(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.MinSessions, c.Pool.MaxSessions, c.Pool.QueueTimeout = 2, 2, time.Hour }, func(p *play) {
		one, two := p.session(), p.session()
		c := p.account.NewCaller(CallerConfig{Client: "x"})
		var calls []*call
		for i := range 5 {
			calls = append(calls, p.call(c, checkOf(fmt.Sprint("x.", i), "a.example")))
		}
		one.want("check")
		two.want("check")
		one.close()
		wait := func(waiting, under int) {
			t.Helper()
			p.on(func() {
				if n, m := p.account.pool.Queued(), len(c.under); n != waiting || m != under {
					t.Errorf("%d wait, %d are submitted, want %d and %d", n, m, waiting, under)
				}
			})
		}
		wait(2, 3) // the one again
		two.reply(1000)
		two.want("check")
		wait(1, 2) // the former goes before another is submitted
		two.reply(1000)
		var ids []string
		for range 3 {
			two.want("check")
			ids = append(ids, who(two.id)+"."+two.id[len(two.id)-1:])
			two.reply(1000)
		}
		if want := []string{"x.2", "x.3", "x.4"}; !slices.Equal(ids, want) {
			t.Errorf("got %v, want %v", ids, want)
		}
		p.session()
		for _, k := range calls {
			k.cancel()
		}
	})
}

// TestCallerIsNamed: in the list of sessions, in the audit log, and where a session ends behind it.
func TestCallerIsNamed(t *testing.T) {
	audited(t, pool.RecordIfCan, func(p *play, rec *bookkeeper) {
		r := p.session()
		c := p.account.NewCaller(CallerConfig{Listener: "http://x", Client: "192.0.2.1", Identity: "shop"})
		k := p.do(deleteCommand("")) // of another
		p.recorded(rec, true)
		r.want("delete")
		mine := p.call(c, Call{Payload: []byte(deleteCommand(""))})
		r.reply(1000)
		p.recorded(rec, true)
		r.want("delete")
		p.on(func() {
			if e := rec.entries[len(rec.entries)-1]; e.Listener != "http://x" || e.Client != "192.0.2.1" {
				t.Errorf("recorded %+v", e)
			}
			if all := p.account.sessions(); all[0].Listener != "http://x" || all[0].Client != "192.0.2.1" || all[0].Doing != "delete" {
				t.Errorf("listed as %+v", all)
			}
		})
		r.close()
		p.on(func() {
			var sn Snapshot
			p.account.Snapshot(&sn)
			if len(sn.Culprits) != 1 || sn.Culprits[0].Identity != "shop" || sn.Culprits[0].Client != "192.0.2.1" || sn.Culprits[0].ID != c.id {
				t.Errorf("blamed %+v", sn.Culprits)
			}
			if n := p.account.Ended(c.id); n != 1 {
				t.Errorf("%d ends behind it", n)
			}
		})
		if got := k.end(); got.End != pool.EndAnswered {
			t.Errorf("got %+v", got)
		}
		if got := mine.end(); got.End != pool.EndUnknown {
			t.Errorf("got %+v", got)
		}
		p.session()
	})
}

// TestCallerShares: limits of client scope count what all Callers of an identity send.
func TestCallerShares(t *testing.T) {
	inPlay(t, func(c *Config) {
		c.Pool.MinSessions, c.Pool.MaxSessions, c.Pool.QueueTimeout = 1, 1, time.Hour
		c.Pool.Rules = []pool.Rule{{Limit: ratelimit.Limit{N: 2, Per: time.Minute}, Scope: pool.ScopeClient, Commands: allCommands()}}
	}, func(p *play) {
		r := p.session()
		one := p.account.NewCaller(CallerConfig{Client: "a", Identity: "shop"})
		two := p.account.NewCaller(CallerConfig{Client: "b", Identity: "shop"})
		other := p.account.NewCaller(CallerConfig{Client: "b"})
		for i := range 2 {
			p.call(one, checkOf(fmt.Sprint("one.", i), "a.example"))
			r.want("check")
			r.reply(1000)
		}
		held := p.call(two, checkOf("two.0", "a.example"))
		p.call(other, checkOf("other.0", "a.example"))
		if r.want("check"); who(r.id) != "other" {
			t.Errorf("got %s", r.id)
		}
		r.reply(1000)
		time.Sleep(time.Minute)
		r.want("check")
		r.reply(1000)
		if got := held.end(); got.End != pool.EndAnswered {
			t.Errorf("got %+v", got)
		}
	})
}

// TestCallerInEachRole: commands of Callers wait until somebody owns the account, and go here or over lanes.
func TestCallerInEachRole(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		here, there := s.account.NewCaller(CallerConfig{Client: "a"}), s.b.account.NewCaller(CallerConfig{Client: "b"})
		all := map[string]*call{}
		ask := func(what string) {
			for i := range 3 {
				id := fmt.Sprint(what, i)
				all["a-"+id] = s.call(here, checkOf("a-"+id, "a.example"))
				all["b-"+id] = s.b.call(there, checkOf("b-"+id, "a.example"))
			}
		}
		ask("before")
		s.lead()
		ask("led")
		s.reg.hold()
		ask("held")
		s.b.account.Orphan()
		s.account.Yield(5*time.Second, func() {})
		time.Sleep(time.Second)
		ask("orphan")
		s.reg.free()
		time.Sleep(time.Second)
		s.lead()
		time.Sleep(3 * time.Second)
		for id, k := range all {
			if got := k.end(); got.End != pool.EndAnswered || got.Code != 1000 || s.reg.count(id) < 1 {
				t.Errorf("%s: got %+v", id, got)
			}
		}
		for name, a := range map[string]*play{"a": s.play, "b": s.b} {
			a.on(func() {
				if n := len(a.account.calls.all); n > 0 {
					t.Errorf("%s: %d calls are left", name, n)
				}
			})
		}
	})
}

// TestIDsAreNeverTheSame: those of Callers and of others, here and over lanes.
func TestIDsAreNeverTheSame(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		s.lead()
		seen := map[uint64]bool{}
		for range 3 {
			for _, a := range []*Account{s.account, s.b.account} {
				c := a.NewCaller(CallerConfig{})
				for _, id := range []uint64{c.id, a.NextID()} {
					if a == s.b.account {
						s.on(func() { id = s.account.hosts.id("b", id) })
					}
					if id == 0 || seen[id] {
						t.Errorf("%d comes twice", id)
					}
					seen[id] = true
				}
			}
		}
		synctest.Wait()
	})
}

// TestCallersAtRandom: calls that are given up at any moment end once, and nothing is left of them.
func TestCallersAtRandom(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		s.lead()
		done := make(chan Result)
		n := 0
		for i, p := range []*play{s.play, s.b} {
			for j := range 4 {
				c := p.account.NewCaller(CallerConfig{Client: fmt.Sprint(j), Weight: uint8(j)})
				for k := range 40 {
					n++
					go func() {
						time.Sleep(time.Duration((k*7919+j*31+i)%50) * time.Millisecond)
						ctx, cancel := context.WithTimeout(context.Background(), time.Duration((k*104729+j)%40)*time.Millisecond)
						defer cancel()
						r, err := c.Do(ctx, checkOf(fmt.Sprintf("x.%d.%d.%d", i, j, k), "a.example"))
						if err != nil {
							t.Error(err)
						}
						done <- r
					}()
				}
			}
		}
		go func() {
			for range 20 {
				time.Sleep(2 * time.Millisecond)
				s.reg.hold()
				time.Sleep(time.Millisecond)
				s.reg.free()
			}
		}()
		var ends [pool.NumEnds]int
		for range n {
			ends[(<-done).End]++
		}
		time.Sleep(time.Second)
		for _, p := range []*play{s.play, s.b} {
			p.on(func() {
				if all, q := len(p.account.calls.all), p.account.pool.Queued(); all+q+p.account.calls.behind.Len() > 0 {
					t.Errorf("%d calls are left, %d wait", all, q)
				}
			})
		}
		if ends[pool.EndAnswered] == 0 || ends[pool.EndNotSent] == 0 {
			t.Errorf("got ends %v", ends)
		}
	})
}
