package proxy

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"eppmux/upstream/pool"
)

// ruins are what registries do at a command that they dislike. The connection ends behind it, unless
// the ruin says nothing at all.
var ruins = map[string]func(nc *net.TCPConn, id string){
	"code":  func(nc *net.TCPConn, id string) { _, _ = nc.Write(unit(ruinAnswer(2500, id))) },
	"close": func(nc *net.TCPConn, id string) {},
	"reset": func(nc *net.TCPConn, id string) { _ = nc.SetLinger(0) },
	"bad XML": func(nc *net.TCPConn, id string) {
		_, _ = nc.Write(unit(strings.Replace(ruinAnswer(1000, id), "</epp>", "", 1)))
	},
	"half":     func(nc *net.TCPConn, id string) { _, _ = nc.Write(unit(ruinAnswer(1000, id))[:40]) },
	"silence":  func(nc *net.TCPConn, id string) { _, _ = io.Copy(io.Discard, nc) },
	"2101":     func(nc *net.TCPConn, id string) { _, _ = nc.Write(unit(ruinAnswer(2101, id))) },
	"other id": func(nc *net.TCPConn, id string) { _, _ = nc.Write(unit(ruinAnswer(1000, "M0000000000000"))) },
	"answered": func(nc *net.TCPConn, id string) {
		_, _ = nc.Write(unit(ruinAnswer(2101, id)))
		time.Sleep(3 * time.Millisecond)
	},
	"extension": func(nc *net.TCPConn, id string) {},
}

func ruinAnswer(code int, id string) string {
	return fmt.Sprintf(eppOpen+`<response><result code="%d"><msg>m</msg></result><trID><clTRID>%s</clTRID><svTRID>r-1</svTRID></trID></response></epp>`, code, id)
}

// ruinRegistry answers after some milliseconds, and does its ruin at each command about
// poison.example.
type ruinRegistry struct {
	ln   net.Listener
	ruin func(*net.TCPConn, string)
	done sync.WaitGroup

	mu     sync.Mutex
	logins int // guarded by mu
}

func newRuinRegistry(t *testing.T, ruin func(*net.TCPConn, string)) *ruinRegistry {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Error(err)
		return nil
	}
	r := &ruinRegistry{ln: ln, ruin: ruin}
	r.done.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			r.done.Go(func() { r.session(nc.(*net.TCPConn)) })
		}
	})
	return r
}

func (r *ruinRegistry) close() {
	r.ln.Close()
	r.done.Wait()
}

// session ends when its connection does.
func (r *ruinRegistry) session(nc *net.TCPConn) {
	defer nc.Close()
	_, _ = nc.Write(unit(eppOpen + `<greeting><svID>ruin</svID><svDate>2020-01-01T00:00:00.0Z</svDate><svcMenu><version>1.0</version>` +
		`<lang>en</lang><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI>` +
		`<svcExtension><extURI>` + echoExtension + `</extURI></svcExtension></svcMenu></greeting></epp>`))
	for {
		payload, err := readPayload(nc)
		if err != nil {
			return
		}
		id := string(muxForm.Find([]byte(payload)))
		switch {
		case strings.Contains(payload, "<login>"):
			r.mu.Lock()
			r.logins++
			r.mu.Unlock()
		case strings.Contains(payload, "<logout/>"):
			_, _ = nc.Write(unit(ruinAnswer(1500, id)))
			return
		case strings.Contains(payload, "poison.example"):
			time.Sleep(5 * time.Millisecond)
			r.ruin(nc, id)
			return
		}
		time.Sleep(5 * time.Millisecond)
		if _, err := nc.Write(unit(ruinAnswer(1000, id))); err != nil {
			return
		}
	}
}

func readPayload(r io.Reader) (string, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", err
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:])-4)
	_, err := io.ReadFull(r, b)
	return string(b), err
}

// resident is a client that asks, again and again, and connects anew when it is disconnected.
type resident struct {
	address string
	pause   time.Duration
	command func(n int) string // the n-th

	asked, good int
	times       []time.Duration
}

// run asks until the time is over. A command that was begun before counts.
func (c *resident) run(until time.Time) {
	var nc net.Conn
	for n := 0; time.Now().Before(until); n++ {
		if nc == nil {
			var err error
			if nc, err = net.Dial("tcp", c.address); err != nil {
				return
			}
			defer nc.Close()
			_ = nc.SetDeadline(until.Add(30 * time.Second))
			_, _ = readPayload(nc) // the greeting
		}
		begin := time.Now()
		_, _ = nc.Write(unit(c.command(n)))
		answer, err := readPayload(nc)
		if c.asked++; err == nil && strings.Contains(answer, `code="1000"`) {
			c.good++
			c.times = append(c.times, time.Since(begin))
		}
		if err != nil || strings.Contains(answer, `code="25`) {
			nc.Close()
			nc = nil
		}
		time.Sleep(c.pause)
	}
}

