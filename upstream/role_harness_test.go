package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/frame"
	"eppmux/upstream/lane"
	"eppmux/upstream/pool"
)

// shop is two hosts that share an account: that of play, a, and b.
type shop struct {
	*play
	b     *play
	doors *doors // of a
	reg   *clerk
	cfg   Config
	books *bookkeeper // of b, where a has one
	term  uint64
}

// inShop runs f with two accounts in RoleNone, and a registry that answers everything with 1000.
func inShop(t *testing.T, change func(*Config), f func(*shop)) {
	t.Helper()
	s := new(shop)
	inPlay(t, func(c *Config) {
		c.Shared = true
		if change != nil {
			change(c)
		}
		s.cfg = *c
	}, func(p *play) {
		s.play = p
		s.reg = &clerk{seen: make(map[string]int)}
		s.doors = &doors{a: p}
		p.on(func() { p.account.OnRole(s.doors.role) })
		s.b = &play{t: t, loop: newTestLoop(), log: new(bytes.Buffer), dials: p.dials}
		go s.reg.serve(p.dials)
		cfg := s.cfg
		cfg.Logger = slog.New(slog.NewTextHandler(s.b, &slog.HandlerOptions{Level: slog.LevelDebug}))
		cfg.Pool.Rand = rand.New(rand.NewPCG(2, 2))
		if cfg.Audit != nil {
			s.books = new(bookkeeper)
			cfg.Audit = s.books
		}
		s.b.account = NewAccount(cfg, s.b.loop)
		s.b.account.Start()
		synctest.Wait()
		f(s)
		s.b.account.Close()
		s.doors.shut()
		for _, q := range []*play{p, s.b} {
			q.on(func() {
				q.account.alarm.Stop()
				q.account.pool.Abandon(q.account.clock())
				q.account.turn(func() {})
			})
		}
		synctest.Wait()
		s.reg.end()
		s.b.loop.end()
		close(p.dials)
		synctest.Wait()
	})
}

// lead makes a the owner and b its follower, in a new term.
func (s *shop) lead() {
	s.t.Helper()
	s.term++
	s.account.Own(Ownership{Term: s.term})
	synctest.Wait()
	s.b.account.Follow(s.lanes())
	synctest.Wait()
}

// lanes lead to a.
func (s *shop) lanes() Lanes {
	return Lanes{Owner: "a", Peer: "a:7070", Term: s.term, Hello: lane.Hello{Cluster: "c", Term: s.term, Host: "b"}, Max: 4,
		Patience: 10 * time.Second, Dial: s.doors.dial}
}

// fence is one that a test moves.
type fence struct{ passed atomic.Bool }

func (f *fence) Passed() bool { return f.passed.Load() }

// clerk is the registry: it greets, and answers all that it reads with 1000, or holds its answers.
type clerk struct {
	mu     sync.Mutex
	seen   map[string]int // commands by the client's clTRID, which ends the muxTRID; guarded by mu
	ids    []string       // all muxTRIDs, in their order; guarded by mu
	held   bool           // it answers no commands of clients; guarded by mu
	silent []func()       // what it would have answered; guarded by mu
	conns  []net.Conn     // guarded by mu
	outs   int            // logouts; guarded by mu
	octets int            // that have come; guarded by mu
	tls    *tls.Config    // nil: plain
}

func (c *clerk) serve(dials <-chan net.Conn) {
	for nc := range dials {
		c.mu.Lock()
		c.conns = append(c.conns, nc)
		c.mu.Unlock()
		go c.talk(nc)
	}
}

func (c *clerk) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, nc := range c.conns {
		nc.Close()
	}
}

func unitOf(payload string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(payload)+4)), payload...)
}

func readUnit(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:])-4)
	_, err := io.ReadFull(r, b)
	return b, err
}

func (c *clerk) talk(nc net.Conn) {
	defer nc.Close()
	if c.tls != nil {
		nc = tls.Server(nc, c.tls)
	}
	if _, err := nc.Write(unitOf(epp(testGreeting))); err != nil {
		return
	}
	for {
		payload, err := readUnit(nc)
		if err != nil {
			return
		}
		id, code, login := "", 1000, strings.Contains(string(payload), "<login>")
		if m := clTRIDForm.FindStringSubmatch(string(payload)); m != nil {
			id = m[1]
		}
		answer := func() { nc.Write(unitOf(response(code, id))) }
		c.mu.Lock()
		c.octets += len(payload) + 4
		switch {
		case strings.Contains(string(payload), "<logout"):
			c.outs++
			code = 1500
		case !login:
			_, own, _ := strings.Cut(id, "-")
			c.seen[own]++
			c.ids = append(c.ids, id)
			if c.held {
				c.silent = append(c.silent, answer)
				answer = func() {}
			}
		}
		c.mu.Unlock()
		if answer(); code == 1500 {
			return
		}
	}
}

// hold has the registry keep its answers, until free.
func (c *clerk) hold() { c.mu.Lock(); c.held = true; c.mu.Unlock() }

