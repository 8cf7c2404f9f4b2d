package batch

// compose picks up to n waiting items for the next commands: users take turns, a name each, and so do the
// requests of one user. It changes no turn: rotate does, for what has been sent.
func (l *line) compose(n int) (items []*item, from []*part) {
	l.epoch++
	n = min(n, l.waiting)
	items, from = make([]*item, 0, n), make([]*part, 0, n)
	for len(items) < n {
		before := len(items)
		for e := l.users.Front(); e != nil && len(items) < n; {
			u := e.Value.(*userTurn)
			e = e.Next() // pick may take u away
			if it, pt := l.pick(u); it != nil {
				if pt.rank < 0 {
					pt.rank = len(items)
				}
				items, from = append(items, it), append(from, pt)
			}
		}
		if len(items) == before {
			panic("BUG: fewer items wait than are counted")
		}
	}
	return items, from
}

// pick returns the next item of a user in this composition; nil where there is none.
func (l *line) pick(u *userTurn) (*item, *part) {
	if u.epoch != l.epoch {
		u.epoch, u.at, u.spent = l.epoch, nil, false
	}
	if u.spent {
		return nil, nil
	}
	for range u.parts.Len() {
		if u.at == nil {
			u.at = u.parts.Front()
		}
		pt := u.at.Value.(*part)
		u.at = u.at.Next()
		if it := pt.peek(l.epoch); it != nil {
			it.picked = l.epoch
			return it, pt
		}
		if pt.next == len(pt.items) {
			l.exit(pt)
		}
	}
	u.spent = true
	return nil, nil
}

// peek returns the part's next item that waits, and that the composition does not have.
func (pt *part) peek(epoch uint64) *item {
	if pt.epoch != epoch {
		for pt.next < len(pt.items) && pt.items[pt.next].state != itemWaiting {
			pt.next++
		}
		pt.epoch, pt.at, pt.rank = epoch, pt.next, -1
	}
	for ; pt.at < len(pt.items); pt.at++ {
		if it := pt.items[pt.at]; it.state == itemWaiting && it.picked != epoch {
			return it
		}
	}
	return nil
}

// rotate puts those at the end whose turn has been.
func (l *line) rotate(from []*part) {
	for _, pt := range from {
		if pt.place == nil {
			continue
		}
		pt.user.parts.MoveToBack(pt.place)
		l.users.MoveToBack(pt.user.place)
	}
}
