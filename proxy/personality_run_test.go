package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/sandbox"
	"eppmux/upstream/pool"
)

// crowdSessions is how many sessions eppmux has for all personalities at once.
const crowdSessions = 3

// crowd is eppmux between all personalities and a kind of registry.
type crowd struct {
	*fixture
	t       *testing.T
	kind    registryKind
	players []*player
	log     registryLog
	begin   time.Time
}

// registryLog is what the registry was sent that only eppmux itself may send.
type registryLog struct {
	mu       sync.Mutex
	hellos   [][]byte
	sessions map[frame.Command][][]byte // login and logout
}

// observe is sandbox.Config's.
func (l *registryLog) observe(f sandbox.Frame) {
	var s frame.Scanner
	m, err := s.Scan(f.Payload)
	if err != nil {
		return // counted by the sandbox as a breach
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case m.Kind == frame.KindHello:
		l.hellos = append(l.hellos, f.Payload)
	case m.Command == frame.CommandLogin || m.Command == frame.CommandLogout:
		l.sessions[m.Command] = append(l.sessions[m.Command], f.Payload)
	}
}

// TestPersonalities lets all client personalities at once at each registry personality, through
// eppmux. Registries that close for silence get theirs first, while nothing else runs: the
// keepalive must bear the delays of the machine, not ours.
func TestPersonalities(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	var silent []*crowd
	for _, k := range registryKinds {
		if k.idle > 0 {
			silent = append(silent, newCrowd(t, k))
		}
	}
	for _, c := range silent {
		c.outlive()
		t.Run(c.kind.name, c.day)
	}
	for _, k := range registryKinds {
		if k.idle == 0 {
			t.Run(k.name, func(t *testing.T) {
				t.Parallel()
				newCrowd(t, k).day(t)
			})
		}
	}
}

// day lets all play, judges what came of it, and ends eppmux.
func (c *crowd) day(t *testing.T) {
	c.t = t
	c.play()
	c.checkRegistry()
	c.checkSessions()
	c.drain()
}

func newCrowd(t *testing.T, k registryKind) *crowd {
	t.Helper()
	c := &crowd{t: t, kind: k, log: registryLog{sessions: map[frame.Command][][]byte{}}}
	cfg, err := k.config()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Observe = c.log.observe
	certs, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	c.fixture = start(t, func(sc *sandbox.Config, pc *config) {
		*sc = cfg
		pc.Listeners = append(pc.Listeners, Listener{Address: "tls://127.0.0.1:0", TLS: certs.Server})
		pool := &pc.Upstream.Pool
		pool.MinSessions, pool.MaxSessions, pool.QueueTimeout = crowdSessions, crowdSessions, patience
		if k.keepalive != frame.CommandNone {
			pool.Keepalive, pool.KeepaliveCommand = beforeItEnds, k.keepalive
		}
	})
	at := door{c.server.listeners[0].ln.Addr().String(), c.server.listeners[1].ln.Addr().String(), certs.Client}
	for i, p := range personalities {
		if !p.habits.has(k.spoils) {
			c.players = append(c.players, &player{personality: p, tag: fmt.Sprintf("client%d", i), at: at, echo: k.echo,
				account: [2]string{"ClientX", "any-words"}})
		}
	}
	c.awaitSessions()
	c.begin = time.Now()
	return c
}

// awaitSessions waits until all sessions are there, those too that take the place of lost ones.
func (c *crowd) awaitSessions() {
	c.t.Helper()
	waitFor(c.t, "the sessions", func() bool {
		sn := c.server.Snapshot()
		return sn != nil && sn.Account.Sessions[pool.SessionIdle] == crowdSessions
	})
}

// play lets all players do their day.
func (c *crowd) play() {
	c.t.Helper()
	if err := playAll(c.players, func(p *player) error {
		if err := p.run(); err != nil || !p.habits.has(clumsy) {
			return err
		}
		return p.blunders(c.kind)
	}); err != nil {
		c.t.Fatal(err)
	}
	c.awaitSessions()
}

