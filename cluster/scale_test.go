package cluster

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// scale is what a cluster of a size costs, in the model: the real machines of all hosts, in simulated time.
type scale struct {
	hosts, accounts int

	idle, idleOctets  float64 // requests, and octets of what they read, a second
	settling          int     // the most requests within a second behind a restart of the engine
	settled           time.Duration
	lanes, lanesOfOne int     // while idle: in all, and at the host that has the most
	heap              float64 // octets of a host's machine
	changes, logins   int     // in a rolling restart
	restart           time.Duration
	failed            string
}

// scaleSessions is how many sessions each account opens.
const scaleSessions = 3

// scaleLanes is cluster.lanes, the default.
const scaleLanes = 64

// scaleOf plays a cluster through its day.
func scaleOf(hosts, accounts int, progress func(*scale)) *scale {
	c := &scale{hosts: hosts, accounts: accounts}
	s := newSim(1, 15*time.Second, hosts, accounts)
	s.keeps, s.copies, s.told, s.hectic = 0, true, 1, 10_000_000
	s.slow = 2 * time.Millisecond
	for i, h := range s.hosts {
		h.name = fmt.Sprintf("host-%03d.example", i)
		h.clocks.rate = 1
		h.boot()
		s.play(s.now + time.Second/time.Duration(hosts))
	}
	s.play(s.now + 4*time.Minute)
	s.check()
	c.rest(s)
	progress(c)
	c.outage(s)
	progress(c)
	s.play(s.now + 2*time.Minute) // each is where it is to be
	c.rolling(s)
	c.failed = s.failed
	c.weigh(s)
	return c
}

// rest measures what is asked while nothing happens.
func (c *scale) rest(s *sim) {
	asks, octets := s.store.asks, s.store.octets
	const span = time.Minute
	s.play(s.now + span)
	c.idle = float64(s.store.asks-asks) / span.Seconds()
	c.idleOctets = float64(s.store.octets-octets) / span.Seconds()
	at := make(map[string]int)
	for _, h := range s.hosts {
		for _, key := range s.keys {
			if o := h.m.accounts[key].told; h.m.accounts[key].state == stateNone && o.Host != "" {
				at[o.Host]++
				c.lanes++
				c.lanesOfOne = max(c.lanesOfOne, at[o.Host])
			}
		}
	}
}

// outage takes the engine away for four ttl, so that all owners run into their fences, and measures what
// follows.
func (c *scale) outage(s *sim) {
	back := s.now + 4*s.ttl
	for _, h := range s.hosts {
		h.cut = back
	}
	s.play(back)
	asks := s.store.asks
	for second := 1; s.failed == "" && c.settled == 0; second++ {
		s.play(back + time.Duration(second)*time.Second)
		c.settling = max(c.settling, s.store.asks-asks)
		asks = s.store.asks
		if c.owned(s) {
			c.settled = s.now - back
		} else if s.now > back+4*s.ttl {
			s.fail("nothing settles")
		}
	}
}

// owned reports whether each account has an owner.
func (c *scale) owned(s *sim) bool {
	for _, n := range s.owners() {
		if n != 1 {
			return false
		}
	}
	return true
}

// rolling restarts one host after the other: each leaves, ends, and is back two seconds later. The next one
// follows when the one before is a member again.
func (c *scale) rolling(s *sim) {
	begun, tenures := s.now, s.tenures
	for _, h := range s.hosts {
		h.event(0, func(m *machine, now Instant) { m.leave("", now) })
		s.play(s.now + 100*time.Millisecond)
		for until := s.now + time.Minute; s.failed == "" && h.up && !h.m.left("", h.now()); s.play(s.now + 100*time.Millisecond) {
			if s.now > until {
				s.fail("%s does not end", h.name)
			}
		}
		if h.up {
			h.event(0, func(m *machine, now Instant) { m.close(now) })
		}
		for until := s.now + time.Minute; s.failed == "" && h.up; s.play(s.now + 100*time.Millisecond) {
			if s.now > until {
				s.fail("%s does not close", h.name)
			}
		}
		s.play(s.now + 2*time.Second)
		h.boot()
		s.play(s.now + 3*time.Second)
	}
	c.restart = s.now - begun
	// Accounts go back to the hosts that are to own them, one at a time at each host, from a minute on.
	s.play(s.now + 5*time.Minute)
	s.check()
	c.changes = int(s.tenures - tenures)
	c.logins = c.changes * scaleSessions
}

