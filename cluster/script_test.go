package cluster

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// script plays one machine by hand. Its clocks stand still but for pass.
type script struct {
	t   *testing.T
	m   *machine
	at  Instant
	all []action // that were not looked at
	// loads are readings that were not answered.
	loads []action
}

const scriptTTL = 15 * time.Second

func (s *script) Boot() time.Duration { return s.at.Boot }
func (s *script) Wall() time.Duration { return s.at.Wall }

func newScript(t *testing.T) *script {
	s := &script{t: t, at: Instant{time.Hour, 500000 * time.Hour}}
	s.m = newMachine(machineConfig{Host: "a", Instance: "a-1", Peer: "a:1", TTL: scriptTTL, MaxSkew: 5 * time.Second,
		YieldAfter: time.Minute, Yield: 30 * time.Second, Clocks: s})
	s.m.join(Account{Key: "0123456789abcdef", Name: "example"}, s.at)
	s.m.start(s.at)
	return s
}

func (s *script) pass(d time.Duration) {
	s.at.Boot += d
	s.at.Wall += d
	s.m.advance(s.at)
}

func (s *script) collect() {
	for a, ok := s.m.next(); ok; a, ok = s.m.next() {
		if a.do == doLoad {
			s.loads = append(s.loads, a)
		} else {
			s.all = append(s.all, a)
		}
	}
}

// take returns the next action of a kind, and drops those before it.
func (s *script) take(kind do) action {
	s.t.Helper()
	s.collect()
	for i, a := range s.all {
		if a.do == kind {
			s.all = s.all[i+1:]
			return a
		}
	}
	s.t.Fatalf("there is no action %d", kind)
	return action{}
}

// none holds that there is no action of a kind, and drops the others.
func (s *script) none(kind do) {
	s.t.Helper()
	s.collect()
	for _, a := range s.all {
		if a.do == kind {
			s.t.Fatalf("there is %+v", a)
		}
	}
	s.all = nil
}

const scriptKey = "0123456789abcdef"

// round answers the readings that are asked for: with the lease, and members besides.
func (s *script) round(lease []byte, members map[string][]byte) {
	s.t.Helper()
	leases := map[string][]byte{}
	if lease != nil {
		leases[scriptKey] = lease
	}
	s.answer(leases, members) // those that are older
	s.m.pollAt = s.at.Boot
	s.m.advance(s.at)
	s.answer(leases, members)
}

func (s *script) answer(leases, members map[string][]byte) {
	s.collect()
	loads := s.loads
	s.loads = nil
	for _, a := range loads {
		s.m.loaded(a.id, map[Table]map[string][]byte{Leases: leases, Members: members}[a.table], nil, s.at)
	}
}

// watch reads the same for a while, in steps.
func (s *script) watch(lease []byte, members map[string][]byte, d time.Duration) {
	s.t.Helper()
	for ; d > 0; d -= time.Second {
		s.round(lease, members)
		s.at.Boot += time.Second
		s.at.Wall += time.Second
	}
	s.m.advance(s.at)
}

// lease returns the next Swap of Leases.
func (s *script) swap(t Table) action {
	s.t.Helper()
	for {
		if a := s.take(doSwap); a.record.Table == t {
			return a
		}
	}
}

// own makes the machine the owner, with a ledger.
func (s *script) own(ledger []byte) (rec []byte) {
	s.t.Helper()
	s.watch(nil, nil, 15*time.Second)
	a := s.swap(Leases)
	s.m.swapped(a.id, true, nil, nil, s.at)
	s.m.got(s.take(doGet).id, ledger, nil, s.at)
	s.take(doOwn)
	return a.record.Value
}

func TestRenewalInDoubt(t *testing.T) {
	s := newScript(t)
	rec := s.own(nil)
	a := s.m.accounts[scriptKey]
	s.pass(5 * time.Second)
	asked := s.at
	first := s.swap(Leases)
	s.pass(3 * time.Second)
	s.m.swapped(first.id, false, nil, errSim, s.at)
	if want := asked.Boot - 5*time.Second; a.base.Boot != want {
		t.Errorf("no answer moves the fence: %v, want %v", a.base.Boot, want)
	}
	s.pass(time.Second)
	second := s.swap(Leases)
	if !bytes.Equal(second.old, rec) {
		t.Errorf("the second goes from %s", second.old)
	}
	s.m.swapped(second.id, false, first.record.Value, nil, s.at)
	if a.base != asked {
		t.Errorf("fence from %v, want %v: before the request that was done", a.base, asked)
	}
	s.none(doLose)
}

