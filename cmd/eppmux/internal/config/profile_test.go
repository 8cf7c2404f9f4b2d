package config

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/frame"
	"eppmux/ratelimit"
)

// profiled is the one registry of a config that names a profile and has these keys beside it.
func profiled(t *testing.T, name string, more ...string) (*Registry, []string) {
	t.Helper()
	c, err := parse(clitest.SandboxYAML(append(more, "profile: "+name)...))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return &c.Registries[0], c.Warnings
}

// TestProfilesKeepTheirOwnRules: who names a profile and nothing else exceeds nothing.
func TestProfilesKeepTheirOwnRules(t *testing.T) {
	for _, name := range profileNames() {
		p := ProfileOf(name)
		r, warned := profiled(t, name)
		if len(warned) != 0 {
			t.Errorf("%s: got %q, want no warning of its own defaults", name, warned)
		}
		if p.idle.known() && (r.Sessions.Keepalive > p.idle.is/2 || r.Sessions.Keepalive > longestKeepalive) {
			t.Errorf("%s: got keepalive %v, want at most half of %v", name, r.Sessions.Keepalive, p.idle.is)
		}
		if p.age.known() && r.Sessions.MaxAge >= p.age.is {
			t.Errorf("%s: got max_age %v, want less than %v", name, r.Sessions.MaxAge, p.age.is)
		}
		for _, l := range r.RateLimits {
			if err := l.Limit.Validate(); err != nil || l.Limit.Burst > l.Limit.N {
				t.Errorf("%s: got %+v: %v", name, l, err)
			}
		}
		for _, l := range p.rates {
			if !registryName.MatchString(l.is.Name) {
				t.Errorf("%s: a limit has the name %q", name, l.is.Name)
			}
		}
	}
}

// TestSources: no number without its source, and no source without its mark.
func TestSources(t *testing.T) {
	good := regexp.MustCompile(`^(.*https?://\S+ \[[VS]\]|no public source: .* \[B\])$`)
	for name, p := range profiles {
		facts := 0
		v := reflect.ValueOf(p).Elem()
		check := func(f reflect.Value, what string) {
			is, from := f.Field(0), f.Field(1).String()
			if is.IsZero() != (from == "") || from != "" && !good.MatchString(from) {
				t.Errorf("%s.%s: got %v from %q", name, what, is, from)
			}
			if from != "" {
				facts++
			}
		}
		for i := range v.NumField() {
			what := v.Type().Field(i).Name
			switch f := v.Field(i); {
			case what == "rates":
				for j := range f.Len() {
					check(f.Index(j), what)
				}
			case f.Kind() == reflect.Struct && what != "Password":
				check(f, what)
			}
		}
		if facts == 0 {
			t.Errorf("%s: got no fact: a profile without a number promises what it does not keep", name)
		}
		if p.Password != (PasswordRule{}) && !good.MatchString(p.Password.From) {
			t.Errorf("%s: got password rule from %q", name, p.Password.From)
		}
		if !registryName.MatchString(name) {
			t.Errorf("got name %q", name)
		}
	}
}

// TestProfilesAreDocumented: the page has a row for each profile, and in it each of its sources.
func TestProfilesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range profileNames() {
		_, row, _ := strings.Cut(string(page), "| `"+name+"` |")
		row, _, _ = strings.Cut(row, "\n")
		p := ProfileOf(name)
		for _, from := range []string{
			p.sessions.from, p.idle.from, p.age.from, p.commands.from, p.errors.from, p.frame.from, p.names.from, p.delay.from, p.probe.from, p.cert.from, p.reads.from, p.Password.From,
		} {
			if !strings.Contains(row, from) || row == "" {
				t.Errorf("%s: got row %q, want %q in it", name, row, from)
			}
		}
	}
}

