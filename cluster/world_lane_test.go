package cluster

import (
	"slices"
	"time"

	"eppmux/upstream/pool"
)

type worldLaneState uint8

const (
	worldLaneOpening worldLaneState = iota
	worldLaneOpen
	worldLaneEnding
	worldLaneLeaving
	worldLaneClosed
)

// worldLane is a lane, both ends of it: that of the follower as upstream/lane_carrier.go, that of the owner as
// peer/lane.go. What one end writes comes to the other in its order, unless the lane is cut.
type worldLane struct {
	from, to         *worldAccount // to is nil: nobody was there
	fromLife, toLife int
	s                *pool.Session // of the follower
	term             uint64
	severed          bool          // nothing comes through any more
	lastTo, lastFrom time.Duration // when the last unit comes that way

	told   bool // the follower's pool knows how the opening went
	closed bool // by the follower

	state worldLaneState // of the owner
	x     *worldExchange // under way at the owner
}

// toOwner has something happen at the owner's end.
func (l *worldLane) toOwner(do func()) {
	w := l.from.h.w
	l.lastTo = max(l.lastTo, w.now+w.upTo(w.apart))
	w.at(l.lastTo, l.to.h, l.toLife, func() {
		if !l.severed {
			do()
		}
	})
}

// toFollower has something happen at the follower's end, in a turn.
func (l *worldLane) toFollower(do func()) {
	w := l.from.h.w
	l.lastFrom = max(l.lastFrom, w.now+w.upTo(w.apart))
	w.at(l.lastFrom, l.from.h, l.fromLife, func() {
		if !l.severed && !l.closed {
			l.from.turn(do)
		}
	})
}

// cut breaks the lane. Both ends notice within a while.
func (l *worldLane) cut(within time.Duration) {
	if l.severed {
		return
	}
	l.severed = true
	w := l.from.h.w
	w.at(w.now+w.upTo(within), l.from.h, l.fromLife, l.broke)
	if l.to != nil {
		w.at(w.now+w.upTo(within), l.to.h, l.toLife, l.end)
	}
}

// broke is told to the follower when its end is found broken.
func (l *worldLane) broke() {
	switch {
	case l.closed:
	case !l.told:
		l.notOpened(pool.CauseRegistryClosed)
	default:
		l.from.turn(l.close)
	}
}

// openLane has the follower open a lane. In the pool's turn.
func (a *worldAccount) openLane(s *pool.Session) {
	w := a.h.w
	l := &worldLane{from: a, fromLife: a.h.life, s: s, term: a.owner.Term}
	s.Shell = l
	a.opened = append(a.opened, l)
	a.h.event(5*time.Second, func() {
		if !l.told {
			l.notOpened(pool.CauseGreeting)
		}
	})
	h := w.host(a.owner.Host)
	switch {
	case h == nil || !h.up:
		a.h.event(w.upTo(w.apart), func() { l.notOpened(pool.CauseConnect) })
	case h.lonely > w.now || a.h.lonely > w.now: // nothing comes back
	default:
		l.to, l.toLife = h.accounts[a.r.key], h.life
		l.toOwner(l.accept)
	}
}

// notOpened tells the follower's pool that the lane could not be opened.
func (l *worldLane) notOpened(cause pool.Cause) {
	if l.told {
		return
	}
	l.told, l.closed = true, true
	l.from.forgetLane(l)
	if l.to != nil {
		l.toOwner(l.end)
	}
	l.from.turn(func() { l.from.pool.OpenFailed(l.s, cause, l.from.instant) })
}

func (a *worldAccount) forgetLane(l *worldLane) {
	a.opened = slices.DeleteFunc(a.opened, func(o *worldLane) bool { return o == l })
}

// accept takes a lane at the owner.
func (l *worldLane) accept() {
	a := l.to
	if a.role != worldOwner || a.term != l.term {
		l.state = worldLaneClosed
		l.toFollower(func() { l.from.h.event(0, func() { l.notOpened(pool.CauseMoved) }) })
		return
	}
	l.state = worldLaneOpen
	a.lanes = append(a.lanes, l)
	l.toFollower(func() {
		if !l.told {
			l.told = true
			l.from.pool.Opened(l.s, l.from.instant)
		}
	})
}

