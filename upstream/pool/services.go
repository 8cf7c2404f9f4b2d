package pool

import (
	"slices"
	"time"
)

// Which services sessions are logged in with. A registry may change what it offers while sessions are
// open. They keep the services of their login, and commands of what is new are refused. So when a
// greeting offers others, the sessions that are logged in without them are replaced, one at a time.
//
// The front ends of one registry may offer different services, and then greetings alternate for ever.
// So a set that was in force before counts only once it has been the only one for a while. That is also
// the least time between two changes, and it doubles while changes follow each other.
const (
	offerWait    = 10 * time.Minute
	offerWaitMax = 24 * time.Hour
	// offersKept is the number of sets that are remembered. One that is forgotten is new once more.
	offersKept = 8
)

// offers is what the greetings have offered. A set of services is known by a name: equal for equal sets.
type offers struct {
	inForce string        // with which sessions are to be logged in; empty: no greeting has come
	since   time.Duration // when it came into force
	latest  string        // of the last greeting
	alone   time.Duration // since when no greeting has offered others than that
	known   []string      // all that were heard, but for the oldest, in the order of their first greetings
	wait    time.Duration // the last wait, see offerWait; 0: there was no change yet
	next    time.Duration // before which there is no change
}

// Offer is what a greeting says of the services that the registry offers.
type Offer uint8

const (
	OfferSame  Offer = iota // those in force, or the first ones
	OfferKnown              // others, which an earlier greeting offered too
	OfferNew                // others, for the first time
)

// hear takes the set of a greeting.
func (o *offers) hear(set string, now time.Duration) Offer {
	if set != o.latest {
		o.latest, o.alone = set, now
	}
	known := slices.Contains(o.known, set)
	if !known {
		o.known = append(o.known[max(0, len(o.known)+1-offersKept):], set)
	}
	switch {
	case o.inForce == "" || set == o.inForce:
		return OfferSame
	case known:
		return OfferKnown
	}
	o.alone = now - o.patience() // nothing speaks against it
	return OfferNew
}

// dueAt returns when the last set that was heard comes into force, if none else is heard by then;
// never: it is.
func (o *offers) dueAt() time.Duration {
	switch {
	case o.latest == o.inForce:
		return never
	case o.inForce == "":
		return 0
	}
	return max(o.alone+o.patience(), o.next)
}

// patience is how long a set that was heard before must have been the only one.
func (o *offers) patience() time.Duration { return max(o.wait, offerWait) }

// change brings the last set that was heard into force.
func (o *offers) change(now time.Duration) {
	if o.inForce != "" {
		if now < o.next+3*o.wait { // they follow each other
			o.wait = min(2*o.wait, offerWaitMax)
		} else {
			o.wait = offerWait
		}
		o.next = now + o.wait
	}
	o.inForce, o.since = o.latest, now
}

// Greeted takes a greeting that has come on s. set is the name of what a login would ask for by it, not
// empty. Sessions that are logged in with others are replaced, at once or later.
func (p *Pool) Greeted(s *Session, set string, now time.Duration) Offer {
	if s.ofOld() || !p.telling(s) {
		return OfferSame
	}
	was := p.offers.hear(set, now)
	p.followOffer(now)
	return was
}

// followOffer has the sessions replaced that are logged in with other services than those that come into
// force now.
func (p *Pool) followOffer(now time.Duration) {
	if at := p.offers.dueAt(); at > now {
		p.wakeAt(at)
		return
	}
	p.offers.change(now)
	for _, s := range p.sessions {
		p.outdateServices(s, now)
	}
}

// outdateServices has s replaced if it is logged in with other services than those in force.
func (p *Pool) outdateServices(s *Session, now time.Duration) {
	if s.state != SessionIdle && s.state != SessionBusy || s.services == "" || s.services == p.offers.inForce {
		return
	}
	p.outdate(s, CauseServices, now)
	if s.state == SessionIdle {
		s.deadline = now
		p.wakeAt(now)
	}
}

// Services returns the name of the set that is in force; empty before the first greeting.
func (p *Pool) Services() string { return p.offers.inForce }

// LogsInWith says which services the login of s asks for, before Opened.
func (s *Session) LogsInWith(set string) { s.services = set }