// playAll does something with all players at once.
func playAll(players []*player, do func(*player) error) error {
	results := make(chan error, len(players)) // one from each
	for _, p := range players {
		go func() { results <- do(p) }()
	}
	var errs []error
	for range players {
		errs = append(errs, <-results)
	}
	return errors.Join(errs...)
}

// checkRegistry holds what the registry has counted against what was asked for.
func (c *crowd) checkRegistry() {
	c.t.Helper()
	n := c.registry.Counters()
	if n.Breaches.Total() > 0 {
		c.t.Errorf("breaches: %+v", n.Breaches)
	}
	creates := 0
	for _, p := range c.players {
		for _, name := range p.asked {
			creates++
			if got, want := c.registry.Executions("create", name), (sandbox.Times{Received: 1, Executed: 1}); got != want {
				c.t.Errorf("create of %s: got %+v, want %+v", name, got, want)
			}
		}
	}
	if n.Executed["create"] != uint64(creates) || n.Commands["create"] != uint64(creates) || creates < len(c.players) {
		c.t.Errorf("creates: %d came, %d were executed, %d were asked for by %d clients", n.Commands["create"], n.Executed["create"], creates, len(c.players))
	}
	c.checkOwn(n)
}

// checkOwn: hello, login and logout of clients do not reach the registry. A client's login has
// other credentials, and its hello another form.
func (c *crowd) checkOwn(n sandbox.Counters) {
	c.t.Helper()
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	own := frame.AppendHello(nil)[frame.HeaderLen:]
	for _, p := range c.log.hellos {
		if !bytes.Equal(p, own) || c.kind.keepalive != frame.CommandHello {
			c.t.Errorf("a hello reached the registry: %q", p)
		}
	}
	for _, p := range c.log.sessions[frame.CommandLogin] {
		if !bytes.Contains(p, []byte("<clID>demo</clID>")) {
			c.t.Errorf("a client's login reached the registry: %q", p)
		}
	}
	if n := len(c.log.sessions[frame.CommandLogout]); n > 0 {
		c.t.Errorf("%d logouts reached the registry", n)
	}
	if n.Commands["login"] != n.Logins || n.Connections != n.Logins || n.Logins > uint64(crowdSessions+c.lost()) {
		c.t.Errorf("%d connections, %d logins, of which %d were accepted; want %d and one for each of %d sessions that were lost",
			n.Connections, n.Commands["login"], n.Logins, crowdSessions, c.lost())
	}
	if n.SessionsPeak["demo"] > crowdSessions {
		c.t.Errorf("%d sessions at once, want %d", n.SessionsPeak["demo"], crowdSessions)
	}
}

// lost is how many sessions the clumsy one costs.
func (c *crowd) lost() int {
	n := 0
	if c.kind.unknown == closes {
		n++
	}
	if c.kind.renewal == renewalEnds {
		n++
	}
	return n
}

// checkSessions: nothing was closed but what a personality is to blame for.
func (c *crowd) checkSessions() {
	c.t.Helper()
	sn := c.server.Snapshot()
	want := map[string]uint64{}
	if c.kind.unknown == closes {
		want[pool.CauseRegistryClosed.String()]++
	}
	if c.kind.renewal == renewalEnds {
		want[pool.CauseCodeCloses.String()]++
	}
	got := map[string]uint64{}
	for _, cause := range pool.SessionCauses {
		if k := sn.Account.SessionCloses[cause]; k > 0 {
			got[cause.String()] = k
		}
	}
	if !maps.Equal(got, want) {
		c.t.Errorf("sessions closed: got %v, want %v", got, want)
	}
	c.checkCloses(sn)
}

