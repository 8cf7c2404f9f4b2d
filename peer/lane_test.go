package peer

import (
	"net"
	"strings"
	"testing"
	"time"

	"eppmux/upstream"
	"eppmux/upstream/lane"
)

// TestLane: commands go to the registry as they are, with their id, and the answers come back as they
// are.
func TestLane(t *testing.T) {
	f := start(t, nil)
	g := f.open()
	for i := range 5 {
		payload := check(muxID(i))
		g.write(command(payload))
		g.wantAnswer(muxID(i))
		if got := f.registry.got(); len(got) != i+1 || got[i] != payload {
			t.Fatalf("the registry got %q, want %q last", got, payload)
		}
	}
	s := f.lanes()
	if s.Open != 1 || s.Accepted != 1 || s.Answered != 5 || len(s.Lanes) != 1 || s.Lanes[0].Host != "b" || s.Lanes[0].Commands != 5 || s.Lanes[0].Busy || s.Name != "test" {
		t.Errorf("got %+v", s)
	}
	if w := g.w; w.Version != lane.Version || w.Cluster != "prod" || w.Host != "a" || w.Term != testTerm || w.Wall == 0 || w.Program != "test" {
		t.Errorf("got %+v", w)
	}
}

// TestCutAnywhere: a command comes in two pieces, cut at every octet.
func TestCutAnywhere(t *testing.T) {
	f := start(t, nil)
	g := f.open()
	all := command(check(muxID(1)))
	for at := 1; at < len(all); at++ {
		g.write(all[:at])
		g.write(all[at:])
		g.wantAnswer(muxID(1))
	}
}

// TestOctetByOctet: a command comes one octet at a time, each in a record of its own.
func TestOctetByOctet(t *testing.T) {
	f := start(t, nil)
	g := f.open()
	for range 3 {
		for _, b := range command(check(muxID(1))) {
			g.write([]byte{b})
		}
		g.wantAnswer(muxID(1))
	}
}

// TestAhead: octets behind a command, before its answer, end the lane, and the command is cancelled.
func TestAhead(t *testing.T) {
	for name, more := range map[string]func(g *guest){
		"in one write":  func(g *guest) { g.write(append(command(check(muxID(1))), 0)) },
		"one octet":     func(g *guest) { g.write(command(check(muxID(1)))); g.write([]byte{0}) },
		"a second one":  func(g *guest) { g.write(append(command(check(muxID(1))), command(check(muxID(2)))...)) },
		"when it waits": func(g *guest) { g.write(command(check(muxID(1)))); g.write(command(check(muxID(2)))) },
	} {
		f := start(t, nil)
		f.registry.pause.Store(true)
		g := f.open()
		more(g)
		g.wantClosed()
		f.wait("its end", func() bool { s := f.lanes(); return s.Open == 0 && s.Closes[closedFrame] == 1 })
		good := f.open()
		f.registry.goOn()
		good.write(command(check(muxID(3))))
		good.wantAnswer(muxID(3))
		if got := f.registry.got(); strings.Contains(got[len(got)-1], muxID(2)) {
			t.Errorf("%s: the registry got %q", name, got)
		}
	}
}

