package pool

import (
	"slices"
	"testing"
	"time"

	"eppmux/frame"
)

// by submits a command of an author.
func (d *desk) by(a Author, query bool) *Exchange {
	x := &Exchange{Command: frame.CommandCreate, Weight: 1, Since: d.now, Author: a}
	if query {
		x.Command, x.Query = frame.CommandCheck, true
	}
	d.submit(x)
	return x
}

// ruined has the registry close the session on which x is, and opens another in its place.
func (d *desk) ruined(x *Exchange) *Session {
	d.t.Helper()
	s := x.session
	if s == nil {
		d.t.Fatalf("at %v it is not in flight: state %d", d.now, x.state)
	}
	d.breaks(s)
	d.pass(time.Minute, d.wantsToOpen)
	d.open()
	return s
}

// sentAfter lets time pass until x is sent, and returns how long that took.
func (d *desk) sentAfter(x *Exchange) time.Duration {
	d.t.Helper()
	from := d.now
	d.pass(2*time.Minute, func() bool { return x.state == exchangeInFlight })
	if x.state != exchangeInFlight {
		d.t.Errorf("it was not sent within two minutes: state %d", x.state)
	}
	return d.now - from
}

// patient is a desk whose exchanges wait for long.
func patient(t *testing.T, sessions int) *desk {
	d := newDesk(t, func(c *Config) {
		c.MinSessions, c.MaxSessions, c.QueueTimeout = sessions, sessions, time.Hour
	})
	for range sessions {
		d.open()
	}
	return d
}

// TestSecondEnd: the second end in a row behind a connection's commands costs it a wait that
// doubles, up to a minute, and nobody else anything.
func TestSecondEnd(t *testing.T) {
	d := patient(t, 3)
	a := Author{Client: 1, Identity: "a", Kind: 1, Known: true}
	for i, want := range []time.Duration{0, 0, 1, 2, 4, 8, 16, 32} {
		a.Content = uint64(i + 1)
		x := d.by(a, false)
		if got := d.sentAfter(x); got != want*time.Second {
			t.Errorf("command %d is sent after %v, want %d s", i+1, got, want)
		}
		y := d.ask(true)
		d.answer(y.session, CauseNone)
		s := d.ruined(x)
		d.wantEnd(x, EndUnknown, CauseRegistryClosed)
		if b := s.Blame(); b == nil || b.Author.Client != 1 || b.Cause != CauseRegistryClosed || b.Ends != i+1 {
			t.Errorf("end %d is blamed on %+v", i+1, b)
		}
	}
	a.Content = 99
	if got := d.sentAfter(d.by(a, false)); got != gateMax {
		t.Errorf("the ninth command is sent after %v, want %v", got, gateMax)
	}
}

// TestPardon: each minute without an end forgets one.
func TestPardon(t *testing.T) {
	d := patient(t, 3)
	a := Author{Client: 1, Identity: "a", Kind: 1, Known: true}
	for i := range 2 {
		a.Content = uint64(i + 1)
		d.ruined(d.by(a, false))
	}
	if b := d.blame.appendRecent(nil, d.now); len(b) != 1 || b[0].Ends != 2 || b[0].Wait != gateMin {
		t.Errorf("blamed are %+v, want one author for two ends", b)
	}
	d.wait(pardon)
	a.Content = 3
	x := d.by(a, false)
	if x.state != exchangeInFlight || x.standing != standingKnown {
		t.Errorf("a minute later its standing is %d, state %d", x.standing, x.state)
	}
	d.ruined(x)
	d.wait(2 * pardon)
	d.ruined(d.by(a, false))
	if b := d.blame.appendRecent(nil, d.now); len(b) != 1 || b[0].Ends != 1 {
		t.Errorf("after two quiet minutes blamed are %+v, want one author for one end", b)
	}
	d.wait(3 * pardon)
	d.ask(true)
	if n := len(d.blame.gates); n != 0 {
		t.Errorf("%d gates are left", n)
	}
}

