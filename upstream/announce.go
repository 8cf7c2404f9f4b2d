package upstream

import "time"

// Announce says whether a transform is announced, as to an audit log, before it is written.
type Announce uint8

const (
	AnnounceNot Announce = iota
	// it is written all the same when that fails, or takes longer than announceTimeout
	AnnounceIfCan
	AnnounceAlways // then it ends as not sent
)

// announceTimeout is how long a session waits for an announcement. A healthy disk takes less than a
// thousandth of it.
const announceTimeout = time.Second

// announce has it made known that x, which s holds, is about to be written there. Until Announced
// nothing of it is sent.
func (p *Pool) announce(s *Session, x *Exchange, now time.Duration) {
	s.turn++
	s.announcing = true
	s.deadline = min(x.deadline, now+announceTimeout)
	p.wakeAt(s.deadline)
	p.do(Action{Do: DoAnnounce, Session: s, Exchange: x, Turn: s.turn})
}

// Announced says that the announcement that was asked for with turn is made, or has failed. It may
// come late: then it means nothing.
func (p *Pool) Announced(s *Session, turn uint64, ok bool, now time.Duration) {
	switch {
	case !s.announcing || s.turn != turn || s.state != SessionBusy:
	case ok || p.cfg.Announce != AnnounceAlways:
		p.announced(s, now)
	default:
		p.takeBack(s, CauseAudit, now)
	}
}

// announced lets what s holds be written, if it may be written still.
func (p *Pool) announced(s *Session, now time.Duration) {
	if p.held || now < p.pausedUntil {
		x := p.unsend(s, now)
		p.again(x, now)
		p.rested(s, CauseNone, now)
		return
	}
	s.announcing = false
	s.x.sentAt = now
	s.since, s.deadline = now, now+p.cfg.CommandTimeout
	p.wakeAt(s.deadline)
	p.do(Action{Do: DoSend, Session: s, Exchange: s.x})
}

// announceLate decides about an exchange whose announcement is late, or that has waited for too
// long by now.
func (p *Pool) announceLate(s *Session, now time.Duration) {
	switch {
	case now < s.since+announceTimeout: // it had waited for nearly as long as it may
		p.takeBack(s, p.waitCause(now), now)
		return
	case now >= s.x.deadline || p.cfg.Announce == AnnounceAlways:
		p.takeBack(s, CauseAudit, now)
		return
	}
	p.announced(s, now)
}

// takeBack ends what s holds as not sent; s rests.
func (p *Pool) takeBack(s *Session, cause Cause, now time.Duration) {
	x := p.unsend(s, now)
	p.queue.left(x)
	p.finish(x, cause)
	p.rested(s, CauseNone, now)
	p.checkDrained()
}
