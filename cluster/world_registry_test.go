package cluster

import (
	"slices"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// worldRegistry is a registry with one account: it grants sessions, and counts in true time.
type worldRegistry struct {
	w       *world
	key     string
	config  pool.Config
	granted int           // sessions
	rtt     time.Duration // the longest way of a command, and the longest that it takes
	linger  time.Duration // how long it counts a session whose client has lost its power
	faults  float64       // chance per command
	away    time.Duration // until then it takes no connection
	open    int           // sessions that it counts
	windows []*worldWindow
}

// worldWindow is a limit: n commands within per.
type worldWindow struct {
	name   string
	n      int
	per    time.Duration
	covers func(frame.Command) bool
	at     []time.Duration // the last n
	next   int
}

// count is told of each command as it comes.
func (r *worldRegistry) count(c frame.Command) {
	for _, v := range r.windows {
		if !v.covers(c) {
			continue
		}
		if len(v.at) < v.n {
			v.at = append(v.at, r.w.now)
			continue
		}
		if d := r.w.now - v.at[v.next]; d < v.per && !r.w.amnesia() {
			r.w.fail("%s: %d %s within %v, %d within %v are allowed", r.key, v.n+1, v.name, d, v.n, v.per)
		}
		v.at[v.next] = r.w.now
		v.next = (v.next + 1) % v.n
	}
}

// worldConn is a connection, as the registry has it.
type worldConn struct {
	r      *worldRegistry
	k      *worldSock
	ended  bool
	logged bool
	stuck  time.Duration // until then it looks at nothing
}

// end is the end of the connection, as the registry notes it.
func (c *worldConn) end() {
	if !c.ended {
		c.ended = true
		if c.logged {
			c.r.open--
		}
	}
}

// drop has the registry end the connection.
func (c *worldConn) drop() {
	c.end()
	c.k.fromRegistry(func() { c.k.close() })
}

// worldSock is the owner's end of a session.
type worldSock struct {
	a         *worldAccount
	life      int
	s         *pool.Session
	conn      *worldConn
	fence     *Fence
	tenure    worldTenure
	loginSent bool
	told      bool // the pool knows how the opening went
	closed    bool
	gen       int // of what was written
	lastTo    time.Duration
	lastFrom  time.Duration
}

// back is the way of one unit, either way.
func (k *worldSock) back() time.Duration { return k.a.h.w.upTo(k.a.r.rtt / 4) }

// openSock opens a session. In the pool's turn.
func (a *worldAccount) openSock(s *pool.Session) {
	w := a.h.w
	if a.role != worldOwner {
		w.fail("%s: a session is opened in role %d", a.h.name, a.role)
	}
	k := &worldSock{a: a, life: a.h.life, s: s, fence: a.ownership.Fence,
		tenure: worldTenure{a.r.key, a.h.m.cfg.Instance, a.term}}
	k.conn = &worldConn{r: a.r, k: k}
	s.Shell = k
	a.socks = append(a.socks, k)
	a.h.event(a.r.rtt/2+w.upTo(a.r.rtt), k.login)
	a.h.event(10*time.Second, func() { k.notOpened(pool.CauseRegistryClosed) })
}

// login sends the login, from a goroutine of its own.
func (k *worldSock) login() {
	w := k.a.h.w
	switch {
	case k.told:
		return
	case w.now < k.a.r.away:
		k.notOpened(pool.CauseConnect)
		return
	case k.fence.Passed():
		k.a.turn(func() {
			k.a.fence()
			k.failed(pool.CauseShutdown)
		})
		return
	}
	k.loginSent = true
	k.wrote("login")
	k.toRegistry(func() {
		r := k.a.r
		r.count(frame.CommandLogin)
		switch {
		case w.now < r.away || w.chance(r.faults/4):
			k.conn.ended = true
			k.fromRegistry(func() { k.a.h.event(0, func() { k.notOpened(pool.CauseRegistryClosed) }) })
		case r.open >= r.granted:
			k.conn.ended = true
			w.refusals++
			k.fromRegistry(func() { k.a.h.event(0, func() { k.notOpened(pool.CauseTooManySessions) }) })
		default:
			r.open++
			w.logins++
			k.conn.logged = true
			k.fromRegistry(func() {
				if !k.told {
					k.told = true
					k.a.pool.Opened(k.s, k.a.instant)
				}
			})
		}
	})
}

// notOpened tells the pool that the session could not be opened.
func (k *worldSock) notOpened(cause pool.Cause) {
	if !k.told {
		k.a.turn(func() { k.failed(cause) })
	}
}

func (k *worldSock) failed(cause pool.Cause) {
	k.told = true
	k.part()
	k.a.pool.OpenFailed(k.s, cause, k.a.instant)
}

// giveUp opens the session no more; at once: also where the login is sent.
func (k *worldSock) giveUp(atOnce bool) {
	cause := pool.CauseShutdown
	if k.loginSent {
		if !atOnce {
			return
		}
		cause = pool.CauseRegistryClosed
	}
	k.loginSent = true // it is not sent behind this
	k.a.h.event(k.a.h.w.upTo(time.Millisecond), func() { k.notOpened(cause) })
}

// part closes the connection.
func (k *worldSock) part() {
	if k.closed {
		return
	}
	k.closed = true
	k.a.socks = slices.DeleteFunc(k.a.socks, func(o *worldSock) bool { return o == k })
	w := k.a.h.w
	w.at(max(k.lastTo, w.now+k.back()), nil, 0, func() {
		if d := k.conn.stuck - w.now; d > 0 {
			w.after(d, k.conn.end)
		} else {
			k.conn.end()
		}
	})
}

// close is ours, or the registry's, in a turn.
func (k *worldSock) close() {
	if k.closed {
		return
	}
	k.part()
	k.a.pool.Closed(k.s, k.a.instant)
}

// toRegistry has something come to the registry, in its order.
func (k *worldSock) toRegistry(do func()) {
	w := k.a.h.w
	k.lastTo = max(k.lastTo, w.now+k.back())
	w.at(k.lastTo, nil, 0, func() {
		if !k.conn.ended {
			do()
		}
	})
}

// fromRegistry has something come from the registry, in its order, in a turn.
func (k *worldSock) fromRegistry(do func()) {
	w := k.a.h.w
	k.lastFrom = max(k.lastFrom, w.now+k.back())
	w.at(k.lastFrom, k.a.h, k.life, func() {
		if !k.closed {
			k.a.turn(do)
		}
	})
}

// barred asks the fence before something is written.
func (k *worldSock) barred() bool { return k.fence.Passed() }

// wrote is told of each writing to the registry: C1 and C2.
func (k *worldSock) wrote(what string) {
	w := k.a.h.w
	landed, ok := w.store.landed[k.tenure]
	// The longest from a request to its fence, by the slowest clock.
	if most := (w.ttl - w.ttl/10) * 1000 / 952; !ok || w.now-landed > most {
		w.fail("C1: %s writes a %s %v after the request that gave it the lease", k.tenure.instance, what, w.now-landed)
	}
	w.alone(k, what)
}

// send is a client's command, in a turn.
func (k *worldSock) send(x *pool.Exchange) {
	a := k.a
	switch {
	case k.s.Exchange() != x:
		return
	case k.closed || k.s.State() != pool.SessionBusy:
		a.pool.Unsent(k.s, x, pool.CauseRegistryClosed, a.instant)
		return
	case k.barred():
		a.fence()
		a.pool.Unsent(k.s, x, pool.CauseFenced, a.instant)
		return
	}
	k.wrote("command")
	k.gen++
	gen := k.gen
	y := x.Shell.(*worldExchange)
	k.toRegistry(func() { k.conn.serve(y, gen) })
}

// sendOwn is a message of our own, in a turn.
func (k *worldSock) sendOwn() {
	if k.closed || k.s.State() == pool.SessionClosing {
		return
	}
	if k.barred() {
		k.a.fence()
		k.a.pool.Poison(k.s, pool.CauseFenced)
		return
	}
	what := k.s.InFlight()
	k.wrote(what.String())
	k.gen++
	gen := k.gen
	k.toRegistry(func() {
		switch what {
		case pool.LogoutInFlight:
			k.a.r.count(frame.CommandLogout)
			defer k.conn.end()
		case pool.PollInFlight:
			k.a.r.count(frame.CommandPoll)
		}
		k.answers(gen, func() { k.a.pool.Answered(k.s, pool.CauseNone, k.a.instant) })
	})
}

// answers has the registry answer what was written as gen.
func (k *worldSock) answers(gen int, how func()) {
	k.fromRegistry(func() {
		if k.gen == gen && k.s.State() != pool.SessionClosing {
			how()
		}
	})
}

// serve is what the registry does with a command.
func (c *worldConn) serve(x *worldExchange, gen int) {
	r, w, k, m := c.r, c.r.w, c.k, x.command
	r.count(x.Command)
	m.came++
	takes := w.upTo(r.rtt / 2)
	fault := -1
	if w.chance(r.faults) {
		fault = w.rand.IntN(8)
	}
	answer := func(end pool.Cause) {
		w.after(takes, func() {
			if c.ended {
				return
			}
			m.answered = true
			k.answers(gen, func() { k.a.pool.Answered(k.s, end, k.a.instant) })
		})
	}
	switch fault {
	case 0: // closes, and has done nothing
		w.after(takes, c.drop)
	case 1: // closes, and has done it
		m.execute()
		w.after(takes, c.drop)
	case 2: // never answers
		m.execute()
		c.stuck = w.now + w.upTo(2*r.config.CommandTimeout)
	case 3: // answers late
		m.execute()
		takes = w.upTo(2 * r.config.CommandTimeout)
		c.stuck = w.now + takes
		answer(pool.CauseNone)
	case 4, 5: // wants fewer commands
		m.rejected++
		w.after(takes, func() {
			if !c.ended {
				k.answers(gen, func() { k.a.pool.Throttled(k.s, pool.CauseNone, k.a.instant) })
			}
		})
	case 6: // has forgotten the login
		m.rejected++
		w.after(takes, func() {
			if c.ended {
				return
			}
			m.answered = m.answered || x.LoginLost()
			k.answers(gen, func() {
				if x.LoginLost() {
					k.a.pool.AnsweredUnproven(k.s, pool.CauseNone, k.a.instant)
				} else {
					k.a.pool.LoginLost(k.s, k.a.instant)
				}
			})
		})
	case 7: // ends the session by its answer
		m.execute()
		answer(pool.CauseCodeCloses)
	default:
		m.execute()
		answer(pool.CauseNone)
	}
}
