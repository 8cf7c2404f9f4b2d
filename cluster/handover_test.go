package cluster

import (
	"errors"
	"testing"
	"time"
)

// TestStaleReading: a reading that was asked for before a Swap, and answered behind it, says nothing.
func TestStaleReading(t *testing.T) {
	s := newScript(t)
	before := write(Lease{Version: 1, Host: "b", Instance: "b-1", Term: 1, Beat: 1})
	s.watch(before, nil, 15*time.Second)
	s.m.pollAt = s.at.Boot
	s.m.advance(s.at)
	s.pass(time.Millisecond)
	a := s.swap(Leases)
	s.m.swapped(a.id, true, nil, nil, s.at)
	s.m.got(s.take(doGet).id, nil, nil, s.at)
	s.take(doOwn)
	s.answer(map[string][]byte{scriptKey: before}, nil)
	s.none(doLose)
}

func TestHandoverByHand(t *testing.T) {
	s := newScript(t)
	s.own([]byte("kept"))
	fence := s.m.accounts[scriptKey].fence
	b := map[string][]byte{"b": s.card("b", 1, 0), "c": s.card("c", 1, 0)}
	s.round(s.m.accounts[scriptKey].rec, b)
	if err := s.m.handover(scriptKey, "x", s.at); !errors.Is(err, ErrNoMember) {
		t.Errorf("to nobody: %v", err)
	}
	if err := s.m.handover(scriptKey, "c", s.at); err != nil {
		t.Fatal(err)
	}
	if err := s.m.handover(scriptKey, "c", s.at); !errors.Is(err, ErrNotOwner) {
		t.Errorf("twice: %v", err)
	}
	term := s.take(doYield).tenure.Term
	if fence.Passed() {
		t.Error("the fence has passed while the tenant ends")
	}
	s.m.keep(scriptKey, term, []byte("last"), 1, s.at)
	s.m.yielded(scriptKey, term, s.at)
	if !fence.Passed() {
		t.Error("the fence has not passed behind the end")
	}
	first := s.swap(Leases)
	s.m.swapped(first.id, true, nil, nil, s.at)
	a := s.swap(Leases) // behind the one of the ledger
	l, ok := readLease(a.record.Value)
	if !ok || !l.Released || l.Successor != "c-1" || l.Reason != ReasonHandover || !l.Kept ||
		string(first.with[0].Value) != "last" {
		t.Errorf("released by %s", a.record.Value)
	}
	s.m.swapped(a.id, true, nil, nil, s.at)
	s.take(doOrphan)
	// The successor does not come: after a ttl somebody else may, this host behind the better ones.
	s.watch(a.record.Value, b, 14*time.Second)
	s.none(doSwap)
}

// TestReleasedToOthers: a release that names another host is watched as a loss is.
func TestReleasedToOthers(t *testing.T) {
	for _, tt := range []struct {
		successor string
		known     bool // it was seen before the release
		took      time.Duration
	}{{"a-1", true, 0}, {"a-1", false, scriptTTL}, {"b-2", true, scriptTTL}, {"", true, 0}, {"", false, 0}} {
		s := newScript(t)
		l := Lease{Version: 1, Host: "z", Instance: "z-1", Term: 4, Beat: 1}
		if tt.known {
			s.round(write(l), nil)
		}
		l.Released, l.Successor, l.Beat = true, tt.successor, 2
		begun := s.at.Boot
		for s.m.accounts[scriptKey].asked == 0 && s.at.Boot < begun+time.Minute {
			s.round(write(l), nil)
			s.at.Boot += 500 * time.Millisecond
			s.at.Wall += 500 * time.Millisecond
		}
		if took := s.at.Boot - begun; took < tt.took || took > tt.took+1100*time.Millisecond {
			t.Errorf("%+v: taken after %v", tt, took)
		}
	}
}

func TestYieldThatTakesTooLong(t *testing.T) {
	s := newScript(t)
	s.own(nil)
	b := map[string][]byte{"b": s.card("b", 1, 0)}
	s.round(s.m.accounts[scriptKey].rec, b)
	if err := s.m.handover(scriptKey, "", s.at); err != nil {
		t.Fatal(err)
	}
	term := s.take(doYield).tenure.Term
	lost := false
	for range 7 { // the lease goes on meanwhile
		s.pass(5 * time.Second)
		s.collect()
		all := s.all
		s.all = nil
		for _, a := range all {
			lost = lost || a.do == doLose
			if a.do == doSwap && a.record.Table == Leases {
				s.m.swapped(a.id, true, nil, nil, s.at)
			}
		}
	}
	if !lost {
		t.Error("the tenant goes on")
	}
	s.m.yielded(scriptKey, term, s.at) // too late
	s.none(doYield)
	if a := s.m.accounts[scriptKey]; a.own || a.state == stateOwner || a.state == stateYielding {
		t.Errorf("state %d", a.state)
	}
}
