package pool

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"eppmux/frame"
)

// ruin is what a registry does at a ruinous client's command.
type ruin uint8

const (
	ruinNone    ruin = iota
	ruinCode         // answers 2500, and closes
	ruinClose        // closes
	ruinFrame        // answers with what is no frame
	ruinTimeout      // says nothing
	ruinAnswer       // answers 2101 and closes, in one
	ruinAfter        // answers 2101, and closes a moment later
	numRuins
)

func (r ruin) String() string {
	return [numRuins]string{"none", "code", "close", "frame", "timeout", "answer", "after"}[r]
}

// street is a pool with neighbours: two clients that work and others that ruin sessions, all of one
// identity. Its registry is always there.
type street struct {
	pool    *Pool
	rand    *rand.Rand
	now     time.Duration
	events  eventHeap
	order   int
	clients uint64 // connections so far
	gone    map[*Session]bool
	of      map[*Exchange]*neighbour
	logins  []time.Duration
	rtt     time.Duration

	open []*Session       // in the order of their logins
	sent map[*Session]int // commands
	most int              // commands behind which the registry closes a session; 0: it does not
}

// neighbour is a program. Its connection may end, then it makes a new one.
type neighbour struct {
	street *street
	ruin   ruin
	every  uint64 // so many of its commands one ruins a session; 0: each
	brief  bool   // it has a connection for each command
	hops   bool   // and another identity each time
	query  bool
	varies bool          // its commands differ
	kind   Kind          // of its commands; 0: two kinds, in turns
	pause  time.Duration // between an answer and the next command

	client   uint64 // connection
	known    Kinds
	served   time.Duration
	asked    uint64
	answered int
	failed   int
	tries    int             // sessions that it had
	times    []time.Duration // from command to answer
}

func newStreet(seed uint64, sessions int) *street {
	s := &street{rand: rand.New(rand.NewPCG(seed, 0)), gone: map[*Session]bool{}, sent: map[*Session]int{},
		of: map[*Exchange]*neighbour{}, rtt: 20 * time.Millisecond}
	s.pool = New(Config{Grant: Grant{MinSessions: 1, MaxSessions: sessions}, QueueTimeout: 8 * time.Second,
		CommandTimeout: 20 * time.Second, Rand: rand.New(rand.NewPCG(seed, 1))}, 0)
	return s
}

func (s *street) after(d time.Duration, f func()) {
	s.order++
	heap.Push(&s.events, event{s.now + d, s.order, f})
}

// about returns d, more or less.
func (s *street) about(d time.Duration) time.Duration {
	return d/2 + time.Duration(s.rand.Int64N(int64(d)))
}

// run plays until the given instant.
func (s *street) run(until time.Duration) {
	s.settle()
	for s.now < until {
		if wake := s.pool.Wake(); len(s.events) == 0 || wake < s.events[0].at {
			s.now = max(s.now, wake)
			s.pool.Advance(s.now)
		} else {
			e := heap.Pop(&s.events).(event)
			s.now = max(s.now, e.at)
			e.f()
		}
		s.settle()
	}
}

func (s *street) settle() {
	for a, ok := s.pool.Next(); ok; a, ok = s.pool.Next() {
		switch a.Do {
		case DoOpen:
			s.logins = append(s.logins, s.now)
			s.after(s.about(100*time.Millisecond), func() {
				s.open = append(s.open, a.Session)
				s.pool.Opened(a.Session, s.now)
			})
		case DoSend:
			s.send(a.Session, a.Exchange)
		case DoLogout:
			s.after(s.about(s.rtt), func() { s.whileOpen(a.Session, func() { s.pool.Answered(a.Session, CauseNone, s.now) }) })
		case DoClose:
			s.close(a.Session)
		case DoFinish:
			s.of[a.Exchange].finish(a)
		}
	}
}

func (s *street) whileOpen(x *Session, f func()) {
	if !s.gone[x] {
		f()
	}
}

func (s *street) close(x *Session) {
	s.whileOpen(x, func() {
		s.gone[x] = true
		s.open = slices.DeleteFunc(s.open, func(y *Session) bool { return y == x })
		s.pool.Closed(x, s.now)
	})
}

// send is the registry.
func (s *street) send(on *Session, x *Exchange) {
	n := s.of[x]
	n.tries++
	r := n.ruin
	if n.every > 0 && n.asked%n.every != 0 {
		r = ruinNone
	}
	if s.sent[on]++; s.sent[on] == s.most && r == ruinNone {
		r = ruinAfter
	}
	s.after(s.about(s.rtt), func() {
		s.whileOpen(on, func() {
			switch r {
			case ruinNone:
				s.pool.Answered(on, CauseNone, s.now)
			case ruinCode:
				s.pool.Answered(on, CauseCodeCloses, s.now)
			case ruinClose:
				s.close(on)
			case ruinFrame:
				s.pool.Poison(on, CauseFrame)
			case ruinTimeout:
			case ruinAnswer:
				s.pool.Answered(on, CauseRegistryClosed, s.now)
			case ruinAfter:
				s.pool.Answered(on, CauseNone, s.now)
				s.after(time.Millisecond, func() { s.close(on) })
			}
		})
	})
}