// TestRestartBlamesNobody: a registry that ends all its sessions does so behind several commands of
// one identity. They count as one end.
func TestRestartBlamesNobody(t *testing.T) {
	d := patient(t, 3)
	var xs []*Exchange
	for i := range uint64(3) {
		xs = append(xs, d.by(Author{Client: i + 1, Identity: "a", Kind: 1, Content: i + 1}, false))
	}
	for _, x := range xs {
		d.now += time.Millisecond
		d.breaks(x.session)
	}
	d.pass(time.Minute, d.wantsToOpen)
	d.open()
	x := d.by(Author{Client: 4, Identity: "a", Kind: 1, Content: 4}, false)
	if x.state != exchangeInFlight || x.standing != standingNew {
		t.Errorf("a new connection's standing is %d, state %d", x.standing, x.state)
	}
}

// TestTimeoutCountsTwice: a session that had no answer in time while others had theirs was nobody
// else's for so long. Where the registry has answered nobody, it counts once: it may be silent, or
// all sessions are with clients whose commands it does not answer.
func TestTimeoutCountsTwice(t *testing.T) {
	d := patient(t, 2)
	a := Author{Client: 1, Identity: "a", Kind: 1, Content: 1, Known: true}
	for _, silent := range []bool{true, false} {
		x := d.by(a, true)
		s := x.session
		d.wait(d.cfg.CommandTimeout - time.Second)
		if !silent {
			y := d.ask(true)
			d.answer(y.session, CauseNone)
		}
		d.wait(2 * time.Second)
		b := s.Blame()
		if silent {
			if b == nil || b.Ends != 1 || b.Wait != 0 || !b.general || x.tries != 2 {
				t.Errorf("a registry that is silent: blamed is %+v, tried %d times", b, x.tries)
			}
			d.answer(x.session, CauseNone)
			d.wait(time.Minute)
			d.open()
			continue
		}
		if b == nil || b.Ends != blamedEnds || b.Wait != gateMin || !b.HoldsBack() || b.Sessions != 1 || d.EndsBehind(1, d.now) != 1 {
			t.Errorf("blamed is %+v, want two ends for one session", b)
		}
		d.wantWaiting(x) // it is asked once more, as a suspect
		d.pass(time.Minute, d.wantsToOpen)
		d.open()
		if d.sentAfter(x); x.standing != standingSuspect || len(d.idle) == 0 {
			t.Errorf("it is asked once more as %d, and leaves %d idle sessions", x.standing, len(d.idle))
		}
		d.ruined(x)
		d.wantEnd(x, EndUnknown, CauseRegistryClosed)
	}
}

// TestTimeoutOfSeasoned: it counts as one where the connection has had many answers.
func TestTimeoutOfSeasoned(t *testing.T) {
	for answers, want := range map[uint32]int{seasoned - 1: blamedEnds, seasoned: 1} {
		b := newBlame()
		b.latest = 19 * time.Second
		a := Author{Client: 1, Identity: "a", Kind: 1, Content: 1, Known: true, Answers: answers}
		if s := b.strike(&a, CauseCommandTimeout, 0, false, 20*time.Second); s.Ends != want {
			t.Errorf("behind %d answers it counts as %d, want %d", answers, s.Ends, want)
		}
	}
}

// TestLastIdleSession: a suspect never gets the last idle session, unless there may be only one.
func TestLastIdleSession(t *testing.T) {
	for _, sessions := range []int{1, 2} {
		d := patient(t, sessions)
		a := Author{Client: 1, Identity: "a", Kind: 1, Known: true}
		for i := range uint64(2) {
			a.Content = i + 1
			d.ruined(d.by(a, false))
		}
		d.wait(gateMin)
		if sessions == 2 {
			busy := d.ask(true)
			x := d.by(a, false)
			d.wantWaiting(x)
			if len(d.idle) != 1 {
				t.Errorf("%d sessions are idle, want the last", len(d.idle))
			}
			y := d.ask(true) // somebody else gets it
			d.answer(y.session, CauseNone)
			d.wantWaiting(x)
			d.answer(busy.session, CauseNone)
			if x.state != exchangeInFlight {
				t.Error("it is not sent though two sessions are idle")
			}
			continue
		}
		if x := d.by(a, false); x.state != exchangeInFlight {
			t.Error("it is not sent on the only session there may be")
		}
	}
}

