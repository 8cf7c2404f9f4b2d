package pool

import (
	"math"
	"slices"
	"time"
)

// A registry may close a session at a command that it dislikes. Over a connection of its own that
// costs the command's sender; here it costs a session that all share, and a login. So blame goes to
// the author of the command, and what comes from it or is like it passes a gate. What is blamed:
//
//   - the connection that sent the command
//   - the command itself, octet for octet but for its clTRID: a tool that repeats it on one
//     connection after the other hurts nobody who sends others
//   - its identity, for this kind of command, as long as a connection has had none of the kind
//     answered: programs of one host often share an identity, and those that work are not punished
//     for their neighbour
//   - its kind, as long as no command of it was ever answered: everybody waits
//
// The last two are not blamed for what the first two explain: a connection that has ended sessions
// before, or a command that has, as long as it is the only one.
//
// Nobody is blamed for ends that are the registry's habit, see habit.
//
// The first end behind a command costs its author nothing: it happens. One without an answer in time,
// while others had theirs, counts as two, unless the connection has had many answers. From the second
// one on, of a command that was sent when the first was known, the gate lets one exchange through at a
// time, and after each end only after a wait, which doubles. Ends are forgotten with time, and sooner
// where the registry answers the author. An exchange that has passed such a gate is suspect: it never
// gets the last idle session, its session rests for a moment behind its answer, since a registry's
// close may follow it, and where it ends a session it is not repeated.
//
// Where half of the budget of logins is used up, and a good part of it by suspects and by commands of
// kinds that their connections have had no answer to, the rest is for those who work, see affords.
const (
	// pardon is the time without an end after which one end is forgotten. It is mercy where at least
	// amends commands like those were answered behind the last end: many a registry closes each session
	// behind so many commands, or is restarted again and again, and that ends sessions behind
	// everybody's commands, but behind few of each. A client that ruins a session now and then costs
	// some logins a minute so, no more. A timeout costs more than a login, and gets no mercy.
	pardon = time.Minute
	mercy  = 10 * time.Second
	amends = 5
	// blamedEnds is the number of ends in a row from which a gate holds exchanges.
	blamedEnds = 2
	// gateMin and gateMax bound the wait behind an end. A kind that was never answered waits for
	// gateMax at once.
	gateMin = time.Second
	gateMax = time.Minute
	// aftermath is the time behind an answer in which the end of its session, which is idle or has
	// just been given another's command, may be blamed on the command that was answered.
	aftermath = time.Second
	// convalescence is how long a session rests behind the answer to a suspect.
	convalescence = 100 * time.Millisecond
	// seasoned is the number of answers from which a connection speaks for itself alone, unless ends
	// are so frequent that rarely answers to its identity lie between them, while logins are scarce.
	seasoned = 8
	rarely   = 64
	// blamesKept is the number of authors for Snapshot.
	blamesKept = 8
)

// Blame says that a session ended behind a command.
type Blame struct {
	Author Author
	Cause  Cause         // for which the session ended
	At     time.Duration // when
	Ends   int           // that count, in a row, of what about its author has the most of them
	// Sessions is the number of sessions behind Ends. It may be less, since one end may count as two,
	// or more, since some may be forgotten.
	Sessions int
	Wait     time.Duration // until something like it is sent; 0: it need not wait yet

	general bool // others' commands have ended sessions too: it is the registry's doing
}

// HoldsBack reports whether a gate holds what is like the author's command from this end on.
func (b *Blame) HoldsBack() bool { return b.Ends >= blamedEnds }

// standing is how an exchange's author stands.
type standing uint8

const (
	standingKnown   standing = iota
	standingNew              // its connection has had no answer to a command of this kind
	standingSuspect          // has passed a gate
	numStandings
)

// standing returns how a stands before anything is blamed.
func (a *Author) standing() standing {
	if a.Known {
		return standingKnown
	}
	return standingNew
}

type gateScope uint8

