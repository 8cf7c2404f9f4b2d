package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	reportBegin = "<!-- made by bench report from the raw data: begin -->\n"
	reportEnd   = "<!-- end -->\n"
)

// runReport writes tables and plots from raw data, and reads nothing else. A table or plot whose
// data is missing stays as it is.
func runReport(_ context.Context, args []string, out io.Writer) error {
	f := flag.NewFlagSet("bench report", flag.ContinueOnError)
	root := f.String("root", ".", "`folder` of the project")
	if err := f.Parse(args); err != nil {
		return err
	}
	at := func(path string) string { return filepath.Join(*root, filepath.FromSlash(path)) }
	compare, err := readRaw(at("bench/results/compare.json"))
	if err != nil {
		return err
	}
	capacity, err := readRaw(at("bench/results/capacity.json"))
	if err != nil {
		return err
	}
	for path, text := range map[string]string{
		"bench/results/cpu.svg":      cpuPlot(compare),
		"bench/results/latency.svg":  latencyPlot(compare),
		"docs/capacity-sessions.svg": sessionsPlot(capacity),
		"docs/capacity-clients.svg":  clientsPlot(capacity, compare),
	} {
		if err := os.WriteFile(at(path), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := fill(at("bench/README.md"), compareReport(compare)); err != nil {
		return err
	}
	if err := fill(at("docs/capacity.md"), capacityReport(capacity)); err != nil {
		return err
	}
	fmt.Fprintln(out, "bench/README.md, docs/capacity.md and their plots are written")
	return nil
}

// fill puts text between the marks in a file.
func fill(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(old), reportBegin)
	_, after, ok2 := strings.Cut(rest, reportEnd)
	if !ok || !ok2 {
		return fmt.Errorf("%s: no place for the report", path)
	}
	return os.WriteFile(path, []byte(before+reportBegin+text+reportEnd+after), 0o644)
}

// compareReport returns the targets, then a table for each case.
func compareReport(r *Raw) string {
	var b strings.Builder
	b.WriteString(machineText(r))
	b.WriteString("\n### Targets\n\n" + targetTable(r))
	for i := range r.Cases {
		c := &r.Cases[i]
		fmt.Fprintf(&b, "\n### %s\n\n%s. %s\n\n%s", c.Name, capital(c.About), begun(c), caseTable(r, c))
	}
	return b.String()
}

// begun says when a case was measured, and on what.
func begun(c *Case) string {
	if c.Begun.IsZero() {
		return ""
	}
	return fmt.Sprintf("(%s, eppmux %s, load average before it %s)", c.Begun.Format("15:04"), c.Version, c.Load)
}

func machineText(r *Raw) string {
	m := &r.Machine
	var v []string
	for _, name := range []string{"eppmux", "go", "haproxy", "nginx", "openssl", "perl"} {
		if m.Versions[name] != "" {
			v = append(v, name+" "+m.Versions[name])
		}
	}
	other, stolen, cpu, ticks, seconds := 0.0, 0.0, 0.0, 0.0, 0.0
	for i := range r.Measurements {
		k := &r.Measurements[i]
		other, stolen, seconds = other+k.OtherCPU, stolen+k.Stolen, seconds+k.Load.Seconds
		cpu, ticks = cpu+k.CPU, ticks+k.Ticks
	}
	text := fmt.Sprintf("Measured %s on %d processors (%s), %s of memory, Linux %s, ",
		m.Time.Format("2006-01-02 15:04 MST"), m.Processors, m.CPU, octets(float64(m.Memory)), m.Kernel)
	text += fmt.Sprintf("load average %s at the beginning; %s. ", m.Load, strings.Join(v, ", "))
	text += fmt.Sprintf("%d rounds; medians, in brackets the least and the most. ", r.Rounds)
	text += fmt.Sprintf("While commands were counted, everything else on the machine had %.2f processors,"+
		" and its host took %.2f. ", other/seconds, stolen/seconds)
	text += fmt.Sprintf("All processor times by schedstat come to %.3f of those by stat.\n", cpu/ticks)
	for _, s := range r.Skipped {
		text += "\nNot measured: " + s + ".\n"
	}
	return text
}

func targetTable(r *Raw) string {
	var b strings.Builder
	b.WriteString("| target | formula | measured | wanted | met |\n| --- | --- | --- | --- | --- |\n")
	for i := range targets {
		t := &targets[i]
		f, relation, met := t.value(r), "≤", "no"
		if t.atLeast {
			relation = "≥"
		}
		switch {
		case f.n == 0:
			met = "not measured"
		case t.met(f):
			met = "yes"
		}
		fmt.Fprintf(&b, "| %s | %s | %s%s | %s %g%s | %s |\n",
			t.name, t.formula, f, t.unit, relation, t.want, t.unit, met)
	}
	return b.String()
}

// column is one value of a run in a case. A figure of no rounds stands for none.
type column struct {
	name  string
	value func(*Raw, *Case, *Run) figure
}

// addedColumns are the latencies above those of the direct clients.
var addedColumns = []column{
	{"added p50 ms", added(p50Of)},
	{"added p99 ms", added(p99Of)},
	{"added p99.9 ms", added(p999Of)},
}

// columns are all other columns; addedColumns stand behind the latencies.
var columns = []column{
	{"commands a second", measured(rateOf)},
	{"processor µs per command", ofProxy(func(m *Measurement) float64 { return cpuOf(m) * 1e6 })},
	{"÷ the load's", ofProxy(byLoad)},
	{"p50 ms", measured(p50Of)},
	{"p99 ms", measured(p99Of)},
	{"p99.9 ms", measured(p999Of)},
	{"wait ms", ofEPPMux(func(m *Measurement) float64 { return m.Wait / m.Waited * 1000 })},
	{"allocations per command", ofEPPMux(mallocOf)},
	{"octets per idle client", memory(idleOf)},
	{"octets per active client", memory(func(run *Run) func(*Measurement) float64 {
		return func(m *Measurement) float64 { return float64(m.After-m.Before) / float64(run.Clients+run.Idle) }
	})},
}

func measured(value func(*Measurement) float64) func(*Raw, *Case, *Run) figure {
	return func(r *Raw, c *Case, run *Run) figure {
		if run.Clients == 0 {
			return figure{}
		}
		return r.figure(c.Name, run.Name, value)
	}
}

func ofProxy(value func(*Measurement) float64) func(*Raw, *Case, *Run) figure {
	return func(r *Raw, c *Case, run *Run) figure {
		if run.Kind == kindDirect {
			return figure{}
		}
		return measured(value)(r, c, run)
	}
}

func ofEPPMux(value func(*Measurement) float64) func(*Raw, *Case, *Run) figure {
	return func(r *Raw, c *Case, run *Run) figure {
		if run.Kind != kindEPPMux {
			return figure{}
		}
		return measured(value)(r, c, run)
	}
}

// added returns by how much a value is above that of the direct clients in the same round. It means
// something only if both have the same load: in an open loop, or with one client.
func added(value func(*Measurement) float64) func(*Raw, *Case, *Run) figure {
	return func(r *Raw, c *Case, run *Run) figure {
		d := c.run(kindDirect)
		if d == nil || d == run || d.Clients != run.Clients || d.Rate != run.Rate || run.Rate == 0 && run.Clients > 1 {
			return figure{}
		}
		return r.over(r.of(c.Name, run.Name, value), r.of(c.Name, d.Name, value), difference)
	}
}

// memory returns the memory of clients. It is for runs with so many clients that their memory
// stands out from that of the process.
func memory(value func(*Run) func(*Measurement) float64) func(*Raw, *Case, *Run) figure {
	return func(r *Raw, c *Case, run *Run) figure {
		if run.Clients+run.Idle < 1000 || run.Kind == kindDirect {
			return figure{}
		}
		return r.figure(c.Name, run.Name, value(run))
	}
}

// caseTable returns a table of the columns in which any run has a value.
func caseTable(r *Raw, c *Case) string {
	head, rule := "| |", "| --- |"
	rows := make([]string, len(c.Runs))
	for i := range c.Runs {
		rows[i] = "| " + c.Runs[i].Name + " |"
	}
	for _, k := range slices.Insert(slices.Clone(columns), 6, addedColumns...) {
		var cells []string
		any := false
		for i := range c.Runs {
			f := k.value(r, c, &c.Runs[i])
			any = any || f.n > 0
			cells = append(cells, f.String())
		}
		if !any {
			continue
		}
		head, rule = head+" "+k.name+" |", rule+" --: |"
		for i, cell := range cells {
			rows[i] += " " + cell + " |"
		}
	}
	return head + "\n" + rule + "\n" + strings.Join(rows, "\n") + "\n"
}
