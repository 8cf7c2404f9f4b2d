package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// variant is what a scenario is played with.
type variant struct {
	engine   string
	sessions int
}

func (v variant) String() string { return fmt.Sprintf("%s-%d", v.engine, v.sessions) }

// scenario is something that befalls a cluster of three hosts under load.
type scenario struct {
	name string
	// short is what it is played with where it is short; the others are for EPPMUX_CLUSTER_LONG, but
	// those that its engine is not made for.
	short   variant
	engines []string                           // nil: etcd and redis
	long    bool                               // it is for EPPMUX_CLUSTER_LONG only
	spec    func(t *testing.T, s *clusterSpec) // what it has otherwise than others; nil: nothing
	play    func(c *clusterRig, until time.Time) check
}

// check looks at what has been seen, behind the judge.
type check func(e *evidence, tl timeline)

// clusterScenarios are all of them. Each can be run alone: go test ./bench -run 'TestCluster/kill' -v
var clusterScenarios = []scenario{
	{name: "healthy", short: variant{"etcd", 1}, play: playHealthy},
	{name: "kill", short: variant{"redis", 1}, play: playKill},
	{name: "term", short: variant{"etcd", 3}, play: playTerm},
	{name: "stop", short: variant{"redis", 3}, play: playStop},
	{name: "rolling", short: variant{"redis", 3}, play: playRolling},
	{name: "handover", short: variant{"etcd", 1}, play: playHandover},
	{name: "engine-stop", short: variant{"etcd", 3}, play: playEngineStop},
	{name: "engine-away", short: variant{"redis", 1}, play: playEngineAway},
	{name: "engine-empty", short: variant{"etcd", 1}, play: playEngineEmpty},
	{name: "both", short: variant{"redis", 1}, long: true, play: playBoth, spec: func(_ *testing.T, s *clusterSpec) { s.rate, s.per = 600, 10*time.Second }},
	{name: "engine-flush", short: variant{"redis", 3}, play: playEngineFlush},
	{name: "engine-promote", short: variant{"replica", 3}, engines: []string{"replica"}, play: playEnginePromote},
	{name: "cut-lanes", short: variant{"redis", 3}, play: playCutLanes},
	{name: "cut-engine", short: variant{"etcd", 1}, play: playCutEngine},
	{name: "clock", short: variant{"redis", 3}, long: true, play: playClock, spec: func(t *testing.T, s *clusterSpec) {
		s.bin = func(int) string { return clockBinary(t) }
	}},
}

// TestCluster: three hosts share an account of one session or three and 100 commands a second, for 60
// clients, and something happens. No transform runs twice, no answer goes astray, no limit is passed,
// and what else the judge knows; pauses are as long as promised. The table of figures is behind all.
func TestCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	figures := &clusterFigures{}
	t.Cleanup(func() { figures.print(t) })
	for _, s := range clusterScenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if s.long && !clusterLong {
				t.Skip("set EPPMUX_CLUSTER_LONG")
			}
			for _, v := range s.variants() {
				t.Run(v.String(), func(t *testing.T) {
					t.Parallel()
					s.run(t, v, figures)
				})
			}
		})
	}
}

func (s *scenario) variants() []variant {
	if !clusterLong {
		return []variant{s.short}
	}
	engines := s.engines
	if engines == nil {
		engines = []string{"etcd", "redis"}
	}
	var all []variant
	for _, e := range engines {
		all = append(all, variant{e, 1}, variant{e, 3})
	}
	return all
}

// limitOfCluster is what the registry grants in commands a second.
const limitOfCluster = 100

func (s *scenario) run(t *testing.T, v variant, figures *clusterFigures) {
	spec := clusterSpec{hosts: 3, clients: 20, ttl: clusterTTL(t), engine: v.engine,
		registrySpec: registrySpec{sessions: v.sessions, latency: 20 * time.Millisecond, rate: limitOfCluster}}
	if v.sessions == 1 {
		spec.latency = 5 * time.Millisecond // one session can use the rate
	}
	if s.spec != nil {
		s.spec(t, &spec)
	}
	c := newClusterRig(t, spec)
	c.figures = figures
	c.start()
	until := c.began
	if clusterLong {
		until = until.Add(time.Minute)
	}
	ask := s.play(c, until)
	e := c.finish()
	for _, f := range e.judge() {
		t.Error(f)
	}
	tl := answersOf(e.sent, nil)
	queries, transforms := e.ends()
	unknown, executed := e.unknown()
	n := c.registry.counters()
	c.figure("commands", len(e.sent), "")
	c.figure("logins, refused", fmt.Sprintf("%d, %d", n.Logins, n.LoginsRefused), "")
	c.figure("unknown, executed", fmt.Sprintf("%d, %d", unknown, executed), "")
	t.Logf("queries: %s; transforms: %s; owners: %s%s", endsText(queries), endsText(transforms), ownersText(e), tl.draw(c.began, time.Now()))
	if ask != nil {
		ask(e, tl)
	}
}

func endsText(n [wrong + 1]int) string {
	return fmt.Sprintf("answered %d, not sent %d, held back %d, failed %d, closed %d, astray %d", n[answered], n[notSent], n[heldBack],
		n[failed], n[closed], n[wrong])
}

// owners are the hosts that have written to the registry, one after the other.
func (e *evidence) owners() []string {
	var all []string
	for i := range e.journal {
		if l := &e.journal[i]; l.counts() && (len(all) == 0 || all[len(all)-1] != l.host) {
			all = append(all, l.host)
		}
	}
	return all
}

func ownersText(e *evidence) string {
	all := e.owners()
	if len(all) > 20 {
		return strings.Join(all[:20], " ") + fmt.Sprintf(" and %d more", len(all)-20)
	}
	return strings.Join(all, " ")
}

// span is a part of a run: from one instant to another.
type span struct{ from, to time.Time }

// longest is the longest pause within any of the spans.
func (tl timeline) longest(spans []span) (d time.Duration) {
	for _, s := range spans {
		d = max(d, tl.pause(s.from, s.to))
	}
	return d
}

// wait sleeps, and returns the span.
func wait(d time.Duration) span {
	from := time.Now()
	time.Sleep(d)
	return span{from, time.Now()}
}

// again reports whether a scenario goes on: where it is short it is played once.
func again(until time.Time) bool { return time.Now().Before(until) }

// sameEnds: whoever had sent a command before an instant, to a host that ends then or to another, gets
// its answer; and no transform was executed whose client has no answer.
func (c *clusterRig) sameEnds(e *evidence, ends []time.Time) {
	c.t.Helper()
	// A host may read what was sent just before it was told to end behind that.
	const margin = 200 * time.Millisecond
	for i := range e.sent {
		s := &e.sent[i]
		for _, at := range ends {
			if s.at.Before(at.Add(-margin)) && s.done.After(at) && s.end != answered {
				c.broken("client %d at %s: %s %s was sent %v before the end, and ended as %d (%d)", s.client, s.host, s.command, s.name,
					at.Sub(s.at).Round(time.Millisecond), s.end, s.code)
			}
		}
	}
	if _, executed := e.unknown(); executed > 0 {
		c.broken("%d transforms were executed whose clients have no answer", executed)
	}
}

// oneOwner: the account has not moved.
func (c *clusterRig) oneOwner(e *evidence) {
	c.t.Helper()
	if all := e.owners(); len(all) != 1 {
		c.broken("the account was owned by %v", all)
	}
}
