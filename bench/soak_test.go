package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var soakTime = flag.Duration("soak", 9*time.Second, "how long TestSoak puts load on eppmux")

// soakFaults are those of the sandbox that end sessions or answers in all kinds of ways, each now
// and then.
var soakFaults = strings.Join([]string{
	"close-before:p=0.0002", "close-after:p=0.0002", "reset:p=0.0002", "half:p=0.0002", "stall:p=0.0001", "silent:p=0.0001",
	"slow=300ms:p=0.002", "wrong-cltrid:p=0.0002", "no-cltrid:p=0.0002", "duplicate:p=0.0002", "greeting:p=0.0001",
	"garbage:p=0.0002", "2002:p=0.0001", "2500-close:p=0.0002,cmd=transform", "huge=5000000:p=0.0001", "no-greeting:p=0.01", "close-at-accept:p=0.02",
}, ";")

// soakClient connects in a different way each time, works for a while, and goes in a different way
// each time.
type soakClient struct {
	chaosClient
	rig *rig
}

func (c *soakClient) run(stop *atomic.Bool) {
	for round := 0; !stop.Load(); round++ {
		nc, err := c.dial(round % 3)
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		if c.nc = nc; c.greeted() {
			for n := rand.IntN(30); n >= 0 && c.nc != nil && !stop.Load(); n-- {
				c.command(round*100 + n)
				time.Sleep(time.Duration(rand.IntN(80)) * time.Millisecond)
			}
		}
		c.leave(round % 4)
	}
}

func (c *soakClient) greeted() bool {
	if _, err := c.read(); err != nil {
		c.nc.Close()
		c.nc = nil
		return false
	}
	return true
}

func (c *soakClient) dial(way int) (net.Conn, error) {
	if way == 2 {
		return net.Dial("unix", c.rig.socket)
	}
	return c.rig.dial(way == 1)
}

func (c *soakClient) command(n int) {
	name := fmt.Sprintf("soak-%d-%d.example", c.id, n)
	verb := "check"
	if n%5 == 0 {
		verb = "delete" // of what there is not: the registry's memory is not what is measured
	}
	e := c.exchange(`<`+verb+`><domain:`+verb+` xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>`+name+
		`</domain:name></domain:`+verb+`></`+verb+`>`, name)
	c.queries[e]++
}

// leave ends the connection: with a logout, by closing, by a reset, or in the middle of a command.
func (c *soakClient) leave(way int) {
	if c.nc == nil {
		return
	}
	switch tcp, plain := c.nc.(*net.TCPConn); {
	case way == 0:
		_, _ = c.nc.Write(unit(`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><logout/></command></epp>`))
		_, _ = c.read()
	case way == 1 && plain:
		_ = tcp.SetLinger(0)
	case way == 2:
		_, _ = c.nc.Write(unit(checkPayload("left.example", "LEFT-1")))
	}
	c.nc.Close()
	c.nc = nil
}

// soak is a rig under load for a long time.
type soak struct {
	*rig
	clients []*soakClient
	attacks []attack
}

// load lets clients and attackers work.
func (s *soak) load(d time.Duration) {
	var stop atomic.Bool
	var wg sync.WaitGroup
	for _, c := range s.clients {
		wg.Go(func() { c.run(&stop) })
	}
	wg.Go(func() {
		for n := 0; !stop.Load(); n++ {
			h := &hostile{rig: s.rig}
			s.attacks[n%len(s.attacks)].one(h)
			time.Sleep(50 * time.Millisecond)
		}
	})
	next := time.NewTicker(max(time.Second, d/20))
	defer next.Stop()
	for end := time.After(d); ; {
		select {
		case <-next.C:
			s.t.Logf("under load: %v", shown(s.scrape()))
			continue
		case <-end:
		}
		stop.Store(true)
		wg.Wait()
		return
	}
}

// measures are what must not grow.
type measures struct {
	goroutines, descriptors, threads, heap, resident float64
}

