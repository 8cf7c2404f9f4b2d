package pool

import (
	"slices"
	"time"

	"eppmux/frame"
)

// Whether a session is still logged in. A registry may forget a login without a word: it answers
// commands by a code that other commands get too, since their author has no right. So a session that
// gives such an answer is asked by a poll of our own, in which nobody else's words can be meant. The
// answer is held meanwhile. If the poll is refused as well, the session is lost, and the command, which
// was not executed, goes again. Otherwise the client gets what was held.
//
// An honest refusal costs a poll, but not each: behind one that a poll has shown to be honest, one goes
// to its client at once for askEvery, and one more behind each answer that shows the login. So a login
// that is lost right behind a poll costs one wrong answer and no second.
//
// Some accounts may not poll. A session that was opened since a session was given up for a refused poll
// is asked once it has answered a client. If it is refused, or if a second one is that has answered
// nobody, then polls tell nothing at this registry, until the next reload: the registry's words are all
// there is.
const (
	// askEvery is the time behind an honest refusal in which one doubtful answer is delivered
	// unasked: long enough that a client with a right less costs a poll now and then only.
	askEvery = 10 * time.Second
	// askPatience is how long an answer is held, and askSoon how long a session waits for a limit to
	// admit the poll. Beyond the former the client is served, beyond the latter everybody.
	askPatience = 5 * time.Second
	askSoon     = 2 * time.Second
	// refusingFrom is the number of such answers in a row that are worth a word, see Snapshot.
	refusingFrom = 8
)

// loginSign is what an answer says of its session's login.
type loginSign uint8

const (
	loginUnshown loginSign = iota
	loginShown
)

// Doubt is how likely an answer means that its session is not logged in.
type Doubt uint8

const (
	DoubtWeak   Doubt = iota // others get it too
	DoubtStrong              // hardly anything else is meant; it is never delivered unasked
)

// Ruling is what becomes of an answer that casts a doubt.
type Ruling uint8

const (
	RuledAnswered Ruling = iota // it is as by AnsweredUnproven
	RuledHeld                   // the exchange ends later, and may end by this answer
	RuledLost                   // it is as by LoginLost, and the command waits again
	RuledGone                   // it is as by LoginLost, and no command waits
)

// Doubted stands for Answered where the response to a client's command may say that s is not logged
// in. The shell keeps the response while the ruling is RuledHeld: it is what a DoFinish as answered
// means by then. Once for an exchange, as LoginLost.
func (p *Pool) Doubted(s *Session, d Doubt, now time.Duration) Ruling {
	s.doubtful++
	recent := s.honestAt != never && now-s.honestAt < askEvery
	switch {
	case !p.mayAsk(s, now):
	case d == DoubtWeak && recent && !s.passed:
		p.AnsweredUnproven(s, CauseNone, now)
		return RuledAnswered
	case p.hold(s, d, now):
		return RuledHeld
	}
	switch {
	case d == DoubtWeak:
		p.AnsweredUnproven(s, CauseNone, now)
		return RuledAnswered
	case p.LoginLost(s, now):
		return RuledLost
	}
	return RuledGone
}

// mayAsk reports whether s may be asked, but for the limits.
func (p *Pool) mayAsk(s *Session, now time.Duration) bool {
	return p.telling(s) && p.pollsMean && !p.draining && !p.halted() && now >= p.throttledUntil && !s.ofOld() &&
		(p.cfg.MaxCommands == 0 || s.commands < p.cfg.MaxCommands-1)
}

// hold asks s, whose command in flight is answered, and holds the answer. Where the limits admit no
// poll now it holds nothing; then s is asked before it carries more, if they admit it soon.
func (p *Pool) hold(s *Session, d Doubt, now time.Duration) bool {
	x := s.x
	s.charges.answered(now)
	set, at := p.admits(s, frame.CommandPoll, frame.OpReq, now)
	if at > now {
		if d == DoubtWeak && at-now <= askSoon {
			p.askLater(s, at)
		}
		return false
	}
	p.release(s, now)
	s.answers++
	p.took(s, x, now)
	x.state, s.doubted = exchangeDoubted, x
	p.ping(s, PollInFlight, set, now)
	s.deadline = min(s.deadline, now+askPatience)
	p.wakeAt(s.deadline)
	return true
}

// askLater has s asked at the given instant, and not carry anything before.
func (p *Pool) askLater(s *Session, at time.Duration) {
	s.askAt = max(at, 1)
	s.rests = max(s.rests, at+recheck)
}

// askIdle asks the idle session s, which is to be asked, once that is due and if it may be, and reports
// whether it did.
func (p *Pool) askIdle(s *Session, now time.Duration) bool {
	if now < s.askAt {
		return false
	}
	s.askAt, s.rests = 0, now
	set, at := p.admits(s, frame.CommandPoll, frame.OpReq, now)
	if at > now || !p.mayAsk(s, now) {
		return false
	}
	p.take(slices.Index(p.idle, s))
	p.ping(s, PollInFlight, set, now)
	return true
}

// undoubt delivers the answer that is held for s, if there is one.
func (p *Pool) undoubt(s *Session, now time.Duration) {
	if x := s.doubted; x != nil {
		s.doubted, x.state = nil, exchangeFree
		p.deliver(s, x, now)
	}
}

// showed notes that s has shown by an answer to a command, or to our poll, that it is logged in.
func (p *Pool) showed(s *Session, by InFlight, now time.Duration) {
	s.loggedInAt, s.passed, s.doubtful = now, false, 0
	switch {
	case by == PollInFlight:
		p.forgetPolls()
	case s.verify && p.pollLost && p.pollsMean:
		p.askLater(s, now)
	}
	s.shown = s.shown || by == CommandInFlight
}

// PollRefused stands for Answered where the response to our own poll is one that a session without a
// login gets. The session is lost, and the exchange whose answer is held goes again, see LoginLost;
// unless polls are refused to sessions that are logged in.
func (p *Pool) PollRefused(s *Session, now time.Duration) Ruling {
	if p.pollsMean && s.verify && (s.shown || p.pollsRefused > 0) {
		p.pollsMean = false
	}
	if !p.pollsMean {
		p.AnsweredUnproven(s, CauseNone, now)
		return RuledAnswered
	}
	if s.verify {
		p.pollsRefused++
	}
	p.pollLost = true
	x := s.doubted
	if s.doubted = nil; x != nil {
		x.state = exchangeFree
	}
	p.release(s, now)
	if p.loseLogin(s, x, now) {
		return RuledLost
	}
	return RuledGone
}

// forgetPolls takes polls for proof: one was answered, or the config has changed.
func (p *Pool) forgetPolls() {
	p.pollLost, p.pollsRefused, p.pollsMean = false, 0, true
	for _, s := range p.sessions {
		s.verify = false
	}
}

// Doubted returns the exchange whose answer is held until s has shown whether it is logged in; nil:
// there is none.
func (s *Session) Doubted() *Exchange { return s.doubted }

// PollsMean reports whether a refused poll of our own tells of a lost login.
func (p *Pool) PollsMean() bool { return p.pollsMean }
