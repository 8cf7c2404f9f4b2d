package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Raw is the data of one measurement, as it is kept in bench/results. Tables and plots are made
// from it alone.
type Raw struct {
	Machine      Machine       `json:"machine"`
	Rounds       int           `json:"rounds"`
	Skipped      []string      `json:"skipped,omitempty"` // what could not be measured, and why
	Cases        []Case        `json:"cases"`
	Measurements []Measurement `json:"measurements"`
	Go           []GoRound     `json:"go,omitempty"`
}

// Case is a set of runs that are measured in turns, so that they can be compared.
type Case struct {
	Name  string `json:"name"`
	About string `json:"about"`
	Runs  []Run  `json:"runs"`
	Half  bool   `json:"half,omitempty"` // measured in half of the rounds: no target is about it

	// Set when it is measured.
	Begun   time.Time `json:"begun,omitzero"`
	Load    string    `json:"load,omitempty"`    // average of the machine before Begun
	Version string    `json:"version,omitempty"` // of eppmux
}

// Run is one contestant under one load.
type Run struct {
	Name       string `json:"name"` // within its case
	Kind       string `json:"kind"`
	Threads    int    `json:"threads,omitempty"`    // of HAProxy, workers of nginx; 0: as they choose
	Registries int    `json:"registries,omitempty"` // side by side; 0: one
	// Sessions of eppmux with each registry. The other contestants have one for each client.
	Sessions  int           `json:"sessions,omitempty"`
	Latency   time.Duration `json:"latency_ns"` // of the registry
	Clients   int           `json:"clients"`
	Idle      int           `json:"idle,omitempty"`
	Rate      float64       `json:"rate,omitempty"`   // commands a second; 0: closed loop
	Octets    int           `json:"octets,omitempty"` // of a command; 0: 400
	Transform bool          `json:"transform,omitempty"`
	Times     int           `json:"times,omitempty"` // as long as other runs; 0: once
	Audit     string        `json:"audit,omitempty"` // commands that eppmux logs
}

// Measurement is one run in one round.
type Measurement struct {
	Case  string `json:"case"`
	Run   string `json:"run"`
	Round int    `json:"round"`
	Load  Result `json:"load"`
	// CPU is the processor time of the contestant while commands were counted, by schedstat.
	CPU         float64 `json:"cpu_seconds"`
	Ticks       float64 `json:"cpu_ticks_seconds"`    // the same by stat
	RegistryCPU float64 `json:"registry_cpu_seconds"` // of all registries
	OtherCPU    float64 `json:"other_cpu_seconds"`    // of everything else on the machine
	Stolen      float64 `json:"stolen_cpu_seconds"`   // by the host of the machine
	Before      int64   `json:"resident_before"`      // octets, when nobody is connected
	Connected   int64   `json:"resident_connected"`   // when all are connected, and none has sent a command
	After       int64   `json:"resident_after"`       // when counting ends
	Mallocs     float64 `json:"mallocs,omitempty"`    // of eppmux while commands were counted
	Wait        float64 `json:"wait_seconds,omitempty"`
	Waited      float64 `json:"waited,omitempty"` // commands of which Wait is the sum
}

// perCommand divides a sum over all commands of the measurement by their number.
func (m *Measurement) perCommand(sum float64) float64 { return sum / float64(m.Load.Commands) }

// GoRound is one round of two of the project's own benchmarks.
type GoRound struct {
	ScanRatio float64 `json:"scan_ratio"`     // times as fast as encoding/xml
	ScanLeast float64 `json:"scan_ratio_min"` // of the rounds of that benchmark
	ScanMost  float64 `json:"scan_ratio_max"` //
	// ExchangeNs is for a command through the loop and a registry in the same process.
	ExchangeNs     float64 `json:"exchange_ns"`
	ExchangeAllocs float64 `json:"exchange_allocs"` // objects, of loop and registry
}

func readRaw(path string) (*Raw, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(Raw)
	return r, json.Unmarshal(text, r)
}

func (r *Raw) write(path string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// keep takes over the cases of an older measurement that r does not have, so that one case can be
// measured again.
func (r *Raw) keep(old *Raw) error {
	if old.Rounds != r.Rounds {
		return fmt.Errorf("the file has %d rounds, this measurement %d", old.Rounds, r.Rounds)
	}
	again := map[string]bool{}
	for i := range r.Cases {
		again[r.Cases[i].Name] = true
	}
	var cases []Case
	for _, c := range old.Cases {
		if !again[c.Name] {
			cases = append(cases, c)
		}
	}
	r.Cases = append(cases, r.Cases...)
	for _, m := range old.Measurements {
		if !again[m.Case] {
			r.Measurements = append(r.Measurements, m)
		}
	}
	for _, s := range old.Skipped {
		if name, _, _ := strings.Cut(s, ":"); !again[name] {
			r.Skipped = append(r.Skipped, s)
		}
	}
	r.Machine = old.Machine
	return nil
}

// find returns the case of that name, or nil.
func (r *Raw) find(name string) *Case {
	for i := range r.Cases {
		if r.Cases[i].Name == name {
			return &r.Cases[i]
		}
	}
	return nil
}

// run returns the run of that name, or nil.
func (c *Case) run(name string) *Run {
	for i := range c.Runs {
		if c.Runs[i].Name == name {
			return &c.Runs[i]
		}
	}
	return nil
}

// round returns the measurement of a run in a round, or nil.
func (r *Raw) round(c, run string, round int) *Measurement {
	for i := range r.Measurements {
		if m := &r.Measurements[i]; m.Case == c && m.Run == run && m.Round == round {
			return m
		}
	}
	return nil
}

// figure takes a value from each round of a run.
func (r *Raw) figure(c, run string, value func(*Measurement) float64) figure {
	var all []float64
	for round := range r.Rounds {
		if m := r.round(c, run, round); m != nil {
			all = append(all, value(m))
		}
	}
	return figureOf(all)
}
