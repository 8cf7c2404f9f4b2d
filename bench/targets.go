package main

import (
	"math"
	"slices"
)

// target is a figure that eppmux is to reach, as a ratio or difference within one run.
type target struct {
	name, formula string
	unit          string // behind a space; empty: a ratio
	want          float64
	atLeast       bool // otherwise at most
	value         func(*Raw) figure
}

// met reports whether the median of f reaches the target.
func (t *target) met(f figure) bool {
	if t.atLeast {
		return f.median >= t.want
	}
	return f.median <= t.want
}

// Values of one measurement.
func cpuOf(m *Measurement) float64    { return m.perCommand(m.CPU) }
func byLoad(m *Measurement) float64   { return m.CPU / m.Load.CPU }
func rateOf(m *Measurement) float64   { return m.Load.PerSec }
func p50Of(m *Measurement) float64    { return m.percentile(m.Load.P50) }
func p99Of(m *Measurement) float64    { return m.percentile(m.Load.P99) }
func p999Of(m *Measurement) float64   { return m.percentile(m.Load.P999) }
func mallocOf(m *Measurement) float64 { return m.perCommand(m.Mallocs) }

// percentile returns v, or NaN if the clients had less than three turns each: such a measurement
// knows little of how long a turn takes.
func (m *Measurement) percentile(v float64) float64 {
	if m.Load.Commands < 3*m.Load.Clients {
		return math.NaN()
	}
	return v
}

// combination makes one value of two, such as their quotient or the lesser one.
type combination func(a, b float64) float64

// each returns a value by round, or NaN for a round without one.
type each func(round int) float64

// of returns the value of a run in a case, by round.
func (r *Raw) of(c, run string, value func(*Measurement) float64) each {
	return func(round int) float64 {
		if m := r.round(c, run, round); m != nil {
			return value(m)
		}
		return math.NaN()
	}
}

// over combines two values round by round, so that what the machine did at that time is in both.
func (r *Raw) over(a, b each, combine combination) figure {
	var all []float64
	for round := range r.Rounds {
		all = append(all, combine(a(round), b(round)))
	}
	return figureOf(all)
}

func quotient(a, b float64) float64   { return a / b }
func difference(a, b float64) float64 { return a - b }

// better returns the one of two values that serves HAProxy best in a round: with the threads that
// it chooses by itself, or with one.
func better(a, b each, pick combination) each {
	return func(round int) float64 {
		x, y := a(round), b(round)
		if math.IsNaN(y) {
			return x
		}
		return pick(x, y)
	}
}

// haproxyBest returns the better value of HAProxy in caseShared.
func (r *Raw) haproxyBest(value func(*Measurement) float64, pick combination) each {
	return better(r.of(caseShared, kindHAProxy, value), r.of(caseShared, "haproxy, 1 thread", value), pick)
}

// against combines one value of a run of eppmux with that of another run of the same case.
func against(c, run, other string, value func(*Measurement) float64, combine combination) func(*Raw) figure {
	return func(r *Raw) figure { return r.over(r.of(c, run, value), r.of(c, other, value), combine) }
}

// activeSpread returns the greatest cost per command over all numbers of clients, divided by the
// least. Both are medians: within a round they would be the extremes of what the machine does.
func activeSpread(r *Raw) figure {
	c := r.find(caseActive)
	if c == nil {
		return figure{}
	}
	var all []float64
	for i := range c.Runs {
		if f := r.figure(c.Name, c.Runs[i].Name, cpuOf); f.n > 0 {
			all = append(all, f.median)
		}
	}
	if len(all) == 0 {
		return figure{}
	}
	return figureOf([]float64{slices.Max(all) / slices.Min(all)})
}

// idleOf returns the memory of one idle client in octets.
func idleOf(r *Run) func(*Measurement) float64 {
	return func(m *Measurement) float64 { return float64(m.Connected-m.Before) / float64(r.Idle+r.Clients) }
}

func idleMemory(r *Raw) figure {
	if c := r.find(caseIdle); c != nil && c.run(kindEPPMux) != nil {
		return r.figure(caseIdle, kindEPPMux, idleOf(c.run(kindEPPMux)))
	}
	return figure{}
}

