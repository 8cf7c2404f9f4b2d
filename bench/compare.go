package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// comparison is one bench compare or bench capacity.
type comparison struct {
	*bench
	raw    Raw
	cases  []Case    // to be measured now
	out    io.Writer // progress
	file   string    // of the raw data
	times  loadTimes
	failed []string // runs with wrong answers or broken connections
}

// loadTimes are the parts of a run and how long each takes.
type loadTimes struct {
	warmUp, counted, settle time.Duration // Run.Times multiplies the first two
}

func runCompare(ctx context.Context, args []string, out io.Writer) error {
	return measureCases(ctx, plan{"compare", compareCases(), 5, 2 * time.Second}, args, out)
}

func runCapacity(ctx context.Context, args []string, out io.Writer) error {
	return measureCases(ctx, plan{"capacity", capacityCases(), 3, 1500 * time.Millisecond}, args, out)
}

// plan is what a command measures unless its flags say otherwise.
type plan struct {
	verb    string
	cases   []Case
	rounds  int
	counted time.Duration
}

// measureCases measures the cases of a plan, or those that its flags name.
func measureCases(ctx context.Context, p plan, args []string, out io.Writer) error {
	f := flag.NewFlagSet("bench "+p.verb, flag.ContinueOnError)
	quick := f.Bool("quick", false, "one short round of the cases that matter most, to see that everything works")
	wanted := f.String("cases", "", "only cases whose name matches the `regexp`; the file keeps what it has of others")
	rounds := f.Int("rounds", p.rounds, "how often each run is measured")
	counted := f.Duration("for", p.counted,
		"how long commands of a run are counted; of some, up to four times as long")
	path := f.String("out", "bench/results/"+p.verb+".json", "`file` for the raw data")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *quick {
		*rounds, *counted = 1, 500*time.Millisecond
		if *wanted == "" {
			*wanted = "^(" + caseShared + "|" + caseOpen + "|1-clients)$"
		}
	}
	chosen, err := regexp.Compile(*wanted)
	if err != nil {
		return err
	}
	b, err := newBench(ctx)
	if err != nil {
		return err
	}
	defer b.close()
	c := &comparison{bench: b, out: out, file: *path}
	c.times = loadTimes{warmUp: *counted / 4, counted: *counted, settle: *counted}
	c.raw = Raw{Machine: describeMachine(append([]string{p.verb}, args...)), Rounds: *rounds}
	for _, k := range p.cases {
		if chosen.MatchString(k.Name) {
			c.cases = append(c.cases, k)
		}
	}
	if err := c.skip(); err != nil {
		return err
	}
	c.raw.Cases = slices.Clone(c.cases)
	withGo := p.verb == "compare" && chosen.MatchString(caseGo)
	if old, err := readRaw(*path); err == nil && *wanted != "" {
		if err := c.raw.keep(old); err != nil {
			return fmt.Errorf("%s: %w", *path, err)
		}
		if !withGo {
			c.raw.Go = old.Go
		}
	}
	if err := c.run(); err != nil {
		return err
	}
	if withGo {
		return c.runGo()
	}
	return nil
}

// skip takes out the runs that need what this machine, or this eppmux, lacks. In CI it is an error
// to lack a program that could be installed.
func (c *comparison) skip() error {
	why := map[string]string{}
	for _, kind := range []string{kindHAProxy, kindNginx, kindPerl} {
		if m := missing(kind); m != "" {
			if os.Getenv("CI") != "" {
				return errors.New(m)
			}
			why[kind] = m
		}
	}
	audit := c.auditMissing()
	var cases []Case
	for _, k := range c.cases {
		var runs []Run
		for _, r := range k.Runs {
			m := why[r.Kind]
			if r.Audit != "" {
				m = audit
			}
			if m == "" {
				r.fit(c.raw.Machine.Files)
				runs = append(runs, r)
				continue
			}
			c.raw.Skipped = append(c.raw.Skipped, fmt.Sprintf("%s: %s: %s", k.Name, r.Name, m))
			fmt.Fprintf(c.out, "skipped: %s: %s: %s\n", k.Name, r.Name, m)
		}
		k.Runs = runs
		cases = append(cases, k)
	}
	c.cases = cases
	return nil
}

// fit lowers the number of clients to what the open files of one process allow, in which each
// client of HAProxy has two.
func (r *Run) fit(files int) {
	if most := (files - 400) / 2; r.Kind == kindHAProxy && r.Clients > most {
		r.Clients = most
		r.Name += fmt.Sprintf(", %d clients", most)
	}
}

