package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"eppmux/admin/metric"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/serve"
)

// TestMetricsDocs: the tables of metrics in docs/reference.md are what the code declares.
func TestMetricsDocs(t *testing.T) {
	const file = "../../docs/reference.md"
	is := string(clitest.ReadFile(t, file))
	want, err := withMetrics(is, serve.MetricDocs())
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if is == want {
		return
	}
	if *clitest.Update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for line := range strings.Lines(want) {
		if !strings.Contains(is, line) {
			t.Errorf("%s lacks %s", file, line)
		}
	}
	t.Errorf("%s is not what the code declares; write it with: %s", file, docsCommand)
}

const docsCommand = "go test ./cmd/eppmux -run TestMetricsDocs -update"

// withMetrics is a page with the metrics written into it. For each group of metrics the page has a
// line that begins its table, and a line that ends it.
func withMetrics(page string, all []metric.Doc) (string, error) {
	const end = "<!-- end -->\n"
	var groups []string
	tables := make(map[string]string)
	for _, d := range all {
		if tables[d.Group] == "" {
			groups = append(groups, d.Group)
			tables[d.Group] = "| metric | type | labels | what it says | look at it when |\n| --- | --- | --- | --- | --- |\n"
		}
		labels := ""
		if len(d.Labels) > 0 {
			labels = "`" + strings.Join(d.Labels, "`, `") + "`"
		}
		tables[d.Group] += fmt.Sprintf("| `%s` | %v | %s | %s | %s |\n", d.Name, d.Kind, labels, d.Help, d.When)
	}
	for _, group := range groups {
		begin := "<!-- metrics: " + group + ", written by " + docsCommand + " -->\n"
		before, rest, begun := strings.Cut(page, begin)
		_, after, ended := strings.Cut(rest, end)
		if !begun || !ended {
			return "", fmt.Errorf("no line %q, or none behind it that ends the table", strings.TrimSpace(begin))
		}
		page = before + begin + tables[group] + end + after
	}
	if n := strings.Count(page, "<!-- metrics: "); n != len(groups) {
		return "", fmt.Errorf("tables for %d groups of metrics, and there are %d", n, len(groups))
	}
	return page, nil
}

// TestWithMetrics: a table is written anew between its lines, and a page with a table too few or too
// many is a fault.
func TestWithMetrics(t *testing.T) {
	const (
		begin = "<!-- metrics: drinks, written by " + docsCommand + " -->\n"
		head  = "| metric | type | labels | what it says | look at it when |\n| --- | --- | --- | --- | --- |\n"
		end   = "<!-- end -->\n"
	)
	drinks := []metric.Doc{
		{Group: "drinks", Name: "wine", Kind: metric.Gauge, Labels: []string{"house", "year"}, Help: "Wine.", When: "it is 0"},
		{Group: "drinks", Name: "beer", Kind: metric.Counter, Help: "Beer."},
	}
	want := "a\n" + begin + head + "| `wine` | gauge | `house`, `year` | Wine. | it is 0 |\n| `beer` | counter |  | Beer. |  |\n" + end + "b\n" + end
	for _, page := range []string{"a\n" + begin + end + "b\n" + end, want} {
		if got, err := withMetrics(page, drinks); got != want || err != nil {
			t.Errorf("%q: got %q, %v, want %q", page, got, err, want)
		}
	}
	for _, page := range []string{"", begin, begin + end + strings.ReplaceAll(begin, "drinks", "food") + end} {
		if got, err := withMetrics(page, drinks); err == nil {
			t.Errorf("%q: got %q, want an error", page, got)
		}
	}
}