// weigh measures the memory of a machine.
func (c *scale) weigh(s *sim) {
	heap := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	s.events, s.last = nil, nil
	before := heap()
	for _, h := range s.hosts {
		h.m = nil
	}
	c.heap = max(0, before-heap()) / float64(c.hosts)
	runtime.KeepAlive(s)
}

// row is a line of the table in docs/capacity.md.
func (c *scale) row() string {
	return fmt.Sprintf("| %d | %d | %.1f | %s | %d | %.0f s | %d | %d | %d | %s | %d | %d | %.0f min |", c.hosts, c.accounts,
		c.idle, octets(c.idleOctets), c.settling, c.settled.Seconds(), c.lanes, c.lanesOfOne, c.lanesOfOne*scaleLanes,
		octets(c.heap), c.changes, c.logins, c.restart.Minutes())
}

// octets writes a number of octets for people.
func octets(n float64) string {
	switch {
	case n < 10e3:
		return fmt.Sprintf("%.0f", n)
	case n < 10e6:
		return fmt.Sprintf("%.0fk", n/1e3)
	}
	return fmt.Sprintf("%.0fM", n/1e6)
}

var scaleHead = strings.Join([]string{"hosts", "accounts", "requests/s", "octets/s", "requests in the worst second behind an outage",
	"settled", "lanes", "at one owner", "at most there", "octets of memory", "changes in a rolling restart", "logins", "it takes"}, " | ")

// TestClusterScale holds what clusters cost, at small sizes. With EPPMUX_CLUSTER_SCALE, sizes like
// 3x10, it prints the table of docs/capacity.md.
func TestClusterScale(t *testing.T) {
	sizes := [][2]int{{3, 1}, {3, 10}, {10, 10}}
	if raceEnabled || testing.Short() {
		sizes = sizes[:2]
	}
	all := os.Getenv("EPPMUX_CLUSTER_SCALE")
	if all != "" {
		sizes = nil
		for _, size := range strings.Fields(all) {
			var of [2]int
			if _, err := fmt.Sscanf(size, "%dx%d", &of[0], &of[1]); err != nil {
				t.Fatalf("%s: %v", size, err)
			}
			sizes = append(sizes, of)
		}
		fmt.Printf("| %s |\n|%s\n", scaleHead, strings.Repeat(" --: |", strings.Count(scaleHead, "|")+1))
	}
	for _, size := range sizes {
		c := scaleOf(size[0], size[1], func(c *scale) {
			if all != "" { // the largest take minutes
				fmt.Fprintln(os.Stderr, c.row())
			}
		})
		if c.failed != "" {
			t.Fatalf("%d hosts, %d accounts: %s", c.hosts, c.accounts, c.failed)
		}
		if all != "" {
			fmt.Println(c.row())
		} else {
			t.Log(c.row())
		}
		c.hold(t)
	}
}

// hold holds what must not grow.
func (c *scale) hold(t *testing.T) {
	if c.settled > 2*15*time.Second+time.Duration(c.hosts)*rankStep {
		t.Errorf("%d hosts, %d accounts: settled behind %v", c.hosts, c.accounts, c.settled)
	}
	if c.lanes != (c.hosts-1)*c.accounts {
		t.Errorf("%d hosts, %d accounts: %d lanes are open while idle", c.hosts, c.accounts, c.lanes)
	}
	// Each account is given away by the hosts that it comes to, and goes back once.
	if most := c.accounts * (c.hosts + 1); c.changes > most {
		t.Errorf("%d hosts, %d accounts: %d changes in a rolling restart, at most %d", c.hosts, c.accounts, c.changes, most)
	}
}