func TestAcquisitionInDoubt(t *testing.T) {
	for _, tt := range []struct {
		name string
		late time.Duration // when it is seen, behind the request
		won  bool
	}{{"in time", 4 * time.Second, true}, {"behind the fence", 13500 * time.Millisecond, false}} {
		s := newScript(t)
		s.watch(nil, nil, 15*time.Second)
		asked := s.at
		first := s.swap(Leases)
		s.at.Boot += tt.late
		s.at.Wall += tt.late
		s.m.swapped(first.id, false, nil, errSim, s.at)
		s.round(first.record.Value, nil)
		if a := s.m.accounts[scriptKey]; (a.state == stateReading) != tt.won || tt.won && a.base != asked {
			t.Errorf("%s: state %d, fence from %v, want %v", tt.name, a.state, a.base, asked)
		}
	}
}

func TestRecordGoesBack(t *testing.T) {
	s := newScript(t)
	rec := s.own([]byte("kept"))
	s.pass(5 * time.Second)
	s.m.swapped(s.swap(Leases).id, true, nil, nil, s.at)
	for _, is := range [][]byte{rec, nil} {
		s.round(is, nil)
		a := s.swap(Leases)
		if !bytes.Equal(a.old, is) || len(a.with) != 1 || string(a.with[0].Value) != "kept" {
			t.Errorf("after %s: %+v", is, a)
		}
		s.m.swapped(a.id, true, nil, nil, s.at)
	}
	s.none(doLose)
}

func TestAnotherOwner(t *testing.T) {
	s := newScript(t)
	s.own(nil)
	fence := s.m.accounts[scriptKey].fence
	s.round(write(Lease{Version: 1, Host: "b", Instance: "b-1", Peer: "b:1", Term: 9, Beat: 1}), nil)
	s.take(doLose)
	if o := s.take(doFollow).owner; o != (Owner{"b", "b:1", 9}) || !fence.Passed() {
		t.Errorf("follow %+v, fence passed: %v", o, fence.Passed())
	}
}

func TestPausedMachineLoses(t *testing.T) {
	s := newScript(t)
	s.own(nil)
	fence := s.m.accounts[scriptKey].fence
	s.at.Wall += 14 * time.Second
	if !fence.Passed() {
		t.Error("the fence has not passed")
	}
	s.m.advance(s.at)
	s.take(doLose)
}

func TestRecordThatCannotBeRead(t *testing.T) {
	s := newScript(t)
	said := 0
	for _, rec := range []string{"{", `{"v":0}`, `{"v":1,"owner":"b"}`} {
		s.watch([]byte(rec), nil, 14*time.Second)
		s.collect()
		for _, a := range s.all {
			if a.do == doSay && strings.Contains(a.text, "cannot be read") {
				said++
			}
			if a.do == doSwap && a.record.Table == Leases {
				t.Errorf("%s is taken", rec)
			}
		}
		s.all = nil
	}
	if said != 1 {
		t.Errorf("said %d times", said)
	}
	s.watch([]byte(`{"v":1,"owner":"b"}`), nil, 2*time.Second)
	if a := s.swap(Leases); string(a.old) != `{"v":1,"owner":"b"}` {
		t.Errorf("taken from %s", a.old)
	}
}

func TestLaterVersion(t *testing.T) {
	s := newScript(t)
	s.round([]byte(`{"v":2,"owner":"b","instance":"b-1","peer":"b:1","term":4,"beat":1,"what":{"is":"new"}}`), nil)
	if o := s.take(doFollow).owner; o != (Owner{"b", "b:1", 4}) {
		t.Errorf("follow %+v", o)
	}
}

func TestKeepsGoTogether(t *testing.T) {
	s := newScript(t)
	s.own(nil)
	keep := func(n uint64) { s.m.keep(scriptKey, 1, fmt.Append(nil, n), n, s.at) }
	keep(1)
	first := s.swap(Leases)
	keep(2)
	keep(3)
	s.none(doSwap)
	s.m.swapped(first.id, true, nil, nil, s.at)
	if a := s.take(doKept); a.ticket != 1 || !a.ok {
		t.Errorf("answer %+v", a)
	}
	second := s.swap(Leases)
	if string(second.with[0].Value) != "3" {
		t.Errorf("kept %s", second.with[0].Value)
	}
	// No answer: told once it has waited for too long, and not taken back.
	s.m.swapped(second.id, false, nil, errSim, s.at)
	s.none(doKept)
	s.pass(5 * time.Second)
	third := s.take(doKept)
	if fourth := s.take(doKept); third.ok || fourth.ok || third.ticket != 2 || fourth.ticket != 3 {
		t.Errorf("answers %+v, %+v", third, fourth)
	}
	s.round(second.record.Value, nil)
	s.none(doKept)
	s.m.keep(scriptKey, 7, nil, 9, s.at)
	if a := s.take(doKept); a.ok || a.ticket != 9 {
		t.Errorf("of another term: %+v", a)
	}
}