// move makes a new connection.
func (n *neighbour) move() {
	n.street.clients++
	n.client, n.known, n.served = n.street.clients, Kinds{}, n.street.now
}

func (n *neighbour) ask() {
	s := n.street
	n.asked++
	kind, query := n.kind, n.query
	if kind == 0 {
		kind = Kind(1 + n.asked%2)
		query = kind == 1
	}
	identity := "uid 1000"
	if n.brief || n.hops {
		n.move()
	}
	content := n.client<<32 | n.asked
	if n.hops {
		identity = fmt.Sprint("client ", n.client)
	}
	if !n.varies {
		content = 1 << 60
	}
	x := &Exchange{Command: frame.CommandCheck, Query: query, Weight: 1, Since: n.served,
		Author: Author{Client: n.client, Identity: identity, Kind: kind, Content: content, Known: n.known.Has(kind)}}
	if !query {
		x.Command = frame.CommandCreate
	}
	s.of[x] = n
	s.pool.Submit(x, s.now)
}

func (n *neighbour) finish(a Action) {
	s, x := n.street, a.Exchange
	delete(s.of, x)
	if x.SentAt() > 0 {
		n.served = x.SentAt()
	}
	pause := n.pause
	if a.End == EndAnswered {
		n.answered++
		n.times = append(n.times, x.Waited(s.now))
		n.known = n.known.With(x.Author.Kind)
	} else {
		n.failed++
	}
	if a.End == EndUnknown && !x.Query || a.End == EndAnswered && n.ruin == ruinCode {
		n.move()
		pause += 2 * time.Millisecond
	}
	s.after(pause, n.ask)
}

func (n *neighbour) start(s *street, in time.Duration) *neighbour {
	n.street = s
	n.move()
	s.after(in, n.ask)
	return n
}

// p99 is the time within which 99 of 100 answers came.
func (n *neighbour) p99() time.Duration {
	t := slices.Sorted(slices.Values(n.times))
	return t[len(t)*99/100]
}

// busiest is the largest number of logins within a minute.
func (s *street) busiest() (most int) {
	for i := range s.logins {
		n := 0
		for _, at := range s.logins[i:] {
			if at < s.logins[i]+time.Minute {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// TestNeighbours: beside a client whose every command ends a session, others are served as without
// it, and the registry sees no more than half of the logins that it would take.
func TestNeighbours(t *testing.T) {
	const length = 2 * time.Minute
	for _, sessions := range []int{2, 3, 8} {
		alone := newStreet(1, sessions)
		twin := (&neighbour{varies: true, pause: 40 * time.Millisecond}).start(alone, time.Second)
		(&neighbour{varies: true, pause: 40 * time.Millisecond}).start(alone, time.Second)
		alone.run(length)
		for r := ruinCode; r < numRuins; r++ {
			for variant := range 16 {
				bad := &neighbour{ruin: r, query: variant&1 == 0, varies: variant&2 == 0, kind: 3}
				if variant&4 == 0 {
					bad.pause = time.Second
				}
				if variant&8 == 0 { // of a kind that others are served with
					if bad.kind = 2; bad.query {
						bad.kind = 1
					}
				}
				name := fmt.Sprintf("%d/%v/query=%v,varies=%v,pause=%v,kind=%d", sessions, r, bad.query, bad.varies, bad.pause, bad.kind)
				t.Run(name, func(t *testing.T) {
					s := newStreet(uint64(variant), sessions)
					good := []*neighbour{{varies: true, pause: 40 * time.Millisecond}, {varies: true, pause: 40 * time.Millisecond}}
					for _, g := range good {
						g.start(s, time.Second)
					}
					bad.start(s, 2*time.Second)
					s.run(length)
					for _, g := range good {
						if share := float64(g.answered) / float64(g.answered+g.failed); share < 0.99 {
							t.Errorf("%d of %d commands answered", g.answered, g.answered+g.failed)
						}
						if g.p99() > 3*twin.p99() {
							t.Errorf("p99 is %v, without the neighbour %v", g.p99(), twin.p99())
						}
						if worst := slices.Max(g.times); worst > 2*time.Second {
							t.Errorf("one command took %v", worst)
						}
						if g.answered < twin.answered/2 {
							t.Errorf("%d answers, without the neighbour %d", g.answered, twin.answered)
						}
					}
					if most := s.busiest(); most > loginBudget(sessions).N/2 {
						t.Errorf("%d logins within a minute", most)
					}
					t.Logf("good %d/%d p99 %v; bad %d tries, %d answered, %d failed; %d logins", good[0].answered, good[0].failed,
						good[0].p99(), bad.tries, bad.answered, bad.failed, s.busiest())
				})
			}
		}
	}
}
