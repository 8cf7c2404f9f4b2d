package pool

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
)

// Ledger is what a Pool must remember beyond its process. Its instants are times since 1970 by the
// wall clock; 0: none. It holds no commands and no clients, so neither limits of client scope.
type Ledger struct {
	At     time.Duration // when it was written
	Clean  bool          // it was the end: nothing was sent behind it
	Short  bool          `json:",omitempty"` // Rules tell of windows up to keptFrom too
	Open   int           // sessions that the registry may count
	Rules  []LedgerRule  // of registry scope
	Logins ratelimit.Page

	// Ghosts are until when slots of sessions that have ended count as taken, and Lag how long the registry
	// counts such a session, as learned; see own.
	Ghosts []time.Duration `json:",omitempty"`
	Lag    time.Duration   `json:",omitempty"`

	Ceiling   int           // as the registry's answers 2502 have lowered MaxSessions; 0: they have not
	RaiseAt   time.Duration // when it may grow
	Refused   time.Duration // until when no login is tried, since the last one was refused
	Throttled time.Duration // until when the registry wants no commands

	lost bool
}

// LedgerRule is a Rule of registry scope and what it has counted.
type LedgerRule struct {
	Name     string
	Shadow   bool     `json:",omitempty"`
	Commands []string // "poll:ack", or "poll" for poll with any op
	Unit     Unit     `json:",omitempty"`
	Page     ratelimit.Page
}

// LostLedger stands for one that was kept and cannot be read. What it has counted is as much as can
// be.
func LostLedger() *Ledger { return &Ledger{lost: true} }

// Validate returns an error about the first thing that no Pool would have written, or nil.
func (l *Ledger) Validate() error {
	if l.At <= 0 || l.Open < 0 || l.Ceiling < 0 || min(l.RaiseAt, l.Refused, l.Throttled, l.Lag) < 0 {
		return errors.New("ledger: a number is below 0")
	}
	if len(l.Rules) > MaxRules {
		return fmt.Errorf("ledger: %d rules, at most %d", len(l.Rules), MaxRules)
	}
	for i := range l.Rules {
		if err := l.Rules[i].Page.Validate(); err != nil {
			return fmt.Errorf("ledger: rule %d: %w", i, err)
		}
	}
	if err := l.Logins.Validate(); err != nil {
		return fmt.Errorf("ledger: logins: %w", err)
	}
	return nil
}

// WriteDown returns what is to be kept for a DoKeep: how things are now, and the use that it reserves.
// wall is the wall clock at now. The caller owns it, and calls Kept.
func (p *Pool) WriteDown(now, wall time.Duration) *Ledger {
	k := &p.keeping
	k.clean = k.until > 0
	l := p.Ledger(now, wall)
	if l.Clean = k.clean; k.clean {
		l.Open = min(l.Open+p.abandoned, p.cfg.MaxSessions)
		l.Short = true
		p.eachPage(l, func(b *ratelimit.Bucket, page *ratelimit.Page) { *page = b.Page(now, wall) })
		return l
	}
	open := 0
	p.eachPage(l, func(b *ratelimit.Bucket, page *ratelimit.Page) {
		if slices.Contains(k.buckets, b) {
			*page = b.Write(now, wall, keepSettle)
			open += page.Open
		}
	})
	if open > 0 {
		k.settle = now + keepSettle
	}
	l.Open = min(l.Open+l.Logins.Open, p.cfg.MaxSessions)
	return l
}

// eachPage calls f for each bucket that l has a page of.
func (p *Pool) eachPage(l *Ledger, f func(*ratelimit.Bucket, *ratelimit.Page)) {
	j := 0
	for _, b := range p.limits.registry {
		if b != nil {
			f(b, &l.Rules[j].Page)
			j++
		}
	}
	f(p.logins, &l.Logins)
}

// Ledger returns how things are now, with nothing reserved: for an account that is left.
func (p *Pool) Ledger(now, wall time.Duration) *Ledger {
	off := wall - now
	l := &Ledger{At: wall, Open: p.count(), Lag: p.own.lag, Logins: p.logins.Page(now, wall)}
	if p.taken(now) > len(p.sessions) {
		for _, at := range p.ghosts {
			l.Ghosts = append(l.Ghosts, at+off)
		}
	}
	for i, b := range p.limits.registry {
		if b == nil {
			continue
		}
		r := &p.limits.rules[i]
		page := ratelimit.Page{Limit: r.Limit}
		if r.Limit.Per > keptFrom {
			page = b.Page(now, wall)
		}
		l.Rules = append(l.Rules, LedgerRule{Name: r.Name, Shadow: r.Shadow, Commands: r.Commands.names(),
			Unit: r.Unit, Page: page})
	}
	if p.ceiling < p.cfg.MaxSessions {
		l.Ceiling, l.RaiseAt = p.ceiling, min(p.raiseAt, now+ceilingBackoff*3/2)+off
	}
	if p.refused && p.nextOpen > now {
		l.Refused = p.nextOpen + off
	}
	if p.throttledUntil > now {
		l.Throttled = p.throttledUntil + off
	}
	return l
}

