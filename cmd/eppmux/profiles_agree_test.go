package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/sandbox"
)

// numbers are what a table says of a kind of registry; the zero value of each: nothing.
type numbers struct {
	sessions        int
	idle, age       time.Duration
	commands        int
	errors          int
	frame           int // octets of a data unit
	delay           time.Duration
	limit, quota    string // as 100/1m0s per registry
	wantsClientCert bool
}

// pairs has the profiles of both tables that are the same registry: that of the sandbox, which plays
// it, and that of the config, which keeps to it. meant says, for each number in which they differ,
// why they do.
var pairs = []struct {
	sandbox, config string
	meant           map[string]string
}{
	{"generic-strict", "generic-strict", nil},
	{"no-like", "no", map[string]string{
		"limit":           "the registry has a limit for a minute and publishes no number: the sandbox plays one, the config knows none",
		"wantsClientCert": certificatesApart}},
	{"ee-like", "ee", map[string]string{"wantsClientCert": certificatesApart}},
	{"dk-like", "dk", map[string]string{
		"idle":     "the registry's text has 700 s in one place and 5 minutes in another: the sandbox takes the longer one, the config keeps to the shorter one",
		"sessions": sessionsUnpublished}},
	{"fr-like", "fr", map[string]string{"sessions": sessionsUnpublished}},
	{"be-like", "brussels", nil},
	{"fred-like", "cz", map[string]string{
		"delay":           "FRED delays errors by what it is configured for: the sandbox takes 1 s, the config expects the most, which is 10 s",
		"wantsClientCert": certificatesApart}},
	{"uk-like", "uk", nil},
	{"nl-like", "nl", nil},
	{"nomulus-like", "nomulus", map[string]string{"wantsClientCert": certificatesApart}},
	{"co-like", "co", nil},
	{"nz-release", "nz-release", map[string]string{"wantsClientCert": certificatesApart}},
	{"zombie", "gov", map[string]string{
		"sessions": "the sandbox plays how a session of .gov dies, with few sessions so that it is seen soon"}},
}

const (
	sessionsUnpublished = "the registry publishes no number of sessions: the sandbox plays one, the config knows none"
	certificatesApart   = "whether a certificate is demanded is said by --mutual and --client-ca, not by a profile of the sandbox"
)

// unpaired are the profiles of one table that the other has no registry for.
var unpaired = struct{ sandbox, config []string }{
	sandbox: []string{"hamburg-like", "ghost", "hostile"}, // without a public source: what goes wrong, not a registry
	config:  []string{"au", "ca", "donuts", "lv", "nz", "uk-gtld"},
}

// TestProfilesAgree compares the two tables of numbers that registries publish. They are apart so
// that the sandbox can judge the rest of the program.
func TestProfilesAgree(t *testing.T) {
	for _, p := range pairs {
		played, kept := playedBy(t, p.sandbox), keptBy(t, p.config)
		for _, n := range []struct {
			name         string
			played, kept any
		}{
			{"sessions", played.sessions, kept.sessions},
			{"idle", played.idle, kept.idle},
			{"age", played.age, kept.age},
			{"commands", played.commands, kept.commands},
			{"errors", played.errors, kept.errors},
			{"frame", played.frame, kept.frame},
			{"delay", played.delay, kept.delay},
			{"limit", played.limit, kept.limit},
			{"quota", played.quota, kept.quota},
			{"wantsClientCert", played.wantsClientCert, kept.wantsClientCert},
		} {
			why, meant := p.meant[n.name]
			switch {
			case n.played != n.kept && !meant:
				t.Errorf("%s: %s of the sandbox is %v, that of profile %s %v", p.sandbox, n.name, n.played, p.config, n.kept)
			case n.played == n.kept && meant:
				t.Errorf("%s: %s is %v in both tables, yet the test says: %s", p.sandbox, n.name, n.played, why)
			}
		}
	}
}

