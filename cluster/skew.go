package cluster

import (
	"log/slog"
	"math"
	"slices"
	"time"
)

// interval is what is known of a difference of two clocks: it is not below lo and not above hi.
type interval struct{ lo, hi time.Duration }

// unknown is nothing at all.
var unknown = interval{math.MinInt64, math.MaxInt64}

func (i interval) known() bool { return i.lo != math.MinInt64 && i.hi != math.MaxInt64 }

// skew returns what a changed record says of its host's wall clock, less ours. The host read it when it
// wrote: after the reading before, which did not show the change, was asked for, and before this one was
// answered. The request may have been under way for as long as requests may take.
func (m *machine) skew(wall int64, before, now Instant) interval {
	w := time.Duration(wall) * time.Millisecond
	gap := now.Boot - before.Boot // by the clock that nobody sets
	return interval{lo: w - now.Wall, hi: w - now.Wall + gap + requestTime(m.cfg.TTL) + time.Millisecond}
}

// requestTime is the longest that a request of the engine may take.
func requestTime(ttl time.Duration) time.Duration { return ttl / 5 }

// compare finds out whose wall clock is the odd one out. It takes three to tell.
func (m *machine) compare(now Instant) {
	clocks := make(map[*member]interval)
	lows, highs := []time.Duration{0}, []time.Duration{0} // ours
	for _, o := range m.members {
		// A request may be late once: what two changes in a row say is certain.
		i := interval{min(o.skews[0].lo, o.skews[1].lo), max(o.skews[0].hi, o.skews[1].hi)}
		if o.host != m.cfg.Host && o.clear && m.alive(o, now) && o.skews[0].known() && o.skews[1].known() {
			clocks[o] = i
			lows, highs = append(lows, i.lo), append(highs, i.hi)
		}
	}
	slices.Sort(lows)
	slices.Sort(highs)
	n := len(lows)
	lo, hi := lows[(n-1)/2]-m.cfg.MaxSkew, highs[n/2]+m.cfg.MaxSkew
	off := func(i interval) bool { return n > 2 && (i.lo > hi || i.hi < lo) }
	apart := false
	if n == 2 {
		for _, i := range clocks {
			apart = i.lo > m.cfg.MaxSkew || i.hi < -m.cfg.MaxSkew
		}
	}
	for _, o := range m.members {
		i, known := clocks[o]
		o.odd = o.host != m.cfg.Host && (known && off(i) || o.odd && n <= 2 && (!known || apart))
	}
	// Two cannot tell who is wrong, but whom three have found to be wrong is not right by that.
	m.setOdd(off(interval{}) || m.odd && n <= 2 && (apart || n == 1 && m.company(now)), n > 1, now)
	if apart && !m.apart && !m.odd {
		m.say(slog.LevelWarn, "the wall clocks of the two members differ; one of them is wrong")
	}
	m.apart = apart
}

// company reports whether another member is alive.
func (m *machine) company(now Instant) bool {
	for _, o := range m.members {
		if o.host != m.cfg.Host && o.clear && m.alive(o, now) {
			return true
		}
	}
	return false
}

// setOdd is told whether this host's clock is the odd one out, and whether there is another to compare it
// with.
func (m *machine) setOdd(odd, compared bool, now Instant) {
	if odd != m.odd {
		m.self.at = min(m.self.at, now.Boot)
	}
	switch {
	case odd && !m.odd:
		m.say(slog.LevelError, "the wall clock of this host differs from those of the other members; it owns nothing")
	case !odd && m.odd && compared:
		m.say(slog.LevelInfo, "the wall clock of this host agrees with those of the other members again")
	case !odd && m.odd:
		m.say(slog.LevelWarn,
			"the wall clock of this host may be wrong, and no other member is left to compare it with")
	}
	m.odd = odd
}

// writer is what is known of the clock by which a ledger was written.
type writer struct {
	behind time.Duration // by how much it was behind ours, at most
	at     Instant       // when that was so; zero: nothing is known
}

// clock notes by how much the clock of the host that wrote the record is behind ours. It wrote before now, so
// it is not by more than the record is old, by the two clocks. A record that was there when this host looked
// first says nothing: it may be of last night. Of its own the host knows more, also where the lease was lost
// before the record was seen: the ledger went with it all the same.
func (m *machine) clock(a *account, now Instant) {
	own := a.find(a.rec)
	switch {
	case !a.clear:
		return
	case own != nil:
		a.writer = own.clock
	case !a.read:
		a.writer = writer{at: now}
	default:
		a.writer = writer{max(0, now.Wall-time.Duration(a.lease.Wall)*time.Millisecond), now}
	}
}

// skew is by how much our clock is ahead of the one by which the ledger was written, at most, as far as that
// is known. Ours may have been set since. The clock that nobody sets tells by how much, and may itself run
// wrong by a tenth, as span has it: by that much of the time since, less may seem to have been set.
func (w writer) skew(now Instant) time.Duration {
	if w.at == (Instant{}) {
		return 0
	}
	since := now.Boot - w.at.Boot
	set := now.Wall - w.at.Wall - since
	return max(0, w.behind+max(0, set)+since/10)
}
