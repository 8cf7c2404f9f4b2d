package peer

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"eppmux/upstream/lane"
)

// Counters count since the start.
type Counters struct {
	AcceptErrors uint64                  // failures of this host to take a connection
	Failed       map[string]uint64       // openings that came to no Hello, by one of Failures
	Refused      map[lane.Refusal]uint64 // lanes that were refused
}

// AccountCounters count for one account since its first lane.
type AccountCounters struct {
	Open     int // lanes now, those that are leaving too
	Accepted uint64
	// How commands of lanes have ended: Moved went back to their followers, Cancelled had lost theirs.
	Answered, NotSent, Unknown, Moved, Cancelled uint64
	Closes                                       [numCloseReasons]uint64 // see CloseReasons
}

// Snapshot is what a Server knows, for status and metrics.
type Snapshot struct {
	Listener string
	Counters
	Accounts []AccountSnapshot // by Key
}

// AccountSnapshot is what is known of the lanes of one account.
type AccountSnapshot struct {
	Key, Name string // Name is the registry's
	AccountCounters
	Lanes []LaneState // the newest last
	Late  bool        // its loop did not answer in time; there is no more than Key and Name
}

// LaneState is one lane.
type LaneState struct {
	Host     string // the follower
	Address  string
	Since    time.Time
	Commands uint64
	Busy     bool // one of them is under way
	Leaving  bool // it takes no more
}

// askTimeout is the longest time that a caller waits for the loops.
const askTimeout = time.Second

// count changes the counters.
func (s *Server) count(f func(*Counters)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.counts)
}

// Snapshot returns what is known. It waits for the loops of the accounts, for askTimeout at most. From
// any goroutine but those. After Listen.
func (s *Server) Snapshot() Snapshot {
	s.mu.Lock()
	all := slices.SortedFunc(maps.Values(s.desks), func(a, b *desk) int { return cmp.Compare(a.key, b.key) })
	snap := Snapshot{Listener: s.Addr().String(), Counters: Counters{s.counts.AcceptErrors, maps.Clone(s.counts.Failed),
		maps.Clone(s.counts.Refused)}}
	s.mu.Unlock()
	answers := make([]chan AccountSnapshot, len(all)) // one from each loop; not closed
	for i, d := range all {
		answers[i] = make(chan AccountSnapshot, 1)
		d.loop.Post(func() { answers[i] <- d.snapshot() })
	}
	late := time.NewTimer(askTimeout)
	defer late.Stop()
	over := false
	for i, d := range all {
		a := AccountSnapshot{Key: d.key, Name: d.account.Name(), Late: true}
		if over {
			select {
			case a = <-answers[i]:
			default:
			}
		} else {
			select {
			case a = <-answers[i]:
			case <-late.C:
				over = true
			}
		}
		snap.Accounts = append(snap.Accounts, a)
	}
	return snap
}

// snapshot is the desk's part, on the loop.
func (d *desk) snapshot() AccountSnapshot {
	a := AccountSnapshot{Key: d.key, Name: d.account.Name(), AccountCounters: d.counts}
	d.each(func(l *openLane) {
		if !l.taken {
			return
		}
		a.Lanes = append(a.Lanes, LaneState{Host: l.from.Host, Address: l.socket.From().String(), Since: l.since,
			Commands: l.commands, Busy: l.x != nil, Leaving: l.state == laneLeaving || l.state == laneEnding})
	})
	slices.Reverse(a.Lanes) // new ones are put in front
	return a
}