const (
	gateClient gateScope = iota
	gateContent
	gateIdentity
	gateKind
	numGateScopes
)

// gateKey names a gate. The fields that its scope does not need are zero.
type gateKey struct {
	scope    gateScope
	kind     Kind
	number   uint64 // of the connection, or hash of the content
	identity string
}

func (a *Author) gateKey(scope gateScope) gateKey {
	switch scope {
	case gateClient:
		return gateKey{scope: scope, number: a.Client}
	case gateContent:
		return gateKey{scope: scope, number: a.Content}
	case gateIdentity:
		return gateKey{scope: scope, identity: a.Identity, kind: a.Kind}
	}
	return gateKey{scope: scope, kind: a.Kind}
}

// gate counts ends of sessions, and holds exchanges.
type gate struct {
	ends    int           // that count, in a row, at the instant of the last
	total   int           // sessions that ended in the row
	answers int           // to commands like those, behind the last end
	cause   Cause         // of the last end
	first   time.Duration // end in the row
	last    time.Duration // end
	until   time.Duration // nothing passes before
	trying  *Exchange     // has passed as a suspect and not ended; nil: none
	waiting list          // first in first out
	place   Place         // in blame.held while exchanges wait and none tries
}

// endsAt returns the number of ends that are not forgotten.
func (g *gate) endsAt(now time.Duration) int {
	each := pardon
	if g.answers >= amends && g.cause != CauseCommandTimeout {
		each = mercy
	}
	return max(0, g.ends-int((now-g.last)/each))
}

// open reports whether x may pass now.
func (g *gate) open(x *Exchange, now time.Duration) bool {
	return g.until <= now && (g.trying == nil || g.trying == x)
}

// blame is the Pool's memory of sessions that ended behind commands. It has a gate for each end of
// the last minutes at most, whose number the budget of logins bounds.
type blame struct {
	gates map[gateKey]*gate
	held  Heap[*gate] // by when the first of those that wait may pass
	// risky has nothing to do with ends: there wait, by standing, the commands of new connections that
	// the budget of logins does not allow yet, and the suspects for which there is no session. One
	// after the other goes on, the former behind each other's ends, the latter once one is sent.
	risky    [numStandings]gate
	tidyAt   time.Duration
	answered [math.MaxUint8 + 1]bool // by kind: one was
	latest   time.Duration           // when a command was answered last
	recent   []Blame                 // the last of each author, the latest first; blamesKept at most

	// When sessions ended in the last minute behind commands of suspects, of those who had ended others,
	// and of kinds that their connection had had no answer to.
	risked []time.Duration

	// The last end behind an author who is not blamed.
	endedBy Author
	endedAt time.Duration // never: there was none
}

func newBlame() blame {
	b := blame{gates: make(map[gateKey]*gate), endedAt: never}
	for st := range b.risky {
		b.risky[st].waiting.links = rowLinks
	}
	return b
}

// pass lets x through its gates, and sets its standing, or holds x. One that has passed before and was
// not executed comes anew: its gates may be others by now.
func (b *blame) pass(x *Exchange, now time.Duration) bool {
	b.ended(x)
	x.standing = x.Author.standing()
	if len(b.gates) == 0 {
		return true
	}
	b.tidy(now)
	var through [numGateScopes]*gate
	for scope := range numGateScopes {
		switch g := b.before(&x.Author, scope, now); {
		case g == nil, g.endsAt(now) < blamedEnds:
		case g.open(x, now):
			x.standing = standingSuspect
			through[scope] = g
		default:
			b.hold(g, x)
			return false
		}
	}
	for _, g := range through {
		if g != nil {
			g.trying = x
			b.rewake(g)
		}
	}
	return true
}