// free gives the answers that were held.
func (c *clerk) free() {
	c.mu.Lock()
	all := c.silent
	c.held, c.silent = false, nil
	c.mu.Unlock()
	for _, f := range all {
		f()
	}
	synctest.Wait()
}

// count is how often the registry has seen the command of the clTRID.
func (c *clerk) count(own string) int { c.mu.Lock(); defer c.mu.Unlock(); return c.seen[own] }

func (c *clerk) had() int { c.mu.Lock(); defer c.mu.Unlock(); return c.octets }

// doors take lanes for account a, as package peer does.
type doors struct {
	a       *play
	mu      sync.Mutex
	cut     func(net.Conn) net.Conn // what the next lane goes through, at the follower; guarded by mu
	refuse  lane.Welcome            // guarded by mu
	dials   int                     // guarded by mu
	strange func(*door, []byte) bool

	all []*door // open; owned by a's loop
}

// door is one lane. Owned by a's loop, but for what reads.
type door struct {
	d    *doors
	nc   net.Conn
	from LaneSender
	x    *Exchange
}

func (d *doors) dial(context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dials++
	if d.cut != nil {
		ours, d.cut = d.cut(ours), nil
	}
	go d.open(theirs)
	return ours, nil
}

func (d *doors) open(nc net.Conn) {
	payload, err := readUnit(nc)
	var h lane.Hello
	if err != nil || lane.ParseOpening(payload, &h) != nil {
		nc.Close()
		return
	}
	k := &door{d: d, nc: nc, from: LaneSender{Host: h.Host}}
	k.from.Client = k
	d.mu.Lock()
	w := d.refuse
	d.mu.Unlock()
	var greeting []byte
	d.a.on(func() {
		term, ok := d.a.account.OwnerTerm()
		w.Cluster, w.Host, w.Term, greeting = "c", "a", term, d.a.account.Greeting()
		switch {
		case w.Refused != "":
		case !ok:
			w.Refused = lane.RefusedOwner
		case term != h.Term:
			w.Refused = lane.RefusedTerm
		default:
			d.all = append(d.all, k)
		}
	})
	nc.Write(lane.AppendOpening(nil, w))
	if w.Refused != "" {
		nc.Close()
		return
	}
	if greeting != nil {
		nc.Write(unitOf(string(greeting)))
	}
	k.read()
}

func (k *door) read() {
	defer func() { k.d.a.loop.Post(k.gone) }()
	for {
		payload, err := readUnit(k.nc)
		if err != nil || lane.ParseAuthor(payload, &k.from.Author) != nil {
			return
		}
		if payload, err = readUnit(k.nc); err != nil {
			return
		}
		if f := k.d.strange; f != nil && f(k, payload) {
			continue
		}
		k.d.a.on(func() { k.submit(payload) })
	}
}

func (k *door) submit(payload []byte) {
	m, err := new(frame.Scanner).Scan(payload)
	if err != nil {
		k.d.a.t.Error(err)
		return
	}
	if _, ok := k.d.a.account.OwnerTerm(); !ok {
		k.send(lane.AppendEnd(nil, lane.End{Fate: lane.FateMoved}))
		return
	}
	k.x = k.d.a.account.LaneExchange(&k.from, m)
	k.d.a.account.Submit(k.x)
}

// send writes on a goroutine of its own, since a pipe has no room.
func (k *door) send(unit []byte) { go func() { k.nc.Write(unit) }() }

func (k *door) Origin() (listener, client string) { return "peer", k.from.Host }

func (k *door) Finish(_ *Exchange, o Outcome) {
	k.x = nil
	switch o.End {
	case pool.EndAnswered:
		k.send(bytes.Clone(o.Unit))
	case pool.EndNotSent:
		k.send(lane.AppendEnd(nil, lane.End{Fate: lane.FateNotSent, Cause: o.Cause.String()}))
	default:
		k.send(lane.AppendEnd(nil, lane.End{Fate: lane.FateUnknown, Cause: o.Cause.String()}))
	}
}

// gone takes back what a lane that has ended has sent.
func (k *door) gone() {
	k.nc.Close()
	if x := k.x; x != nil {
		k.x = nil
		k.d.a.account.Cancel(x)
	}
}

// role says "moved" to what waits where a owns the account no more.
func (d *doors) role() {
	if _, ok := d.a.account.OwnerTerm(); ok {
		return
	}
	all := d.all
	d.all = nil
	for _, k := range all {
		if x := k.x; x != nil && x.EndNow() == pool.EndNotSent {
			k.x = nil
			d.a.account.Withdraw(x)
			k.send(lane.AppendEnd(nil, lane.End{Fate: lane.FateMoved}))
		} else if x == nil {
			k.nc.Close()
		}
	}
}

func (d *doors) shut() {
	d.a.on(func() {
		for _, k := range d.all {
			k.nc.Close()
		}
	})
	synctest.Wait()
}

// states are the roles of a and b.
func (s *shop) roles() (a, b Role) {
	s.on(func() { a = s.account.Role() })
	s.b.on(func() { b = s.b.account.Role() })
	return a, b
}

func (q *play) shot() (s Snapshot) {
	q.on(func() { q.account.Snapshot(&s) })
	return s
}
