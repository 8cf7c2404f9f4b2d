package pool

import (
	"slices"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
)

const (
	// loginsPerSession and loginsMin bound the attempts to log in within a minute, whatever their
	// cause: registries count and penalise logins, and a session that is lost after each command
	// must not make a storm of them.
	loginsPerSession = 10
	loginsMin        = 20

	// throttleMin and throttleMax bound the time for which nothing is sent to a registry that wants
	// fewer commands. It doubles each time.
	throttleMin = time.Second
	throttleMax = 30 * time.Second

	// surplusIdle is the idle time after which a session above MinSessions ends, where there is no
	// keepalive time to go by.
	surplusIdle = 4 * time.Minute

	// logoutTimeout is the longest wait for a logout's answer.
	logoutTimeout = 5 * time.Second

	// recheck is the time until a session is looked at again that waits for other sessions, not for
	// an instant.
	recheck = time.Second

	// ageJitter is the part of max_age and max_commands by which sessions end earlier, each by its
	// own draw, so that those opened together do not end together.
	ageJitter = 0.1
)

// loginBudget is the limit on attempts to log in.
func loginBudget(sessions int) ratelimit.Limit {
	return ratelimit.Limit{N: max(loginsMin, loginsPerSession*sessions), Per: time.Minute}
}

// nextLogin returns the earliest instant at which the budget of logins admits an attempt. Half of it
// may be used up at once. What is left of the other half is spread over the time until some is free
// again, so that a pool without a session is seconds from one, however long sessions end.
func (p *Pool) nextLogin(now time.Duration) time.Duration {
	at := p.logins.Next(now)
	if left := p.logins.Limit().N - p.logins.Used(now); p.scarce(now) && left > 0 {
		if frees := p.logins.Frees(now); frees != ratelimit.Never {
			at = max(at, p.triedAt+(frees-now)/time.Duration(left+1))
		}
	}
	return at
}

// size opens a session where one is missing: below MinSessions, in the place of the outgoing one,
// or for a waiting exchange that the limits admit and no idle session can take. It opens one at a
// time, but for lanes, within the ceiling, and not before back-off ends.
func (p *Pool) size(now time.Duration) {
	for p.opening < p.atOnce() && p.count() < p.cfg.MaxSessions && p.wanted(now) && p.open(now) {
	}
}

// count returns the number of sessions of the role, in any state.
func (p *Pool) count() int { return len(p.sessions) - p.apart }

// open opens a session, and reports whether it did. Otherwise it sets wake to when it may.
func (p *Pool) open(now time.Duration) bool {
	if now >= p.raiseAt {
		p.raiseCeiling(now)
	}
	if p.count() >= p.ceiling {
		p.wakeAt(p.raiseAt)
		return false
	}
	if p.taken(now) >= p.ceiling {
		p.nextTry = p.ghosts[0]
		p.wakeAt(p.nextTry)
		return false
	}
	s := &Session{ID: p.lastID + 1, lane: p.cfg.Relay, state: SessionDialing, since: now, deadline: never,
		answeredAt: never, honestAt: never, buckets: p.limits.buckets(ScopeSession), rules: p.limits.rules}
	set, at := p.admits(s, frame.CommandLogin, frame.OpNone, now)
	if at = max(at, p.openAt()); !s.lane {
		at = max(at, p.nextLogin(now))
	}
	if at > now {
		if p.nextTry = at; at == never { // for the ledger
			p.nextTry = 0
		}
		p.wakeAt(at)
		return false
	}
	p.nextTry = 0
	p.lastID++
	if p.triedAt = now; !s.lane {
		p.logins.Take(now)
		s.charges = append(s.charges, charge{p.logins, 1})
	}
	p.charge(s, set, need{}, now)
	p.sessions = append(p.sessions, s)
	p.opening++
	p.do(Action{Do: DoOpen, Session: s})
	return true
}

// wanted reports whether one more session would be of use.
func (p *Pool) wanted(now time.Duration) bool {
	if p.halted() {
		return false
	}
	if p.cfg.Relay {
		return p.wantsLane(now)
	}
	if p.draining {
		return p.live == 0 && p.Queued() > 0 && now < p.drainBy
	}
	if p.outgoing != nil && !p.replaced() || p.live < p.cfg.MinSessions && p.warm(now) {
		return true
	}
	if now < p.throttledUntil {
		return false
	}
	if x := p.queue.again.head; x != nil && p.live == len(p.idle) && !p.loggedInSince(x.lostAt) {
		return true
	}
	if p.blame.risky[standingSuspect].waiting.n > 0 && p.affords(standingSuspect, now) { // for a second session
		return true
	}
	for _, l := range p.queue.rows {
		if l.heap.Len() == 0 || !p.affords(l.standing, now) {
			continue
		}
		at := p.limits.registry.next(l.set, p.needOf(l), now)
		if at <= now {
			return true
		}
		p.wakeAt(at)
	}
	return false
}

