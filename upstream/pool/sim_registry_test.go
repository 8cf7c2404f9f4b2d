package pool

import (
	"slices"
	"time"
)

// The world's registry: what becomes of sockets, and of what is written there.

// simSocket is a connection as both sides know it.
type simSocket struct {
	busy      bool // a command was written and its answer has not come
	dead      bool // closed by us
	expects   *Exchange
	gen       int
	loggedOut bool
	login     time.Duration // when the login is sent
	gaveUp    bool          // opening it
	zombie    bool          // has lost its login
	silent    bool          // and says so by codes alone
	wrong     int           // such answers that clients have got
	heard     time.Duration // when the registry last heard of it
	old       bool          // of a registry that a reload has left, or of a role of before
	lane      bool          // to the host that owns the account
	answers   int           // that the registry has given on it
	front     int           // its front end
	fails     bool          // answers every command by 2400
	errors    [2]int        // answers 2302 and 2303
	working   bool          // the registry is at work on what was written, and looks at nothing else
	// when the registry counts what was written last; not after it has answered or closed
	counted *time.Duration
}

// open connects and logs in, and may fail at either.
func (w *world) open(s *Session) {
	if _, ok := w.sockets[s]; ok {
		w.errorf("session %d opened twice", s.ID)
	}
	if w.draining && w.now >= w.by {
		w.errorf("session opened after the drain's deadline")
	}
	if s.lane {
		w.openLane(s)
		return
	}
	within := w.upTo(w.login)
	k := &simSocket{busy: true, login: w.now + w.upTo(within)}
	w.sockets[s] = k
	w.logins = append(w.logins, w.now)
	if w.refusedAt >= 0 && w.now < w.refusedAt+refusedBackoff {
		w.errorf("I13: login %v after a refusal", w.now-w.refusedAt)
	}
	w.count(k, w.now, 1)
	w.after(within, func() {
		if k.gaveUp {
			return
		}
		k.busy = false
		k.heard = w.now
		switch {
		case w.registryUp && !k.old && s.stale == SameLogin && w.full(s):
			w.failed(s, CauseTooManySessions)
		case w.registryUp && w.closesSurplus && w.others(s):
			if w.chance(0.5) {
				w.failed(s, CauseRegistryClosed)
				return
			}
			w.refusedAt = -1
			w.opened(s, k)
			w.after(w.upTo(time.Second), func() { w.lose(s) })
		case !w.registryUp:
			w.failed(s, CauseConnect)
		case w.chance(w.faults / 4):
			if s.stale == SameLogin { // otherwise it says nothing of what is tried now
				w.refusedAt = w.now
			}
			w.failed(s, CauseLoginRefused)
		case w.chance(w.faults):
			w.failed(s, CauseTooManySessions)
		default:
			w.refusedAt = -1
			w.opened(s, k)
			w.watchSilence(s, k)
			if w.chance(w.faults) {
				w.after(w.upTo(10*time.Second), func() { w.lose(s) })
			}
		}
	})
}

// recall gives up opening a session whose login has not been sent.
func (w *world) recall(s *Session) {
	if k := w.sockets[s]; !k.gaveUp && w.now < k.login {
		k.gaveUp = true
		w.after(w.upTo(time.Millisecond), func() { w.failed(s, CauseShutdown) })
	}
}

// abort gives up opening a session, after its login too.
func (w *world) abort(s *Session) {
	if w.recall(s); w.sockets[s].gaveUp {
		return
	}
	k := w.sockets[s]
	late := w.draining && w.now >= w.by || w.roles.cut(w.now)
	if !late && !k.old && !k.lane {
		w.errorf("I14: session %d is given up after its login was sent, before the drain's deadline", s.ID)
	}
	k.gaveUp = true
	if late && w.draining && w.now >= w.by && !k.lane {
		w.cut++
	}
	w.after(w.upTo(time.Millisecond), func() { w.failed(s, CauseRegistryClosed) })
}

func (w *world) failed(s *Session, cause Cause) {
	delete(w.sockets, s)
	w.pool.OpenFailed(s, cause, w.now)
}

// count notes that the registry sees a command on k at an instant, which counts as n.
func (w *world) count(k *simSocket, at time.Duration, n int) {
	k.counted = &at
	for range n {
		w.seen = append(w.seen, k.counted)
	}
}

// counts says that the registry has answered or closed: by now it has counted the command.
func (w *world) counts(k *simSocket) { *k.counted = min(*k.counted, w.now) }