func TestProfileDefaults(t *testing.T) {
	r, _ := profiled(t, "no")
	want := Sessions{Min: 1, Max: 1, Keepalive: time.Minute, KeepaliveCommand: "hello", MaxAge: 23 * time.Hour, MaxCommands: 900}
	if r.Sessions != want {
		t.Errorf("no: got %+v, want %+v", r.Sessions, want)
	}
	r, _ = profiled(t, "dk")
	if r.Sessions.Max != 3 || r.Sessions.MaxAge != 7*time.Hour+40*time.Minute || r.Clients.MaxFrame != 262144-frameRoom {
		t.Errorf("dk: got %+v, %d", r.Sessions, r.Clients.MaxFrame)
	}
	r, _ = profiled(t, "ee")
	if len(r.RateLimits) != 1 || r.RateLimits[0].Limit != (ratelimit.Limit{N: 100, Per: time.Minute, Burst: 10}) || r.Timeouts.Command != 61*time.Second {
		t.Errorf("ee: got %+v, %v", r.RateLimits, r.Timeouts)
	}
	r, _ = profiled(t, "brussels")
	if len(r.RateLimits) != 2 || r.RateLimits[0].Shadow || !r.RateLimits[1].Shadow {
		t.Errorf("brussels: got %+v, want the default and a shadow", r.RateLimits)
	}
	if r, _ = profiled(t, "gov"); r.Sessions.KeepaliveCommand != KeepalivePoll || r.Sessions.Keepalive != longestKeepalive {
		t.Errorf("gov: got %+v", r.Sessions)
	}
	if r, _ = profiled(t, "lv", "rate_limits: []"); r.RateLimits != nil {
		t.Errorf("got %+v, want what the file says", r.RateLimits)
	}
	if again := defaultRegistry(); len(again.RateLimits) != 1 || again.Sessions.Max != 3 {
		t.Errorf("got %+v: a profile has changed the defaults of others", again)
	}
}

// TestFileGoesBeforeProfile: each key that a profile knows may be written, and is kept then, even
// as the default that it has without a profile.
func TestFileGoesBeforeProfile(t *testing.T) {
	known := Profile{
		sessions: sourced[int]{9, "x"},
		idle:     sourced[time.Duration]{2 * time.Minute, "x"},
		probe:    sourced[KeepaliveCommand]{KeepalivePoll, "x"},
		age:      sourced[time.Duration]{24 * time.Hour, "x"},
		commands: sourced[int]{100, "x"},
		errors:   sourced[int]{4, "x"},
		frame:    sourced[int]{8192 + frameRoom, "x"},
		names:    sourced[int]{50, "x"},
		delay:    sourced[time.Duration]{5 * time.Second, "x"},
		rates:    []sourced[RateLimit]{{RateLimit{Name: "of-the-profile"}, "x"}},
	}
	plain := defaultRegistry()
	for _, tt := range []struct {
		key  string
		get  func(r *Registry) any
		want any // with the profile
	}{
		{"sessions.max", func(r *Registry) any { return r.Sessions.Max }, 9},
		{"sessions.keepalive", func(r *Registry) any { return r.Sessions.Keepalive }, time.Minute},
		{"sessions.keepalive_command", func(r *Registry) any { return r.Sessions.KeepaliveCommand }, KeepalivePoll},
		{"sessions.max_age", func(r *Registry) any { return r.Sessions.MaxAge }, 23 * time.Hour},
		{"sessions.max_commands", func(r *Registry) any { return r.Sessions.MaxCommands }, 100},
		{"sessions.equal_errors", func(r *Registry) any { return r.Sessions.EqualErrors }, 4},
		{"clients.max_frame", func(r *Registry) any { return r.Clients.MaxFrame }, 8192},
		{"check_max", func(r *Registry) any { return r.CheckMax }, 50},
		{"timeouts.command", func(r *Registry) any { return r.Timeouts.Command }, 65 * time.Second},
		{"rate_limits", func(r *Registry) any { return r.RateLimits[0].Name }, "of-the-profile"},
	} {
		left, written, nothing := defaultRegistry(), defaultRegistry(), defaultRegistry()
		known.fill(&left, func(string) bool { return false })
		if got := tt.get(&left); got != tt.want {
			t.Errorf("%s, left out: got %v, want %v", tt.key, got, tt.want)
		}
		known.fill(&written, func(key string) bool { return key == tt.key })
		if got, want := tt.get(&written), tt.get(&plain); got != want {
			t.Errorf("%s, written: got %v, want %v", tt.key, got, want)
		}
		new(Profile).fill(&nothing, func(string) bool { return false })
		if got, want := tt.get(&nothing), tt.get(&plain); got != want {
			t.Errorf("%s, not known: got %v, want %v", tt.key, got, want)
		}
	}
}