// TestGarbage: what is no command for a registry ends its lane, and no other one.
func TestGarbage(t *testing.T) {
	f := start(t, func(c *Config, _ *upstream.Config) { c.MaxFrame = 4096 })
	good := f.open()
	login := strings.ReplaceAll(check(muxID(1)), "check>", "x>")
	author := lane.AppendAuthor(nil, &anAuthor)
	for name, octets := range map[string][]byte{
		"short length":      {0, 0, 0, 4},
		"long author":       {0, 1, 0, 0},
		"command first":     append(unit(check(muxID(1))), unit(check(muxID(1)))...),
		"no author":         append(lane.AppendEnd(nil, lane.End{}), unit(check(muxID(1)))...),
		"author without id": append(lane.AppendAuthor(nil, &lane.Author{}), unit(check(muxID(1)))...),
		"two authors":       append(append(author, author...), 0)[:2*len(author)],
		"short command":     append(author[:len(author):len(author)], 0, 0, 0, 1),
		"long command":      append(author[:len(author):len(author)], 0, 1, 0, 0),
		"no XML":            command("hello"),
		"hello":             command(eppOpen + "<hello/></epp>"),
		"login":             command(eppOpen + "<command><login><clID>a</clID><pw>secret</pw></login></command></epp>"),
		"logout":            command(eppOpen + "<command><logout/></command></epp>"),
		"an answer":         command(eppOpen + `<response><result code="1000"><msg>ok</msg></result><trID><svTRID>1</svTRID></trID></response></epp>`),
		"cut XML":           command(login[:len(login)-3]),
	} {
		g := f.open()
		g.write(octets)
		if p, err := g.tryRead(); err == nil {
			t.Errorf("%s: got %q, want the end", name, p)
		}
	}
	if got := f.registry.got(); len(got) != 0 {
		t.Errorf("the registry got %q", got)
	}
	if log := f.log.String(); strings.Contains(log, "secret") {
		t.Errorf("the log has\n%s", log)
	}
	// Octets that are no record of TLS.
	g := f.open()
	_, _ = g.conn.NetConn().Write([]byte("this is no record"))
	g.wantClosed()
	good.write(command(check(muxID(4))))
	good.wantAnswer(muxID(4))
	f.wait("their ends", func() bool { s := f.lanes(); return s.Open == 1 && s.Closes[closedTLS] == 1 })
}

// TestFollowerGone: the command of a follower that has gone is cancelled: while it waits nothing of it is
// sent; in flight its answer is read and goes to nobody.
func TestFollowerGone(t *testing.T) {
	f := start(t, nil)
	f.registry.pause.Store(true)
	first, second, third := f.open(), f.open(), f.open()
	first.write(command(create(muxID(1))))
	f.wait("the first one", func() bool { return len(f.registry.got()) == 1 })
	second.write(command(create(muxID(2))))
	third.write(command(create(muxID(3))))
	f.wait("the others", func() bool {
		busy := 0
		for _, l := range f.lanes().Lanes {
			if l.Busy {
				busy++
			}
		}
		return busy == 3
	})
	first.conn.Close()
	_ = second.conn.NetConn().(*net.TCPConn).SetLinger(0)
	second.conn.NetConn().Close()
	f.wait("their ends", func() bool { return f.lanes().Open == 1 })
	f.registry.goOn()
	third.wantAnswer(muxID(3))
	if got := f.registry.got(); len(got) != 2 || !strings.Contains(got[1], muxID(3)) {
		t.Errorf("the registry got %q", got)
	}
	if s := f.lanes(); s.Cancelled != 2 || s.Closes[closedByFollower] != 2 {
		t.Errorf("got %+v", s)
	}
}

// TestHalfOpen: a follower that sends a command and its end at once waits for no answer; nothing of it is
// sent.
func TestHalfOpen(t *testing.T) {
	f := start(t, nil)
	g := f.open()
	f.loop.Post(func() { time.Sleep(50 * time.Millisecond) }) // so that both are there
	g.write(command(create(muxID(1))))
	if err := g.conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	g.wantClosed()
	if got := f.registry.got(); len(got) != 0 {
		t.Errorf("the registry got %q", got)
	}
}

// TestEnds: a command that ends without an answer ends as its fate and cause say.
func TestEnds(t *testing.T) {
	f := start(t, func(_ *Config, uc *upstream.Config) {
		uc.Pool.QueueTimeout, uc.Pool.CommandTimeout = time.Second, 3*time.Second
	})
	f.registry.pause.Store(true)
	first, second := f.open(), f.open()
	first.write(command(create(muxID(1))))
	f.wait("the first one", func() bool { return len(f.registry.got()) == 1 })
	second.write(command(create(muxID(2))))
	second.wantEnd(lane.End{Fate: lane.FateNotSent, Cause: "queue_timeout"})
	first.wantEnd(lane.End{Fate: lane.FateUnknown, Cause: "command_timeout"})
	if s := f.lanes(); s.NotSent != 1 || s.Unknown != 1 || s.Open != 2 {
		t.Errorf("got %+v", s)
	}
	f.registry.goOn()
	f.wait("an answer on the same lane", func() bool { // a session must be opened anew before
		second.write(command(check(muxID(3))))
		return !lane.Marked(second.read())
	})
}