// write is one command on a session; the registry does something about it.
func (w *world) write(s *Session, x *Exchange) {
	k := w.sockets[s]
	switch {
	case k == nil || k.dead:
		w.errorf("I8: write on session %d, which is closed", s.ID)
		return
	case k.busy:
		w.errorf("I2: second command on session %d", s.ID)
	case s.lane:
		w.carry(s, k, x)
		return
	case w.roles.cut(w.now):
		w.errorf("C1: write %v on session %d behind the fence", s.InFlight(), s.ID)
	case w.roles.suspended && s.InFlight() != LogoutInFlight, w.roles.relay:
		w.errorf("%v written on session %d, of an account that this host does not own", s.InFlight(), s.ID)
	case w.draining && w.now > w.by:
		w.errorf("I14: write %v after the drain's deadline", w.now-w.by)
	case k.old && !k.loggedOut:
		w.errorf("I12: write on session %d of the registry that was left", s.ID)
	}
	k.busy, k.expects = true, x
	k.heard = w.now
	k.gen++
	gen := k.gen
	rtt := w.upTo(w.rtt)
	n, long := 1, 1
	for i := range w.cfg.Rules {
		if r := &w.cfg.Rules[i]; r.Name == "long" {
			long = r.counted(x)
		} else if i == 0 {
			n = r.counted(x)
		}
	}
	if w.count(k, w.now+w.upTo(rtt), n); x != nil {
		for range long {
			w.long = append(w.long, k.counted)
		}
	}
	if w.chance(w.faults / 10) {
		k.zombie = true
	}
	if w.quiet.Float64() < w.forgets {
		k.zombie, k.silent = true, true
	}
	switch {
	case s.InFlight() == PollInFlight && (k.zombie || w.noPolls):
		w.after(rtt, func() { w.refusePoll(s, k, gen) })
		return
	case x != nil && (k.silent || !k.zombie && w.quiet.Float64() < w.refuses):
		w.after(rtt, func() { w.refuse(s, k, gen) })
		return
	}
	if x != nil && k.zombie || x != nil && w.chance(w.throttle) {
		w.after(rtt, func() { w.reject(s, k, gen) })
		return
	}
	if w.chance(w.faults) || x != nil && w.exchange[x].client.ruins > 0 && w.chance(w.exchange[x].client.ruins) {
		if x != nil {
			w.exchange[x].steady = false
		}
		w.fault(s, k, gen)
		return
	}
	w.after(rtt, func() { w.answer(s, k, gen, CauseNone) })
}

// fault is what a registry may do instead of answering.
func (w *world) fault(s *Session, k *simSocket, gen int) {
	switch w.rand.IntN(5) {
	case 0: // closes
		w.after(w.upTo(w.rtt), func() { w.lose(s) })
	case 1: // answers another's, or nonsense
		w.after(w.upTo(w.rtt), func() {
			if k.gen == gen && w.sockets[s] == k && !k.dead {
				w.counts(k)
				w.pool.Poison(s, CauseMismatch)
			}
		})
	case 2: // never answers
		k.working = true
	case 3: // answers x5xx
		w.after(w.upTo(w.rtt), func() { w.answer(s, k, gen, CauseCodeCloses) })
	case 4: // answers very late
		k.working = true
		w.after(w.cfg.CommandTimeout/2+w.upTo(w.cfg.CommandTimeout), func() { w.answer(s, k, gen, CauseNone) })
	}
}

// answer answers what was written at gen, if nothing has ended before.
func (w *world) answer(s *Session, k *simSocket, gen int, end Cause) {
	if w.sockets[s] != k || k.dead || k.gen != gen {
		return
	}
	k.busy, k.working = false, false
	w.counts(k)
	if k.answers++; k.answers == w.lastAnswer {
		w.after(w.upTo(time.Millisecond), func() { w.lose(s) })
	}
	x := k.expects
	k.expects = nil
	if s.State() == SessionClosing {
		return
	}
	if x != nil && s.Exchange() != x {
		w.errorf("I1: answer for another exchange")
	}
	end = w.hears(s, k, end)
	w.answering = x
	w.pool.Answered(s, end, w.now)
	w.answered()
}

// answered ends the step in which the pool was told of an answer: the exchange must have ended by it.
func (w *world) answered() {
	w.settle()
	if w.answering != nil {
		w.errorf("I4: an exchange was answered, and did not end")
	}
	w.answering = nil
}

