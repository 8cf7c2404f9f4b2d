package main

import (
	"fmt"
	"strings"
	"time"
)

// colourOf returns the colour of a kind, which is the same in all plots.
func colourOf(kind string) int {
	for i, k := range []string{kindEPPMux, kindHAProxy, kindNginx, kindDirect, kindPerl} {
		if k == kind {
			return i
		}
	}
	return len(svgColours) - 1
}

// cpuPlot draws the processor time per command of all contestants in caseShared.
func cpuPlot(r *Raw) string {
	var bars []bar
	if c := r.find(caseShared); c != nil {
		for i := range c.Runs {
			if f := ofProxy(func(m *Measurement) float64 { return cpuOf(m) * 1e6 })(r, c, &c.Runs[i]); f.n > 0 {
				bars = append(bars, bar{label: c.Runs[i].Name, figure: f, colour: colourOf(c.Runs[i].Kind)})
			}
		}
	}
	return barChart("Processor time of the proxy per command, 200 clients", "µs", bars)
}

// latencyPlot draws the time that each proxy adds to a command at 500 commands a second.
func latencyPlot(r *Raw) string {
	var bars []bar
	if c := r.find(caseOpen); c != nil {
		for _, k := range addedColumns {
			for i := range c.Runs {
				if f := k.value(r, c, &c.Runs[i]); f.n > 0 {
					group, run := strings.TrimSuffix(k.name, " ms"), &c.Runs[i]
					bars = append(bars, bar{group: group, label: run.Name, figure: f, colour: colourOf(run.Kind)})
				}
			}
		}
	}
	return barChart("Latency added at 500 commands a second (open loop)", "ms", bars)
}

// sessionsPlot draws commands a second over sessions, with the ceiling of each latency.
func sessionsPlot(r *Raw) string {
	var all []series
	for _, latency := range latencies(r.find(caseSessions)) {
		s := series{name: "registry: " + milliseconds(latency), colour: len(all) / 2}
		ceiling := series{dashed: true, colour: s.colour}
		for _, run := range r.find(caseSessions).Runs {
			if run.Latency != latency {
				continue
			}
			n := float64(run.Sessions)
			if f := r.figure(caseSessions, run.Name, rateOf); f.n > 0 {
				s.points = append(s.points, [2]float64{n, f.median})
				if latency > 0 {
					ceiling.points = append(ceiling.points, [2]float64{n, n / latency.Seconds()})
				}
			}
		}
		all = append(all, s, ceiling)
	}
	return lineChart("Commands a second; dashed: sessions ÷ latency", "sessions", "commands a second", all)
}

// clientsPlot draws processor time over active clients.
func clientsPlot(capacity, compare *Raw) string {
	var all []series
	for i, r := range []*Raw{compare, capacity} {
		c := r.find(caseActive)
		if c == nil || len(c.Runs) == 0 {
			continue
		}
		s := series{name: "registry: " + milliseconds(c.Runs[0].Latency), colour: i}
		for _, run := range c.Runs {
			if f := r.figure(c.Name, run.Name, cpuOf); f.n > 0 {
				s.points = append(s.points, [2]float64{float64(run.Clients), f.median * 1e6})
			}
		}
		all = append(all, s)
	}
	return lineChart("Processor time per command", "active clients", "µs", all)
}

func milliseconds(d time.Duration) string { return short(d.Seconds()*1000) + " ms" }

// latencies returns the latencies of the runs of a case, each once.
func latencies(c *Case) (out []time.Duration) {
	if c == nil {
		return nil
	}
	seen := map[time.Duration]bool{}
	for i := range c.Runs {
		if l := c.Runs[i].Latency; !seen[l] {
			seen[l] = true
			out = append(out, l)
		}
	}
	return out
}

// capacityReport returns the matrix of sessions and latencies, then the other cases.
func capacityReport(r *Raw) string {
	var b strings.Builder
	b.WriteString(machineText(r))
	if c := r.find(caseSessions); c != nil {
		b.WriteString("\n### Sessions and the latency of the registry\n\n" + capital(c.About) +
			". Commands a second, and in brackets the part of sessions ÷ latency that they are;" +
			" where there is no latency, the processors are the ceiling.\n\n" + sessionsTable(r, c))
	}
	for _, k := range []struct{ name, title string }{
		{caseActive, "Clients"},
		{caseRegistry, "Registries side by side"},
	} {
		if c := r.find(k.name); c != nil {
			fmt.Fprintf(&b, "\n### %s\n\n%s. %s\n\n%s", k.title, capital(c.About), begun(c), caseTable(r, c))
		}
	}
	return b.String()
}

func sessionsTable(r *Raw, c *Case) string {
	all := latencies(c)
	head, rule := "| sessions |", "| --: |"
	for _, l := range all {
		head, rule = head+" "+milliseconds(l)+" |", rule+" --: |"
	}
	rows := map[int]string{}
	var order []int
	for i := range c.Runs {
		run := &c.Runs[i]
		if rows[run.Sessions] == "" {
			order = append(order, run.Sessions)
			rows[run.Sessions] = fmt.Sprintf("| %d |", run.Sessions)
		}
		f := r.figure(c.Name, run.Name, rateOf)
		cell := short(f.median)
		if run.Latency > 0 {
			cell += fmt.Sprintf(" (%.3f)", f.median*run.Latency.Seconds()/float64(run.Sessions))
		}
		rows[run.Sessions] += " " + cell + " |"
	}
	var b strings.Builder
	b.WriteString(head + "\n" + rule + "\n")
	for _, n := range order {
		b.WriteString(rows[n] + "\n")
	}
	return b.String()
}
