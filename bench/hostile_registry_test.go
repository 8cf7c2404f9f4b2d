package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	// villainRounds is how many rounds are held against each other at the least, and villainMost at
	// the most.
	villainRounds, villainMost = 3, 11
	// villainPhase is how long a round measures at the least; a slow villain makes it longer.
	villainPhase = 2 * time.Second
	// villainLogins is how many connections eppmux may make to one villain in a round: its budget
	// for a minute.
	villainLogins = 20
)

// TestHostileRegistries: beside all of them at once, the clients of an honest registry get their
// answers within twice the time that it takes at the same moment through another eppmux, which
// knows the honest registry alone: so what the machine has to do is the same for both. Memory stays
// bounded; attempts to log in stay within their budget; the metrics say what happened; and no
// client of a hostile registry gets anything but whole answers to its own commands.
func TestHostileRegistries(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	bin := build(t)
	r := newRig(t, bin, []string{"--latency", "10ms", "--sessions", "6"}, "sessions: {min: 3, max: 3}\n    rate_limits: []", "")
	honest := strings.Replace(r.text("config.yaml"), "admin:", "drain_timeout: 2s\nadmin:", 1)
	r.write("config.yaml", honest)
	alone := r.twin()
	r.serve(bin, "")
	alone.serve(bin, "")
	d := newDen(t, r.dir)
	with, apart := newGood(t, r.plain, 3), newGood(t, alone.plain, 3)
	var b besides
	for round := 0; !b.decided(villainRounds, villainMost); round++ {
		s := r.beginSiege(d, honest, round)
		from := time.Now()
		time.Sleep(villainPhase)
		s.counted()
		to := time.Now()
		b.add(with, apart, from, to)
		s.end(honest)
		t.Logf("round %d took %v; %v; resident %d MiB", round, to.Sub(from), &b, r.resident()>>20)
	}
	if !b.harmless() {
		t.Errorf("good clients' %v", &b)
	}
}

// siege is eppmux with all villains as registries, and a client for each.
type siege struct {
	*rig
	den     *den
	round   int
	victims []*victim
	stop    atomic.Bool
	wg      sync.WaitGroup
}

// beginSiege takes the villains into the config, behind the honest registry, and starts their
// clients.
func (r *rig) beginSiege(d *den, honest string, round int) *siege {
	r.t.Helper()
	s := &siege{rig: r, den: d, round: round}
	d.accepted()
	more := ""
	for i, v := range d.all {
		c := &victim{v: v, socket: filepath.Join(r.dir, fmt.Sprintf("%d-%d.sock", round, i))}
		s.victims = append(s.victims, c)
		more += fmt.Sprintf(`
  - name: %s
    listen: ["unix://%s"]
    address: %s
    tls: {server_name: localhost, ca_file: ca.pem, cert_file: client.pem, key_file: client.key}
    login: {client_id: demo, password_file: password}
    sessions: {min: 1, max: 2}
    timeouts: {connect: 2s, greeting: 2s, login: 2s, command: 1s, queue: 500ms}
    rate_limits: []
`, v.label(round), c.socket, d.addresses[i])
	}
	r.reload(strings.Replace(honest, "drain_timeout:", more[1:]+"drain_timeout:", 1))
	for _, c := range s.victims {
		s.wg.Go(func() { c.run(&s.stop) })
	}
	return s
}

// counted waits until the metrics know of what each villain does, and until those that serve have served. It does not ask often: to gather
// the metrics of so many registries is work, and what is measured is not harm by that.
func (s *siege) counted() {
	s.t.Helper()
	for begin := time.Now(); ; time.Sleep(villainPhase / 4) {
		now, missing := s.scrape(), ""
		for _, v := range s.den.all {
			if now[v.counted(s.round)] == 0 {
				missing = v.name
			}
		}
		for _, c := range s.victims {
			if c.v.serves && c.served.Load() == 0 {
				missing = c.v.name
			}
		}
		if missing == "" {
			return
		}
		if time.Since(begin) > 90*time.Second {
			s.t.Fatalf("%s is still not counted", missing)
		}
	}
}

// end holds what happened against what may, and takes the villains out of the config.
func (s *siege) end(honest string) {
	s.t.Helper()
	if n, most := s.resident(), 64<<20+len(s.victims)*16<<20; n > most {
		s.t.Errorf("%d MiB are resident, want %d at the most", n>>20, most>>20)
	}
	s.stop.Store(true)
	s.wg.Wait()
	for i, n := range s.den.accepted() {
		c := s.victims[i]
		s.t.Logf("%-24s %2d connections; %3d answers, %3d its own", c.v.name, n, c.answered, c.served.Load())
		if c.err != nil {
			s.t.Errorf("%s: its client: %v", c.v.name, c.err)
		}
		if n > villainLogins {
			s.t.Errorf("%s: %d attempts to log in", c.v.name, n)
		}
		if c.v.serves && c.served.Load() == 0 {
			s.t.Errorf("%s: its client got no answer", c.v.name)
		}
	}
	s.reload(honest)
}

func (r *rig) reload(config string) {
	r.t.Helper()
	r.write(r.file, config)
	r.mux.signal(syscall.SIGHUP)
	r.mux.find(`msg=(reloaded)`)
}
