package main

import (
	"bytes"
	"context"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
)

// result is what one run of the program gave.
type result struct {
	code      int
	out, errs string
}

// eppmux runs the program with nothing on its standard input.
func eppmux(t testing.TB, args ...string) result {
	t.Helper()
	return eppmuxWith(t, "", args...)
}

func eppmuxWith(t testing.TB, in string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(in), &out, &errs)
	return result{code, out.String(), errs.String()}
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	good := clitest.WriteFile(t, dir, "good.yaml", clitest.SandboxYAML(), 0o600)
	bad := clitest.WriteFile(t, dir, "bad.yaml", clitest.SandboxYAML("sessions: {min: 4}", "profile: x"), 0o600)
	for _, tt := range []struct {
		args []string
		code int
		out  string // part of standard output
		errs string // part of standard error
	}{
		{[]string{"version"}, 0, "eppmux ", ""},
		{[]string{"--version"}, 0, "eppmux ", ""},
		{[]string{"--help"}, 0, "Exit codes: 0 done, 1 failed, 2 wrong usage or config.", ""},
		{[]string{"nonsense"}, 2, "", `eppmux: unknown command "nonsense"`},
		{[]string{"version", "x"}, 2, "", "unknown command"},
		{[]string{"check", "--config", good}, 0, "ok\n", ""},
		{[]string{"check", "-c", good}, 0, "ok\n", ""},
		{[]string{"check", "--config", bad}, 1, "", bad + ":3: registries[0].sessions.max: must be at least min (4), got 3\n" + bad + ":4: registries[0].profile: no such profile: \"x\"; known are au, brussels, "},
		{[]string{"check", "--config", filepath.Join(dir, "missing")}, 1, "", "eppmux check: open "},
		{[]string{"check", "--colour"}, 2, "", "eppmux: unknown flag: --colour"},
		{[]string{"check", good}, 2, "", "eppmux: "},
		{[]string{"check", "--config"}, 2, "", "flag needs an argument"},
	} {
		got := eppmux(t, tt.args...)
		if got.code != tt.code || !strings.Contains(got.out, tt.out) || !strings.Contains(got.errs, tt.errs) {
			t.Errorf("%q: got %d, out %q, errs %q, want %d, %q, %q", tt.args, got.code, got.out, got.errs, tt.code, tt.out, tt.errs)
		}
		if tt.code == 0 && got.errs != "" || tt.code != 0 && got.out != "" {
			t.Errorf("%q: got out %q and errs %q, want one of them", tt.args, got.out, got.errs)
		}
	}
}

// TestCheckReadsTheDefaultFile runs where the shipped config.yaml lies.
func TestCheckReadsTheDefaultFile(t *testing.T) {
	t.Chdir("../..")
	if got := eppmux(t, "check"); got != (result{0, "ok\n", ""}) {
		t.Errorf("got %+v", got)
	}
}

func TestCheckHidesPasswords(t *testing.T) {
	text := clitest.RegistryYAML("login: {client_id: x, password: "+clitest.Canary+", password_env: HOME}", "nonsense: "+clitest.Canary)
	got := eppmux(t, "check", "--config", clitest.WriteFile(t, t.TempDir(), "c.yaml", text, 0o666))
	if got.code != 1 || strings.Contains(got.out+got.errs, clitest.Canary) {
		t.Errorf("got %+v, want exit 1 without the password", got)
	}
}

// TestHelp: every command says what it does, with an example and without a stray tab.
func TestHelp(t *testing.T) {
	for _, c := range newRootCommand().Commands() {
		if c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		got := eppmux(t, c.Name(), "--help")
		if got.code != 0 || !strings.Contains(got.out, "Examples:\n  eppmux "+c.Name()) || strings.Contains(got.out, "\t") {
			t.Errorf("%s: got %d %s%s", c.Name(), got.code, got.out, got.errs)
		}
		for _, line := range strings.Split(c.Long, "\n") {
			if len(line) > 95 {
				t.Errorf("%s: got a line of %d characters: %q", c.Name(), len(line), line)
			}
		}
	}
}

func TestBuildVersion(t *testing.T) {
	setting := func(k, v string) debug.BuildSetting { return debug.BuildSetting{Key: k, Value: v} }
	for _, tt := range []struct {
		version  string
		settings []debug.BuildSetting
		want     string
	}{
		{"v1.2.3", nil, "v1.2.3"},
		{"", nil, "devel"},
		{"(devel)", nil, "devel"},
		{"(devel)", []debug.BuildSetting{setting("vcs.revision", "0123456789abcdef"), setting("vcs.modified", "false")}, "0123456789ab"},
		{"(devel)", []debug.BuildSetting{setting("vcs.revision", "0123"), setting("vcs.modified", "true")}, "0123+changed"},
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: tt.version}, Settings: tt.settings}
		if got := buildVersion(info); got != tt.want {
			t.Errorf("%q %v: got %q, want %q", tt.version, tt.settings, got, tt.want)
		}
	}
}

// TestVersionLine: a package's version goes first, and the commit beside it.
func TestVersionLine(t *testing.T) {
	defer func(before string) { release = before }(release)
	release = ""
	without := version()
	release = "1.2.3"
	if got := version(); got != "1.2.3" || without == "" {
		t.Errorf("got %q, and %q without a release", got, without)
	}
	for _, args := range [][]string{{"version"}, {"--version"}} {
		got := eppmux(t, args...)
		want := regexp.MustCompile(`^eppmux 1\.2\.3( \([0-9a-f]+(\+changed)?\))? go\S+ \w+/\w+\n$`)
		if got.code != 0 || !want.MatchString(got.out) {
			t.Errorf("%q: got %+v", args, got)
		}
	}
}

// TestEndedContext: a signal that came early ends what runs until told otherwise.
func TestEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, errs bytes.Buffer
	if code := run(ctx, []string{"sandbox", "--plain", "--listen", "127.0.0.1:0"}, nil, &out, &errs); code != 0 {
		t.Errorf("got %d, %s%s", code, out.String(), errs.String())
	}
}
