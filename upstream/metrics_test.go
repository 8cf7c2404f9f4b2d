package upstream

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"eppmux/admin/metric/metrictest"
	"eppmux/frame"
	"eppmux/ratelimit"
	"eppmux/upstream/pool"
)

var update = flag.Bool("update", false, "write golden files anew")

// numbered is a snapshot with numbers that the name decides.
func numbered(name string) *Snapshot {
	s := new(Snapshot)
	metrictest.Number(&s.Counters, name)
	metrictest.Number(&s.Snapshot, name)
	for i := range s.Commands {
		if frame.Command(i) != frame.CommandInfo {
			clear(s.Commands[i][1:]) // a code that was never answered has no line
		}
	}
	s.Rules, s.Used = []string{"all", "create"}, []float64{0.25, 0.75}
	return s
}

// TestMetrics: each metric of the table shows its own numbers, under its name, with its labels, its
// kind and its help.
func TestMetrics(t *testing.T) {
	a, b := numbered("a"), numbered("b")
	a.Backoff, b.Paused = true, true
	a.LoginEvents = []frame.LoginEvent{{Type: "password", Expires: time.Unix(1893456000, 0)}}
	a.Messages = MessageQueue{Known: true, Count: 7, Age: 90 * time.Second}
	metrictest.Golden(t, "testdata/metrics.txt", metrictest.Collector{
		Descs:   metrics.Describe,
		Metrics: func(ch chan<- prometheus.Metric) { metrics.Send(ch, a, "a"); metrics.Send(ch, b, "b") },
	}, *update)
}

// TestMetricsOfAnAccount: what an account counts is what is shown of it. A limit's metrics have its
// name, or without one its place; a code that RFC 5730 does not define is "other".
func TestMetricsOfAnAccount(t *testing.T) {
	rule := pool.Rule{Limit: ratelimit.Limit{N: 100, Per: time.Second}, Commands: allCommands()}
	inPlay(t, func(c *Config) {
		c.Pool.Rules = []pool.Rule{rule, rule}
		c.Pool.Rules[0].Name = "day"
	}, func(p *play) {
		r := p.session()
		for _, code := range []int{1000, 1777} {
			a := p.ask(checkCommand(""))
			r.want("check")
			r.reply(code)
			a.end()
		}
		got := metrictest.Scrape(t, NewMetrics(func() []*Account { return []*Account{p.account} }, func(string) uint64 { return 0 }))
		for _, want := range []string{
			`eppmux_commands_total{code="1000",command="check",registry="R"} 1`,
			`eppmux_commands_total{code="other",command="check",registry="R"} 1`,
			`eppmux_command_rtt_seconds_count{class="query",registry="R"} 2`,
			`eppmux_logins_total{registry="R",result="ok"} 1`,
			`eppmux_limit_used_ratio{limit="1",registry="R"} `,
			`eppmux_limited_seconds_total{limit="day",registry="R"} 0`,
			`eppmux_limit_shadow_total{limit="day",registry="R"} 0`,
		} {
			want = strings.ReplaceAll(want, `"R"`, fmt.Sprintf("%q", p.account.Name()))
			if !strings.Contains(got, "\n"+want) {
				t.Errorf("got no %s", want)
			}
		}
		if t.Failed() {
			t.Log(got)
		}
	})
}