// before returns the gate of a scope that stands before commands of a; nil where there is none.
func (b *blame) before(a *Author, scope gateScope, now time.Duration) *gate {
	if scope == gateIdentity && a.Known {
		return nil
	}
	g := b.gates[a.gateKey(scope)]
	// The registry must have answered others since: it may have been away.
	if g != nil && scope == gateKind && (b.answered[a.Kind] || b.latest <= g.first) {
		return nil
	}
	return g
}

// hold lets x wait at g.
func (b *blame) hold(g *gate, x *Exchange) {
	x.state, x.gate, x.list = exchangeGated, g, &g.waiting
	g.waiting.pushBack(x)
	b.rewake(g)
}

// unhold takes x out of the gate at which it waits.
func (b *blame) unhold(x *Exchange) {
	g := x.gate
	g.waiting.remove(x)
	x.state, x.gate, x.list = exchangeFree, nil, nil
	b.rewake(g)
}

// rewake works out anew when the first exchange that waits at g may pass.
func (b *blame) rewake(g *gate) {
	wants := g.waiting.n > 0 && g.trying == nil
	switch key := (Key{At: g.until}); {
	case wants && g.place.In():
		b.held.Move(g.place, key)
	case wants:
		b.held.Push(g, &g.place, key)
	case g.place.In():
		b.held.Remove(g.place)
	}
}

// admit takes out the next exchange that may pass; nil where there is none. One that waits at
// several gates goes from one to the next.
func (b *blame) admit(now time.Duration) *Exchange {
	for g, key, ok := b.held.First(); ok && key.At <= now; g, key, ok = b.held.First() {
		x := g.waiting.head
		b.unhold(x)
		if b.pass(x, now) {
			return x
		}
	}
	return nil
}

// ended lets the next exchange through the gates that x has passed: it has ended, or waits again.
func (b *blame) ended(x *Exchange) {
	b.leaves(&b.risky[x.standing], x)
	if x.standing != standingSuspect {
		return
	}
	for scope := range numGateScopes {
		if g := b.gates[x.Author.gateKey(scope)]; g != nil {
			b.leaves(g, x)
		}
	}
}

// leaves lets the next exchange through g, if x is the one that tries.
func (b *blame) leaves(g *gate, x *Exchange) {
	if g.trying == x {
		g.trying = nil
		b.rewake(g)
	}
}

// proved notes that a command of a was answered, and the session goes on.
func (b *blame) proved(a *Author, now time.Duration) {
	b.answered[a.Kind], b.latest = true, now
	if len(b.gates) == 0 {
		return
	}
	for scope := range numGateScopes {
		if g := b.gates[a.gateKey(scope)]; g != nil {
			g.answers++
		}
	}
}

// strike notes that a session ended behind a command of a, which was sent at the given instant. An
// end of a command that was sent before the last end was known does not count again: a registry that
// restarts ends all its sessions, and a client's second command may have been on its way.
//
// An end behind a connection that has had many answers is not its identity's, unless such ends are
// frequent and logins are scarce: then one that works first and ruins a session later costs too much,
// too.
func (b *blame) strike(a *Author, cause Cause, sent time.Duration, scarce bool, now time.Duration) *Blame {
	s := &Blame{Author: *a, Cause: cause, At: now}
	ends := 1
	silent := b.latest < now-(now-sent)/2 // the registry has answered nobody
	if cause == CauseCommandTimeout && !silent && a.Answers < seasoned {
		ends = blamedEnds // the session was nobody else's for so long
	}
	count := func(scope gateScope) {
		b.count(a.gateKey(scope), ends, cause, sent, now)
		if g := b.before(a, scope, now); g != nil && g.ends > s.Ends {
			s.Ends, s.Sessions, s.Wait = g.ends, g.total, max(0, g.until-now)
		}
	}
	again, repeated := b.endsOf(a, gateClient, now) > 0, b.endsOf(a, gateContent, now) > 0
	count(gateContent)
	if a.Client != 0 {
		count(gateClient)
	}
	for _, scope := range []gateScope{gateIdentity, gateKind} {
		switch {
		case again, scope == gateKind && (a.Kind == 0 || b.answered[a.Kind]),
			scope == gateIdentity && a.Known && a.Answers >= seasoned && !(scarce && b.rarelyAnswered(a)):
		case !repeated, b.endsOf(a, scope, now) >= blamedEnds:
			count(scope)
		}
	}
	if s.Ends < blamedEnds {
		s.general = b.endedAt != never && now-b.endedAt < pardon && !a.isLike(&b.endedBy)
		b.endedBy, b.endedAt = *a, now
	}
	s.general = s.general || silent && cause == CauseCommandTimeout
	b.remember(s)
	return s
}

