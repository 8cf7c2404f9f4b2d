package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// costEnv names how many rounds TestClusterCost takes.
const costEnv = "EPPMUX_CLUSTER_COST"

// costPath is one way of a command to the registry.
type costPath struct {
	name  string
	to    string  // where its clients connect
	hosts []*host // whose processor time it costs
}

// costSample is one turn of a path.
type costSample struct {
	cpu  float64 // microseconds of all its hosts per command
	load float64 // the hosts' processor time ÷ that of the clients
	p50  float64 // ms
	rate float64 // commands a second
	done int
}

const (
	costSessions = 8
	costClients  = 32
	// costBurn is behind the count at which a pool of buffers judges what it keeps, 42,000.
	costBurn = 60_000
)

// costHosts are processes of which each has a part in a path. Sessions, clients and the registry are
// the same for all paths.
type costHosts struct {
	t        *testing.T
	dir      string // certificates, password
	registry string // host:port
	engine   *engineServer
	paths    []*costPath
}

func newCostHosts(t *testing.T, engine string) *costHosts {
	c := &costHosts{t: t, dir: shortDir(t)}
	bin := build(t)
	s := launch(t, bin, "sandbox", "--listen", "127.0.0.1:0", "--tls", c.dir, "--mutual", "--sessions", "64")
	c.registry = s.find(`(127\.0\.0\.1:\d+)`)
	if err := os.WriteFile(filepath.Join(c.dir, "password"), []byte("demo-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	peerCerts(t, c.dir, "b", "c")
	c.engine = startEngine(t, engine)
	plain := newHost(t, bin, c.dir, 0, func(h *host) string { return c.config(h, c.registry, costSessions, "") })
	member := func(h *host) string {
		alone := c.config(h, c.registry, costSessions, "")
		return strings.Replace(alone, "\nadmin:", "\n    cluster: {prefer: [b, c]}\nadmin:", 1) + c.section(h)
	}
	owner, follower := newHost(t, bin, c.dir, 1, member), newHost(t, bin, c.dir, 2, member)
	inner := newHost(t, bin, c.dir, 3, func(h *host) string {
		return c.config(h, c.registry, costSessions, fmt.Sprintf(`, "tls://%s"`, h.peer))
	})
	outer := newHost(t, bin, c.dir, 4, func(h *host) string { return c.config(h, inner.peer, costClients, "") })
	for _, h := range []*host{plain, owner, follower, inner, outer} {
		h.start()
		waitUntil(t, "a session of host "+h.name, func() bool {
			m := h.scrape()
			return m[`eppmux_sessions{registry="test",state="idle"}`]+m[`eppmux_cluster_lanes{registry="test",state="idle"}`] > 0
		})
	}
	c.paths = []*costPath{{"one host", plain.address(), []*host{plain}}, {"owner's own", owner.address(), []*host{owner}},
		{"forwarded", follower.address(), []*host{follower, owner}}, {"chain of two", outer.address(), []*host{outer, inner}}}
	return c
}

// config is that of a host that has an account at address. more are listeners.
func (c *costHosts) config(h *host, address string, sessions int, more string) string {
	return fmt.Sprintf(`registries:
  - name: test
    listen: ["tcp://127.0.0.1:0"%s]
    address: %s
    tls: {server_name: localhost, ca_file: ca.pem, cert_file: client.pem, key_file: client.key}
    login: {client_id: demo, password_file: password}
    clients: {tls: {cert_file: server.pem, key_file: server.key}}
    sessions: {min: %d, max: %[3]d}
    rate_limits: []
admin: {listen: "127.0.0.1:0"}
control: {socket: %s}
state: {dir: %s}
`, more, address, sessions, h.socket, filepath.Join(c.dir, h.name))
}

// section is the part of a config that makes a host a member.
func (c *costHosts) section(h *host) string {
	return fmt.Sprintf(`cluster:
  name: cost
  host: %s
  %s
  peer: {listen: "%s", advertise: "%[3]s", ca_file: peer-ca.pem, cert_file: %[1]s.pem, key_file: %[1]s.key}
`, h.name, c.engine.config(c.engine.Addr), h.peer)
}

// scrape reads the host's metrics; nothing where it does not answer.
func (h *host) scrape() samples {
	m, err := scrape(h.admin)
	if err != nil {
		return nil
	}
	return m
}

// waitUntil polls.
func waitUntil(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for begin := time.Now(); !cond(); time.Sleep(50 * time.Millisecond) {
		if time.Since(begin) > 2*time.Minute {
			t.Fatalf("still waiting for %s", what)
		}
	}
}

// spent is the processor time of hosts. It is a Load's Marks, and takes it where counting begins and
// ends.
type spent struct {
	hosts      []*host
	begin, end time.Duration
	err        error
}

func (s *spent) Write(line []byte) (int, error) {
	var all time.Duration
	for _, h := range s.hosts {
		u, err := usageOf(h.pid())
		if err != nil {
			s.err = err
		}
		all += u.cpu
	}
	switch {
	case bytes.HasPrefix(line, []byte("begin")):
		s.begin = all
	case bytes.HasPrefix(line, []byte("end")):
		s.end = all
	}
	return len(line), nil
}

// turn puts a load on a path: so many commands a second, 0: as many as it can.
func (c *costHosts) turn(p *costPath, rate float64, length time.Duration) costSample {
	c.t.Helper()
	s := &spent{hosts: p.hosts}
	l := Load{To: p.to, Clients: costClients, WarmUp: 500 * time.Millisecond, For: length, Rate: rate, Marks: s}
	r, err := l.Run()
	if err == nil {
		err = s.err
	}
	if err != nil {
		c.t.Fatalf("%s: %v", p.name, err)
	}
	if r.Wrong+r.Failed+r.Unsent > 0 || r.Commands == 0 {
		c.t.Fatalf("%s: %d commands, %d wrong, %d failed, %d unsent: %s", p.name, r.Commands, r.Wrong, r.Failed, r.Unsent, r.First)
	}
	cpu := s.end - s.begin
	return costSample{cpu: cpu.Seconds() * 1e6 / float64(r.Commands), load: cpu.Seconds() / r.CPU, p50: r.P50, rate: r.PerSec, done: r.Commands}
}

// rounds gives each path its turns, one after the other, beginning with another one each time.
func (c *costHosts) rounds(n int, rate float64, length time.Duration) [][]costSample {
	all := make([][]costSample, len(c.paths))
	for r := range n {
		for i := range c.paths {
			k := (r + i) % len(c.paths)
			all[k] = append(all[k], c.turn(c.paths[k], rate, length))
		}
	}
	return all
}

// over combines a value of two paths, round by round.
func over(a, b []costSample, value func(costSample) float64, combine combination) figure {
	var all []float64
	for i := range a {
		all = append(all, combine(value(a[i]), value(b[i])))
	}
	return figureOf(all)
}

func costCPU(s costSample) float64  { return s.cpu }
func costLoad(s costSample) float64 { return s.load }
func costP50(s costSample) float64  { return s.p50 }
func costRate(s costSample) float64 { return s.rate }

// alone is a value of one path.
func alone(a []costSample, value func(costSample) float64) figure {
	return over(a, a, value, func(v, _ float64) float64 { return v })
}

// table writes the turns of a part, and returns the ratios to one host, by path.
func (c *costHosts) table(title string, all [][]costSample) (ratios []figure) {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n\n| path | commands a second | processor µs per command | ÷ one host | ÷ one host, by the clients' clock | p50 ms | added p50 ms |\n", title)
	b.WriteString("| --- | --: | --: | --: | --: | --: | --: |\n")
	for i, p := range c.paths {
		ratios = append(ratios, over(all[i], all[0], costCPU, quotient))
		fmt.Fprintf(&b, "| %s | %v | %v | %v | %v | %v | %v |\n", p.name, alone(all[i], costRate), alone(all[i], costCPU), ratios[i],
			over(all[i], all[0], costLoad, quotient), alone(all[i], costP50), over(all[i], all[0], costP50, difference))
	}
	c.t.Log(b.String())
	return ratios
}

// costRounds is the number of rounds; the test is skipped without one.
func costRounds(t *testing.T) int {
	n, _ := strconv.Atoi(os.Getenv(costEnv))
	if n < 1 {
		t.Skip("a measurement: set " + costEnv + " to a number of rounds")
	}
	return n
}

// TestClusterCost: what a cluster costs for each command, side by side with a host that is alone and
// with two such hosts in a chain.
func TestClusterCost(t *testing.T) {
	n := costRounds(t)
	c := newCostHosts(t, "etcd")
	load, _ := os.ReadFile("/proc/loadavg")
	t.Logf("%d rounds; medians, in brackets the least and the most. Load average at the beginning: %s", n, load)

	fresh := c.table(fmt.Sprintf("Closed loop, %d clients, %d sessions, registry without latency:", costClients, costSessions),
		c.rounds(n, 0, 2*time.Second))
	for _, p := range c.paths[2:] {
		for done := 0; done < costBurn; {
			done += c.turn(p, 0, 5*time.Second).done
		}
	}
	behind := c.table(fmt.Sprintf("The same behind %d commands more, forwarded and in the chain:", costBurn), c.rounds(n, 0, 2*time.Second))
	c.table("Open loop, 500 commands a second:", c.rounds(n, 500, 4*time.Second))

	if owner := c.paths[1].hosts[0].scrape(); owner[`eppmux_cluster_owner{registry="test"}`] != 1 {
		t.Error("the account has another owner now")
	}
	for i, most := range []float64{0, 1.2, 3, 0} {
		for _, f := range []figure{fresh[i], behind[i]} {
			if most > 0 && f.median > most {
				t.Errorf("%s: costs %v of one host, want at most %v", c.paths[i].name, f, most)
			}
		}
	}
}
