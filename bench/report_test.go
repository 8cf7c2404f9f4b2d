package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func fixedRaw(t *testing.T) *Raw {
	t.Helper()
	r, err := readRaw("testdata/raw.json")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestTargets: ratios are taken within each round, with the HAProxy that is the better one in it,
// and then the median.
func TestTargets(t *testing.T) {
	r := fixedRaw(t)
	want := map[string]figure{
		"processor time per command, 200 clients, 16 sessions": {0.7, 0.5, 0.75, 3}, // 10/20, 12/16, 14/20
		"the same with HAProxy as it sets itself up":           {0.6, 0.5, 0.7, 3},
		"commands a second in that case":                       {1.1, 1, 1.2, 3},
		"added latency at 500 a second, p50":                   {-0.05, -0.05, -0.05, 1},
		"added latency at 500 a second, p99":                   {0.1, 0.1, 0.1, 1},
		"scan and splice":                                      {21.5, 21.5, 21.5, 1},
		"allocations per command":                              {1, 1, 1, 3},
		"an idle client, of 15,000":                            {600, 600, 600, 1},
		"10 to 10,000 active clients":                          {2, 2, 2, 1},
	}
	for i := range targets {
		name, got := targets[i].name, targets[i].value(r)
		if name == "the same by the load's clock" { // of two cases; the formula is that of the next
			continue
		}
		w := want[name]
		if near := func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 }; got.n != w.n || !near(got.median, w.median) || !near(got.least, w.least) || !near(got.most, w.most) {
			t.Errorf("%s: got %+v, want %+v", name, got, w)
		}
	}
}

// TestReport: what is there is shown, what is not is a dash, and nothing else changes in the files.
func TestReport(t *testing.T) {
	dir := t.TempDir()
	raw, err := os.ReadFile("testdata/raw.json")
	if err != nil {
		t.Fatal(err)
	}
	page := "before\n" + reportBegin + "old\n" + reportEnd + "behind\n"
	for name, text := range map[string]string{"bench/results/compare.json": string(raw), "bench/results/capacity.json": string(raw),
		"bench/README.md": page, "docs/capacity.md": page} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second time over what the first has written
		if err := run(t.Context(), []string{"report", "--root", dir}, io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	text := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for name, wanted := range map[string][]string{
		"bench/README.md": {"Linux 6.1, load average 0.10 0.20 0.30", "Not measured: audit: eppmux, audit of all: not today.",
			"| 0.7 (0.5–0.75) | ≤ 0.75 | yes |", "| 0.1 ms | ≤ 0 ms | no |", "| 600 octets | ≤ 700 octets | yes |", "| – | ≤ 1.15 | not measured |",
			"| haproxy | 500 | 20 | 2 | 0.25 | 0.4 | 2 | 0.15 | 0.1 | 1 |", "| direct | 500 | – | – |"},
		"docs/capacity.md": {"| 2 | 380 (0.950) |"},
	} {
		got := text(name)
		if !strings.HasPrefix(got, "before\n"+reportBegin) || !strings.HasSuffix(got, reportEnd+"behind\n") || strings.Contains(got, "old") {
			t.Errorf("%s: the page around the report has changed:\n%s", name, got)
		}
		for _, w := range wanted {
			if !strings.Contains(got, w) {
				t.Errorf("%s has no %q:\n%s", name, w, got)
			}
		}
		for _, bad := range []string{"NaN", "Inf", "77777", "%!"} {
			if strings.Contains(got, bad) {
				t.Errorf("%s has %q:\n%s", name, bad, got)
			}
		}
	}
	for _, name := range []string{"bench/results/cpu.svg", "bench/results/latency.svg", "docs/capacity-sessions.svg", "docs/capacity-clients.svg"} {
		drawing := text(name)
		if err := wellFormed(drawing); err != nil || strings.Contains(drawing, "NaN") || strings.Contains(drawing, "Inf") {
			t.Errorf("%s: %v\n%s", name, err, drawing)
		}
	}
}

func wellFormed(doc string) error {
	for d := xml.NewDecoder(bytes.NewReader([]byte(doc))); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// TestReportNeedsItsPlace: a page without the marks is left as it is.
func TestReportNeedsItsPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(path, []byte("text\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := fill(path, "report\n"); err == nil {
		t.Error("no error")
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "text\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestKeep: a case that is measured again takes the place of the old one, and the others stay.
func TestKeep(t *testing.T) {
	old := fixedRaw(t)
	again := &Raw{Rounds: 3, Cases: []Case{{Name: "sessions"}}, Measurements: []Measurement{{Case: "sessions", Run: "new"}}}
	if err := again.keep(old); err != nil {
		t.Fatal(err)
	}
	if len(again.Cases) != len(old.Cases) || len(again.Measurements) != len(old.Measurements)-1 || len(again.Skipped) != 1 {
		t.Errorf("%d cases, %d measurements, %d skipped", len(again.Cases), len(again.Measurements), len(again.Skipped))
	}
	if again.round("sessions", "5 ms, 1 sessions", 0) != nil || again.round("sessions", "new", 0) == nil || again.round("open-500", "direct", 0) == nil {
		t.Error("not the measurements that are wanted")
	}
	if err := (&Raw{Rounds: 5}).keep(old); err == nil {
		t.Error("rounds that differ: no error")
	}
}