func (c *crowd) checkCloses(sn *Snapshot) {
	c.t.Helper()
	want := map[closeReason]uint64{}
	for _, p := range c.players {
		if p.habits.has(countsCharacter) {
			want[closedFrame] += 2
		}
	}
	if c.kind.unknown == closes {
		want[closedUnknownOutcome]++
	}
	if c.kind.renewal == renewalEnds {
		want[closedCode]++
	}
	for r, n := range sn.Closes {
		if r := closeReason(r); r != closedByClient && r != closedLogout && n != want[r] {
			c.t.Errorf("%d clients were closed for %q, want %d", n, r, want[r])
		}
	}
}

// outlive waits until a session without keepalive would have been closed for its silence: all are
// open.
func (c *crowd) outlive() {
	c.t.Helper()
	waitFor(c.t, "the silence", func() bool { return time.Since(c.begin) > c.kind.idle+c.kind.idle/4 })
	n := c.registry.Counters()
	if n.Logins != crowdSessions || n.Sessions["demo"] != crowdSessions {
		c.t.Errorf("%s: %d logins, %d sessions, want %d", c.kind.name, n.Logins, n.Sessions["demo"], crowdSessions)
	}
	if n.Commands[c.kind.keepalive.String()] < crowdSessions {
		c.t.Errorf("%s: commands %v, want some of %s on each session", c.kind.name, n.Commands, c.kind.keepalive)
	}
}

// drain ends eppmux, which logs all sessions out.
func (c *crowd) drain() {
	c.t.Helper()
	sessions := c.registry.Counters().Sessions["demo"]
	if err := c.server.Drain(patience); err != nil {
		c.t.Error(err)
	}
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	if n := len(c.log.sessions[frame.CommandLogout]); n != sessions {
		c.t.Errorf("%d sessions were logged out, want %d", n, sessions)
	}
}

// TestPersonalitiesDirect lets the personalities at a registry itself, and through eppmux, with the
// habits that work at both: what they see is the same.
func TestPersonalitiesDirect(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	t.Parallel()
	certs, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	direct := playPlain(t, directDoor(t, certs))
	f := start(t, func(_ *sandbox.Config, pc *config) {
		pc.Listeners = append(pc.Listeners, Listener{Address: "tls://127.0.0.1:0", TLS: certs.Server})
		pc.Upstream.Pool.QueueTimeout = patience
	})
	through := playPlain(t, door{f.server.listeners[0].ln.Addr().String(), f.server.listeners[1].ln.Addr().String(), certs.Client})
	for i := range direct {
		for stream, want := range direct[i].journal {
			if got := through[i].journal[stream]; !slices.Equal(got, want) || len(want) == 0 {
				t.Errorf("%s:\ndirectly\n%s\nthrough eppmux\n%s", direct[i].name, strings.Join(want, "\n"), strings.Join(got, "\n"))
			}
		}
	}
}

// directDoor serves a plain sandbox, with and without TLS.
func directDoor(t *testing.T, certs *sandbox.TLS) door {
	t.Helper()
	r := sandbox.New(sandbox.Config{MaxSessions: -1})
	served := make(chan error, 2) // of the two listeners
	var addresses []string
	for _, overTLS := range []bool{false, true} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addresses = append(addresses, ln.Addr().String())
		if overTLS {
			ln = tls.NewListener(ln, certs.Server)
		}
		go func() { served <- r.Serve(ln) }()
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		<-served
		<-served
	})
	return door{addresses[0], addresses[1], certs.Client}
}

// playPlain lets all personalities play that are left when they need nothing of eppmux.
func playPlain(t *testing.T, at door) []*player {
	t.Helper()
	var players []*player
	for i, p := range personalities {
		p.habits &^= needsOurs
		players = append(players, &player{personality: p, tag: fmt.Sprintf("client%d", i), at: at, account: [2]string{"demo", "demo-secret"}})
	}
	if err := playAll(players, (*player).run); err != nil {
		t.Fatal(err)
	}
	return players
}
