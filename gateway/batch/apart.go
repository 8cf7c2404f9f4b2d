package batch

import "time"

// strike counts strikes of a user. What waits of one who is apart from now on leaves the others.
func (d *desk) strike(user string, n int, now time.Time) {
	before := d.care.isApart(user, now)
	d.care.strike(user, n, now)
	if before || !d.care.isApart(user, now) {
		return
	}
	for _, l := range d.lines {
		if u := l.byName[user]; u != nil && l.key.user == "" {
			l.expel(u)
		}
	}
}

// expel moves what waits of a user to a line of the user's own.
func (l *line) expel(u *userTurn) {
	l.unload()
	moved := make(map[*item]*item)
	for e := u.parts.Front(); e != nil; {
		pt := e.Value.(*part)
		e = e.Next()
		key := l.key
		key.user = u.name
		to := l.d.line(key, l.fee, pt.q.r.User)
		for i, it := range pt.items {
			if moved[it] == nil && it.state == itemWaiting {
				own := to.claim(it, u.name)
				moved[it], moved[own] = own, own
			}
			if own := moved[it]; own != nil { // also where another part of the user has it
				pt.items[i] = own
			}
		}
		l.exit(pt)
		to.seq++
		pt.l, pt.seq, pt.next, pt.epoch = to, to.seq, 0, 0
		to.enter(pt)
		to.poke()
	}
	l.poke()
}

// claim returns the item that waits in the line in place of it, for the waiters of a user only.
func (l *line) claim(it *item, user string) *item {
	own := &item{name: it.name}
	var others []waiter
	for _, w := range it.waiters {
		if w.q.r.User.Name == user {
			own.waiters = append(own.waiters, w)
		} else {
			others = append(others, w)
		}
	}
	if it.waiters = others; len(others) == 0 {
		it.yield()
		it.state = itemDone
	}
	l.take(own)
	return own
}
