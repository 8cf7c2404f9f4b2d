package upstream

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/upstream/lane"
	"eppmux/upstream/pool"
)

// cutting is a lane that ends behind so many octets of one direction.
type cutting struct {
	net.Conn
	out, in int // octets that still pass; below 0: all
}

func (c *cutting) Write(p []byte) (int, error) {
	if c.out < 0 {
		return c.Conn.Write(p)
	}
	n := min(len(p), c.out)
	c.out -= n
	if n > 0 {
		c.Conn.Write(p[:n])
	}
	if c.out == 0 {
		c.Conn.Close()
		return n, net.ErrClosed
	}
	return n, nil
}

func (c *cutting) Read(p []byte) (int, error) {
	if c.in < 0 {
		return c.Conn.Read(p)
	}
	if c.in == 0 {
		c.Conn.Close()
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Read(p[:min(len(p), c.in)])
	c.in -= n
	return n, err
}

// TestLaneCut: wherever a lane is cut, in either direction, a transform reaches the registry once at the
// most, its client is told what holds, and a query is answered.
func TestLaneCut(t *testing.T) {
	step := 1
	if raceEnabled { // each octet takes two accounts
		step = 29
	}
	for _, tt := range []struct {
		name    string
		command func(string) string
		query   bool
	}{{"transform", deleteCommand, false}, {"query", checkCommand, true}} {
		for _, way := range []string{"out", "in"} {
			t.Run(tt.name+" "+way, func(t *testing.T) {
				t.Parallel()
				ends := make(map[pool.End]int)
				for at, whole := 0, false; !whole; at += step {
					if at > 2000 {
						t.Fatal("no end")
					}
					inShop(t, patient, func(s *shop) {
						c := &cutting{out: -1, in: -1}
						s.doors.cut = func(nc net.Conn) net.Conn {
							if c.Conn = nc; way == "out" {
								c.out = at
							} else {
								c.in = at
							}
							return c
						}
						s.lead()
						a := s.b.ask(tt.command("<clTRID>C</clTRID>"))
						time.Sleep(time.Minute)
						e := a.end()
						ends[e.End]++
						switch n := s.reg.count("C"); {
						case e.End == pool.EndNotSent, e.End == pool.EndAnswered && n == 0, !tt.query && n > 1, n > 2,
							tt.query && e.End != pool.EndAnswered,
							e.End == pool.EndAnswered && !strings.Contains(e.Answer, "<clTRID>C</clTRID>"):
							t.Errorf("cut at %d: got %+v, %d times at the registry", at, e, n)
						}
						whole = s.doors.dials == 1 && e.End == pool.EndAnswered && s.b.shot().Lanes.Closed == [pool.NumCauses]uint64{}
					})
				}
				if ends[pool.EndAnswered] == 0 || !tt.query && ends[pool.EndUnknown] == 0 {
					t.Errorf("got ends %v", ends)
				}
			})
		}
	}
}

// TestLaneFates: each word of the owner ends the command in its way, and the lane goes on but for "moved".
func TestLaneFates(t *testing.T) {
	for _, tt := range []struct {
		end   lane.End
		want  pool.End
		cause pool.Cause
	}{
		{lane.End{Fate: lane.FateNotSent, Cause: "queue_timeout"}, pool.EndNotSent, pool.CauseQueueTimeout},
		{lane.End{Fate: lane.FateNotSent, Cause: "of a later version"}, pool.EndNotSent, pool.CauseRegistryClosed},
		{lane.End{Fate: lane.FateUnknown, Cause: "command_timeout"}, pool.EndUnknown, pool.CauseCommandTimeout},
		{lane.End{Fate: lane.FateMoved}, pool.EndAnswered, pool.CauseNone},
	} {
		t.Run(fmt.Sprint(tt.end), func(t *testing.T) {
			inShop(t, patient, func(s *shop) {
				said := 0
				s.doors.strange = func(k *door, _ []byte) bool {
					if said++; said == 1 {
						k.send(lane.AppendEnd(nil, tt.end))
					}
					return said == 1
				}
				s.lead()
				a := s.b.ask(deleteCommand("<clTRID>C</clTRID>"))
				time.Sleep(time.Minute)
				if e := a.end(); e.End != tt.want || e.Cause != tt.cause {
					t.Errorf("got %+v", e)
				}
				want := uint64(0)
				if tt.end.Fate == lane.FateMoved {
					want = 1
				}
				if got := s.b.shot().Lanes.Closed[pool.CauseMoved]; got != want {
					t.Errorf("%d lanes ended since the account moved, want %d", got, want)
				}
				if e := s.b.ask(checkCommand("")).end(); e.End != pool.EndAnswered {
					t.Errorf("the next one: got %+v", e)
				}
			})
		})
	}
}

// TestLaneMovedID: what comes back as moved goes to the next owner under another id. The registry may have
// seen the one before, where it rejected the command and that waited to be sent again.
func TestLaneMovedID(t *testing.T) {
	inShop(t, patient, func(s *shop) {
		var ids []string
		s.doors.strange = func(k *door, payload []byte) bool {
			ids = append(ids, clTRIDForm.FindStringSubmatch(string(payload))[1])
			if len(ids) == 1 {
				k.send(lane.AppendEnd(nil, lane.End{Fate: lane.FateMoved}))
			}
			return len(ids) == 1
		}
		s.lead()
		a := s.b.ask(deleteCommand("<clTRID>C</clTRID>"))
		time.Sleep(time.Minute)
		if a.end(); len(ids) != 2 || ids[0] == ids[1] {
			t.Errorf("got ids %v", ids)
		}
	})
}

// TestLaneOutOfStep: octets that are not the answer end the lane. The command behind which they came is
// unknown, unless its answer had come before them.
func TestLaneOutOfStep(t *testing.T) {
	answer := func(payload []byte) []byte {
		return unitOf(response(1000, clTRIDForm.FindStringSubmatch(string(payload))[1]))
	}
	for name, tt := range map[string]struct {
		says  func(payload []byte) []byte
		want  pool.End
		cause pool.Cause
	}{
		"another's answer":         {func([]byte) []byte { return unitOf(response(1000, foreignID)) }, pool.EndUnknown, pool.CauseMismatch},
		"no EPP":                   {func([]byte) []byte { return unitOf("<html/>") }, pool.EndUnknown, pool.CauseFrame},
		"a marked unit of no kind": {func([]byte) []byte { return unitOf("\x03xyz") }, pool.EndUnknown, pool.CauseFrame},
		"a length out of bounds":   {func([]byte) []byte { return []byte{0, 0, 0, 1, 0} }, pool.EndUnknown, pool.CauseFrame},
		"a second answer":          {func(p []byte) []byte { return append(answer(p), answer(p)...) }, pool.EndAnswered, pool.CauseUnasked},
		"an end behind the answer": {func(p []byte) []byte { return lane.AppendEnd(answer(p), lane.End{}) }, pool.EndAnswered, pool.CauseUnasked},
		"an answer behind the end": {func(p []byte) []byte {
			return append(lane.AppendEnd(nil, lane.End{Fate: lane.FateUnknown, Cause: "frame"}), answer(p)...)
		}, pool.EndUnknown, pool.CauseUnasked},
		"a command":                 {func([]byte) []byte { return unitOf(checkCommand("")) }, pool.EndUnknown, pool.CauseMismatch},
		"garbage behind a greeting": {func([]byte) []byte { return append(unitOf(epp(testGreeting)), 0, 0, 0, 1) }, pool.EndUnknown, pool.CauseFrame},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, patient, func(s *shop) {
				said := 0
				s.doors.strange = func(k *door, payload []byte) bool {
					if said++; said == 1 {
						k.send(tt.says(payload))
					}
					return said == 1
				}
				s.lead()
				a := s.b.ask(deleteCommand("<clTRID>C</clTRID>"))
				next := s.b.ask(deleteCommand("<clTRID>next</clTRID>"))
				time.Sleep(time.Minute)
				if e := a.end(); e.End != tt.want {
					t.Errorf("got %+v", e)
				}
				if e := next.end(); e.End != pool.EndAnswered || s.reg.count("next") != 1 {
					t.Errorf("the next one: got %+v, %d times at the registry", e, s.reg.count("next"))
				}
				if got := s.b.shot(); got.Lanes.Closed[tt.cause] != 1 || got.Lanes.Desync[tt.cause] != 1 || got.Desync != [pool.NumCauses]uint64{} {
					t.Errorf("got lanes %+v", got.Lanes)
				}
			})
		})
	}
}

