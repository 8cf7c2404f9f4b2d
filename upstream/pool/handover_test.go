package pool

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
)

// handover is two hosts that have an account one after the other, and what the registry sees of both. Its
// time is the true one, from which the hosts' clocks differ.
type handover struct {
	t     *testing.T
	rand  *rand.Rand
	spans []span
}

// span is the time from sending a command to its answer, within which the registry counts it.
type span struct{ sent, answered time.Duration }

// host is one of the hosts.
type host struct {
	*desk
	ahead time.Duration // of the desk's clock, of true time
	due   map[*Session]time.Duration
	at    map[*Session]int // index in spans of what is in flight
	keep  time.Duration    // when the writing that is under way ends
}

func (h *handover) host(ahead, wallAhead time.Duration, change func(*Config)) *host {
	cfg := Config{Grant: Grant{MinSessions: 1, MaxSessions: 3}, QueueTimeout: time.Hour, CommandTimeout: time.Minute,
		Rand: rand.New(rand.NewPCG(h.rand.Uint64(), 1)), Ledger: LedgerStrict, Skew: 5 * time.Second}
	change(&cfg)
	d := &desk{Pool: NewSuspended(cfg, ahead), t: h.t, now: ahead, off: wallAhead - ahead}
	return &host{desk: d, ahead: ahead, due: make(map[*Session]time.Duration),
		at: make(map[*Session]int), keep: never}
}

// flood submits commands, more than can be sent.
func (o *host) flood(n int) {
	for range n {
		o.ask(true)
	}
}

// play lets true time pass from now until what comes true, or end.
func (h *handover) play(o *host, now, end time.Duration, until func() bool) time.Duration {
	soon := func() time.Duration { return time.Duration(1+h.rand.IntN(20)) * time.Millisecond }
	for o.now = max(o.now, now+o.ahead); ; {
		t := o.now - o.ahead
		for _, s := range o.opening {
			o.due[s] = t + soon()
		}
		for _, s := range o.leaving {
			o.due[s] = t + soon()
		}
		for _, x := range o.sent {
			o.at[x.session] = len(h.spans)
			h.spans = append(h.spans, span{t, never})
			o.due[x.session] = t + soon()
		}
		if len(o.keeps) > 0 && o.keep == never {
			o.keep = t + soon()
		}
		o.opening, o.leaving, o.sent = nil, nil, nil
		if until() || t >= end {
			return t
		}
		next := min(end, o.Wake()-o.ahead, o.keep)
		for _, at := range o.due {
			next = min(next, at)
		}
		o.now = max(o.now, next+o.ahead)
		o.Advance(o.now)
		o.step()
		if next >= o.keep {
			o.keep = never
			o.kept(true)
		}
		for _, s := range append([]*Session(nil), o.sessions...) {
			if due, ok := o.due[s]; !ok || due > next {
				continue
			}
			delete(o.due, s)
			switch s.state {
			case SessionDialing:
				o.Opened(s, o.now)
			case SessionBusy:
				h.spans[o.at[s]].answered = next
				o.Answered(s, CauseNone, o.now)
			case SessionDraining:
				o.Answered(s, CauseNone, o.now)
			}
			o.step()
		}
	}
}

// use is how many commands the registry may count in the window that ends at t, that one included.
func (h *handover) use(t, per time.Duration) (n int) {
	for _, s := range h.spans {
		if s.sent <= t && s.answered > t-per {
			n++
		}
	}
	return n
}