// giveUp has the follower open the lane no more.
func (l *worldLane) giveUp() {
	l.from.h.event(l.from.h.w.upTo(time.Millisecond), func() { l.notOpened(pool.CauseShutdown) })
}

// close is by the follower, in a turn.
func (l *worldLane) close() {
	if l.closed {
		return
	}
	l.closed = true
	l.from.forgetLane(l)
	if l.to != nil {
		l.toOwner(l.end)
	}
	if x := l.s.Exchange(); x != nil {
		x.Shell.(*worldExchange).command.broke++
	}
	l.from.pool.Closed(l.s, l.from.instant)
}

// send is a command of the follower, in a turn.
func (l *worldLane) send(x *pool.Exchange) {
	switch {
	case l.s.Exchange() != x:
		return
	case l.closed || l.s.State() != pool.SessionBusy:
		l.from.pool.Unsent(l.s, x, pool.CauseRegistryClosed, l.from.instant)
		return
	}
	from := x.Shell.(*worldExchange)
	c := from.command
	if !from.forwarded {
		from.forwarded, c.before = true, c.executed
	}
	waited := l.from.instant - x.Since
	author, weight := x.Author, x.Weight
	l.toOwner(func() {
		if l.state != worldLaneOpen || l.x != nil {
			if l.state == worldLaneOpen {
				l.from.h.w.fail("two commands on a lane")
			}
			return // it leaves: what comes is not read
		}
		y := newWorldExchange(c)
		y.account, y.lane = l.to, l
		y.Since, y.Weight = l.to.h.clocks.Mono()-waited, weight
		y.Author = author
		y.Author.Client |= uint64(l.from.h.number()) << 40
		y.Author.Identity = l.from.h.name + "/" + author.Identity
		l.x = y
		l.to.turn(func() { l.to.pool.Submit(&y.Exchange, l.to.instant) })
	})
}

// number is from 1.
func (h *worldHost) number() int { return slices.Index(h.w.hosts, h) + 1 }

// finished is told to the owner's end how its command has ended there.
func (l *worldLane) finished(end pool.End, cause pool.Cause) {
	x := l.x
	l.x = nil
	c := x.command
	l.toFollower(func() {
		s := l.s
		if s.InFlight() != pool.CommandInFlight || s.Exchange().Shell.(*worldExchange).command != c {
			l.from.h.w.fail("an end of a command that is not in flight on the lane")
			return
		}
		p := l.from.pool
		if end == pool.EndAnswered {
			p.Answered(s, pool.CauseNone, l.from.instant)
		} else {
			p.Ended(s, end, cause, l.from.instant)
		}
	})
	if l.state == worldLaneEnding {
		l.move()
	}
}

// leave ends the lane at the owner, in good order.
func (l *worldLane) leave() {
	x := l.x
	switch {
	case l.state != worldLaneOpen:
		return
	case x == nil:
	case !x.Sent() && (x.EndNow() == pool.EndNotSent || x.Query || x.Rejected()):
		l.x = nil
		x.cancel()
	default:
		l.state = worldLaneEnding
		return
	}
	l.move()
}

// move tells the follower that the account has moved.
func (l *worldLane) move() {
	l.state = worldLaneLeaving
	l.toFollower(func() {
		s, p := l.s, l.from.pool
		switch {
		case s.InFlight() == pool.CommandInFlight && s.State() == pool.SessionBusy:
			x := s.Exchange()
			x.Shell.(*worldExchange).command.moves++
			l.from.h.w.moved++
			p.Unsent(s, x, pool.CauseMoved, l.from.instant)
		case s.State() != pool.SessionDialing:
			p.Poison(s, pool.CauseMoved)
		}
	})
}

// end is told to the owner's end when the follower has closed the lane, or it is found broken.
func (l *worldLane) end() {
	if l.state == worldLaneClosed {
		return
	}
	l.state = worldLaneClosed
	a := l.to
	a.lanes = slices.DeleteFunc(a.lanes, func(o *worldLane) bool { return o == l })
	if x := l.x; x != nil {
		l.x = nil
		x.cancel()
	}
}

// cancel says that the client of an exchange has gone.
func (x *worldExchange) cancel() {
	x.gone = true
	a := x.account
	a.turn(func() { a.pool.Cancel(&x.Exchange, a.instant) })
}