func scanRatio(r *Raw) figure {
	var all []float64
	for _, g := range r.Go {
		all = append(all, g.ScanRatio)
	}
	return figureOf(all)
}

var targets = []target{
	{name: "processor time per command, 200 clients, 16 sessions", want: 0.75,
		formula: "eppmux ÷ HAProxy (the cheaper of its threads), processor seconds ÷ commands, case " + caseShared,
		value: func(r *Raw) figure {
			return r.over(r.of(caseShared, kindEPPMux, cpuOf), r.haproxyBest(cpuOf, math.Min), quotient)
		}},
	{name: "the same by the load's clock", want: 0.75,
		formula: "as above, with (proxy's ÷ load's processor seconds)" +
			" in place of (proxy's processor seconds ÷ commands)",
		value: func(r *Raw) figure {
			return r.over(r.of(caseShared, kindEPPMux, byLoad), r.haproxyBest(byLoad, math.Min), quotient)
		}},
	{name: "the same with HAProxy as it sets itself up", want: 0.75,
		formula: "as above, HAProxy with a thread for each processor",
		value:   against(caseShared, kindEPPMux, kindHAProxy, byLoad, quotient)},
	{name: "commands a second in that case", want: 1, atLeast: true,
		formula: "eppmux ÷ HAProxy (the faster of its threads), case " + caseShared,
		value: func(r *Raw) figure {
			return r.over(r.of(caseShared, kindEPPMux, rateOf), r.haproxyBest(rateOf, math.Max), quotient)
		}},
	{name: "three sessions at 20 ms, 1,000 clients", want: 0.995, atLeast: true,
		formula: "commands a second of eppmux ÷ those of three direct clients, case " + caseSlow,
		value:   against(caseSlow, kindEPPMux, kindDirect, rateOf, quotient)},
	{name: "added latency at 500 a second, p50", unit: " ms", want: 0,
		formula: "(eppmux − direct) − (HAProxy − direct), case " + caseOpen,
		value:   against(caseOpen, kindEPPMux, kindHAProxy, p50Of, difference)},
	{name: "added latency at 500 a second, p99", unit: " ms", want: 0,
		formula: "the same at p99",
		value:   against(caseOpen, kindEPPMux, kindHAProxy, p99Of, difference)},
	{name: "scan and splice", want: 20, atLeast: true,
		formula: "octets a second ÷ those of encoding/xml (frame: TestScanSpeed; TestScanAllocs finds no allocation)",
		value:   scanRatio},
	{name: "allocations per command", unit: " objects", want: 0.01,
		formula: "objects allocated by the process ÷ commands, case " + caseShared,
		value:   func(r *Raw) figure { return r.figure(caseShared, kindEPPMux, mallocOf) }},
	{name: "an idle client, of 15,000", unit: " octets", want: 700,
		formula: "(resident with them − resident without) ÷ clients, case " + caseIdle,
		value:   idleMemory},
	{name: "15,000 idle clients beside", want: 1.1,
		formula: "processor time per command with ÷ without, case " + caseBeside,
		value:   against(caseBeside, runBeside, kindEPPMux, cpuOf, quotient)},
	{name: "the same by the load's clock", want: 1.1,
		formula: "likewise, proxy's ÷ load's processor seconds",
		value:   against(caseBeside, runBeside, kindEPPMux, byLoad, quotient)},
	{name: "10 to 10,000 active clients", want: 1.3,
		formula: "processor time per command, greatest median ÷ least, case " + caseActive,
		value:   activeSpread},
	{name: "audit log of transforms, queries sent", want: 1.15,
		formula: "processor time per command with ÷ without, case " + caseAudit,
		value:   against(caseAudit, "eppmux, audit of transform", kindEPPMux, cpuOf, quotient)},
	{name: "audit log of transforms, transforms sent", want: 1.15,
		formula: "likewise",
		value:   against(caseAudit, "eppmux, transforms, audit of transform", "eppmux, transforms", cpuOf, quotient)},
	{name: "audit log of all, queries sent", want: 1.15,
		formula: "likewise",
		value:   against(caseAudit, "eppmux, audit of all", kindEPPMux, cpuOf, quotient)},
}
