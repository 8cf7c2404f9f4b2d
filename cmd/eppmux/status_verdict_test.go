package main

import (
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"eppmux/admin/status"
	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
)

// TestVerdicts: with each fault played by a real registry, client or host, the status, its page and
// its table name the cause, the metric moves, and the alerts fire that are for it and no others
// that page. Where nothing is to be seen, nothing is.
func TestVerdicts(t *testing.T) {
	registries := verdictRegistries()
	st, host := prepareStatusStand(t), prepareHostStand(t)
	clitest.WritePairFor(t, st.dir, "week", time.Now().Add(-300*24*time.Hour), time.Now().Add(6*24*time.Hour+time.Hour))
	clitest.WritePairFor(t, st.dir, "day", time.Now().Add(-300*24*time.Hour), time.Now().Add(24*time.Hour+10*time.Minute))
	st.launch("", registries...)
	host.launch()
	v := newVerdicts(st, registries)
	v.settle()
	alerts := watchAlerts(t, st.admin, host.admin)
	st.employ(registries...)
	i := slices.IndexFunc(verdictCases, func(c verdictCase) bool { return c.row == 36 })
	if got := eppmux(t, "ctl", "pause", registries[i].name, "--socket", st.dir+"/ctl"); got.code != 0 {
		t.Fatalf("ctl pause: got %+v", got)
	}
	if got := eppmux(t, "ctl", "reload", "--socket", st.dir+"/ctl"); got.code != 0 {
		t.Fatalf("ctl reload: got %+v", got)
	}
	host.suffer(alerts)
	for deadline := time.Now().Add(90 * time.Second); !v.look(alerts) && time.Now().Before(deadline); {
		st.rest(time.Second)
	}
	v.report()
	alerts.judge(v, host)
}

// verdictRegistries are those of verdictCases, with small numbers where a case says none.
func verdictRegistries() (all []statusRegistry) {
	for i, tt := range verdictCases {
		r := tt.r
		r.name = fmt.Sprintf("v%d", i)
		for key, value := range map[string]string{"clients:": "{max: 50}", "sessions:": "{min: 1, max: 1}"} {
			if !strings.Contains(fmt.Sprint(r.more), key) {
				r.more = append(slices.Clone(r.more), key+" "+value)
			}
		}
		all = append(all, r)
	}
	return all
}

// verdicts are what has been seen of verdictCases.
type verdicts struct {
	st         *statusStand
	registries []statusRegistry
	said       []string // by the status, of each case
	shown      []bool   // on the page and in the table
	moved      []bool   // its metric
	alarms     []string // what was said where nothing should
}

func newVerdicts(st *statusStand, registries []statusRegistry) *verdicts {
	n := len(registries)
	return &verdicts{st, registries, make([]string, n), make([]bool, n), make([]bool, n), make([]string, n)}
}

// quiet reports whether the case wants no finding.
func (c *verdictCase) quiet() bool { return c.want == "" }

// ofTheMachine are the rules that a machine under load can make true by itself.
var ofTheMachine = []string{"sessions", "slow", "limit", "stalled"}

// settle waits until the registries of which nothing is to be said have their sessions.
func (v *verdicts) settle() {
	v.st.t.Helper()
	if !v.st.until(func(s *status.Status) bool {
		for i := range verdictCases {
			if r := &s.Registries[i]; verdictCases[i].quiet() && r.Sessions.LoggedIn() < r.Sessions.Min {
				return false
			}
		}
		return true
	}) {
		v.st.t.Fatalf("got no sessions: %s", v.st.get("/status.json"))
	}
}

// look asks once, and reports whether there is nothing more to wait for.
func (v *verdicts) look(alerts *alertWatch) (done bool) {
	v.st.t.Helper()
	s, metrics := v.st.status(), string(v.st.get("/metrics"))
	page := html.UnescapeString(string(v.st.get("/")))
	table := eppmux(v.st.t, "status", "--admin", v.st.admin).out
	done = alerts.look()
	for i := range verdictCases {
		c, r, name := &verdictCases[i], &s.Registries[i], v.registries[i].name
		v.moved[i] = v.moved[i] || moves(metrics, name, c.metric)
		switch first := r.Findings[0]; {
		case c.quiet() && slices.Contains(ofTheMachine, first.Rule):
		case c.quiet() && first.Gravity > status.OK:
			v.alarms[i] = first.Text
		case c.quiet():
			v.said[i], v.shown[i] = first.Text, true
		case first.Gravity == c.g && regexp.MustCompile(c.want).MatchString(first.Text) && c.says(r):
			v.said[i] = first.Text
		}
		if !c.quiet() && c.in(part(page, `id="r-`+name+`"`, "</section>")) && c.in(part(table, "\n"+name+" (", "\n\n"+"v")) {
			v.shown[i] = true
		}
		done = done && v.said[i] != "" && v.shown[i] && v.moved[i] && alerts.has(name, c.alerts)
	}
	return done
}

