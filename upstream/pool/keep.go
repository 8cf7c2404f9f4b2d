package pool

import (
	"time"

	"eppmux/ratelimit"
)

// When the Ledger is written: a command that a kept limit counts goes only when its use is written
// down, see ratelimit.Bucket.Ration. One writing is under way at a time.

// LedgerPolicy is what happens to commands that a kept limit counts while their use cannot be
// written down.
type LedgerPolicy uint8

const (
	LedgerNot LedgerPolicy = iota // nothing is kept
	// LedgerWarn: commands go on, after keepTimeout. What was used meanwhile is forgotten in a crash.
	LedgerWarn
	// LedgerBlock: commands wait until it can be written, and end as not sent at their deadline. Logins
	// go on: what no kept limit counts needs sessions too.
	LedgerBlock
	// LedgerStrict: as LedgerBlock, and logins wait as well. Nothing is used that is not written down.
	LedgerStrict
)

const (
	// keepTimeout is how long commands wait for a writing. A healthy disk takes less than a hundredth
	// of it.
	keepTimeout = time.Second
	keepRetry   = time.Second // from a writing that failed to the next one
	// keepSettle is how long behind a use of a limit the ledger is written once more, with nothing
	// reserved where that was the last one: a crash costs nothing then.
	keepSettle = 5 * time.Second

	// keptFrom is the longest period that is not kept, but in the last ledger of one that ends in good
	// order: behind others, who starts waits for that long instead.
	keptFrom = 2 * time.Second
)

// keeping is how a Pool keeps its Ledger. Owned by the Pool.
type keeping struct {
	buckets []*ratelimit.Bucket // those whose use is reserved
	ticket  uint64              // of the last DoKeep
	writing bool                // Kept has not come for it
	since   time.Duration       // when the writing began
	clean   bool                // what is being written says that this is the end
	wanted  bool                // for something else than use
	broken  bool                // the last writing failed, or takes too long
	again   time.Duration       // the earliest instant of the next one, after one that failed
	settle  time.Duration       // when to write again; never: what is kept is how things are
	until   time.Duration       // when the end of a drain waits no longer; 0: it does not wait yet
	closed  bool                // the last one is kept, or given up
}

// keepSoon has the ledger written as soon as the writing before has ended.
func (p *Pool) keepSoon() { p.keeping.wanted = true }

// KeepSoon has the ledger written anew, as when the wall clock was set.
func (p *Pool) KeepSoon(now time.Duration) {
	p.keepSoon()
	p.keep(now)
}

// keep asks for a writing where one is due, and sets wake to when one is.
func (p *Pool) keep(now time.Duration) {
	k := &p.keeping
	switch {
	case p.cfg.Ledger == LedgerNot, k.closed:
	case k.writing && k.broken: // it takes as long as it takes
	case k.writing:
		p.wakeAt(k.since + keepTimeout)
	case now < k.again:
		p.wakeAt(k.again)
	case k.wanted, now >= k.settle, k.want():
		k.ticket++
		k.writing, k.since, k.wanted, k.settle = true, now, false, never
		p.do(Action{Do: DoKeep, Ticket: k.ticket})
		p.wakeAt(now + keepTimeout)
	default:
		p.wakeAt(k.settle)
	}
}

// want reports whether a bucket wants to be written.
func (k *keeping) want() bool {
	for _, b := range k.buckets {
		if b.Wants() {
			return true
		}
	}
	return false
}

// Kept says that the Ledger of a DoKeep with this ticket would outlive the process, or that it could
// not be written. It has no effect when it comes twice, or for another ledger's.
func (p *Pool) Kept(ticket uint64, ok bool, now time.Duration) {
	k := &p.keeping
	if !k.writing || ticket != k.ticket {
		return
	}
	k.writing = false
	if ok {
		k.broken = false
		for _, b := range k.buckets {
			b.Written()
		}
	} else {
		k.wanted, k.again = true, now+keepRetry
		p.keepFails()
	}
	k.closed = k.clean || k.until > 0 && !ok
	p.dispatch(now)
	p.checkDone(now)
}

// Keeps reports whether Kept is still to come for the ticket.
func (p *Pool) Keeps(ticket uint64) bool { return p.keeping.writing && p.keeping.ticket == ticket }

// Keeping reports whether Kept is still to come for the last DoKeep.
func (p *Pool) Keeping() bool { return p.keeping.writing }

// LedgerBroken reports whether the last writing failed, or takes too long.
func (p *Pool) LedgerBroken() bool { return p.keeping.broken }

// keepLate ends the wait for a writing that takes too long.
func (p *Pool) keepLate(now time.Duration) {
	if k := &p.keeping; k.writing && !k.broken && now >= k.since+keepTimeout {
		p.keepFails()
	}
}

// keepFails lets go on without reservations what may.
func (p *Pool) keepFails() {
	p.keeping.broken = true
	if p.cfg.Ledger != LedgerStrict {
		p.logins.Loose()
	}
	if p.cfg.Ledger == LedgerWarn {
		for _, b := range p.keeping.buckets {
			b.Loose()
		}
	}
}

// ration has the use of kept limits reserved from now on, or not, as the config says.
func (p *Pool) ration() {
	k := &p.keeping
	k.buckets = k.buckets[:0]
	if p.cfg.Ledger == LedgerNot {
		for _, b := range p.limits.registry {
			if b != nil {
				b.Loose()
			}
		}
		p.logins.Loose()
		return
	}
	k.buckets = append(k.buckets, p.logins)
	for i, b := range p.limits.registry {
		if r := &p.limits.rules[i]; b != nil && !r.Shadow && r.Limit.Per > keptFrom {
			k.buckets = append(k.buckets, b)
		}
	}
	for _, b := range k.buckets {
		if !b.Rationed() {
			b.Ration()
		}
	}
	if p.keepSoon(); k.broken {
		p.keepFails()
	}
}

// unkept reports whether the only thing that x waits for is a ledger that cannot be written.
func (p *Pool) unkept(x *Exchange) bool {
	return p.keeping.broken && x.state == exchangeQueued && (p.limits.registry.dry(p.limits.shared[x.kind]) ||
		p.live == 0 && p.logins.Dry())
}

// close has nothing written any more, and nothing expected of what is being written.
func (k *keeping) close() {
	if !k.closed {
		k.closed, k.writing, k.ticket = true, false, k.ticket+1
	}
}

// closeLedger has the end of a drain, or a suspension, written, and reports whether that is done or given up.
func (p *Pool) closeLedger(now time.Duration) bool {
	k := &p.keeping
	switch {
	case p.cfg.Ledger == LedgerNot, k.closed:
		return true
	case k.until == 0:
		k.until, k.wanted = now+keepTimeout, true
	case now >= k.until:
		k.closed = true
		return true
	}
	p.keep(now)
	p.wakeAt(k.until)
	return false
}