// auditMissing says why eppmux does not take a config with an audit log. It is empty if eppmux
// does.
func (c *comparison) auditMissing() string {
	text := eppmuxConfig(c.bench, &Run{Sessions: 1, Audit: "transform"}, []string{"127.0.0.1:700"})
	if err := c.write("check.yaml", text); err != nil {
		return err.Error()
	}
	out, err := exec.CommandContext(c.ctx, c.eppmux, "check", "--config", c.path("check.yaml")).CombinedOutput()
	if err != nil {
		return "eppmux refuses the config: " + strings.TrimSpace(strings.ReplaceAll(string(out), c.dir+"/", ""))
	}
	return ""
}

// run measures all cases, and writes the raw data after each. The order of the runs differs from
// round to round.
func (c *comparison) run() error {
	for _, k := range c.cases {
		now, at := describeMachine(nil), c.raw.find(k.Name)
		at.Begun, at.Load, at.Version = now.Time, now.Load, now.Versions["eppmux"]
		fmt.Fprintf(c.out, "%s: %s\n", k.Name, k.About)
		rounds := c.raw.Rounds
		if k.Half {
			rounds = (rounds + 1) / 2
		}
		for round := range rounds {
			for i := range k.Runs {
				r := k.Runs[(i+round)%len(k.Runs)]
				m, err := c.measure(&r)
				if err != nil {
					return fmt.Errorf("%s: %s: %w", k.Name, r.Name, err)
				}
				m.Case, m.Run, m.Round = k.Name, r.Name, round
				c.raw.Measurements = append(c.raw.Measurements, m)
				c.note(&m)
			}
		}
		if err := c.raw.write(c.file); err != nil {
			return err
		}
	}
	if len(c.failed) > 0 {
		return fmt.Errorf("wrong: %s", strings.Join(c.failed, "; "))
	}
	return nil
}

// runGo runs two of the project's own benchmarks.
func (c *comparison) runGo() error {
	c.raw.Go = nil
	for range c.raw.Rounds {
		g, err := goRound(c.ctx)
		if err != nil {
			return err
		}
		c.raw.Go = append(c.raw.Go, g)
		fmt.Fprintf(c.out, "scan and splice %.1f times encoding/xml; exchange %.0f ns, %v allocations\n",
			g.ScanRatio, g.ExchangeNs, g.ExchangeAllocs)
	}
	return c.raw.write(c.file)
}

// note prints a line on a measurement, and remembers wrong answers and broken connections.
func (c *comparison) note(m *Measurement) {
	fmt.Fprintf(c.out, "  %d %-32s ", m.Round+1, m.Run)
	if m.Load.Clients == 0 {
		fmt.Fprintf(c.out, "%d KiB resident, %d before\n", m.Connected>>10, m.Before>>10)
	} else {
		fmt.Fprintf(c.out, "%8.0f/s  %6.1f us  p50 %.3f p99 %.3f p99.9 %.3f ms\n",
			m.Load.PerSec, m.perCommand(m.CPU)*1e6, m.Load.P50, m.Load.P99, m.Load.P999)
	}
	if m.Load.Wrong > 0 || m.Load.Failed > 0 {
		c.failed = append(c.failed, fmt.Sprintf("%s: %s: %d wrong answers, %d clients failed: %.300s",
			m.Case, m.Run, m.Load.Wrong, m.Load.Failed, m.Load.First))
	}
}

// goRound runs the benchmarks once.
func goRound(ctx context.Context) (g GoRound, err error) {
	numbers := func(expr string, to []*float64, args ...string) error {
		args = append([]string{"test", "-count", "1"}, args...)
		out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
		found := regexp.MustCompile(expr).FindSubmatch(out)
		if err != nil || found == nil {
			return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
		}
		for i, p := range to {
			if *p, err = strconv.ParseFloat(string(found[i+1]), 64); err != nil {
				return err
			}
		}
		return nil
	}
	err = numbers(`median ([\d.]+) times encoding/xml, from ([\d.]+) to ([\d.]+)`,
		[]*float64{&g.ScanRatio, &g.ScanLeast, &g.ScanMost},
		"-v", "-run", "^(TestScanSpeed|TestScanAllocs)$", "eppmux/frame")
	if err == nil {
		err = numbers(`([\d.]+) ns/op.*?(\d+) allocs/op`, []*float64{&g.ExchangeNs, &g.ExchangeAllocs},
			"-run", "^$", "-bench", "^BenchmarkExchange$", "eppmux/proxy")
	}
	return g, err
}