// TestLaneUnasked: what comes while nothing is in flight ends the lane, unless it is a greeting.
func TestLaneUnasked(t *testing.T) {
	inShop(t, patient, func(s *shop) {
		s.lead()
		say := func(octets []byte) {
			s.on(func() { s.doors.all[0].send(octets) })
			synctest.Wait()
		}
		newer := strings.Replace(epp(testGreeting), "2020", "2024", 1)
		unit := unitOf(newer)
		say(unit[:7])
		say(append(unit[7:len(unit):len(unit)], unit...))
		if got := s.b.shot().Lanes; got.Closed != [pool.NumCauses]uint64{} {
			t.Errorf("got lanes %+v behind greetings", got)
		}
		s.b.on(func() {
			if got := string(s.b.account.Greeting()); got != newer {
				t.Errorf("got greeting %s", got)
			}
		})
		if e := s.b.ask(checkCommand("")).end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
		say(unitOf(response(1000, "x")))
		if got := s.b.shot().Lanes; got.Desync[pool.CauseUnasked] != 1 {
			t.Errorf("got lanes %+v", got)
		}
	})
}

// TestLaneMovedIdle: the owner's last word on a lane, behind an answer or while nothing is in flight, ends it
// without a fault.
func TestLaneMovedIdle(t *testing.T) {
	inShop(t, patient, func(s *shop) {
		s.doors.strange = func(k *door, p []byte) bool {
			k.send(lane.AppendEnd(unitOf(response(1000, clTRIDForm.FindStringSubmatch(string(p))[1])), lane.End{Fate: lane.FateMoved}))
			return true
		}
		s.lead()
		s.on(func() { s.doors.all[0].send(lane.AppendEnd(nil, lane.End{Fate: lane.FateMoved, Cause: "moved"})) })
		time.Sleep(time.Minute)
		a, next := s.b.ask(deleteCommand("")), s.b.ask(deleteCommand(""))
		time.Sleep(time.Minute)
		for _, c := range []*asker{a, next} {
			if e := c.end(); e.End != pool.EndAnswered {
				t.Errorf("got %+v", e)
			}
		}
		got := s.b.shot().Lanes
		if got.Closed[pool.CauseMoved] != 3 || got.Desync != [pool.NumCauses]uint64{} {
			t.Errorf("got lanes %+v", got)
		}
	})
}

