package pool

import (
	"testing"
	"time"

	"eppmux/frame"
)

// gated has two sessions end behind a's commands, and waits until the gate lets the next one through.
func (d *desk) gated(a Author) {
	d.t.Helper()
	for i := range uint64(blamedEnds) {
		a.Content = 1<<40 + i
		d.ruined(d.by(a, false))
	}
	d.wait(gateMin)
}

// wantNobodyTries fails if a gate waits for the end of an exchange.
func (d *desk) wantNobodyTries() {
	d.t.Helper()
	for key, g := range d.blame.gates {
		if g.trying != nil {
			d.t.Errorf("at %v gate %+v waits for the end of an exchange in state %d", d.now, key, g.trying.state)
		}
	}
}

// TestSuspectComesBack: a suspect that was not written after all goes through its gates anew. By then
// they may have forgotten, or another holds it: those that it had passed wait for it no more.
func TestSuspectComesBack(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		d := patient(t, 3)
		a := Author{Client: 1, Identity: "a", Kind: 1, Content: 1, Known: true}
		d.gated(a)
		d.wait(pardon - 2*gateMin)
		x := d.by(a, false)
		if x.state != exchangeInFlight || x.standing != standingSuspect {
			t.Fatalf("its state is %d, its standing %d", x.state, x.standing)
		}
		if elsewhere { // it was let through by its connection's gate, and its content has one by now
			for range blamedEnds {
				d.blame.count(a.gateKey(gateContent), 1, CauseRegistryClosed, d.now, d.now)
			}
		} else {
			d.wait(2 * gateMin)
		}
		d.Unsent(x.session, x, CauseUnasked, d.now)
		d.step()
		if elsewhere {
			d.wantWaiting(x)
			d.wantNobodyTries()
		}
		d.sentAfter(x)
		d.answer(x.session, CauseNone)
		d.wantEnd(x, EndAnswered, CauseNone)
		d.wantNobodyTries()
	}
}

// TestSuspectsWithoutCompany: behind the answer to a suspect its session rests. The next suspect is
// sent when that is over, though nothing else happens by then.
func TestSuspectsWithoutCompany(t *testing.T) {
	d := patient(t, 2)
	a := Author{Client: 1, Identity: "a", Kind: 1, Known: true}
	d.gated(a)
	for i := range uint64(4) {
		a.Content = i
		x := d.by(a, false)
		if got := d.sentAfter(x); got > convalescence {
			t.Errorf("command %d is sent after %v", i+1, got)
		}
		d.answer(x.session, CauseNone)
	}
}

// TestGatesTakeNoSlots: what waits at a gate holds no slot of the limits that its client's other
// connections share.
func TestGatesTakeNoSlots(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		c.MinSessions, c.MaxSessions, c.QueueTimeout = 3, 3, time.Hour
		c.Rules = []Rule{limited(2, time.Second, ScopeClient)}
	})
	for range 3 {
		d.open()
	}
	budget := NewBudget()
	by := func(client uint64, known bool) *Exchange {
		x := &Exchange{Command: frame.CommandCreate, Weight: 1, Since: d.now, Budget: budget,
			Author: Author{Client: client, Identity: "a", Kind: 1, Content: client, Known: known}}
		d.submit(x)
		return x
	}
	for i := range uint64(6) {
		x := by(i+1, false)
		d.sentAfter(x)
		d.ruined(x)
	}
	for i := range uint64(10) {
		d.wantWaiting(by(i+100, false))
	}
	d.wait(time.Second)
	if n := d.blame.waiting(); n != 10 {
		t.Errorf("%d wait at gates, want 10", n)
	}
	if got := d.sentAfter(by(200, true)); got > 0 {
		t.Errorf("somebody else's command is sent after %v", got)
	}
}

// TestNewcomersTakeNoSlots: nor do commands of new connections that the budget of logins does not allow
// yet. They are sent once it does, one after the other.
func TestNewcomersTakeNoSlots(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		c.MinSessions, c.MaxSessions, c.QueueTimeout = 2, 2, time.Hour
		c.Rules = []Rule{limited(2, time.Second, ScopeClient)}
	})
	for range 2 {
		d.open()
	}
	d.newOnes()
	budget := NewBudget()
	by := func(client uint64, known bool) *Exchange {
		x := &Exchange{Command: frame.CommandCreate, Weight: 1, Since: d.now, Budget: budget,
			Author: Author{Client: client, Identity: "a", Kind: 1, Content: client, Known: known}}
		d.submit(x)
		return x
	}
	var xs []*Exchange
	for i := range uint64(10) {
		xs = append(xs, by(i+100, false))
		d.wantWaiting(xs[i])
	}
	y := by(200, true)
	if got := d.sentAfter(y); got > 0 {
		t.Errorf("somebody else's command is sent after %v", got)
	}
	d.answer(y.session, CauseNone)
	d.Cancel(xs[9], d.now)
	for i, x := range xs[:9] {
		if got := d.sentAfter(x); got > time.Minute+recheck {
			t.Errorf("command %d of a new connection is sent after %v", i+1, got)
		}
		for _, y := range xs[i+1 : 9] {
			if y.state != exchangeGated {
				t.Errorf("while command %d is in flight, another is in state %d", i+1, y.state)
			}
		}
		d.answer(x.session, CauseNone)
	}
	if g := &d.blame.risky[standingNew]; g.waiting.n != 0 || g.trying != nil || d.blame.held.Len() != 0 {
		t.Errorf("%d wait, somebody tries: %v, %d gates are held", g.waiting.n, g.trying != nil, d.blame.held.Len())
	}
}

// TestSuspectsTakeNoSlots: nor do suspects for which there is no second session.
func TestSuspectsTakeNoSlots(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		c.MinSessions, c.MaxSessions, c.QueueTimeout = 3, 3, time.Hour
		c.Rules = []Rule{limited(3, time.Second, ScopeClient)}
	})
	for range 3 {
		d.open()
	}
	budget := NewBudget()
	by := func(client, content uint64) *Exchange {
		x := &Exchange{Command: frame.CommandCreate, Weight: 1, Since: d.now, Budget: budget,
			Author: Author{Client: client, Identity: "a", Kind: 1, Content: content, Known: true}}
		d.submit(x)
		return x
	}
	for client := range uint64(4) {
		for i := range uint64(blamedEnds) {
			x := by(client+1, client*10+i)
			d.sentAfter(x)
			d.ruined(x)
		}
	}
	d.wait(gateMin)
	slow := []*Exchange{d.ask(false), d.ask(false)}
	var xs []*Exchange
	for client := range uint64(4) {
		xs = append(xs, by(client+1, 100+client))
		d.wantWaiting(xs[client])
	}
	d.wait(time.Second)
	y := by(200, 200)
	if got := d.sentAfter(y); got > 0 {
		t.Errorf("somebody else's command is sent after %v", got)
	}
	d.answer(y.session, CauseNone)
	for _, x := range slow {
		d.answer(x.session, CauseNone)
	}
	for i := range xs {
		if inFlight := xs[i].state == exchangeInFlight; inFlight != (i < 2) {
			t.Errorf("with three sessions suspect %d is in flight: %v", i+1, inFlight)
		}
	}
	for i, x := range xs {
		if got := d.sentAfter(x); got > time.Second {
			t.Errorf("suspect %d is sent after %v", i+1, got)
		}
		d.answer(x.session, CauseNone)
	}
}