func shown(m samples) measures {
	return measures{m["go_goroutines"], m["process_open_fds"], m["go_threads"], m["go_memstats_heap_alloc_bytes"], m["process_resident_memory_bytes"]}
}

func (m measures) String() string {
	return fmt.Sprintf("%.0f goroutines, %.0f descriptors, %.0f threads, heap %.1f MiB, resident %.1f MiB", m.goroutines, m.descriptors,
		m.threads, m.heap/(1<<20), m.resident/(1<<20))
}

// quiet waits until all clients have gone and the sessions above the least number have ended, and
// gives the smallest numbers that are seen while the garbage is collected three times, which
// reading the metrics brings about.
func (s *soak) quiet() measures {
	s.t.Helper()
	s.waitFor("quiet", func() bool {
		m := s.scrape()
		return m[`eppmux_clients{registry="test"}`] == 0 && m[`eppmux_sessions{registry="test",state="idle"}`] == 2
	})
	least := shown(s.scrape())
	const collections = `go_gc_duration_seconds_count`
	until := s.scrape()[collections] + 3
	s.waitFor("three collections", func() bool {
		for range 20 {
			m := s.scrape()
			now := shown(m)
			least = measures{min(least.goroutines, now.goroutines), min(least.descriptors, now.descriptors), now.threads,
				min(least.heap, now.heap), now.resident}
			if m[collections] >= until {
				return true
			}
		}
		return false
	})
	return least
}

// TestSoak: clients and attackers come and go, sessions last for seconds and break in every way; in
// the end eppmux has no more goroutines, descriptors and memory than after the first part of that
// time. See -soak.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	t.Parallel()
	bin := build(t)
	r := newRig(t, bin, []string{"--sessions", "8", "--latency", "3ms", "--faults", soakFaults}, `sessions: {min: 2, max: 6, keepalive: 1s, max_age: 12s, max_commands: 300}
    timeouts: {command: 2s, queue: 8s, greeting: 2s, login: 2s}
    rate_limits: []`, ", frame_timeout: 1s, max_ahead: 300000")
	r.serve(bin, "")
	s := &soak{rig: r, attacks: attacks()}
	for i := range 10 {
		s.clients = append(s.clients, &soakClient{chaosClient: chaosClient{id: i}, rig: r})
	}
	first := min(time.Minute, *soakTime/3)
	s.load(first)
	before := s.quiet()
	t.Logf("quiet after %v: %v", first, before)
	s.load(*soakTime - first)
	after := s.quiet()
	t.Logf("quiet after %v: %v", *soakTime, after)
	if after.goroutines > before.goroutines+2 || after.descriptors > before.descriptors+2 {
		t.Errorf("goroutines or descriptors are left behind")
	}
	if after.heap > 1.25*before.heap+4<<20 {
		t.Errorf("the heap has grown")
	}
	if after.resident > 2*before.resident+64<<20 {
		t.Errorf("the process has grown")
	}
	s.judge()
}

// judge holds what the clients saw, and what eppmux counted, against what is allowed.
func (s *soak) judge() {
	s.t.Helper()
	var ends [wrong + 1]int
	all := 0
	for _, c := range s.clients {
		if c.strange != "" {
			s.t.Errorf("client %d got another's answer: %s", c.id, c.strange)
		}
		for e, n := range c.queries {
			ends[e] += n
			all += n
		}
	}
	s.t.Logf("%d commands: answered %d, not sent %d, failed %d, closed %d; clients' ends: %v", all, ends[answered], ends[notSent],
		ends[failed], ends[closed], s.scrape().closes())
	if float64(ends[answered]) < 0.99*float64(all) && all-ends[answered] > 5 {
		s.t.Errorf("too few commands were answered")
	}
	if b := breaches(s.t, s.stats); b != "" {
		s.t.Errorf("the registry counts breaches: %s", b)
	}
}