// Adopt has the pool count what a ledger says beside what it has counted itself; nil: nothing was
// ever kept. It is for the ledger of an account that a reload has gone to; Resume is for one that
// begins. wall is the wall clock at now.
func (p *Pool) Adopt(l *Ledger, now, wall time.Duration) {
	p.adopt(l, now, wall)
	p.keeping.ticket++ // what is being written is of the other ledger
	p.keeping.writing, p.keeping.broken, p.keeping.again = false, false, 0
	for _, b := range p.keeping.buckets {
		b.Ration()
	}
	p.keepSoon()
	p.Advance(now)
}

func (p *Pool) adopt(l *Ledger, now, wall time.Duration) {
	switch {
	case l == nil:
	case l.lost:
		for _, b := range p.limits.registry {
			if b != nil {
				b.Fill(now)
			}
		}
		p.logins.Fill(now)
	default:
		// The clocks of two hosts differ. By a clock that is not ahead of the other one nothing is longer
		// ago than it was; and nothing is less long ago than it was when l was written.
		wall = max(l.At, wall-p.cfg.Skew)
		p.adoptUse(l, now, wall)
		p.adoptRest(l, now, wall)
	}
}

// adoptUse counts what was used of limits, and of the budget of logins.
func (p *Pool) adoptUse(l *Ledger, now, wall time.Duration) {
	last := now // when the registry may have counted a command of that process last
	if l.Clean {
		last = now + l.At - wall
	}
	var rules []Rule
	var buckets bucketSet
	for i := range l.Rules {
		r := &l.Rules[i]
		b := ratelimit.TakeUp(r.Page, now, wall, 0)
		if r.Page.Limit.Per <= keptFrom && !(l.Clean && l.Short) {
			b.Fill(last)
		}
		buckets = append(buckets, b)
		rules = append(rules, Rule{Name: r.Name, Limit: r.Page.Limit, Commands: commandsNamed(r.Commands),
			Unit: r.Unit, Shadow: r.Shadow})
	}
	carry(p.limits.registry, p.limits.rules, buckets, rules, now)
	p.logins.Inherit(now, ratelimit.TakeUp(l.Logins, now, wall, 0))
}

// adoptRest takes over what the registry has said. Each instant is bounded by what a registry's
// answer could have made it, since the wall clock may have been set.
func (p *Pool) adoptRest(l *Ledger, now, wall time.Duration) {
	here := func(at, most time.Duration) time.Duration { return now + min(max(at-wall, 0), most) }
	if l.Ceiling > 0 && l.Ceiling < p.ceiling {
		p.ceiling, p.raiseAt = l.Ceiling, here(l.RaiseAt, ceilingBackoff*3/2)
	}
	if l.Refused > wall {
		p.refused, p.failures = true, max(p.failures, 1)
		p.nextOpen = max(p.nextOpen, here(l.Refused, refusedBackoff*3/2))
	}
	if l.Throttled > wall {
		p.throttledUntil, p.throttle = max(p.throttledUntil, here(l.Throttled, throttleMax)), throttleMin
		p.wakeAt(p.throttledUntil)
	}
	// Sessions of a process that did not end cleanly may still be counted. One login is tried at
	// once all the same: most registries have seen their ends.
	p.own.lag = min(l.Lag, lagMax)
	for _, at := range l.Ghosts {
		p.ghosts = append(p.ghosts, here(at, lagMax))
	}
	ghosts := min(l.Open, p.ceiling)
	if !l.Clean {
		ghosts--
	}
	for range ghosts {
		p.ghosts = append(p.ghosts, now+max(ghostLife, p.own.lag))
	}
	slices.Sort(p.ghosts)
	p.ghosts = p.ghosts[max(0, len(p.ghosts)-p.ceiling):]
}

// names returns the set as a LedgerRule has it.
func (s *CommandSet) names() []string {
	var names []string
	for c := frame.CommandNone + 1; int(c) < frame.NumCommands; c++ {
		var ops []string
		for o := frame.OpNone; o <= frame.OpOther; o++ {
			if s.Has(c, o) {
				ops = append(ops, c.String()+":"+o.String())
			}
		}
		if len(ops) == int(frame.OpOther)+1 {
			ops = []string{c.String()}
		}
		names = append(names, ops...)
	}
	return names
}

// commandsNamed returns the set of those names. Names that it does not know are no commands.
func commandsNamed(names []string) CommandSet {
	return Commands(func(c frame.Command, o frame.Op) bool {
		return slices.Contains(names, c.String()) || slices.Contains(names, c.String()+":"+o.String())
	})
}