// TestNewGreeting: each new greeting goes to all lanes.
func TestNewGreeting(t *testing.T) {
	f := start(t, nil)
	first, second := f.open(), f.open()
	const other = "<another greeting>"
	f.ask(func() bool {
		for _, d := range f.server.desks {
			d.greeted([]byte(other))
		}
		return true
	})
	for _, g := range []*guest{first, second} {
		if got := string(g.read()); got != other {
			t.Errorf("got %q", got)
		}
	}
}

// TestSlow: a command that is not whole in time ends its lane.
func TestSlow(t *testing.T) {
	f := start(t, nil)
	g := f.open()
	g.write(command(check(muxID(1)))[:20])
	f.wait("the octets", func() bool {
		return f.ask(func() bool {
			for _, d := range f.server.desks {
				return d.lanes.in != nil
			}
			return false
		})
	})
	f.ask(func() bool {
		for _, d := range f.server.desks {
			d.lanes.due(f.account.Now() + unitTimeout - time.Second)
			d.lanes.due(f.account.Now() + unitTimeout)
		}
		return true
	})
	g.wantClosed()
	if s := f.lanes(); s.Closes[closedSlow] != 1 {
		t.Errorf("got %+v", s)
	}
}

// TestStalledReader: a follower that sends commands and reads no answer ends its lane. What waits for it
// is bounded meanwhile, and others go on.
func TestStalledReader(t *testing.T) {
	f := start(t, nil)
	good := f.open()
	g := f.open()
	f.registry.more.Store(1 << 20)
	most := 0
	for i := range 100 {
		_ = g.conn.SetWriteDeadline(time.Now().Add(time.Second))
		if _, err := g.conn.Write(command(check(muxID(i)))); err != nil {
			break
		}
		f.wait("the answer", func() bool {
			s := f.lanes()
			f.ask(func() bool {
				for _, d := range f.server.desks {
					d.each(func(l *openLane) { most = max(most, l.socket.Unsent()) })
				}
				return true
			})
			return s.Open == 1 || s.Answered == uint64(i+1)
		})
		if f.lanes().Open == 1 {
			break
		}
	}
	f.registry.more.Store(0)
	if s := f.lanes(); s.Open != 1 || s.Closes[closedFrame] != 1 {
		t.Errorf("got %+v, want one lane ended", s)
	}
	if most > 2<<20 {
		t.Errorf("%d octets waited for it", most)
	}
	good.write(command(check(muxID(4))))
	good.wantAnswer(muxID(4))
}

// TestStalledOnce: a follower that reads none of one answer ends its lane after stallTimeout; one that
// reads slowly does not.
func TestStalledOnce(t *testing.T) {
	f := start(t, func(_ *Config, uc *upstream.Config) { uc.MaxResponse = 32 << 20 })
	g := f.open()
	f.registry.more.Store(16 << 20)
	g.write(command(check(muxID(1))))
	f.wait("the answer", func() bool { return f.lanes().Answered == 1 })
	due := func(at time.Duration) bool {
		return f.ask(func() bool {
			for _, d := range f.server.desks {
				if d.lanes != nil {
					d.lanes.due(d.lanes.stalled + at)
				}
				return d.lanes != nil && d.lanes.stalled > 0
			}
			return false
		})
	}
	if !due(stallTimeout - 1) {
		t.Fatal("it has ended before its time, or nothing waited")
	}
	got := 0
	for range 64 {
		n, err := g.conn.Read(g.buf)
		if got += n; err != nil {
			t.Fatal(err)
		}
	}
	f.wait("some of it to be taken", func() bool {
		return f.ask(func() bool {
			for _, d := range f.server.desks {
				return d.lanes.socket.Unsent() < d.lanes.backlog
			}
			return false
		})
	})
	if !due(stallTimeout) {
		t.Fatalf("it has ended though it reads; got %d octets", got)
	}
	f.ask(func() bool {
		for _, d := range f.server.desks {
			d.lanes.backlog = d.lanes.socket.Unsent() // nothing is read any more
		}
		return true
	})
	if due(stallTimeout) {
		t.Error("it goes on")
	}
	if s := f.lanes(); s.Closes[closedNotReading] != 1 {
		t.Errorf("got %+v", s)
	}
}
