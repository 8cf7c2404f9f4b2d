package main

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"eppmux/sandbox"
)

// flagsOf is what the registry becomes by some flags of sandbox.
func flagsOf(t *testing.T, args ...string) sandbox.Config {
	t.Helper()
	var s sandboxConfig
	cmd := &cobra.Command{}
	s.configFlags(cmd)
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	c, err := s.config(cmd.Flags().Changed)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSandboxConfig(t *testing.T) {
	got := flagsOf(t, "--sessions=2", "--idle=1s", "--max-age=2s", "--latency=3s", "--login-timeout=4s", "--max-commands=5", "--max-frame=600",
		"--rate=7/8s", "--object-rate=10/11s", "--check-max=12", "--account=a=b=c", "--record", "--seed=9", "--quirks=comments", "--faults=half:first=1")
	want := sandbox.Config{
		MaxSessions: 2, IdleTimeout: time.Second, MaxAge: 2 * time.Second, Latency: 3 * time.Second, LoginTimeout: 4 * time.Second,
		MaxCommands: 5, MaxFrame: 600, RateLimit: 7, RatePer: 8 * time.Second, ObjectLimit: 10, ObjectPer: 11 * time.Second, CheckMax: 12,
		Accounts: map[string]string{"a": "b=c"},
		Record:   true, Seed: 9, Quirks: sandbox.Quirks{Comments: true}, Faults: []sandbox.Fault{{Kind: sandbox.Half, First: 1}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	got = flagsOf(t)
	if want = (sandbox.Config{MaxSessions: 3, MaxFrame: 262144, CheckMax: 50, Seed: got.Seed}); got.Seed == 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("without flags: got  %+v\nwant %+v", got, want)
	}
}

// TestSandboxProfileFlags: what a flag says goes before what the profile says, and only that.
func TestSandboxProfileFlags(t *testing.T) {
	want, err := sandbox.Profile("no-like")
	if err != nil {
		t.Fatal(err)
	}
	want.Seed = 1
	if got := flagsOf(t, "--profile=no-like", "--seed=1"); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	want.MaxSessions, want.IdleTimeout, want.RateLimit, want.Quirks.Comments = 3, 0, 0, true
	want.CheckMax, want.ObjectLimit, want.ObjectPer = 5, 9, time.Minute
	if got := flagsOf(t, "--profile=no-like", "--seed=1", "--sessions=3", "--idle=0", "--rate=",
		"--check-max=5", "--object-rate=9/m", "--quirks=comments"); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := flagsOf(t, "--profile=hostile", "--faults="); len(got.Faults) != 0 {
		t.Errorf("got %v, want the profile's faults gone", got.Faults)
	}
}

func TestParseRate(t *testing.T) {
	for _, tt := range []struct {
		text string
		n    int
		per  time.Duration
	}{
		{"10/1s", 10, time.Second}, {"10/s", 10, time.Second}, {"600/10m", 600, 10 * time.Minute}, {"1/h", 1, time.Hour},
		{"", 0, 0}, {"10", 0, 0}, {"10/", 0, 0}, {"/1s", 0, 0}, {"0/1s", 0, 0}, {"-1/1s", 0, 0}, {"1/0s", 0, 0}, {"1/-1s", 0, 0}, {"x/1s", 0, 0}, {"1/day", 0, 0},
	} {
		n, per, err := parseRate("rate", tt.text)
		if n != tt.n || per != tt.per || (err == nil) != (tt.n > 0) {
			t.Errorf("%q: got %d/%v, %v, want %d/%v", tt.text, n, per, err, tt.n, tt.per)
		}
	}
}

// TestSandboxHelpLists: all that can be named is in the help, in lines that a terminal holds.
func TestSandboxHelpLists(t *testing.T) {
	help := eppmux(t, "sandbox", "--help").out
	for _, p := range sandbox.Profiles() {
		if !strings.Contains(help, "\n  "+p.Name) {
			t.Errorf("no profile %s", p.Name)
		}
	}
	for _, f := range sandbox.FaultKinds() {
		if !strings.Contains(help, "\n  "+f.Name) {
			t.Errorf("no fault %s", f.Name)
		}
	}
	for _, q := range sandbox.QuirkNames() {
		if !strings.Contains(help, " "+q) {
			t.Errorf("no quirk %s", q)
		}
	}
	text, _, _ := strings.Cut(help, "\nFlags:")
	for line := range strings.Lines(text) {
		if len(line) > 110 {
			t.Errorf("%d characters: %s", len(line), line)
		}
	}
}