// jittered returns a duration from d to 1.5 d.
func (p *Pool) jittered(d time.Duration) time.Duration {
	return d + time.Duration(p.cfg.Rand.Float64()*float64(d)/2)
}

// shortened returns n less a random part of it, at most ageJitter.
func (p *Pool) shortened(n float64) float64 { return n * (1 - ageJitter*p.cfg.Rand.Float64()) }

// Opened says that s has logged in; of a lane, that the owner takes commands on it.
func (p *Pool) Opened(s *Session, now time.Duration) {
	p.release(s, now)
	if !s.apart {
		p.opening--
		p.downSince, p.refused = -1, false
		s.beside = p.live > 0
		p.own.opened(p.triedAt)
	}
	begun := s.since
	s.opened, s.loggedInAt, s.cause = now, now, CauseNone
	s.verify = p.pollLost && p.pollsMean
	p.allot(s)
	p.rest(s, now)
	if begun < p.offers.since { // others may have come into force behind its greeting
		p.outdateServices(s, now)
	}
	p.relieve(now)
	if now >= p.cutAt() && s.state != SessionClosing {
		p.cutOff(s, p.endCause())
	}
	p.dispatch(now)
	p.checkDone(now)
}

// allot draws after how many commands and at which age s is to be replaced. It leaves the age alone
// where s expires for another cause.
func (p *Pool) allot(s *Session) {
	s.most = 0
	if p.cfg.MaxCommands > 0 {
		s.most = max(1, int(p.shortened(0.95*float64(p.cfg.MaxCommands))))
	}
	if s.outdated != CauseNone && s.outdated != CauseAge {
		return
	}
	s.expires, s.outdated = never, CauseAge
	if p.cfg.MaxAge > 0 {
		s.expires = s.opened + time.Duration(p.shortened(float64(p.cfg.MaxAge)))
	}
}

// rest makes s idle, which has nothing in flight. It ends s where it is worn and may go, and where
// it is of a registry that was left.
func (p *Pool) rest(s *Session, now time.Duration) {
	if s.ofOld() {
		p.depart(s, now)
		return
	}
	s.state, s.since = SessionIdle, now
	p.live++
	if s.lane { // the last one used is used next, so that those that nobody needs stay idle
		p.idle = slices.Insert(p.idle, 0, s)
	} else {
		p.idle = append(p.idle, s)
	}
	p.judgeCodes(s, now)
	p.idleDeadline(s, now)
	switch why := p.worn(s, now); {
	case why == CauseNone:
	case why == CauseCount && s.commands >= p.cfg.MaxCommands:
		p.Poison(s, CauseCount) // no logout has been admitted in time
	default:
		p.retireWorn(s, why, now)
	}
}

// idleDeadline sets when the idle session s must be looked at.
func (p *Pool) idleDeadline(s *Session, now time.Duration) {
	if s.deadline = min(s.expires, s.since+p.idleTime()); p.worn(s, now) != CauseNone {
		// It waits to be replaced.
		s.deadline = now + recheck
	}
	if s.askAt > 0 {
		s.askAt = max(s.askAt, now+1) // a command may have come first, where the process had been stopped
		s.deadline = min(s.deadline, s.askAt)
	}
	p.wakeAt(s.deadline)
}

// idleTime is how long a session may be idle before something is done about it.
func (p *Pool) idleTime() time.Duration {
	switch {
	case p.cfg.Relay:
		return laneIdle
	case p.cfg.Keepalive > 0:
		return p.cfg.Keepalive
	}
	return surplusIdle
}

// due acts on a session that has reached its deadline.
func (p *Pool) due(s *Session, now time.Duration) {
	switch s.state {
	case SessionBusy:
		if s.recording {
			p.recordLate(s, now)
			return
		}
		if s.doubted != nil && now < s.since+p.cfg.CommandTimeout {
			p.undoubt(s, now)
			s.deadline = s.since + p.cfg.CommandTimeout
			return
		}
		p.haunt(s, CauseCommandTimeout)
	case SessionDraining:
		if s.inFlight == NothingInFlight { // its logout waits for a limit
			p.depart(s, now)
			return
		}
		p.haunt(s, s.cause)
	case SessionIdle:
		if s.askAt > 0 && p.askIdle(s, now) {
			return
		}
		p.idleDue(s, now)
	}
}

