package pool

import (
	"slices"
	"time"
)

// On whose command the end of a session is blamed. What blame does to its author is in blame.go.

// struck blames the end of s on a command, if its cause is one of BlameCauses: on the command in
// flight, or on the one that was answered just before. That the end came with the answer to the
// command in flight leaves no doubt. It must be called while the command is known, and for each
// session that ends.
func (p *Pool) struck(s *Session, cause Cause, answered bool, now time.Duration) {
	a, as, sent := &s.answeredFor, s.answeredAs, s.answeredSent
	recent := s.answeredAt != never && now-s.answeredAt < aftermath
	if x := s.x; x != nil && !s.recording && (answered || !recent || !p.isAnswered(s, now)) {
		a, as, sent, recent = &x.Author, x.standing, x.sentAt, true
	}
	switch {
	case !p.telling(s), !recent, s.blame != nil, p.draining, !slices.Contains(BlameCauses, cause):
	case p.usual(s, cause, a, now):
	default:
		if as != standingKnown || p.blame.guilt(a, now) > 0 {
			p.blame.risked = append(p.blame.risked, now)
		}
		s.blame = p.blame.strike(a, cause, sent, p.scarce(now), now)
	}
}

// isAnswered reports whether the end of s belongs to the command that was answered on s just before
// the one in flight. It belongs to the one whose connection has ended more sessions, or the command
// itself has. Between equals it is the one whose connection has had no answer to the kind. Where that
// says nothing either, it is the former if the registry had no time to look at the latter, which a
// registry that closes faster than it answers has all the same, or else the one whose connection has
// had fewer answers.
func (p *Pool) isAnswered(s *Session, now time.Duration) bool {
	before, after := &s.answeredFor, &s.x.Author
	if before.Client == after.Client {
		return false
	}
	if m, n := p.blame.guilt(before, now), p.blame.guilt(after, now); m != n {
		return m > n
	}
	if before.Known != after.Known {
		return after.Known
	}
	return now-s.since < p.fastest/2 || before.Answers < after.Answers
}

// guilt returns how many sessions in a row have ended behind commands of a's connection, or behind
// this one, whichever is more.
func (b *blame) guilt(a *Author, now time.Duration) int {
	return max(b.endsOf(a, gateClient, now), b.endsOf(a, gateContent, now))
}