// rarelyAnswered reports whether few commands of a's identity and kind were answered since the last end
// behind one.
func (b *blame) rarelyAnswered(a *Author) bool {
	g := b.gates[a.gateKey(gateIdentity)]
	return g == nil || g.answers < rarely
}

// count counts ends at the gate of that key, which it makes where there is none.
func (b *blame) count(key gateKey, more int, cause Cause, sent, now time.Duration) {
	g := b.gates[key]
	if g == nil {
		g = &gate{waiting: list{links: rowLinks}}
		b.gates[key] = g
	}
	ends := g.endsAt(now)
	if ends > 0 && sent < g.last {
		return
	}
	if ends == 0 {
		g.first, g.total = now, 0
	}
	g.ends, g.last, g.cause, g.answers = ends+more, now, cause, 0
	g.total++
	switch {
	case g.ends < blamedEnds:
	case key.scope == gateKind:
		g.until = now + gateMax
	default:
		g.until = now + min(gateMax, gateMin<<min(g.ends-blamedEnds, 10))
	}
	b.rewake(g)
}

// remember keeps s for Snapshot, in the place of what was kept of the same author: of the same
// connection, or of what is like s and has not ended more.
func (b *blame) remember(s *Blame) {
	b.recent = slices.DeleteFunc(b.recent, func(o Blame) bool {
		return o.Author.Client == s.Author.Client ||
			o.Author.isLike(&s.Author) && o.Ends-int((s.At-o.At)/pardon) <= s.Ends
	})
	b.recent = slices.Insert(b.recent[:min(len(b.recent), blamesKept-1)], 0, *s)
}

// appendRecent appends what is remembered and not forgotten, the latest first.
func (b *blame) appendRecent(dst []Blame, now time.Duration) []Blame {
	for _, s := range b.recent {
		if now-s.At < time.Duration(s.Ends)*pardon {
			s.Wait = max(0, s.At+s.Wait-now)
			dst = append(dst, s)
		}
	}
	return dst
}

// waiting returns the number of exchanges that wait at gates.
func (b *blame) waiting() int {
	n := b.risky[standingNew].waiting.n + b.risky[standingSuspect].waiting.n
	for _, g := range b.gates {
		n += g.waiting.n
	}
	return n
}

// tidy takes out the gates whose ends are all forgotten, now and then.
func (b *blame) tidy(now time.Duration) {
	if now < b.tidyAt {
		return
	}
	b.tidyAt = now + pardon
	for key, g := range b.gates {
		if g.endsAt(now) == 0 && g.trying == nil && g.waiting.n == 0 {
			delete(b.gates, key)
		}
	}
}

// EndsBehind returns how many sessions have ended in a row behind commands of a connection, see
// Author.Client; 0 where all are forgotten.
func (p *Pool) EndsBehind(client uint64, now time.Duration) int {
	a := Author{Client: client}
	if g := p.blame.gates[a.gateKey(gateClient)]; g != nil && g.endsAt(now) > 0 {
		return g.total
	}
	return 0
}

// endsOf returns the ends that a's gate of that scope has counted and not forgotten.
func (b *blame) endsOf(a *Author, scope gateScope, now time.Duration) int {
	if g := b.gates[a.gateKey(scope)]; g != nil {
		return g.endsAt(now)
	}
	return 0
}