// TestSuspectWaitsForOthers: where both wait for a session, a suspect comes last. One that waits in
// vain is told why.
func TestSuspectWaitsForOthers(t *testing.T) {
	d := patient(t, 1)
	d.cfg.QueueTimeout = 8 * time.Second
	a := Author{Client: 1, Identity: "a", Kind: 1, Known: true}
	for i := range uint64(2) {
		a.Content = i + 1
		d.ruined(d.by(a, false))
	}
	busy := d.ask(true)
	x := d.by(a, false)
	d.wait(gateMin)
	y := d.ask(true)
	d.answer(busy.session, CauseNone)
	if y.state != exchangeInFlight || x.state != exchangeQueued {
		t.Errorf("states %d and %d, want the suspect to wait", y.state, x.state)
	}
	d.wait(8 * time.Second)
	d.wantEnd(x, EndNotSent, CauseBlamed)
}

// TestBlamedQueryIsNotRepeated: a query behind which a session ended is asked once more, but not
// where its author has just ended another.
func TestBlamedQueryIsNotRepeated(t *testing.T) {
	d := patient(t, 3)
	a := Author{Client: 1, Identity: "a", Kind: 1, Content: 1, Known: true}
	x := d.by(a, true)
	d.ruined(x)
	if x.state != exchangeInFlight {
		t.Fatal("the first is not asked again")
	}
	d.ruined(x)
	d.wantEnd(x, EndUnknown, CauseRegistryClosed)
	x = d.by(a, true)
	d.sentAfter(x)
	d.ruined(x)
	d.wantEnd(x, EndUnknown, CauseRegistryClosed)
}

// TestRepeatedCommand: a command that is repeated on one connection after the other waits by itself.
// New connections of the same identity that send others of its kind do not.
func TestRepeatedCommand(t *testing.T) {
	d := patient(t, 3)
	for i := range uint64(2) {
		d.ruined(d.by(Author{Client: i + 1, Identity: "a", Kind: 1, Content: 7}, false))
	}
	if x := d.by(Author{Client: 3, Identity: "a", Kind: 1, Content: 8}, false); x.state != exchangeInFlight || x.standing == standingSuspect {
		t.Errorf("another command's state is %d, its standing %d", x.state, x.standing)
	}
	if x := d.by(Author{Client: 4, Identity: "b", Kind: 2, Content: 7}, false); d.sentAfter(x) != gateMin {
		t.Error("the same command of another identity does not wait")
	}
}

// TestNewConnections: behind two ends of one identity and kind its new connections pass one at a
// time, those that have had an answer pass, and so do other identities and kinds.
func TestNewConnections(t *testing.T) {
	d := patient(t, 8)
	author := func(client uint64, identity string, kind Kind, known bool) Author {
		return Author{Client: client, Identity: identity, Kind: kind, Content: client, Known: known}
	}
	d.ask(true) // of kind 0
	d.blame.answered[1] = true
	for i := range uint64(2) {
		d.ruined(d.by(author(i+1, "a", 1, false), false))
	}
	x, y := d.by(author(3, "a", 1, false), false), d.by(author(4, "a", 1, false), false)
	for _, free := range []Author{author(5, "a", 1, true), author(6, "a", 2, false), author(7, "b", 1, false)} {
		if z := d.by(free, false); z.state != exchangeInFlight || z.standing == standingSuspect {
			t.Errorf("%+v: state %d, standing %d", free, z.state, z.standing)
		}
	}
	var snap Snapshot
	if d.Snapshot(&snap, d.now); snap.Gated != 2 || snap.Queued != 2 {
		t.Errorf("%d of %d wait at gates, want 2 of 2", snap.Gated, snap.Queued)
	}
	if got := d.sentAfter(x); got != gateMin {
		t.Errorf("the first is sent after %v", got)
	}
	d.wantWaiting(y)
	d.answer(x.session, CauseNone)
	if y.state != exchangeInFlight {
		t.Error("the second is not sent behind the first's answer")
	}
	d.Cancel(d.by(author(8, "a", 1, false), false), d.now) // while it waits
	d.step()
}

