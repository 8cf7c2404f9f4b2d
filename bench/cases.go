package main

import (
	"fmt"
	"time"
)

// Names of the cases that targets are about, and of runs within them.
const (
	caseShared   = "200-clients"
	caseSlow     = "slow-registry"
	caseOpen     = "open-500"
	caseIdle     = "idle-clients"
	caseBeside   = "beside-idle"
	caseActive   = "active-clients"
	caseAudit    = "audit"
	caseSessions = "sessions"
	caseRegistry = "registries"
	caseGo       = "go" // the project's benchmarks of scanning and of the loop

	runBeside = "eppmux, 15000 idle beside"
)

// compareCases are the cases of bench compare.
func compareCases() []Case {
	const slow = 20 * time.Millisecond
	cases := []Case{
		{
			Name: caseShared,
			About: "closed loop, 200 clients, registry without latency;" +
				" eppmux over 16 sessions, the others over 200",
			Runs: append(passing(Run{Sessions: 16, Clients: 200}),
				Run{Name: "haproxy, 1 thread", Kind: kindHAProxy, Threads: 1, Clients: 200},
				Run{Name: "nginx, 1 worker", Kind: kindNginx, Threads: 1, Clients: 200},
				Run{Name: "perl, 1 session", Kind: kindPerl, Clients: 200}),
		},
		{
			Name: caseSlow,
			About: "closed loop, registry takes 20 ms;" +
				" eppmux: 1,000 clients over 3 sessions; the others: 3 clients, a session each",
			Runs: []Run{
				{Name: kindEPPMux, Kind: kindEPPMux, Sessions: 3, Latency: slow, Clients: 1000, Times: 4},
				{Name: kindHAProxy, Kind: kindHAProxy, Latency: slow, Clients: 3, Times: 4},
				{Name: kindDirect, Kind: kindDirect, Latency: slow, Clients: 3, Times: 4},
			},
		},
		{
			Name: caseOpen,
			About: "open loop, 500 commands a second from 50 clients, registry without latency;" +
				" eppmux over 16 sessions, the others over 50",
			Runs: passing(Run{Sessions: 16, Clients: 50, Rate: 500, Times: 3}),
		},
	}
	for _, o := range []struct {
		latency, rate, sessions int
	}{{5, 500, 16}, {20, 500, 32}, {100, 300, 64}} {
		run := Run{Sessions: o.sessions, Clients: 100, Rate: float64(o.rate), Times: 3}
		run.Latency = time.Duration(o.latency) * time.Millisecond
		cases = append(cases, Case{
			Name: fmt.Sprintf("open-%dms", o.latency),
			About: fmt.Sprintf("open loop, %d commands a second from 100 clients, registry takes %d ms;"+
				" eppmux over %d sessions, the others over 100", o.rate, o.latency, o.sessions),
			Runs: passing(run),
			Half: true,
		})
	}
	for _, f := range []struct{ octets, clients int }{{2000, 200}, {60000, 20}} {
		cases = append(cases, Case{
			Name: fmt.Sprintf("octets-%d", f.octets),
			About: fmt.Sprintf("closed loop, %d clients, frames of %d octets, registry without latency;"+
				" eppmux over 16 sessions, the others over %[1]d", f.clients, f.octets),
			Runs: passing(Run{Sessions: 16, Clients: f.clients, Octets: f.octets}),
			Half: true,
		})
	}
	for _, clients := range []int{1, 1000, 10000} {
		cases = append(cases, Case{
			Name: fmt.Sprintf("%d-clients", clients),
			About: fmt.Sprintf("closed loop, %d clients, registry without latency;"+
				" eppmux over 16 sessions, the others over %[1]d", clients),
			Runs: passing(Run{Sessions: 16, Clients: clients}),
			Half: true,
		})
	}
	return append(cases, idleCases()...)
}

