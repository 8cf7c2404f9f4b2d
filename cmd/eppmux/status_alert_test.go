package main

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"eppmux/cmd/eppmux/internal/clitest"
)

// alertWatch knows which alerts have fired, of a Prometheus that evaluates those of alertsFile with
// shorter times.
type alertWatch struct {
	t     *testing.T
	at    string                     // host:port; empty: there is no Prometheus here
	fired map[string]map[string]bool // by registry, or, where an alert has none, by instance
	pages map[string]bool            // which alerts do
}

// shorter are times of seconds for those of alertsFile: so long must things last, and so far back
// do rates reach.
var shorter = strings.NewReplacer("for: 1m", "for: 5s", "for: 2m", "for: 5s", "for: 5m", "for: 3s", "for: 10m", "for: 4s", "for: 2h", "for: 3s", "for: 6h", "for: 4s",
	"[6h]", "[30s]", "[1h]", "[30s]", "[5m]", "[30s]", "[10m]", "[30s]", "[15m]", "[30s]")

// scrapeEvery leaves time for what forty registries export.
const scrapeEvery = 3 * time.Second

// waiting are the alerts that a machine under load can cause by itself.
const waiting = " Down QueueOld RegistrySlow"

func watchAlerts(t *testing.T, targets ...string) *alertWatch {
	t.Helper()
	w := &alertWatch{t: t, fired: map[string]map[string]bool{}, pages: map[string]bool{}}
	if !havePrometheus() {
		return w
	}
	text := shorter.Replace(string(clitest.ReadFile(t, alertsFile)))
	if left := regexp.MustCompile(`for: \d+[mh]|\[\d+[mh]\]`).FindAllString(text, -1); left != nil {
		t.Errorf("got %q, which are not made shorter", left)
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert  string
				Labels map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	for _, r := range file.Groups[0].Rules {
		w.pages[r.Alert] = r.Labels["severity"] == "page"
	}
	w.at = startPrometheus(t, scrapeEvery, clitest.WriteFile(t, t.TempDir(), "alerts.yml", text, 0o644), targets...)
	for _, target := range targets { // what happens before the first scrape is no increase
		waitForData(t, w.at, `up{instance="`+target+`"} == 1`)
	}
	return w
}

// look notes the alerts that fire now. It returns true, so that it can stand in a condition to wait
// for.
func (w *alertWatch) look() bool {
	if w.at == "" {
		return true
	}
	r, err := http.Get("http://" + w.at + "/api/v1/alerts")
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Body.Close()
	var answer struct {
		Data struct {
			Alerts []struct {
				Labels map[string]string
				State  string
			}
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		w.t.Fatal(err)
	}
	for _, a := range answer.Data.Alerts {
		where := a.Labels["registry"]
		if where == "" {
			where = a.Labels["instance"]
		}
		if a.State == "firing" {
			if w.fired[where] == nil {
				w.fired[where] = map[string]bool{}
			}
			w.fired[where][a.Labels["alertname"]] = true
		}
	}
	return true
}

// has reports whether all alerts that names lists have fired.
func (w *alertWatch) has(where, names string) bool {
	for _, name := range strings.Fields(names) {
		if w.at != "" && !w.fired[where]["Eppmux"+name] {
			return false
		}
	}
	return true
}

// judge fails where an alert has not fired that should, or one has that should not: of what pages
// any, and any at all where nothing is to be seen. Every alert has fired somewhere.
func (w *alertWatch) judge(v *verdicts, host *hostStand) {
	t := w.t
	t.Helper()
	if w.at == "" {
		lacking(t, "prometheus", exec.ErrNotFound)
	}
	seen := map[string]bool{}
	of := func(where, what, alerts, may string, quiet bool) {
		if !w.has(where, alerts) {
			t.Errorf("%s: got %v fired, want %s", what, w.fired[where], alerts)
		}
		for name := range w.fired[where] {
			seen[name] = true
			if !slices.Contains(strings.Fields(alerts+" "+may+waiting), strings.TrimPrefix(name, "Eppmux")) && (w.pages[name] || quiet) {
				t.Errorf("%s: got %s, which is not for it", what, name)
			}
		}
	}
	for i := range verdictCases {
		c := &verdictCases[i]
		of(v.registries[i].name, c.what, c.alerts, c.may, c.quiet())
	}
	of(v.st.admin, "the program with all faults", "", "", true)
	of("h0", "the registry of the host that suffers", "ClientsNotTaken", "NotSent NoSession", false)
	of(host.admin, "the host that suffers", "AuditFails AuditGap LogGap ReloadFailed Down", "", false)
	for name := range w.pages {
		// Those of a cluster and of a gateway have cases in deploy/prometheus/alerts_test.yml: here is none of
		// either. See TestUnknownSurvives.
		elsewhere := strings.HasPrefix(name, "EppmuxCluster") || strings.HasPrefix(name, "EppmuxGateway")
		if !seen[name] && !elsewhere && name != "EppmuxUnknownUnresolved" {
			t.Errorf("%s has not fired in any case", name)
		}
	}
}