// says reports whether the other texts that c wants are there.
func (c *verdictCase) says(r *status.Registry) bool {
	return c.also == "" || slices.ContainsFunc(r.Findings, func(f status.Finding) bool { return regexp.MustCompile(c.also).MatchString(f.Text) })
}

// in reports whether a text has the words of c.
func (c *verdictCase) in(text string) bool {
	for _, want := range []string{c.want, c.also} {
		if !regexp.MustCompile(strings.TrimSuffix(strings.TrimPrefix(want, "^"), "$")).MatchString(text) {
			return false
		}
	}
	return true
}

// part is the text from one mark to the next; empty: the first is not there.
func part(text, from, to string) string {
	_, text, found := strings.Cut(text, from)
	if !found {
		return ""
	}
	text, _, _ = strings.Cut(text, to)
	return text
}

var seriesParts = regexp.MustCompile(`^(\w+)(?:\{(.*)\})?$`)

// moves reports whether a series of a registry is above 0. An empty registry is any.
func moves(metrics, registry, series string) bool {
	m := seriesParts.FindStringSubmatch(series)
	labels := strings.Split(m[2], ",")
	if registry != "" {
		labels = append(labels, fmt.Sprintf("registry=%q", registry))
	}
	for line := range strings.Lines(metrics) {
		has := strings.HasPrefix(line, m[1]+"{") || strings.HasPrefix(line, m[1]+" ")
		for _, l := range labels {
			has = has && strings.Contains(line, l)
		}
		if value, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' ')+1:]), 64); has && err == nil && value > 0 {
			return true
		}
	}
	return false
}

// report fails for what was not seen, and for what was and should not.
func (v *verdicts) report() {
	t := v.st.t
	t.Helper()
	s := v.st.status()
	for i, c := range verdictCases {
		t.Logf("%d: %s → %s", c.row, c.what, v.said[i])
		switch {
		case v.alarms[i] != "":
			t.Errorf("row %d, %s: false alarm %q", c.row, c.what, v.alarms[i])
		case v.said[i] == "":
			t.Errorf("row %d, %s: got %+v, want %v %s %s", c.row, c.what, s.Registries[i].Findings, c.g, c.want, c.also)
		case !v.shown[i]:
			t.Errorf("row %d, %s: page or table does not say it", c.row, c.what)
		case !v.moved[i]:
			t.Errorf("row %d, %s: %s does not move", c.row, c.what, c.metric)
		}
	}
	if page := string(v.st.get("/")); strings.Contains(page, "<script>alert(1)") || !strings.Contains(page, html.EscapeString("<script>alert(1)")) {
		t.Error("the page does not escape what a registry says")
	}
	if got := eppmux(t, "status", "--admin", v.st.admin); got.code != cli.ExitFailed || got.errs != "" {
		t.Errorf("eppmux status: got %d, %s, want 1 since some are broken", got.code, got.errs)
	}
}

// TestVerdictRows: every row of docs/faults.md has a case, or a reason for having none, and its
// second table says of each what its case sees.
func TestVerdictRows(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "faults.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (\d+) \| .*$`).FindAllStringSubmatch(string(text), -1)
	lines := map[int][]string{}
	for _, m := range rows {
		n, _ := strconv.Atoi(m[1])
		lines[n] = append(lines[n], m[0])
	}
	for n, l := range lines {
		ways := 0
		for _, c := range verdictCases {
			if c.row == n {
				ways++
			}
		}
		if slices.Contains(elsewhere, n) {
			ways++
		}
		if (ways > 0) == (notInjected[n] != "") {
			t.Errorf("row %d: got %d cases, and %q as the reason for none", n, ways, notInjected[n])
		}
		if len(l) != 2 {
			t.Errorf("row %d: is in %d tables, want both", n, len(l))
		}
	}
	for _, c := range verdictCases {
		if c.row == 0 {
			continue
		}
		if len(lines[c.row]) != 2 {
			t.Errorf("row %d, %s: is not in the tables", c.row, c.what)
			continue
		}
		line, want := lines[c.row][1], []string{seriesParts.FindStringSubmatch(c.metric)[1]}
		for _, alert := range strings.Fields(c.alerts) {
			want = append(want, "Eppmux"+alert)
		}
		if c.quiet() {
			want = append(want, "nothing")
		} else {
			want = append(want, c.g.String())
		}
		for _, w := range want {
			if !strings.Contains(line, strings.TrimSuffix(w, "_sum")) {
				t.Errorf("row %d, %s: got %s without %s", c.row, c.what, line, w)
			}
		}
	}
	if len(lines) < 44 {
		t.Errorf("found %d rows", len(lines))
	}
}

func havePrometheus() bool {
	_, err := exec.LookPath("prometheus")
	return err == nil
}