// TestKindNeverAnswered: a kind of command that has only ever ended sessions waits for everybody, for
// a minute, if the registry has answered others meanwhile. Its first answer ends that.
func TestKindNeverAnswered(t *testing.T) {
	d := patient(t, 4)
	author := func(client uint64) Author {
		return Author{Client: client, Identity: string(rune('a' + client)), Kind: 9, Content: client}
	}
	ruin := func(client uint64) { d.ruined(d.by(author(client), false)) }
	ruin(1)
	ruin(2)
	if x := d.by(author(3), false); x.state != exchangeInFlight {
		t.Fatal("it waits though the registry has answered nothing since")
	} else {
		d.ruined(x)
	}
	other := d.ask(true)
	d.wait(time.Millisecond)
	d.answer(other.session, CauseNone)
	x := d.by(author(4), false)
	if got := d.sentAfter(x); got < gateMax-5*time.Second || got > gateMax {
		t.Errorf("it is sent after %v, want a minute behind the last end", got)
	}
	y := d.by(author(5), false)
	d.wantWaiting(y)
	d.answer(x.session, CauseNone)
	if y.state != exchangeInFlight {
		t.Error("the second waits though the first was answered")
	}
	if z := d.by(author(6), false); z.state != exchangeInFlight || z.standing == standingSuspect {
		t.Errorf("after an answer a third's state is %d, its standing %d", z.state, z.standing)
	}
}

// TestTwoGates: an exchange that waits at one gate and then at another is sent once both let it
// through.
func TestTwoGates(t *testing.T) {
	d := patient(t, 4)
	d.blame.answered[1] = true
	ruin := func(client uint64, identity string, content uint64) {
		d.ruined(d.by(Author{Client: client, Identity: identity, Kind: 1, Content: content}, false))
	}
	ruin(1, "a", 7)
	ruin(2, "a", 7)
	d.wait(gateMin / 2)
	ruin(3, "b", 8)
	ruin(4, "b", 9)
	x := d.by(Author{Client: 5, Identity: "b", Kind: 1, Content: 7}, false)
	if got := d.sentAfter(x); got != gateMin {
		t.Errorf("it is sent after %v, want the later of both waits", got)
	}
	for _, scope := range []gateScope{gateContent, gateIdentity} {
		if g := d.blame.gates[x.Author.gateKey(scope)]; g.trying != x {
			t.Errorf("it has not passed gate %d", scope)
		}
	}
	d.answer(x.session, CauseNone)
	if n := d.blame.waiting(); n != 0 || d.blame.held.Len() != 0 {
		t.Errorf("%d wait, %d gates are held", n, d.blame.held.Len())
	}
}

// TestAftermath: a session that the registry closes just behind an answer ended for the command that
// was answered, also where another client's command has gone out on it since.
func TestAftermath(t *testing.T) {
	d := patient(t, 1)
	y := d.ask(true)
	d.now += 20 * time.Millisecond
	d.answer(y.session, CauseNone)
	a := Author{Client: 100, Identity: "a", Kind: 1, Content: 1, Known: true}
	for _, gap := range []time.Duration{0, aftermath - 1, aftermath} {
		x := d.by(a, true)
		s := x.session
		d.now += 20 * time.Millisecond
		d.answer(s, CauseNone)
		d.now += gap
		d.breaks(s)
		if blamed := s.Blame() != nil; blamed != (gap < aftermath) {
			t.Errorf("%v behind the answer: blamed %v", gap, blamed)
		}
		d.pass(time.Minute, d.wantsToOpen)
		d.open()
		d.wait(3 * pardon)
	}
	x := d.by(a, true)
	s := x.session
	d.now += 20 * time.Millisecond
	d.answer(s, CauseNone)
	z := d.ask(false)
	d.now += time.Millisecond
	d.breaks(s)
	d.wantEnd(z, EndUnknown, CauseRegistryClosed)
	if b := s.Blame(); b == nil || b.Author.Client != a.Client {
		t.Errorf("blamed is %+v, want the author of the command that was answered", b)
	}
}

