package audit

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// scrape reads the metrics of a Log as a registry has them: "name{reason} value", in order of
// names. The pedantic registry holds what Collect sends against what Describe said.
func scrape(t *testing.T, l *Log) (lines []string, kinds map[string]string) {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(l); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	kinds = map[string]string{}
	for _, f := range families {
		kinds[f.GetName()] = f.GetType().String()
		if f.GetHelp() == "" || !strings.HasSuffix(f.GetHelp(), ".") {
			t.Errorf("%s: help %q", f.GetName(), f.GetHelp())
		}
		for _, m := range f.GetMetric() {
			label := ""
			for _, pair := range m.GetLabel() {
				label += "{" + pair.GetName() + "=" + pair.GetValue() + "}"
			}
			lines = append(lines, fmt.Sprint(f.GetName(), label, " ", m.GetCounter().GetValue()+m.GetGauge().GetValue()))
		}
	}
	return lines, kinds
}

// TestMetrics: each metric shows its own number, under its name and with its kind.
func TestMetrics(t *testing.T) {
	l := &Log{}
	l.counts = counts{records: 11, errors: 22, lost: [numLosses]uint64{lossFull: 33, lossDisk: 44, lossShutdown: 55}}
	l.held, l.failing = 66, true
	got, kinds := scrape(t, l)
	want := []string{
		"eppmux_audit_errors_total 22",
		"eppmux_audit_failing 1",
		"eppmux_audit_lost_total{reason=disk} 44",
		"eppmux_audit_lost_total{reason=full} 33",
		"eppmux_audit_lost_total{reason=shutdown} 55",
		"eppmux_audit_queue_bytes 66",
		"eppmux_audit_records_total 11",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for name, kind := range kinds {
		want := "GAUGE"
		if strings.HasSuffix(name, "_total") {
			want = "COUNTER"
		}
		if kind != want {
			t.Errorf("%s is a %s, want a %s", name, kind, want)
		}
	}
	l.failing = false
	if got, _ := scrape(t, l); !slices.Contains(got, "eppmux_audit_failing 0") {
		t.Errorf("got %q while the disk works", got)
	}
}

// TestMetricsHaveAllLosses: a reason that is added has its metric.
func TestMetricsHaveAllLosses(t *testing.T) {
	got, _ := scrape(t, &Log{})
	for why := range numLosses {
		if want := fmt.Sprintf("eppmux_audit_lost_total{reason=%v} 0", why); !slices.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
}

// TestMetricsOfALog: what a Log counts is what it shows.
func TestMetricsOfALog(t *testing.T) {
	s := open(t, nil)
	<-s.note(sending("M1"))
	s.disk.set(func() { s.disk.full, s.disk.room = true, 0 })
	<-s.note(sending("M2")) // fails
	if got, _ := scrape(t, s.log); !slices.Contains(got, "eppmux_audit_records_total 1") || !slices.Contains(got, "eppmux_audit_failing 1") ||
		!slices.Contains(got, "eppmux_audit_errors_total 1") || slices.Contains(got, "eppmux_audit_queue_bytes 0") {
		t.Errorf("got %q on a disk that is full", got)
	}
	s.disk.set(func() { s.disk.full = false })
	s.log.Reopen()
	s.close()
	if got, _ := scrape(t, s.log); !slices.Contains(got, "eppmux_audit_records_total 2") || !slices.Contains(got, "eppmux_audit_failing 0") ||
		!slices.Contains(got, "eppmux_audit_queue_bytes 0") {
		t.Errorf("got %q at the end", got)
	}
}