// TestProfileBesideFaults: the numbers of a profile are in place before the rules are checked, also
// where a key that it fills in could not be read.
func TestProfileBesideFaults(t *testing.T) {
	for _, tt := range []struct {
		clients string
		want    string
	}{
		{"{max_ahead: 20000}", ""},
		{"{max_ahead: 20000, max_frame: x}", "c.yaml:3: registries[0].clients.max_frame: must be a whole number"},
		{"{max_ahead: 20000, max_frame: ~}", "c.yaml:3: registries[0].clients.max_frame: has no value"},
		{"{max_ahead: 20000, max_frame: 30000}",
			"c.yaml:3: registries[0].clients.max_ahead: must be at least max_frame + 4 (30004), got 20000"},
		{"{max_ahead: 200}",
			"c.yaml:3: registries[0].clients.max_ahead: must be at least max_frame + 4 (15880), got 200"},
	} {
		_, err := parse(clitest.SandboxYAML("clients: "+tt.clients, "profile: cz"))
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: got %v, want no fault: max_frame is the profile's", tt.clients, err)
		case tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s: got %v, want the one fault %q", tt.clients, err, tt.want)
		}
	}
}

// TestProfileAnywhere: what the file says goes before the profile, wherever the profile stands.
func TestProfileAnywhere(t *testing.T) {
	const rest = "    name: a\n    address: sandbox\n    listen: [\"unix:///a\"]\n"
	for _, text := range []string{
		"registries:\n  - profile: no\n    sessions: {max: 2}\n" + rest,
		"registries:\n  - sessions: {max: 2}\n    profile: no\n" + rest,
		"registries:\n  - sessions: {max: 2}\n    <<: {profile: no}\n" + rest,
		"registries:\n  - sessions: {max: 2}\n    <<: [{unknown_outcome: fail}, {<<: [{profile: no}]}]\n" + rest,
		"registries:\n  - &first\n    profile: no\n    sessions: {max: 2}\n" + rest + "  - <<: *first\n    name: b\n    listen: [\"unix:///b\"]\n",
	} {
		c, err := parse(text)
		if err != nil {
			t.Errorf("%s: got %v", text, err)
			continue
		}
		for _, r := range c.Registries {
			if r.Profile != "no" || r.Sessions.Max != 2 || r.Sessions.MaxCommands != 900 {
				t.Errorf("%s: got %q, %+v", text, r.Profile, r.Sessions)
			}
		}
	}
}

// TestProfileOfAHugeMerge: the search is bounded as the reading is.
func TestProfileOfAHugeMerge(t *testing.T) {
	text := "x: &a0 {}\n"
	for i := range 30 {
		text += strings.Replace(strings.Replace("y: &aN {<<: [*aM, *aM]}\n", "N", string(rune('A'+i)), 1), "aM", "a"+map[bool]string{true: "0", false: string(rune('A' + i - 1))}[i == 0], 2)
	}
	if _, err := parse(text + "registries:\n  - <<: *a" + string(rune('A'+29)) + "\n"); err == nil {
		t.Error("got no fault")
	}
}

