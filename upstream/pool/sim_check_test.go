package pool

import (
	"slices"
	"time"

	"eppmux/frame"
)

// check looks at what must hold after every step.
func (w *world) check() {
	w.ghosts = slices.DeleteFunc(w.ghosts, func(until time.Duration) bool { return until <= w.now })
	if n := w.atRegistry(); n+len(w.ghosts) > w.most && w.now > w.disk.killed+ghostLife {
		w.errorf("I6: the registry counts %d sessions and %d that we have closed, at most %d are allowed",
			n, len(w.ghosts), w.most)
	}
	if w.now > w.settled {
		w.most = w.cfg.MaxSessions
	}
	// It may break once, and be refused as not logged in once. While the process is stopped nobody
	// looks.
	if d := w.pool.Oldest(w.now); d > 3*w.cfg.QueueTimeout+2*w.cfg.CommandTimeout+askPatience+w.stopped {
		w.errorf("I15: the oldest has waited %v", d)
	}
	live := 0
	for _, s := range w.pool.sessions {
		if s.state == SessionIdle && s.deadline == never {
			w.errorf("idle session %d is never looked at", s.ID)
		}
		if (s.state == SessionIdle || s.state == SessionBusy) && !s.apart {
			live++
		}
		if k := w.sockets[s]; k != nil && k.old && (s.state == SessionIdle || s.state == SessionDialing && !k.gaveUp) {
			w.errorf("session %d of the registry that was left is %v", s.ID, s.state)
		}
	}
	if live != w.pool.live || len(w.pool.idle) > live {
		w.errorf("counted %d live and %d idle, there are %d", w.pool.live, len(w.pool.idle), live)
	}
	w.checkLimit()
	w.checkLong()
	w.checkLoose()
	w.checkLogins()
	w.checkGates()
	w.checkRoles()
}

// checkGates: each gate that waits for the end of an exchange waits for a suspect that has not ended,
// and wakes the pool where nothing else does. Gates are of the last minutes.
func (w *world) checkGates() {
	b := &w.pool.blame
	held := 0
	for st := range b.risky {
		g := &b.risky[st]
		held += g.waiting.n
		if x := g.trying; x != nil && (w.exchange[x] == nil || x.state == exchangeGated || x.standing != standing(st)) {
			w.errorf("those of standing %d wait for one in state %d, standing %d", st, x.state, x.standing)
		}
	}
	for key, g := range b.gates {
		switch x := g.trying; {
		case x == nil:
		case w.exchange[x] == nil:
			w.errorf("gate %+v waits for an exchange that has ended", key)
		case x.standing != standingSuspect || x.state == exchangeGated && x.gate != &b.risky[standingSuspect] || x.Author.gateKey(key.scope) != key:
			w.errorf("gate %+v waits for an exchange that is no suspect of it: state %d, standing %d", key, x.state, x.standing)
		}
		if g.place.In() != (g.waiting.n > 0 && g.trying == nil) {
			w.errorf("gate %+v: %d wait, tries %v, and it is held: %v", key, g.waiting.n, g.trying != nil, g.place.In())
		}
		if g.until > w.now+gateMax {
			w.errorf("gate %+v is closed for %v", key, g.until-w.now)
		}
		held += g.waiting.n
	}
	if n := w.pool.Queued(); held > n || held != b.waiting() {
		w.errorf("%d wait at gates, of %d; counted %d", held, n, b.waiting())
	}
}

// checkLimit compares the last commands with the first rule, if that is about all of them: I7.
func (w *world) checkLimit() {
	if len(w.cfg.Rules) == 0 || w.cfg.Rules[0].Scope != ScopeRegistry || w.cfg.Rules[0].Name != "" || len(w.seen) < 400 {
		return
	}
	var seen []time.Duration
	for _, at := range w.seen {
		if *at <= w.now {
			seen = append(seen, *at)
		}
	}
	slices.Sort(seen)
	l := w.cfg.Rules[0].Limit
	for i := l.N; i < len(seen); i++ {
		if seen[i]-seen[i-l.N] < l.Per {
			w.errorf("I7: %d commands within %v", l.N+1, seen[i]-seen[i-l.N])
			break
		}
	}
	w.seen = w.seen[len(w.seen)-200:]
}

// checkWrong: of a session that has lost its login, one wrong answer reaches a client at the most, where
// it can be asked; what is held when the registry ends it, nobody can tell. An account that may not poll loses
// few sessions for it, in each process.
func (w *world) checkWrong(e *simExchange, x *Exchange) {
	if most := (5 + 2) * (1 + w.reloads + w.disk.lives); w.mistaken > most || !w.noPolls && w.mistaken > 0 {
		w.errorf("%d sessions were taken for lost ones", w.mistaken)
	}
	k := e.wrongOn
	if k == nil || k.dead || w.faults > 0 || w.noPolls || x.LoginLost() || len(w.cfg.Rules) > 0 || !e.asked || w.draining || k.old ||
		!w.pool.pollsMean {
		return
	}
	w.wrong++
	if k.wrong++; k.wrong > 1 {
		w.errorf("%d wrong answers of a session without a login have reached clients", k.wrong)
	}
}

// checkLogout: a session that we end for no fault of its own is logged out first, unless no limit admits
// that before the end of a drain.
func (w *world) checkLogout(s *Session) {
	k := w.sockets[s]
	if k == nil || k.lane || k.loggedOut || w.draining && w.now >= w.by || w.roles.cut(w.now) {
		return
	}
	if _, at := w.pool.admits(s, frame.CommandLogout, frame.OpNone, w.now); at >= w.pool.cutAt() && at != never {
		return
	}
	if w.roles.suspended && s.Cause() == CauseMoved && !k.old {
		w.errorf("session %d closed for a suspension without a logout", s.ID)
	}
	switch s.Cause() {
	case CauseIdle, CauseAge, CauseShutdown, CausePaused, CauseReconnect, CauseServices, CauseErrors, CauseFailing:
		w.errorf("session %d closed for %v without a logout", s.ID, s.Cause())
	}
}

// checkReplaced: a session that is replaced leaves as many as there are to be, unless
// there was no room for another beside it, or it was at its end.
func (w *world) checkReplaced(s *Session) {
	p := w.pool
	switch {
	case w.draining || w.paused || w.roles.suspended || w.probed == w.now || p.live >= w.cfg.MinSessions ||
		max(w.atRegistry(), p.taken(w.now)) >= min(w.ceiling, p.ceiling, w.cfg.MaxSessions):
	case w.cfg.MaxAge > 0 && w.now-s.opened >= w.cfg.MaxAge, w.cfg.MaxCommands > 0 && s.commands >= w.cfg.MaxCommands-1:
	case slices.Contains([]Cause{CauseAge, CauseCount, CauseServices, CauseErrors, CauseFailing}, s.Cause()):
		w.errorf("session %d went for %v, and left %d of %d", s.ID, s.Cause(), p.live, w.cfg.MinSessions)
	}
}

// checkLogins bounds attempts to log in: I13.
func (w *world) checkLogins() {
	most := w.disk.logins
	if n := len(w.logins); n > most && w.logins[n-1]-w.logins[n-1-most] < time.Minute {
		w.errorf("I13: %d logins within %v", most+1, w.logins[n-1]-w.logins[n-1-most])
		w.logins = nil
	}
}