// TestHandoverWindow: no window of a limit has more over two owners than over one, whatever their clocks
// say, and behind an end in good order the next owner waits no longer than the window does.
func TestHandoverWindow(t *testing.T) {
	const skew = 5 * time.Second
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 0))
		h := &handover{t: t, rand: r}
		limit := []ratelimit.Limit{{N: 100, Per: time.Second}, {N: 10, Per: time.Second}, {N: 30, Per: 2 * time.Second, Burst: 5}, {N: 40, Per: 5 * time.Second}}[r.IntN(4)]
		rule := Rule{Name: "a", Limit: limit, Commands: Commands(func(c frame.Command, _ frame.Op) bool { return c == frame.CommandCheck })}
		use := func(c *Config) { c.Rules, c.Skew = []Rule{rule}, skew }
		clock := func() time.Duration { return time.Duration(r.Int64N(int64(100 * time.Hour))) }
		wallA := time.Duration(r.Int64N(int64(time.Hour)))
		wallB := wallA + []time.Duration{-skew, -skew / 2, 0, skew / 2, skew}[r.IntN(5)]
		a, b := h.host(clock(), wallA, use), h.host(clock(), wallB, use)

		a.flood(400)
		a.Assume(a.cfg, nil, a.now, a.wall())
		a.step()
		now := h.play(a, 0, time.Duration(r.Int64N(int64(3*limit.Per))), func() bool { return false })
		clean := r.IntN(4) > 0
		if clean {
			a.Suspend(a.now+5*time.Second, a.now)
			a.step()
			now = h.play(a, now, now+6*time.Second, func() bool { return a.suspended > 0 })
		} else {
			a.Abandon(a.now)
			a.step()
			for _, s := range a.aborted {
				a.OpenFailed(s, CauseRegistryClosed, a.now)
				a.step()
			}
			for i := range h.spans {
				h.spans[i].answered = min(h.spans[i].answered, now)
			}
		}
		if a.wrote == nil {
			continue // and nothing was sent
		}
		if a.suspended != 1 || a.wrote.Clean != clean {
			t.Fatalf("seed %d: suspended %d times, clean %v", seed, a.suspended, a.wrote.Clean)
		}
		text, _ := json.Marshal(a.wrote)
		l := new(Ledger)
		if err := json.Unmarshal(text, l); err != nil || l.Validate() != nil {
			t.Fatalf("seed %d: %v, %v", seed, err, l.Validate())
		}
		written := l.At - deskWall - wallA
		now += []time.Duration{0, 10 * time.Millisecond, 300 * time.Millisecond, 2 * time.Second}[r.IntN(4)]
		b.flood(400)
		b.now = now + b.ahead
		b.Assume(b.cfg, l, b.now, b.wall())
		b.step()
		first := len(h.spans)
		free := now
		for h.use(free, limit.Per) >= limit.N {
			free += time.Millisecond
		}
		taken := now
		h.play(b, now, now+4*limit.Per, func() bool { return false })
		for _, s := range h.spans {
			if n := h.use(s.sent, limit.Per); n > limit.N {
				t.Fatalf("seed %d: %v, clean %v, clocks differ by %v: %d commands in the window that ends at %v, taken over at %v",
					seed, limit, clean, wallB-wallA, n, s.sent, taken)
			}
		}
		if len(h.spans) == first {
			t.Fatalf("seed %d: the next owner sends nothing", seed)
		}
		// A page knows a 63rd of the window. The time since it was written is not known, but by clocks that
		// may differ. A session is there within two answers, and a writing.
		late := h.spans[first].sent - free
		most := limit.Per/63 + (taken - written) + 100*time.Millisecond
		if clean && limit.Burst == 0 && late > most {
			t.Errorf("seed %d: %v, clocks differ by %v: the first command is %v behind the window, at most %v may be", seed, limit, wallB-wallA, late, most)
		}
	}
}

// TestStrict: where nothing can be written down, nobody logs in, and commands are told why they were not
// sent; once it can be, all goes on.
func TestStrict(t *testing.T) {
	for _, policy := range []LedgerPolicy{LedgerBlock, LedgerStrict} {
		d := newDesk(t, func(c *Config) { c.Ledger = policy })
		x := d.ask(true)
		d.kept(false)
		for d.now < 8*time.Second {
			if d.wait(keepRetry); len(d.keeps) > 0 {
				d.kept(false)
			}
		}
		if opens := len(d.opening) > 0; opens != (policy == LedgerBlock) {
			t.Errorf("policy %d: a session is opened: %v", policy, opens)
		}
		if policy == LedgerBlock {
			continue
		}
		d.wantEnd(x, EndNotSent, CauseLedger)
		y := d.ask(true)
		d.wait(keepRetry)
		d.kept(true)
		d.open()
		d.wantSent(y)
	}
}

// TestSkew: by how much the wall clock is ahead nothing is longer ago, and what was written a moment ago is
// as it was.
func TestSkew(t *testing.T) {
	per := time.Minute
	for _, tt := range []struct {
		wall, skew, free time.Duration // behind the writing
	}{
		{0, 0, 30 * time.Second},
		{10 * time.Second, 0, 20 * time.Second},
		{10 * time.Second, 5 * time.Second, 25 * time.Second},
		{3 * time.Second, 5 * time.Second, 30 * time.Second},
		{-time.Hour, 5 * time.Second, 30 * time.Second},
	} {
		l := &Ledger{At: deskWall, Logins: page(loginBudget(1), 0, 0), Rules: []LedgerRule{{Name: "a", Commands: []string{"check"},
			Page: page(ratelimit.Limit{N: 1, Per: per}, 1, -per/2)}}}
		d := resumeDesk(t, l, tt.wall, func(c *Config) {
			r := only(frame.CommandCheck, 1, per, ScopeRegistry)
			r.Name = "a"
			c.Rules, c.Skew = []Rule{r}, tt.skew
		})
		if got := d.limits.registry[0].Free(d.now) - d.now; got != tt.free {
			t.Errorf("%v behind it, skew %v: free in %v, want %v", tt.wall, tt.skew, got, tt.free)
		}
	}
}
