package peer

import (
	"strings"
	"testing"
	"time"

	"eppmux/upstream/lane"
)

var movedEnd = lane.End{Fate: lane.FateMoved, Cause: moved}

// TestRoleLost: when the account is not owned any more, what waits moves, what is in flight ends as it
// would have, and then the lanes end. Nothing that moved is sent.
func TestRoleLost(t *testing.T) {
	f := start(t, nil)
	f.registry.pause.Store(true)
	flying, waiting, idle := f.open(), f.open(), f.open()
	flying.write(command(create(muxID(1))))
	f.wait("the first one", func() bool { return len(f.registry.got()) == 1 })
	waiting.write(command(create(muxID(2))))
	f.wait("the second one", func() bool { return f.lanes().Lanes[1].Busy })
	f.become(testTerm, false)
	waiting.wantEnd(movedEnd)
	waiting.wantClosed()
	idle.wantEnd(movedEnd)
	idle.wantClosed()
	f.wait("the ends", func() bool { return f.lanes().Open == 1 })
	if s := f.lanes(); !s.Lanes[0].Leaving || !s.Lanes[0].Busy || s.Moved != 1 {
		t.Errorf("got %+v", s)
	}
	f.registry.goOn()
	flying.wantAnswer(muxID(1))
	flying.wantEnd(movedEnd)
	flying.wantClosed()
	if got := f.registry.got(); len(got) != 1 {
		t.Errorf("the registry got %q", got)
	}
	f.wait("the ends", func() bool { return f.lanes().Open == 0 })
	if s := f.lanes(); s.Closes[closedMoved] != 3 || s.Answered != 1 {
		t.Errorf("got %+v", s)
	}
	if g := f.introduce(f.hello()); g.w.Refused != lane.RefusedOwner {
		t.Errorf("got %+v", g.w)
	}
}

// TestCommandCrossesTheEnd: a command that is on its way while its lane is told its end is not sent; the
// follower has the end in its place.
func TestCommandCrossesTheEnd(t *testing.T) {
	f := start(t, nil)
	g := f.open()
	f.become(testTerm, false)
	g.write(command(create(muxID(1))))
	g.wantEnd(movedEnd)
	g.wantClosed()
	f.wait("its end", func() bool { return f.lanes().Open == 0 })
	if got := f.registry.got(); len(got) != 0 {
		t.Errorf("the registry got %q", got)
	}
}

// TestTermChanged: lanes of an earlier term end, also where the host owns the account again.
func TestTermChanged(t *testing.T) {
	f := start(t, nil)
	g := f.open()
	f.become(testTerm+1, true)
	g.wantEnd(movedEnd)
	g.wantClosed()
	if g := f.introduce(f.hello()); g.w.Refused != lane.RefusedTerm || g.w.Term != testTerm+1 {
		t.Errorf("got %+v", g.w)
	}
	h := f.hello()
	h.Term++
	if g := f.introduce(h); g.w.Refused != "" {
		t.Errorf("got %+v", g.w)
	}
	f.become(testTerm+1, true) // nothing changes
	if s := f.lanes(); s.Lanes[len(s.Lanes)-1].Leaving {
		t.Errorf("got %+v", s)
	}
}

// TestFollowerStays: a lane that was told its end is closed after a while, whatever the follower does.
func TestFollowerStays(t *testing.T) {
	f := start(t, nil)
	g := f.open()
	begin := time.Now()
	f.become(testTerm, false)
	g.wantEnd(movedEnd)
	f.wait("its end", func() bool { return f.lanes().Open == 0 })
	if d := time.Since(begin); d < lingerTimeout/2 {
		t.Errorf("closed after %v", d)
	}
}

// TestRefuse: a server that is about to end moves what waits, and takes no lane.
func TestRefuse(t *testing.T) {
	f := start(t, nil)
	f.registry.pause.Store(true)
	flying, waiting := f.open(), f.open()
	flying.write(command(create(muxID(1))))
	f.wait("the first one", func() bool { return len(f.registry.got()) == 1 })
	waiting.write(command(create(muxID(2))))
	f.wait("the second one", func() bool { return f.lanes().Lanes[1].Busy })
	f.server.Refuse()
	waiting.wantEnd(movedEnd)
	f.registry.goOn()
	flying.wantAnswer(muxID(1))
	flying.wantEnd(movedEnd)
	if _, err := f.dial(); err == nil {
		t.Error("it still listens")
	}
}

// TestForget: the lanes of an account that is not served any more are closed.
func TestForget(t *testing.T) {
	f := start(t, nil)
	g := f.open()
	f.server.Forget(f.account)
	g.wantClosed()
	if s := f.server.Snapshot(); len(s.Accounts) != 0 {
		t.Errorf("got %+v", s)
	}
	again := f.open()
	again.write(command(check(muxID(1))))
	again.wantAnswer(muxID(1))
}

// TestClose: with lanes of all kinds.
func TestClose(t *testing.T) {
	f := start(t, nil)
	f.registry.pause.Store(true)
	flying, idle, opening := f.open(), f.open(), f.connect()
	flying.write(command(create(muxID(1))))
	f.wait("the command", func() bool { return len(f.registry.got()) == 1 })
	begin := time.Now()
	f.server.Close()
	if d := time.Since(begin); d > openingTimeout/2 {
		t.Errorf("took %v", d)
	}
	for _, g := range []*guest{flying, idle, opening} {
		g.wantClosed()
	}
	if strings.Contains(f.log.String(), "level=WARN") {
		t.Errorf("the log has\n%s", f.log)
	}
}