// reject answers that the command was not executed: the login is lost, or there are too many
// commands.
func (w *world) reject(s *Session, k *simSocket, gen int) {
	if w.sockets[s] != k || k.dead || k.gen != gen || s.State() == SessionClosing {
		return
	}
	k.busy = false
	w.counts(k)
	x := k.expects
	k.expects = nil
	if k.zombie && x.LoginLost() { // it has been said before: the client gets it
		w.answering = x
		w.pool.Answered(s, CauseNone, w.now)
		w.answered()
		return
	}
	w.exchange[x].rejected++
	if !k.zombie {
		w.pool.Throttled(s, []Cause{CauseNone, CauseNone, CauseRegistryClosed}[w.rand.IntN(3)], w.now)
		return
	}
	w.answering = x
	if w.pool.LoginLost(s, w.now) {
		w.answering = nil
	}
	w.answered()
}

// refuse answers as a session without a login does.
func (w *world) refuse(s *Session, k *simSocket, gen int) {
	if w.sockets[s] != k || k.dead || k.gen != gen || s.State() == SessionClosing {
		return
	}
	k.busy = false
	w.counts(k)
	x := k.expects
	k.expects = nil
	e := w.exchange[x]
	if e.wrongOn = nil; k.zombie {
		e.wrongOn = k
	}
	w.answering, e.asked = x, w.pool.mayAsk(s, w.now)
	if x.LoginLost() {
		w.pool.AnsweredUnproven(s, CauseNone, w.now)
		w.answered()
		return
	}
	switch w.pool.Doubted(s, Doubt(w.quiet.IntN(2)), w.now) {
	case RuledHeld:
		e.held, w.answering = true, nil
	case RuledLost:
		e.rejected++
		w.answering = nil
	}
	w.answered()
}

// refusePoll answers our own poll as a session without a login does.
func (w *world) refusePoll(s *Session, k *simSocket, gen int) {
	if w.sockets[s] != k || k.dead || k.gen != gen || s.State() == SessionClosing {
		return
	}
	k.busy = false
	w.counts(k)
	x := s.Doubted()
	ruling := w.pool.PollRefused(s, w.now)
	if ruling == RuledLost {
		w.exchange[x].rejected++
		w.exchange[x].held = false
	}
	if ruling != RuledAnswered && !k.zombie {
		w.mistaken++
	}
	w.settle()
}

// lose closes a session from the registry's side.
func (w *world) lose(s *Session) {
	if k := w.sockets[s]; k != nil && !k.dead && s.State() != SessionDialing {
		k.working = false
		w.close(s)
	}
}

// close is ours, or the registry's.
func (w *world) close(s *Session) {
	k := w.sockets[s]
	if k == nil {
		return // the registry was first
	}
	k.dead = true
	w.counts(k)
	delete(w.sockets, s)
	if w.linger > 0 && !k.old && !k.lane {
		w.lingering = append(w.lingering, w.now+w.upTo(w.linger))
	}
	if k.working { // it counts the session until it looks up
		w.ghosts = append(w.ghosts, w.now+w.upTo(ghostLife))
	}
	w.pool.Closed(s, w.now)
}

// outage takes the registry away for a while.
func (w *world) outage() {
	w.registryUp = false
	for _, s := range w.pool.sessions { // in their order, so that the seed decides
		if w.chance(0.8) {
			w.after(w.upTo(time.Second), func() { w.lose(s) })
		}
	}
	w.after(w.upTo(time.Minute), func() {
		w.registryUp = true
		w.after(w.upTo(10*time.Minute), w.outage)
	})
}

// full reports whether a registry that counts sessions longer than they live takes s for one too many.
func (w *world) full(s *Session) bool {
	w.lingering = slices.DeleteFunc(w.lingering, func(until time.Duration) bool { return until <= w.now })
	return w.linger > 0 && w.atRegistry()+len(w.lingering) > w.most
}

// others reports whether another session than s is logged in.
func (w *world) others(s *Session) bool {
	for _, t := range w.pool.sessions {
		if t != s && (t.state == SessionIdle || t.state == SessionBusy) {
			return true
		}
	}
	return false
}

// watchSilence has the registry end s when it has heard nothing of it for silence.
func (w *world) watchSilence(s *Session, k *simSocket) {
	if w.silence == 0 {
		return
	}
	w.after(k.heard+w.silence-w.now, func() {
		switch {
		case w.sockets[s] != k || k.dead:
		case k.heard+w.silence <= w.now && !k.busy:
			w.lose(s)
		default:
			k.heard = max(k.heard, w.now-w.silence/2)
			w.watchSilence(s, k)
		}
	})
}