func TestWarnings(t *testing.T) {
	for _, tt := range []struct {
		profile string
		line    string
		want    string // empty: no warning
	}{
		{"ee", "sessions: {max: 4}", ""},
		{"ee", "sessions: {max: 5}", "registries[0].sessions.max: warning: 5, but ee allows 4 (" + fromEE + ")"},
		{"ee", "sessions: {keepalive: 150s}", ""},
		{"ee", "sessions: {keepalive: 151s}", "sessions.keepalive: warning: 2m31s, more than half of the 5m0s after which ee closes what is idle (" + fromEE + ")"},
		{"ee", "sessions: {keepalive_command: none}", "sessions.keepalive_command: warning: none, but ee closes what is idle for 5m0s"},
		{"ee", "sessions: {keepalive_command: poll}", ""},
		{"gov", "sessions: {keepalive_command: poll}", ""},
		{"gov", "sessions: {keepalive_command: hello}", "sessions.keepalive_command: warning: hello, which gov answers on a session that is not logged in any more; use poll (September 2026, "},
		{"dk", "sessions: {max_age: 7h59m}", ""},
		{"dk", "sessions: {max_age: 8h}", "sessions.max_age: warning: 8h0m0s, but dk closes after 8h0m0s (" + fromDK + ")"},
		{"dk", "sessions: {max_age: 0s}", "sessions.max_age: warning: no limit, but dk closes after 8h0m0s"},
		{"dk", "clients: {max_frame: 262144}", ""},
		{"dk", "clients: {max_frame: 262145}", "clients.max_frame: warning: 262145 octets, but dk reads no more than 262144"},
		{"no", "sessions: {max_commands: 900}", ""},
		{"dk", "sessions: {equal_errors: 3}", ""},
		{"dk", "sessions: {equal_errors: 2}", ""},
		{"dk", "sessions: {equal_errors: 4}", "sessions.equal_errors: warning: 4, but dk closes with equal error 3"},
		{"dk", "sessions: {equal_errors: 0}", "sessions.equal_errors: warning: no limit, but dk closes with equal error 3"},
		{"no", "sessions: {max_commands: 901}", "sessions.max_commands: warning: 901, but no closes after 900"},
		{"no", "sessions: {max_commands: 0}", "sessions.max_commands: warning: no limit, but no closes after 900"},
		{"cz", "timeouts: {command: 11s}", ""},
		{"cz", "timeouts: {command: 10s}", "timeouts.command: warning: 10s, but cz may hold an answer back for 10s"},
		{"ee", "rate_limits: [{limit: 50, per: 30s}]", ""},
		{"ee", "rate_limits: [{limit: 1, per: 1s}]", ""},
		{"ee", "rate_limits: [{limit: 1, per: 1s, commands: [check]}, {limit: 100, per: 2m}]", ""},
		{"ee", "rate_limits: [{limit: 2, per: 1s}]", "rate_limits: warning: no limit keeps to the 100 commands in 1m0s per registry that ee allows (" + fromEE + ")"},
		{"ee", "rate_limits: []", "rate_limits: warning: no limit keeps"},
		{"ee", "rate_limits: [{limit: 1, per: 1s, shadow: true}]", "rate_limits: warning: no limit keeps"},
		{"ee", "rate_limits: [{limit: 1, per: 1s, scope: client}]", "rate_limits: warning: no limit keeps"},
		{"ee", "rate_limits: [{limit: 1, per: 1s, commands: [check, info]}]", "rate_limits: warning: no limit keeps"},
		{"nz-release", "rate_limits: [{limit: 1, per: 1s, scope: session}]", ""},
		{"nz-release", "rate_limits: [{limit: 1, per: 1s}]", ""},
		{"nz-release", "rate_limits: [{limit: 2, per: 1s, scope: session}]", "1 commands in 1s per session that nz-release allows"},
		{"brussels", "rate_limits: []", ""},
	} {
		_, got := profiled(t, tt.profile, tt.line)
		switch {
		case tt.want == "" && len(got) != 0:
			t.Errorf("%s, %s: got %q, want none", tt.profile, tt.line, got)
		case tt.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], "c.yaml:3: registries[0].") || !strings.Contains(got[0], tt.want)):
			t.Errorf("%s, %s: got %q, want %q", tt.profile, tt.line, got, tt.want)
		}
	}
}

