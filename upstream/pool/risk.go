package pool

import "time"

// risks reports whether an exchange of that standing may be sent, as far as it may cost a session.
// Otherwise it sets wake to when to ask again.
func (p *Pool) risks(st standing, now time.Duration) bool {
	if !p.affords(st, now) {
		return false
	}
	if st != standingSuspect || min(p.ceiling, p.cfg.MaxSessions) == 1 {
		return true
	}
	rested := 0
	for _, s := range p.idle {
		if s.rests <= now {
			rested++
		} else {
			p.wakeAt(s.rests)
		}
	}
	return rested > 1
}

// lets reports whether x may wait for a session, as far as risks allows to send it. Otherwise it holds x:
// what is not sent for so long must not have slots of its client's limits.
func (p *Pool) lets(x *Exchange, now time.Duration) bool {
	if x.standing == standingKnown {
		return true
	}
	g := &p.blame.risky[x.standing]
	if !p.risks(x.standing, now) {
		g.until = now + recheck
		p.blame.hold(g, x)
		return false
	}
	if g.waiting.n > 0 && g.trying == nil {
		g.trying = x
		p.blame.rewake(g)
	}
	return true
}

// letRisky sets when the first of those that lets holds may go on.
func (p *Pool) letRisky(now time.Duration) {
	for st := range p.blame.risky {
		g := &p.blame.risky[st]
		if g.waiting.n == 0 || g.trying != nil {
			continue
		}
		if p.risks(standing(st), now) {
			g.until = now
		} else if g.until <= now {
			g.until = now + recheck
		}
		p.blame.rewake(g)
	}
}

// affords reports whether the budget of logins allows to send an exchange of that standing: where half
// of it is used up, a fifth by those who are new and by suspects, the rest is for others.
// Otherwise it sets wake to when to ask again.
func (p *Pool) affords(st standing, now time.Duration) bool {
	if st == standingKnown || !p.scarce(now) || p.blame.riskyEnds(now) < p.logins.Limit().N/5 {
		return true
	}
	p.wakeAt(now + recheck)
	return false
}

// scarce reports whether half of the budget of logins is used up.
func (p *Pool) scarce(now time.Duration) bool { return p.logins.Used(now) >= p.logins.Limit().N/2 }

// riskyEnds returns how many sessions ended in the last minute behind commands of suspects, of those who
// had ended others, and of kinds that their connection had had no answer to.
func (b *blame) riskyEnds(now time.Duration) int {
	for len(b.risked) > 0 && b.risked[0] <= now-time.Minute {
		b.risked = b.risked[1:]
	}
	return len(b.risked)
}
