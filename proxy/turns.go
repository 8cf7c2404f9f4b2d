package proxy

import (
	"slices"

	"eppmux/upstream/pool"
)

// turns are the logins that wait to be verified. They stand in lines, one for each claim, and the
// lines take turns. So a flood under one client id delays that of another by one verification, and
// so it does for another peer. Lines that are doubted come behind all others.
type turns struct {
	lines []*line // each has a login; in the order of their turns
	n     int     // logins in all
}

// claim is who a login says it is, and where it comes from.
type claim struct {
	peer  *pool.Budget // the identity that it comes from, see provenance.from
	user  *credential  // nil: no such client id
	again bool         // a login of this connection has been refused before
}

// line is the logins of one claim.
type line struct {
	claim
	doubted bool // there is no such client id, or the peer had a wrong password for it last
	logins  []*verification
}

// push lets v wait. Where verificationsMax wait, the newest login of the longest line makes room, so
// long as v's line stays shorter; that one is then victim. ok is false where there is no room.
func (t *turns) push(v *verification) (victim *verification, ok bool) {
	i := slices.IndexFunc(t.lines, func(l *line) bool { return l.claim == v.claim })
	l := &line{claim: v.claim, doubted: v.doubted}
	if i >= 0 {
		l = t.lines[i]
	}
	if t.n == verificationsMax {
		longest := slices.MaxFunc(t.lines, func(x, y *line) int { return x.weight() - y.weight() })
		if l.weight()+2 >= longest.weight() {
			return nil, false
		}
		victim = longest.logins[len(longest.logins)-1]
		t.remove(victim)
	}
	l.doubted = v.doubted // as is known by now
	l.logins = append(l.logins, v)
	if i < 0 {
		t.lines = append(t.lines, l)
	}
	t.n++
	return victim, true
}

// weight is by how much a line is the one to make room: two for each login, and one more if it is
// doubted.
func (l *line) weight() int {
	if l.doubted {
		return 2*len(l.logins) + 1
	}
	return 2 * len(l.logins)
}

// pop takes out the login whose turn it is; nil where none waits.
func (t *turns) pop() *verification {
	if t.n == 0 {
		return nil
	}
	i := max(0, slices.IndexFunc(t.lines, func(l *line) bool { return !l.doubted }))
	l := t.lines[i]
	v := l.logins[0]
	t.lines = append(slices.Delete(t.lines, i, i+1), l) // its next turn is the last
	t.remove(v)
	return v
}

// remove takes v out, if it waits.
func (t *turns) remove(v *verification) {
	i := slices.IndexFunc(t.lines, func(l *line) bool { return l.claim == v.claim })
	if i < 0 {
		return
	}
	l := t.lines[i]
	at := slices.Index(l.logins, v)
	if at < 0 {
		return
	}
	l.logins = slices.Delete(l.logins, at, at+1)
	t.n--
	if len(l.logins) == 0 {
		t.lines = slices.Delete(t.lines, i, i+1)
	}
}