// TestConvalescence: behind the answer to a suspect its session rests for a moment.
func TestConvalescence(t *testing.T) {
	d := patient(t, 2)
	a := Author{Client: 1, Identity: "a", Kind: 1, Known: true}
	for i := range uint64(2) {
		a.Content = i + 1
		d.ruined(d.by(a, false))
	}
	d.wait(gateMin)
	x := d.by(a, false)
	s := x.session
	d.answer(s, CauseNone)
	y, z := d.ask(true), d.ask(true)
	if y.session == nil || y.session == s || z.state != exchangeQueued {
		t.Error("another's command is sent on the session of a suspect at once")
	}
	if got := d.sentAfter(z); got != convalescence || z.session != s {
		t.Errorf("it is sent after %v", got)
	}
}

// newOnes has new connections end as many sessions within a minute as they may, and logins be scarce.
func (d *desk) newOnes() {
	for !d.scarce(d.now) {
		d.now = d.logins.Next(d.now)
		d.logins.Take(d.now)
		d.logins.Done(d.now)
	}
	for d.blame.riskyEnds(d.now) < d.logins.Limit().N/5 {
		d.blame.risked = append(d.blame.risked, d.now)
	}
}

// TestLoginsForThoseWhoWork: where half of the budget of logins is used up, and new connections
// have used up a fifth, new ones wait, and those that have had an answer do not.
func TestLoginsForThoseWhoWork(t *testing.T) {
	d := patient(t, 1)
	d.newOnes()
	x := d.by(Author{Client: 100, Identity: "x", Kind: 100, Content: 100}, false)
	y := d.by(Author{Client: 101, Identity: "y", Kind: 101, Content: 101, Known: true}, false)
	d.wantWaiting(x)
	if y.state != exchangeInFlight {
		t.Error("the command of one who works waits")
	}
	d.answer(y.session, CauseNone)
	if got := d.sentAfter(x); got < 50*time.Second || got > time.Minute+recheck {
		t.Errorf("a new connection's command is sent after %v, want a minute", got)
	}
}

// TestSuspectsLeaveLogins: where half of the budget of logins is used up, suspects wait.
func TestSuspectsLeaveLogins(t *testing.T) {
	d := patient(t, 3)
	a := Author{Client: 1, Identity: "a", Kind: 1, Known: true}
	for i := range uint64(2) {
		a.Content = i + 1
		d.ruined(d.by(a, false))
	}
	d.newOnes()
	d.now += gateMin
	x := d.by(a, false)
	d.wantWaiting(x)
	if got := d.sentAfter(x); got < 50*time.Second || got > time.Minute+recheck {
		t.Errorf("it is sent after %v, want a minute", got)
	}
}

// TestSeasoned: an end behind a connection that has had many answers is not its identity's, unless
// logins are scarce.
func TestSeasoned(t *testing.T) {
	for _, scarce := range []bool{false, true} {
		var ends []int
		for _, answers := range []uint32{seasoned - 1, seasoned} {
			b := newBlame()
			a := Author{Client: 1, Identity: "a", Kind: 1, Content: 1, Known: true, Answers: answers}
			b.answered[1] = true
			b.strike(&a, CauseRegistryClosed, 0, scarce, 1)
			ends = append(ends, b.endsOf(&a, gateIdentity, 1))
		}
		want := []int{1, 0}
		if scarce {
			want[1] = 1
		}
		if !slices.Equal(ends, want) {
			t.Errorf("scarce %v: ends of the identity are %v", scarce, ends)
		}
	}
}

