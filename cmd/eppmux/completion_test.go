package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestCompletion asks as the scripts do. The last line tells the shell what to do: ":4" is to offer
// no files.
func TestCompletion(t *testing.T) {
	for _, tt := range []struct {
		words []string // the last is the one to be completed
		want  string   // a line; with a tab before what it is about
		files bool
	}{
		{[]string{"ser"}, "serve\tServe EPP clients over the registry's few sessions", false},
		{[]string{"comp"}, "completion\t", false},
		{[]string{"serve", "--con"}, "--config\tconfig `FILE` to run", false},
		{[]string{"serve", "--config", ""}, "", true},
		{[]string{"serve", ""}, "", false},
		{[]string{"check", "x"}, "", false},
		{[]string{"send", "po"}, "poll", true},
		{[]string{"send", "info", ""}, "", false},
		{[]string{"cert", "--out", ""}, "", true},
		{[]string{"cert", "--name", ""}, "", false},
		{[]string{"sandbox", "--profile", "no"}, "no-like\t", false},
		{[]string{"sandbox", "--quirks", ""}, "", false},
	} {
		got := eppmux(t, append([]string{"__complete"}, tt.words...)...)
		if got.code != 0 || !strings.Contains("\n"+got.out, "\n"+tt.want) || strings.Contains(got.out, "\n:4\n") == tt.files && tt.files {
			t.Errorf("%q: got %d, %q, want a line %q, files %v", tt.words, got.code, got.out, tt.want, tt.files)
		}
		if !tt.files && !strings.HasSuffix(got.out, ":4\n") {
			t.Errorf("%q: got %q, want no files", tt.words, got.out)
		}
	}
}

// TestCompletionScripts: each shell accepts its script.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		got := eppmux(t, "completion", shell)
		if got.code != 0 || !strings.Contains(got.out, "__complete") {
			t.Errorf("%s: got %d, %.200q", shell, got.code, got.out)
		}
		if _, err := exec.LookPath(shell); err != nil {
			t.Logf("%s is not here to try its script", shell)
			continue
		}
		cmd := exec.Command(shell, "-n")
		cmd.Stdin = strings.NewReader(got.out)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", shell, err, out)
		}
	}
}