// TestProfilesPaired: a profile that is added to a table is compared, or listed as one without a
// counterpart.
func TestProfilesPaired(t *testing.T) {
	ofSandbox, ofConfig := slices.Clone(unpaired.sandbox), slices.Clone(unpaired.config)
	for _, p := range pairs {
		ofSandbox, ofConfig = append(ofSandbox, p.sandbox), append(ofConfig, p.config)
	}
	var all []string
	for _, p := range sandbox.Profiles() {
		all = append(all, p.Name)
	}
	_, err := config.Load(clitest.WriteFile(t, t.TempDir(), "c.yaml", clitest.SandboxYAML("profile: none"), 0o600))
	if err == nil {
		t.Fatal("got no error for a profile that is not there")
	}
	_, known, _ := strings.Cut(strings.TrimSpace(err.Error()), "known are ")
	for _, tt := range []struct {
		table     string
		got, want []string
	}{{"sandbox", ofSandbox, all}, {"config", ofConfig, strings.Split(known, ", ")}} {
		slices.Sort(tt.got)
		slices.Sort(tt.want)
		if !slices.Equal(tt.got, tt.want) {
			t.Errorf("%s: the test knows\n%q, the table has\n%q", tt.table, tt.got, tt.want)
		}
	}
}

// playedBy are the numbers of a profile of the sandbox.
func playedBy(t *testing.T, name string) numbers {
	t.Helper()
	c, err := sandbox.Profile(name)
	if err != nil {
		t.Fatal(err)
	}
	n := numbers{sessions: c.MaxSessions, idle: c.IdleTimeout, age: c.MaxAge, commands: c.MaxCommands, errors: c.Rules.ErrorsClose, frame: c.MaxFrame}
	pit := c.Rules.Tarpit
	n.delay = max(c.Rules.ErrorDelay, pit.SecondCommand, pit.Rechecks, pit.Exists, pit.ForeignInfo)
	if c.RateLimit > 0 {
		scope := "registry"
		if c.Rules.RatePerSession {
			scope = "session"
		}
		n.limit = fmt.Sprintf("%d/%v per %s", c.RateLimit, c.RatePer, scope)
	}
	if c.Rules.Quota > 0 {
		n.quota = fmt.Sprintf("%d/24h0m0s per registry", c.Rules.Quota)
	}
	return n
}

// keptBy are the numbers of a profile of the config, out of the warnings for a registry that exceeds
// all of them. Limits that only count are in the config itself.
func keptBy(t *testing.T, name string) numbers {
	t.Helper()
	dir := t.TempDir()
	clitest.WriteFile(t, dir, "password", clitest.Canary+"\n", 0o600)
	c, err := config.Load(clitest.WriteFile(t, dir, "c.yaml", `registries:
  - name: a
    address: epp.example:700
    listen: ["tcp://127.0.0.1:7000"]
    login: {client_id: demo, password_file: password}
    profile: `+name+`
    sessions: {max: 1000, keepalive: 23h, max_age: 0s, max_commands: 0, equal_errors: 0}
    clients: {max_frame: 1000000}
    timeouts: {command: 1s}
    rate_limits: []
`, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	warned := strings.Join(c.Warnings, "\n")
	found := func(pattern string) []string { return regexp.MustCompile(pattern).FindStringSubmatch(warned) }
	number := func(pattern string) (n int) {
		if m := found(pattern); m != nil {
			if n, err = strconv.Atoi(m[1]); err != nil {
				t.Fatal(err)
			}
		}
		return n
	}
	span := func(pattern string) (d time.Duration) {
		if m := found(pattern); m != nil {
			if d, err = time.ParseDuration(m[1]); err != nil {
				t.Fatal(err)
			}
		}
		return d
	}
	n := numbers{
		sessions:        number(`sessions\.max: .*\d+, but \S+ allows (\d+)`),
		idle:            span(`sessions\.keepalive: .* half of the (\S+) after`),
		age:             span(`sessions\.max_age: .*no limit, but \S+ closes after (\S+)`),
		errors:          number(`sessions\.equal_errors: .*no limit, but \S+ closes with equal error (\d+)`),
		commands:        number(`sessions\.max_commands: .*no limit, but \S+ closes after (\d+)`),
		frame:           number(`clients\.max_frame: .* reads no more than (\d+)`),
		delay:           span(`timeouts\.command: .* hold an answer back for (\S+)`),
		wantsClientCert: strings.Contains(warned, "demands a client certificate"),
	}
	if m := found(`no limit keeps to the (\d+) commands in (\S+) per (\S+) that`); m != nil {
		n.limit = fmt.Sprintf("%s/%s per %s", m[1], m[2], m[3])
	}
	defaults, err := config.Load(clitest.WriteFile(t, dir, "d.yaml", clitest.SandboxYAML("profile: "+name), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range defaults.Registries[0].RateLimits {
		if l.Shadow {
			n.quota = fmt.Sprintf("%d/%v per %s", l.Limit.N, l.Limit.Per, l.Scope)
		}
	}
	return n
}
