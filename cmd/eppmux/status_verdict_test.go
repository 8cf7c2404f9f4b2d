package main

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"eppmux/admin"
	"eppmux/sandbox"
)

// verdictCases are faults and the verdict that names each, of a registry of its own.
var verdictCases = []struct {
	what string
	r    statusRegistry
	want string // of the first finding, as a regular expression
	g    admin.Gravity
}{
	{"nothing is wrong", statusRegistry{clients: 2, command: checkText, pause: 20 * time.Millisecond},
		`^all well: 1 session, [\d.]+ commands/s, answered in `, admin.OK},
	{"the login is refused", statusRegistry{faults: "refuse-login=2200"},
		`^registry refuses our login: result code 2200: "`, admin.Broken},
	{"every session is taken", statusRegistry{faults: "refuse-login=2502"},
		`^registry grants no session \(2502\): result code 2502`, admin.Broken},
	{"nobody listens", statusRegistry{address: "127.0.0.1:1"},
		`^registry not reachable: connect: 127.0.0.1:1: connection refused$`, admin.Broken},
	{"its certificate is another's", statusRegistry{foreign: true},
		`^certificate or address not accepted: tls: .*certificate`, admin.Broken},
	{"it does not greet", statusRegistry{faults: "no-greeting", more: []string{"timeouts: {greeting: 300ms}"}},
		`^registry does not greet: greeting: no answer in time$`, admin.Broken},
	{"it wants fewer commands", statusRegistry{faults: "2502-command:cmd=check,every=2", more: []string{"profile: ee", "sessions: {min: 1, max: 1}"},
		clients: 2, command: checkText, pause: 20 * time.Millisecond},
		`^registry wants fewer commands: \d+ refusals? for their number in the last minute`, admin.Look},
	{"it is slow", statusRegistry{sandbox: sandbox.Config{Latency: 1500 * time.Millisecond}, more: []string{"sessions: {min: 1, max: 2}"}, clients: 8, command: checkText},
		`^all 2 sessions busy, registry answers slowly \(p50 [\d.]+ s\); \d+ waiting`, admin.Look},
	{"2502 at a further login", statusRegistry{sandbox: sandbox.Config{MaxSessions: 2}, more: []string{"sessions: {min: 3, max: 3}"}},
		`^registry grants only 2 of 3 sessions \(2502\)$`, admin.Look},
	{"a limit is what commands wait for", statusRegistry{more: []string{"rate_limits: [{limit: 100, per: 1s}, {limit: 2, per: 1s, commands: [check]}]"}, clients: 6, command: checkText},
		`^limit check-2-per-1s is what commands wait for: 2 per 1s, it held them back for \d+ % of the last minute; \d+ waiting`, admin.Look},
	{"transforms are lost", statusRegistry{faults: "close-after:cmd=create,first=2", clients: 1, command: createText, pause: 20 * time.Millisecond},
		`^2 transforms with unknown outcome in the last ten minutes$`, admin.Look},
	{"it says nothing more", statusRegistry{faults: "silent:cmd=check", more: []string{"timeouts: {command: 400ms}"}, clients: 2, command: checkText},
		`^registry does not answer: \d+ commands? without an answer in the last minute, none with one$`, admin.Broken},
	{"it ends sessions", statusRegistry{faults: "2500-close:cmd=check,every=2,first=3", clients: 2, command: checkText, pause: 20 * time.Millisecond},
		`^registry or network ended 3 sessions in the last ten minutes, 3 of them by an answer x5xx$`, admin.Look},
	{"it answers out of turn", statusRegistry{faults: "wrong-cltrid:cmd=check,first=1", clients: 1, command: checkText, pause: 20 * time.Millisecond},
		`^registry sent 1 mismatched answer in the last ten minutes`, admin.Look},
	{"clients send what is no EPP", statusRegistry{clients: 1, command: "<epp", pause: 2000 * time.Millisecond},
		`^clients sent \d+ faulty frames? in the last ten minutes`, admin.Look},
	{"a certificate ends", statusRegistry{more: []string{`clients: {max: 50, tls: {cert_file: short.pem, key_file: short.key}}`}},
		`^our certificate for clients expires in 6 days$`, admin.Look},
	{"the operator has paused it", statusRegistry{},
		`^paused by the operator: nothing is sent`, admin.Broken},
}

// TestVerdicts: with each fault played by a real registry, the status names the cause.
func TestVerdicts(t *testing.T) {
	var registries []statusRegistry
	for i, tt := range verdictCases {
		r := tt.r
		r.name = fmt.Sprintf("v%d", i)
		if r.more == nil || !regexp.MustCompile(`clients:`).MatchString(fmt.Sprint(r.more)) {
			r.more = append(r.more, "clients: {max: 50}")
		}
		if !regexp.MustCompile(`sessions:`).MatchString(fmt.Sprint(r.more)) {
			r.more = append(r.more, "sessions: {min: 1, max: 1}")
		}
		registries = append(registries, r)
	}
	st := prepareStatusStand(t)
	writePairFor(t, st.dir, "short", time.Now().Add(-300*day), time.Now().Add(6*day+time.Hour))
	st.start(registries...)
	paused := len(verdictCases) - 1
	if got := eppmux(t, "ctl", "pause", registries[paused].name, "--socket", st.dir+"/ctl"); got.code != 0 {
		t.Fatalf("ctl pause: got %+v", got)
	}
	said := make([]string, len(verdictCases))
	missing := len(verdictCases)
	st.until(func(s *admin.Status) bool {
		for i, tt := range verdictCases {
			first := s.Registries[i].Findings[0]
			if said[i] == "" && first.Gravity == tt.g && regexp.MustCompile(tt.want).MatchString(first.Text) {
				said[i] = first.Text
				missing--
			}
		}
		return missing == 0
	})
	for i, tt := range verdictCases {
		t.Logf("%s → %s", tt.what, said[i])
		if said[i] == "" {
			t.Errorf("%s: got %+v, want %v %s", tt.what, st.status().Registries[i].Findings, tt.g, tt.want)
		}
	}
	if got := eppmux(t, "status", "--admin", st.admin); got.code != exitFailed || got.errs != "" {
		t.Errorf("eppmux status: got %d, %s, want 1 since some are broken", got.code, got.errs)
	}
}