// idleCases compare eppmux with itself; only the memory of idle clients is compared with the
// others.
func idleCases() []Case {
	shared := Run{Name: kindEPPMux, Kind: kindEPPMux, Sessions: 16, Clients: 200}
	beside := shared
	beside.Name, beside.Idle = runBeside, 15000
	audit := []Run{shared}
	for _, a := range []string{"transform", "all"} {
		r := shared
		r.Name, r.Audit = "eppmux, audit of "+a, a
		audit = append(audit, r)
	}
	for _, a := range []string{"", "transform"} {
		r := shared
		r.Name, r.Transform, r.Audit = "eppmux, transforms", true, a
		if a != "" {
			r.Name += ", audit of " + a
		}
		audit = append(audit, r)
	}
	return []Case{
		{
			Name:  caseIdle,
			About: "clients that are connected and silent; those of HAProxy and nginx have a session each",
			Runs: []Run{
				{Name: kindEPPMux, Kind: kindEPPMux, Sessions: 1, Idle: 15000},
				{Name: kindHAProxy, Kind: kindHAProxy, Idle: 2000},
				{Name: kindNginx, Kind: kindNginx, Idle: 2000},
			},
		},
		{
			Name:  caseBeside,
			About: "closed loop, 200 clients over 16 sessions, without and with 15,000 idle clients beside",
			Runs:  []Run{shared, beside},
		},
		{
			Name:  caseActive,
			About: "closed loop, 10 to 10,000 clients over 16 sessions",
			Runs:  activeRuns(0),
		},
		{
			Name:  caseAudit,
			About: "closed loop, 200 clients over 16 sessions, without and with an audit log",
			Runs:  audit,
		},
	}
}

// activeRuns are the runs of caseActive, with a registry of that latency.
func activeRuns(latency time.Duration) []Run {
	var runs []Run
	for _, n := range []int{10, 30, 100, 300, 1000, 3000, 10000} {
		name := fmt.Sprintf("%d clients", n)
		runs = append(runs, Run{Name: name, Kind: kindEPPMux, Sessions: 16, Clients: n, Latency: latency})
	}
	return runs
}

// passing is the same run for eppmux and for the contestants whose clients have a session each.
func passing(r Run) []Run {
	var runs []Run
	for _, kind := range []string{kindEPPMux, kindHAProxy, kindNginx, kindDirect} {
		v := r
		v.Name, v.Kind = kind, kind
		if kind != kindEPPMux {
			v.Sessions = 0
		}
		runs = append(runs, v)
	}
	return runs
}

// capacityCases are the cases of bench capacity.
func capacityCases() []Case {
	sessions := Case{Name: caseSessions, About: "closed loop, 200 clients"}
	// The slower the registry, the longer a run, so that one command more or less does not count.
	for _, l := range []struct{ ms, times int }{{0, 1}, {5, 1}, {20, 2}, {100, 4}} {
		for _, n := range []int{1, 2, 4, 8, 16, 32, 64} {
			sessions.Runs = append(sessions.Runs, Run{
				Name:     fmt.Sprintf("%d ms, %d sessions", l.ms, n),
				Kind:     kindEPPMux,
				Sessions: n,
				Latency:  time.Duration(l.ms) * time.Millisecond,
				Clients:  200,
				Times:    l.times,
			})
		}
	}
	active := Case{
		Name:  caseActive,
		About: "closed loop, 10 to 10,000 clients over 16 sessions, registry takes 5 ms",
		Runs:  activeRuns(5 * time.Millisecond),
	}
	registries := Case{
		Name:  caseRegistry,
		About: "closed loop, 1 to 4 registries side by side, 8 sessions and 100 clients each",
	}
	for _, latency := range []int{0, 20} {
		for n := 1; n <= 4; n++ {
			registries.Runs = append(registries.Runs, Run{
				Name:       fmt.Sprintf("%d ms, %d registries", latency, n),
				Kind:       kindEPPMux,
				Registries: n,
				Sessions:   8,
				Latency:    time.Duration(latency) * time.Millisecond,
				Clients:    100 * n,
			})
		}
	}
	return []Case{sessions, active, registries}
}