// card is a member's record.
func (s *script) card(host string, beat uint64, off time.Duration) []byte {
	return write(Member{Version: 1, Host: host, Instance: host + "-1", Beat: beat, Wall: millis(s.at.Wall + off),
		Accounts: short(scriptKey)})
}

func TestOddClock(t *testing.T) {
	for _, tt := range []struct {
		b, c time.Duration
		odd  string // hosts
	}{
		{0, 0, ""}, {time.Hour, 0, "b"}, {time.Hour, time.Hour, "a"}, {-time.Hour, 0, "b"}, {4 * time.Second, 0, ""},
		{-30 * time.Second, -30 * time.Second, "a"},
	} {
		s := newScript(t)
		for beat := range uint64(12) {
			s.round(nil, map[string][]byte{"b": s.card("b", beat/2, tt.b), "c": s.card("c", beat/2, tt.c)})
			s.at.Boot += 2500 * time.Millisecond
			s.at.Wall += 2500 * time.Millisecond
		}
		odd := ""
		if s.m.odd {
			odd = "a"
		}
		for _, host := range []string{"b", "c"} {
			if s.m.members[host].odd {
				odd += host
			}
		}
		if odd != tt.odd {
			t.Errorf("off by %v and %v: odd %q, want %q; %v", tt.b, tt.c, odd, tt.odd, s.m.members["b"].skews)
		}
	}
}

// TestOddClockStays: whom three have found to be wrong is so for two as well, until their clocks agree, and
// where the other one begins anew. Alone it takes part again: nobody else does.
func TestOddClockStays(t *testing.T) {
	for _, tt := range []struct {
		name string
		at   time.Duration // by how much the host that stays is off
		odd  string        // with three
		then func(s *script, beat uint64) map[string][]byte
		want string
	}{
		{"self", time.Hour, "a", func(s *script, beat uint64) map[string][]byte {
			return map[string][]byte{"b": s.card("b", beat, time.Hour)}
		}, "a"},
		{"self, and the other restarts", time.Hour, "a", func(s *script, beat uint64) map[string][]byte {
			return map[string][]byte{"b": bytes.ReplaceAll(s.card("b", beat, time.Hour), []byte("b-1"), []byte("b-2"))}
		}, "a"},
		{"self, set right", time.Hour, "a", func(s *script, beat uint64) map[string][]byte {
			return map[string][]byte{"b": s.card("b", beat, 0)}
		}, ""},
		{"self, alone", time.Hour, "a", func(s *script, beat uint64) map[string][]byte { return nil }, ""},
		{"other", 0, "b", func(s *script, beat uint64) map[string][]byte {
			return map[string][]byte{"b": s.card("b", beat, time.Hour)}
		}, "b"},
		{"other, set right", 0, "b", func(s *script, beat uint64) map[string][]byte {
			return map[string][]byte{"b": s.card("b", beat, 0)}
		}, ""},
	} {
		s := newScript(t)
		odd := func() (hosts string) {
			if s.m.odd {
				hosts = "a"
			}
			for _, host := range []string{"b", "c"} {
				if o := s.m.members[host]; o != nil && o.odd {
					hosts += host
				}
			}
			return hosts
		}
		play := func(members func(beat uint64) map[string][]byte, begin, want string) {
			for beat := range uint64(12) {
				s.round(nil, members(beat/2))
				s.at.Boot += 2500 * time.Millisecond
				s.at.Wall += 2500 * time.Millisecond
				if got := odd(); got == begin && got != want {
					continue
				} else if got != want {
					t.Errorf("%s: odd %q at beat %d, want %q before %q", tt.name, got, beat, begin, want)
				}
				begin = want
			}
			if odd() != want {
				t.Errorf("%s: odd %q, want %q", tt.name, odd(), want)
			}
		}
		c := tt.at
		play(func(beat uint64) map[string][]byte {
			return map[string][]byte{"b": s.card("b", beat, time.Hour), "c": s.card("c", beat, c)}
		}, "", tt.odd)
		play(func(beat uint64) map[string][]byte { return tt.then(s, beat+100) }, tt.odd, tt.want)
	}
}

func TestTwoClocksOnlyWarn(t *testing.T) {
	s := newScript(t)
	for beat := range uint64(8) {
		s.round(nil, map[string][]byte{"b": s.card("b", beat, time.Hour)})
		s.at.Boot += 2500 * time.Millisecond
		s.at.Wall += 2500 * time.Millisecond
	}
	if s.m.odd || s.m.members["b"].odd || !s.m.apart {
		t.Errorf("odd %v, %v; apart %v", s.m.odd, s.m.members["b"].odd, s.m.apart)
	}
}

