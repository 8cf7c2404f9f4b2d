package main

import (
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"eppmux/admin/status"
	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
)

// TestUnknownSurvives: two creates in flight outlive kill -9. The next process says so in its log,
// on the page and in its metrics, and the alert fires, until words resolve both; nothing else does.
func TestUnknownSurvives(t *testing.T) {
	r := statusRegistry{name: "a", faults: "silent:cmd=create,first=1;silent-before:cmd=create", more: []string{"sessions: {min: 2, max: 2}", "clients: {max: 50}"}}
	st := prepareStatusStand(t)
	st.launch("audit: {file: audit.jsonl}\n", r)
	for i := range 2 {
		nc, err := net.Dial("unix", st.socket("a"))
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if _, err := nc.Write(clitest.Unit(clitest.CommandXML(`<create><d:create xmlns:d="urn:ietf:params:xml:ns:domain-1.0">` +
			`<d:name>n` + strconv.Itoa(i) + `.example</d:name><d:authInfo><d:pw>` + clitest.Canary + `</d:pw></d:authInfo></d:create></create>`))); err != nil {
			t.Fatal(err)
		}
		if !st.until(func(s *status.Status) bool { return s.Registries[0].Sessions.Busy == i+1 }) {
			t.Fatalf("got %s, want %d creates in flight", st.get("/status.json"), i+1)
		}
	}
	if got := st.status().Registries[0].Unresolved; got == nil || got.Count != 0 {
		t.Errorf("in flight: got %+v, want none", got)
	}
	if err := st.program.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-st.program.ended
	file := st.dir + "/c.yaml"
	st.program = startProgramAs(t, st.stderr.attach, "serve", "--config", file)
	st.admin = st.program.find(`msg="admin listening" listener=(\S+)`)
	var alerts *alertWatch
	if havePrometheus() {
		alerts = watchAlerts(t, st.admin, st.admin)
	}
	look := func(want int) func(*status.Status) bool {
		return func(s *status.Status) bool {
			u := s.Registries[0].Unresolved
			return u != nil && u.Count == want
		}
	}
	if !st.until(look(2)) {
		t.Fatalf("got %s, want two", st.get("/status.json"))
	}
	var ids []string
	for _, m := range regexp.MustCompile(`level=WARN msg="a transform of unknown outcome is left by an earlier process" registry=a command=create muxtrid=(\S+)`).
		FindAllStringSubmatch(st.program.log.Text(), -1) {
		ids = append(ids, m[1])
	}
	if len(ids) != 2 {
		t.Fatalf("got %q in %s, want two ids", ids, st.program.log.Text())
	}
	metrics := string(st.get("/metrics"))
	for _, want := range []string{`eppmux_unknown_transforms_total{registry="a"} 2`, `eppmux_unknown_transforms_unresolved{registry="a"} 2`} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("got no %s", want)
		}
	}
	says := func(want bool) {
		t.Helper()
		const text = "with unknown outcome not resolved"
		for what, got := range map[string]string{"page": string(st.get("/")), "table": eppmux(t, "status", "--admin", st.admin).out} {
			if strings.Contains(got, text) != want {
				t.Errorf("%s: got %s, want %q to be %v", what, got, text, want)
			}
		}
	}
	says(true)
	for deadline := time.Now().Add(90 * time.Second); alerts != nil && !(alerts.look() && alerts.has("a", "UnknownUnresolved")); {
		if time.Now().After(deadline) {
			t.Error("EppmuxUnknownUnresolved does not fire")
			break
		}
		st.rest(time.Second)
	}
	before := st.served["a"].Counters()
	got := eppmux(t, "audit", "--config", file, "--unknown", "--look-up")
	want := regexp.MustCompile(ids[0] + `\n  n0.example: exists, created 20\S+, expires 20\S+, .*sponsor demo, status .*\n  once found out: eppmux audit --resolve ` + ids[0] +
		` "..."\n.*` + ids[1] + `\n  n1.example: does not exist\n`)
	if got.code != exitFound || !want.MatchString(got.out) || got.errs != "" || strings.Contains(got.out, clitest.Canary) {
		t.Errorf("look-up: got %d, %s\n%s, want %v", got.code, got.errs, got.out, want)
	}
	if after := st.served["a"].Counters(); after.Commands["info"] != before.Commands["info"]+2 || after.Commands["create"] != before.Commands["create"] {
		t.Errorf("look-up: got %v after %v, want two infos", after.Commands, before.Commands)
	}
	if got := eppmux(t, "audit", "--config", file, "--unknown", "--look-up", "--json"); got.code != cli.ExitUsage {
		t.Errorf("got %+v", got)
	}
	resolve := func(id string, code, left int) {
		t.Helper()
		if got := eppmux(t, "audit", "--config", file, "--resolve", id, "not carried out"); got.code != 0 {
			t.Errorf("resolve: got %+v", got)
		}
		if got := eppmux(t, "audit", "--config", file, "--unknown"); got.code != code {
			t.Errorf("with %d left: got %+v, want %d", left, got, code)
		}
		if !st.until(look(left)) {
			t.Errorf("got %s, want %d", st.get("/status.json"), left)
		}
	}
	resolve(ids[0], exitFound, 1)
	says(true)
	resolve(ids[1], cli.ExitDone, 0)
	says(false)
	metrics = string(st.get("/metrics"))
	for _, want := range []string{`eppmux_unknown_transforms_total{registry="a"} 2`, `eppmux_unknown_transforms_unresolved{registry="a"} 0`} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("got no %s", want)
		}
	}
	text, err := os.ReadFile(st.dir + "/audit.jsonl")
	if err != nil || strings.Contains(string(text)+st.program.log.Text(), clitest.Canary) {
		t.Errorf("got a secret, or %v", err)
	}
}