// TestOwnEndsBlameNobody: what we end ourselves, and what was not written, is nobody's fault.
func TestOwnEndsBlameNobody(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Record = RecordAlways })
	s := d.open()
	unsent := d.ask(false)
	d.breaks(s) // while the note is made
	if s.Blame() != nil {
		t.Errorf("blamed for what was not sent: %+v", s.Blame())
	}
	d.Cancel(unsent, d.now)
	d.pass(time.Minute, d.wantsToOpen)
	s = d.open()
	x := d.ask(true)
	d.answer(x.session, CauseNone)
	d.Reconnect(d.now)
	d.step()
	d.logOut()
	if s.Blame() != nil {
		t.Errorf("blamed for our logout: %+v", s.Blame())
	}
}

// TestBlamesKept: Snapshot tells of the last authors, once each.
func TestBlamesKept(t *testing.T) {
	var b blame
	for i := range uint64(2 * blamesKept) {
		b.remember(&Blame{Author: Author{Client: i/2 + 1, Content: i/2 + 1, Identity: string(rune('a' + i/2))}, Ends: 1, At: time.Duration(i)})
	}
	got := b.appendRecent(nil, 20)
	if len(got) != blamesKept || got[0].Author.Client != blamesKept || got[blamesKept-1].Author.Client != 1 {
		t.Errorf("got %+v", got)
	}
	b.remember(&Blame{Author: Author{Client: 99, Content: 99}, Ends: 1})
	if got := b.appendRecent(nil, 20); len(got) != blamesKept || got[0].Author.Client != 99 || got[1].Author.Client != blamesKept {
		t.Errorf("got %+v", got)
	}
}

// TestCulpritStays: one end behind a neighbour's command does not take the place of who ended more,
// though both may have one reason. One that was forgotten makes room.
func TestCulpritStays(t *testing.T) {
	var b blame
	strike := func(client uint64, ends int, at time.Duration) {
		b.remember(&Blame{Author: Author{Client: client, Content: client, Identity: "a", Kind: 1}, Ends: ends, At: at})
	}
	want := func(now time.Duration, clients ...uint64) {
		t.Helper()
		var got []uint64
		for _, s := range b.appendRecent(nil, now) {
			got = append(got, s.Author.Client)
		}
		if !slices.Equal(got, clients) {
			t.Errorf("got %v, want %v", got, clients)
		}
	}
	strike(1, 1, 0)
	strike(2, 2, 1)
	want(1, 2)
	strike(3, 1, 2)
	want(2, 3, 2)
	strike(4, 3, 3)
	want(3, 4)
	strike(4, 1, 4)
	want(4, 4)
	strike(5, 1, pardon+5)
	want(pardon+5, 5)
}

// TestEnded: how many ends in a row are behind the commands of one connection, its neighbour's not.
func TestEnded(t *testing.T) {
	d := patient(t, 3)
	a := Author{Client: 1, Identity: "a", Kind: 1, Known: true}
	for i, holds := range []bool{false, true} {
		a.Content = uint64(i + 1)
		if b := d.ruined(d.by(a, false)).Blame(); b.HoldsBack() != holds || b.Sessions != i+1 {
			t.Errorf("end %d: got %+v", i+1, b)
		}
		if n := d.EndsBehind(1, d.now); n != i+1 {
			t.Errorf("got %d ends, want %d", n, i+1)
		}
	}
	if n := d.EndsBehind(2, d.now); n != 0 {
		t.Errorf("the neighbour has %d ends", n)
	}
	x := d.by(a, false)
	if !x.HeldBack() || d.by(Author{Client: 2, Identity: "b", Kind: 1, Content: 9, Known: true}, false).HeldBack() {
		t.Error("held back is not who should be")
	}
	d.wait(gateMin)
	if x.state != exchangeInFlight || x.HeldBack() {
		t.Errorf("it is sent, and held back: state %d", x.state)
	}
	if n := d.EndsBehind(1, d.now+2*pardon); n != 0 {
		t.Errorf("later it has %d ends", n)
	}
}