// TestLanePart: a unit that has come in part when the next command is due costs the lane, not the command.
func TestLanePart(t *testing.T) {
	inShop(t, patient, func(s *shop) {
		s.lead()
		s.on(func() { s.doors.all[0].send([]byte{0, 0, 1}) })
		synctest.Wait()
		a := s.b.ask(deleteCommand("<clTRID>C</clTRID>"))
		time.Sleep(time.Minute)
		if e := a.end(); e.End != pool.EndAnswered || s.reg.count("C") != 1 {
			t.Errorf("got %+v, %d times at the registry", e, s.reg.count("C"))
		}
	})
}

// TestTroubleIsOfTheRole: a host that could not reach the owner and takes the account over does not say
// that of the registry.
func TestTroubleIsOfTheRole(t *testing.T) {
	inShop(t, patient, func(s *shop) {
		s.doors.refuse = lane.Welcome{Refused: lane.RefusedBusy}
		s.lead()
		if shot := s.b.shot(); shot.Trouble == "" {
			t.Fatal("no trouble")
		}
		s.b.account.Own(Ownership{Term: s.term + 1})
		if shot := s.b.shot(); shot.Trouble != "" || shot.Cause != pool.CauseNone {
			t.Errorf("an owner has the trouble of a follower: %q, %v", shot.Trouble, shot.Cause)
		}
	})
}