// idleDue retires an idle session that has reached its deadline, has it send a keepalive, or sets
// its next deadline.
func (p *Pool) idleDue(s *Session, now time.Duration) {
	idle := now >= s.since+p.idleTime()
	s.deadline = now + recheck // unless something better is found
	switch why := p.worn(s, now); {
	case p.suspension.on: // it waits to log out
	case p.draining && p.Queued() == 0:
		p.retire(s, CauseShutdown, now)
	case why != CauseNone && p.retireWorn(s, why, now):
	case idle && p.live > p.cfg.MinSessions && p.Queued() == 0 && (p.outgoing == nil || p.outgoing == s):
		p.retire(s, CauseIdle, now)
	case idle && p.cfg.Keepalive > 0:
		p.keepalive(s, now)
	case why != CauseNone: // it waits to be replaced
	case idle:
		s.deadline = min(s.expires, now+p.idleTime())
	default:
		p.idleDeadline(s, now)
	}
}

// keepalive has the idle session s send a keepalive, as soon as the limits admit one.
func (p *Pool) keepalive(s *Session, now time.Duration) {
	op := frame.OpNone
	if p.cfg.KeepaliveCommand == frame.CommandPoll {
		op = frame.OpReq
	}
	set, at := p.admits(s, p.cfg.KeepaliveCommand, op, now)
	if at > now {
		s.deadline = min(at, now+recheck)
		return
	}
	p.take(slices.Index(p.idle, s))
	if p.cfg.KeepaliveCommand == frame.CommandPoll {
		p.ping(s, PollInFlight, set, now)
	} else {
		p.ping(s, HelloInFlight, set, now)
	}
}

// ping has s, which is not among the idle ones, write a message of our own, which the rules of set
// count.
func (p *Pool) ping(s *Session, what InFlight, set ruleSet, now time.Duration) {
	p.occupy(s, set, need{}, now)
	s.inFlight = what
	p.do(Action{Do: DoKeepalive, Session: s})
}

// Probe has every idle session show by a keepalive that it is alive. Without a keepalive it
// replaces them. The shell calls it when time may have passed that its clock did not count, as when
// the host slept.
func (p *Pool) Probe(now time.Duration) {
	for i := len(p.idle) - 1; i >= 0 && !p.suspension.on; i-- {
		if s := p.idle[i]; p.cfg.Keepalive > 0 {
			s.since = now - p.cfg.Keepalive // it stays due where a limit holds it now
			p.keepalive(s, now)
		} else {
			p.retire(s, CauseIdle, now)
		}
	}
	p.dispatch(now)
}

// retire logs the idle session s out for the given cause. While the limits do not admit a logout, s
// stays idle, and its deadline is when to call retire again. Past the deadline of a drain, or of a
// suspension, nothing is written any more: s is closed. So it is at once where no logout is admitted
// before, and where s is a lane.
func (p *Pool) retire(s *Session, cause Cause, now time.Duration) {
	set, at := p.admits(s, frame.CommandLogout, frame.OpNone, now)
	if cut := p.cutAt(); s.lane || now >= cut || at >= cut && at != never {
		p.cutOff(s, cause)
		return
	}
	if at > now {
		s.deadline = min(at, now+recheck)
		p.wakeAt(s.deadline)
		return
	}
	p.uncount(s)
	s.state, s.cause = SessionDraining, cause
	p.logOut(s, set, now)
}

// logOut has s, which is draining, write a logout, which the rules of set count and admit.
func (p *Pool) logOut(s *Session, set ruleSet, now time.Duration) {
	p.charge(s, set, need{}, now)
	s.since, s.deadline = now, now+min(logoutTimeout, p.cfg.CommandTimeout)
	p.wakeAt(s.deadline)
	s.inFlight = LogoutInFlight
	p.do(Action{Do: DoLogout, Session: s})
}

// shrink retires idle sessions above MaxSessions, which was lowered.
func (p *Pool) shrink(now time.Duration) {
	for i := len(p.idle) - 1; i >= 0 && p.live+p.opening > p.cfg.MaxSessions; i-- {
		p.retire(p.idle[i], CauseChanged, now)
	}
}

// endRefused ends the waiting exchanges once a refused login leaves no session to carry them.
func (p *Pool) endRefused(now time.Duration) {
	if p.hopeless() {
		p.endQueue(CauseLoginRefused, now)
	}
}

// hopeless reports whether nothing that waits can be sent, since the registry refuses the login.
func (p *Pool) hopeless() bool { return p.refused && p.live == 0 && !p.suspension.on }

// endQueue ends all waiting exchanges for the given cause.
func (p *Pool) endQueue(cause Cause, now time.Duration) {
	for x := p.queue.any(); x != nil; x = p.queue.any() {
		p.giveUp(x, cause, now)
	}
}

// Used returns the part of a registry-scope rule that is in use, from 0 to 1; 0 for rules of other
// scopes.
func (p *Pool) Used(rule int, now time.Duration) float64 {
	if rule >= len(p.limits.registry) || p.limits.registry[rule] == nil {
		return 0
	}
	b := p.limits.registry[rule]
	return float64(b.Used(now)) / float64(b.Limit().N)
}