func (c *resident) p99() time.Duration {
	slices.Sort(c.times)
	if len(c.times) == 0 {
		return 0
	}
	return c.times[len(c.times)*99/100]
}

// street is what a program with so many sessions and a registry with a ruin is like to two clients
// that work, beside a third one or none. All are of one user, one address and no login.
type street struct {
	good   [2]resident
	logins int
}

func liveOn(t *testing.T, sessions int, ruin func(*net.TCPConn, string), bad *resident, within time.Duration) street {
	r := newRuinRegistry(t, ruin)
	if r == nil {
		return street{}
	}
	defer r.close()
	c := testConfig(t, r.ln.Addr().String(), nil)
	c.Upstream.Pool.Grant = pool.Grant{MinSessions: 1, MaxSessions: sessions}
	c.Upstream.Pool.CommandTimeout = 2 * time.Second
	p := build(t, c)
	if err := p.Start(); err != nil {
		t.Error(err)
		return street{}
	}
	defer func() {
		if err := p.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}()
	address := p.listeners[0].ln.Addr().String()
	var s street
	var wg sync.WaitGroup
	until := time.Now().Add(within)
	for i := range s.good {
		g := &s.good[i]
		*g = resident{address: address, pause: 40 * time.Millisecond, command: func(n int) string {
			if n%2 == 0 {
				return check(fmt.Sprintf("a%d-%d.example", i, n), "GOOD-1")
			}
			return strings.ReplaceAll(check(fmt.Sprintf("a%d-%d.example", i, n), "GOOD-2"), "check", "create")
		}}
		wg.Go(func() { g.run(until) })
	}
	if bad != nil {
		bad.address = address
		wg.Go(func() {
			time.Sleep(within / 10)
			bad.run(until)
		})
	}
	wg.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	s.logins = r.logins
	return s
}

// TestNeighbours: beside a client whose every command ends a session, others are served as without
// it, and the registry sees no more than half of the logins that it would take. The simulation of
// package pool has more of it.
func TestNeighbours(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	const within = 12 * time.Second
	for _, sessions := range []int{2, 3, 8} {
		t.Run(fmt.Sprint(sessions), func(t *testing.T) { neighbours(t, sessions, within) })
	}
}

// neighbours has all the ruins at once, each with a program and a registry of its own: most of the
// time they wait. The machine may have other work. So a ruin that seems to do harm is looked at twice
// more, in less company.
func neighbours(t *testing.T, sessions int, within time.Duration) {
	suspects := make(map[string]*resident)
	for name := range ruins {
		for variant := range 4 {
			query, hurry := variant&1 == 0, variant&2 == 0
			bad := &resident{command: func(n int) string { return ruinous(name, query, hurry, n) }}
			if !hurry {
				bad.pause = time.Second
			}
			suspects[fmt.Sprintf("%s/query=%v,hurry=%v", name, query, hurry)] = bad
		}
	}
	for attempt := 0; attempt < 3 && len(suspects) > 0; attempt++ {
		var wg sync.WaitGroup
		var alone street
		wg.Go(func() { alone = liveOn(t, sessions, nil, nil, within) })
		streets := make(map[string]*street)
		for name, bad := range suspects {
			s := new(street)
			streets[name] = s
			ruin, _, _ := strings.Cut(name, "/")
			wg.Go(func() { *s = liveOn(t, sessions, ruins[ruin], bad, within) })
		}
		wg.Wait()
		twin := max(alone.good[0].p99(), alone.good[1].p99())
		for name, s := range streets {
			switch harm := s.harm(sessions, twin); {
			case harm == "":
				delete(suspects, name)
			case attempt == 2:
				t.Errorf("%s: %s", name, harm)
			default:
				t.Logf("%s, attempt %d: %s", name, attempt, harm)
			}
		}
	}
}

// harm says what the neighbour has done to the others; empty: nothing. twin is the p99 without it.
func (s *street) harm(sessions int, twin time.Duration) string {
	for i := range s.good {
		g := &s.good[i]
		if g.good*100 < g.asked*99 {
			return fmt.Sprintf("%d of %d commands answered 1000", g.good, g.asked)
		}
		if g.p99() > 3*twin {
			return fmt.Sprintf("p99 is %v, without the neighbour %v", g.p99(), twin)
		}
	}
	if most := max(20, 10*sessions) / 2; s.logins > most {
		return fmt.Sprintf("%d logins, want %d at most", s.logins, most)
	}
	return ""
}

// ruinous is the n-th command of a client. In a hurry its commands differ.
func ruinous(ruin string, query, hurry bool, n int) string {
	if !hurry {
		n = 0
	}
	c := check(fmt.Sprintf("n%d.poison.example", n), "BAD-1")
	switch {
	case ruin == "extension":
		return command(fmt.Sprintf(`<x:frob xmlns:x="%s"><x:name>n%d.poison.example</x:name></x:frob>`, echoExtension, n), "BAD-1")
	case !query:
		return strings.ReplaceAll(c, "check", "create")
	}
	return c
}