// TestLaneRefused: why is said, with who owns the account as far as that is known; it is tried again.
func TestLaneRefused(t *testing.T) {
	for refused, want := range map[lane.Refusal]string{
		lane.RefusedOwner: `a takes no lane: it does not own the account, but "c" at "c:7070" does`,
		lane.RefusedBusy:  `as many lanes as it takes`,
		"later":           `it says "later"`,
	} {
		inShop(t, patient, func(s *shop) {
			s.doors.refuse = lane.Welcome{Refused: refused, Owner: "c", Peer: "c:7070"}
			s.lead()
			time.Sleep(time.Minute)
			shot := s.b.shot()
			if shot.Lanes.Failed < 2 || shot.Lanes.Failed > 200 || !strings.Contains(shot.Trouble, want) || !strings.Contains(s.b.log.String(), "lane could not be opened") {
				t.Errorf("%s: %d failures, trouble %q", refused, shot.Lanes.Failed, shot.Trouble)
			}
			a := s.b.ask(deleteCommand("<clTRID>C</clTRID>"))
			s.doors.mu.Lock()
			s.doors.refuse = lane.Welcome{}
			s.doors.mu.Unlock()
			time.Sleep(time.Minute)
			if e := a.end(); e.End != pool.EndAnswered {
				t.Errorf("got %+v", e)
			}
		})
	}
}

// TestLaneNoMeaning: an answer that would end a session with a registry, or cast a doubt on it, is an answer
// on a lane, and the lane goes on.
func TestLaneNoMeaning(t *testing.T) {
	for _, code := range []int{1500, 2002, 2200, 2201, 2400, 2500, 2501, 2502} {
		inShop(t, func(c *Config) { patient(c); c.Throttled = []Pattern{{Code: code}} }, func(s *shop) {
			s.doors.strange = func(k *door, payload []byte) bool {
				k.send(unitOf(response(code, clTRIDForm.FindStringSubmatch(string(payload))[1])))
				return true
			}
			s.lead()
			for range 3 {
				if e := s.b.ask(checkCommand("<clTRID>C</clTRID>")).end(); e.End != pool.EndAnswered || e.Code != code {
					t.Errorf("got %+v, want code %d", e, code)
				}
			}
			if got := s.b.shot(); got.Lanes.Closed != [pool.NumCauses]uint64{} || got.Throttled+got.Held > 0 {
				t.Errorf("%d: got %+v", code, got.Lanes)
			}
		})
	}
}

// TestLaneRepeat: a query that the owner has sent twice is not sent again by the follower.
func TestLaneRepeat(t *testing.T) {
	inShop(t, patient, func(s *shop) {
		s.lead()
		s.reg.hold()
		a := s.b.ask(checkCommand("<clTRID>C</clTRID>"))
		for range 2 {
			s.reg.mu.Lock()
			conns := s.reg.conns
			s.reg.mu.Unlock()
			for _, nc := range conns {
				nc.Close()
			}
			time.Sleep(3 * time.Second)
		}
		if e := a.end(); e.End != pool.EndUnknown || s.reg.count("C") != 2 || s.reg.ids[0] == s.reg.ids[1] {
			t.Errorf("got %+v, ids %v at the registry", e, s.reg.ids)
		}
	})
}

// TestLaneGrows: lanes are opened as commands wait, up to the most, and close when they are idle.
func TestLaneGrows(t *testing.T) {
	inShop(t, func(c *Config) { patient(c); c.Pool.MaxSessions = 8 }, func(s *shop) {
		s.lead()
		s.reg.hold()
		var all []*asker
		for range 10 {
			all = append(all, s.b.ask(checkCommand("")))
		}
		if got := s.b.shot().LaneCounts[pool.SessionBusy]; got != 4 {
			t.Errorf("%d lanes are busy, want 4", got)
		}
		s.reg.free()
		time.Sleep(time.Second)
		for _, a := range all {
			a.end()
		}
		infos, err := s.b.account.Sessions()
		if err != nil || len(infos) != 4 || !infos[0].Lane {
			t.Errorf("got %+v, %v", infos, err)
		}
		time.Sleep(5 * time.Minute)
		if got := s.b.shot().LaneCounts[pool.SessionIdle]; got != 1 {
			t.Errorf("%d lanes are left, want 1", got)
		}
	})
}