func TestCertificateIsDemanded(t *testing.T) {
	t.Setenv("EPPMUX_TEST_PASSWORD", "secret")
	c, err := parse(clitest.RegistryYAML("login: {client_id: x, password_env: EPPMUX_TEST_PASSWORD}", "sessions: {max: 9}", "profile: cz"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"c.yaml:2: registries[0].tls.cert_file: warning: is missing, but cz demands a client certificate (" + fromFred + ")",
		"c.yaml:2: registries[0].rate_limits: warning: defaults apply: 100/1s burst 10; set what your registry allows",
		"c.yaml:6: registries[0].sessions.max: warning: 9, but cz allows 5 (" + fromFred + ")",
	}
	if !reflect.DeepEqual(c.Warnings, want) {
		t.Errorf("got %q, want %q, in the order of the lines", c.Warnings, want)
	}
}

// TestDefaultsAreWarnedOf: numbers of ours that a real registry has never seen.
func TestDefaultsAreWarnedOf(t *testing.T) {
	t.Setenv("EPPMUX_TEST_PASSWORD", "secret")
	const (
		sessions = "registries[0].sessions.max: warning: defaults apply: 3 sessions at most; set what your registry grants"
		limits   = "registries[0].rate_limits: warning: defaults apply: 100/1s burst 10; set what your registry allows"
	)
	for _, tt := range []struct {
		keys []string
		want []string
	}{
		{nil, []string{"c.yaml:2: " + sessions, "c.yaml:2: " + limits}},
		{[]string{"sessions: {max: 3}"}, []string{"c.yaml:2: " + limits}},
		{[]string{"sessions: {min: 2}"}, []string{"c.yaml:2: " + limits, "c.yaml:6: " + sessions}},
		{[]string{"rate_limits: [{limit: 100, per: 1s, burst: 10}]"}, []string{"c.yaml:2: " + sessions}},
		{[]string{"rate_limits: []", "sessions: {max: 1}"}, nil},
		{[]string{"<<: {rate_limits: [], sessions: {max: 1}}"}, nil},
		{[]string{"profile: uk"}, []string{"c.yaml:2: " + limits}},
		{[]string{"profile: lv"}, []string{"c.yaml:2: " + sessions, "c.yaml:2: " + limits}},
		{[]string{"profile: brussels"}, []string{"c.yaml:2: " + limits}}, // its limit is a shadow
		{[]string{"profile: ee", "tls: {cert_file: a.pem, key_file: a.key}"}, nil},
	} {
		dir := t.TempDir()
		clitest.WritePair(t, dir, "a")
		text := clitest.RegistryYAML(append([]string{"login: {client_id: x, password_env: EPPMUX_TEST_PASSWORD}"}, tt.keys...)...)
		c, err := loadString(t, dir, text)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range c.Warnings {
			got = append(got, strings.TrimPrefix(w, dir+"/"))
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q: got %q, want %q", tt.keys, got, tt.want)
		}
	}
	c, err := parse(clitest.SandboxYAML())
	if err != nil || c.Warnings != nil {
		t.Errorf("the built-in one: got %q, %v", c.Warnings, err)
	}
}

func TestWithin(t *testing.T) {
	all, checks := []LimitedCommand{{}}, []LimitedCommand{{Command: frame.CommandCheck}}
	limit := func(n int, per time.Duration, commands []LimitedCommand, scope Scope) *RateLimit {
		return &RateLimit{Limit: ratelimit.Limit{N: n, Per: per}, Commands: commands, Scope: scope}
	}
	allowed := limit(10, 10*time.Second, checks, ScopeRegistry)
	for _, tt := range []struct {
		l    *RateLimit
		want bool
	}{
		{limit(10, 10*time.Second, checks, ScopeRegistry), true},
		{limit(11, 10*time.Second, checks, ScopeRegistry), false},
		{limit(10, time.Hour, all, ScopeRegistry), true},
		{limit(1, time.Second, all, ScopeRegistry), true},
		{limit(2, time.Second, all, ScopeRegistry), false},
		{limit(3, 4*time.Second, all, ScopeRegistry), true}, // three windows: 9
		{limit(4, 4*time.Second, all, ScopeRegistry), false},
		{limit(1, time.Millisecond, all, ScopeRegistry), false},
		{limit(1, time.Second, all, ScopeSession), false},
		{limit(1, time.Second, []LimitedCommand{{Command: frame.CommandInfo}}, ScopeRegistry), false},
	} {
		if got := tt.l.within(allowed); got != tt.want {
			t.Errorf("%+v: got %v, want %v", tt.l, got, tt.want)
		}
	}
}

func TestPasswordRuleSource(t *testing.T) {
	for from, want := range map[string]string{
		"":      "",
		fromNZ:  " (" + fromNZ + ")",
		"x [V]": " (x [V])",
	} {
		if got := (PasswordRule{From: from}).Source(); got != want {
			t.Errorf("%q: got %q, want %q", from, got, want)
		}
	}
}