func TestStaleMemberIsRemoved(t *testing.T) {
	s := newScript(t)
	b := s.card("b", 1, 0)
	s.round(nil, map[string][]byte{"b": b})
	own := s.swap(Members)
	s.m.swapped(own.id, true, nil, nil, s.at)
	members := map[string][]byte{"a": own.record.Value, "b": b}
	for range 160 {
		s.round(nil, members)
		s.at.Boot += time.Second
		s.at.Wall += time.Second
		s.collect()
		swaps := s.all
		s.all = nil
		for _, a := range swaps {
			switch {
			case a.do == doSwap && a.record.Table == Members && a.record.Key == "b":
				if a.record.Value != nil || !bytes.Equal(a.old, b) || s.at.Boot < time.Hour+10*scriptTTL {
					t.Errorf("at %v: %+v", s.at.Boot, a)
				}
				return
			case a.do == doSwap:
				s.m.swapped(a.id, true, nil, nil, s.at)
				if a.record.Table == Members {
					members["a"] = a.record.Value
				}
			}
		}
	}
	t.Error("it is not removed")
}

func TestStandings(t *testing.T) {
	// A host that goes moves its own accounts only, and each of five has a fair share.
	share := make(map[string]int)
	for i := range 1000 {
		key := AccountKey(fmt.Sprint("registry", i), "client")
		if len(key) != 16 {
			t.Fatalf("key %q", key)
		}
		best := ""
		for _, host := range []string{"a", "b", "c", "d", "e"} {
			if best == "" || rendezvous(key, host) > rendezvous(key, best) {
				best = host
			}
		}
		share[best]++
	}
	for host, n := range share {
		if n < 150 || n > 250 {
			t.Errorf("%s has %d of 1000", host, n)
		}
	}
	s := newScript(t)
	s.round(nil, map[string][]byte{"b": s.card("b", 1, 0), "c": s.card("c", 1, 0)})
	a := s.m.accounts[scriptKey]
	a.Prefer = []string{"c", "b"}
	if got := s.m.rank(a, s.at); got != 2 {
		t.Errorf("rank %d behind two that are preferred", got)
	}
	s.m.members["c"].Unfit = map[string]int64{scriptKey: millis(s.at.Wall) + 1}
	if got := s.m.successor(a, "", s.at); got.host != "b" {
		t.Errorf("successor %s, want b: c is unfit", got.host)
	}
	s.m.members["b"].Leaving = true
	if got := s.m.successor(a, "", s.at); got != nil {
		t.Errorf("successor %s of none", got.host)
	}
}

// TestIdleCluster counts what an idle cluster asks of its engine.
func TestIdleCluster(t *testing.T) {
	s := newSim(1, scriptTTL, 3, 100)
	for _, h := range s.hosts {
		h.clocks.rate = 1
		h.boot()
	}
	s.play(5 * time.Minute) // the best hosts have got their accounts
	s.store.asks = 0
	s.keeps = 0
	s.play(7 * time.Minute)
	rate := float64(s.store.asks) / 120
	t.Logf("%.1f requests a second", rate)
	if s.check(); s.failed != "" || rate > 100 {
		t.Errorf("%.1f requests a second, want 100 at most; %s", rate, s.failed)
	}
}

func BenchmarkFence(b *testing.B) {
	f := NewFence(SystemClocks)
	f.Set(Now(SystemClocks), time.Hour)
	for b.Loop() {
		if f.Passed() {
			b.Fatal("it has passed")
		}
	}
}

// BenchmarkPoll is one round of readings of 100 accounts and 3 members, of which nothing has changed.
func BenchmarkPoll(b *testing.B) {
	at := Instant{time.Hour, 500000 * time.Hour}
	m := newMachine(machineConfig{Host: "a", Instance: "a-1", TTL: scriptTTL, MaxSkew: time.Second,
		Clocks: SystemClocks})
	leases, members := make(map[string][]byte), make(map[string][]byte)
	for i := range 100 {
		key := AccountKey(fmt.Sprint(i), "")
		m.join(Account{Key: key}, at)
		leases[key] = write(Lease{Version: 1, Host: "b", Instance: "b-1", Term: 1})
	}
	m.start(at)
	for b.Loop() {
		at.Boot += 2 * time.Second
		m.pollAt = at.Boot
		m.watchAll(at.Boot)
		m.advance(at)
		for a, ok := m.next(); ok; a, ok = m.next() {
			if a.do == doLoad {
				m.loaded(a.id, map[Table]map[string][]byte{Leases: leases, Members: members}[a.table], nil, at)
			}
		}
	}
}

// watchAll has every record be one that has just changed.
func (m *machine) watchAll(at time.Duration) {
	for _, a := range m.accounts {
		a.watch = at
	}
}
