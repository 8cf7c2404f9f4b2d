package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/frame"
	"eppmux/upstream"
)

// TestHangup is the program as a process: SIGHUP by SIGHUP it follows its file, and ends on
// SIGTERM.
func TestHangup(t *testing.T) {
	dir := t.TempDir()
	config := func(names ...string) {
		text := "admin: {listen: \"\"}\nregistries:\n"
		for _, n := range names {
			text += fmt.Sprintf("  - {name: %s, address: sandbox, listen: [%q], clients: {max: 50}}\n", n, "unix://"+filepath.Join(dir, n))
		}
		clitest.WriteFile(t, dir, "c.yaml", text, 0o600)
	}
	config("a")
	p := startProgram(t, "serve", "--config", filepath.Join(dir, "c.yaml"))
	p.find(`(msg="eppmux serves")`)
	hangup := func() {
		t.Helper()
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	config("a", "b")
	hangup()
	p.find(`(msg=reloaded added=b unchanged=a)`)
	config("A")
	hangup()
	p.find(`(msg="reload refused)`)
	config("b")
	hangup()
	p.find(`(msg=reloaded removed=a unchanged=b)`)
	p.end()
}

// TestHangupInDrain: it is ignored, and above all it does not end the process.
func TestHangupInDrain(t *testing.T) {
	dir := t.TempDir()
	file := clitest.WriteFile(t, dir, "c.yaml", "admin: {listen: \"\"}\nregistries:\n"+
		fmt.Sprintf("  - {name: a, address: sandbox, listen: [%q], clients: {max: 50}}\n", "unix://"+filepath.Join(dir, "a")), 0o600)
	p := startProgram(t, "serve", "--config", file)
	p.find(`(msg="eppmux serves")`)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.find(`(msg=draining)`)
	_ = p.cmd.Process.Signal(syscall.SIGHUP) // it may have ended by now
	<-p.ended
	if log := p.log.Text(); p.err != nil || strings.Contains(log, "reload") {
		t.Errorf("got %v, log\n%swant exit 0 and no reload", p.err, log)
	}
}

func TestServeRefusesAFaultyFile(t *testing.T) {
	got := eppmux(t, "serve", "--config", clitest.WriteFile(t, t.TempDir(), "c.yaml", clitest.SandboxYAML("nonsense: 1"), 0o600))
	if got.code != cli.ExitUsage || !strings.Contains(got.errs, "unknown key") || got.out != "" {
		t.Errorf("got %+v", got)
	}
}

func TestServeLogsWarnings(t *testing.T) {
	st := startReloadStand(t, "a")
	st.write("", st.registry("a", "profile: ee", "sessions: {max: 5}"))
	st.want(st.reload(), "level=WARN msg=config err=", "registries[0].sessions.max: warning: 5, but ee allows 4 (https://inforuum.internet.ee/")
}

func TestNewLogger(t *testing.T) {
	for format, want := range map[config.LogFormat]string{config.LogText: "msg=seen registry=a\n", config.LogJSON: `"msg":"seen","registry":"a"}`} {
		var b bytes.Buffer
		level := new(slog.LevelVar)
		log := newLogger(format, level, &b)
		log.Debug("hidden")
		level.Set(slog.LevelDebug)
		log.Debug("seen", "registry", "a")
		if got := b.String(); !strings.Contains(got, want) || strings.Contains(got, "hidden") {
			t.Errorf("%s: got %q, want %q", format, got, want)
		}
	}
}

// TestProxyConfig: what stands in the file is what the parts get.
func TestProxyConfig(t *testing.T) {
	text := `registries: [{name: a, address: sandbox, profile: ee,
  listen: ["tcp://127.0.0.1:0", {address: "unix:///a", mode: "0600", weight: 7, allow: [check, "transfer:query"]}],
  rate_limits: [{limit: 3, per: 1s, shadow: true, commands: [check]}, {limit: 9, per: 1s}]}]`
	c, err := config.Load(clitest.WriteFile(t, t.TempDir(), "c.yaml", text, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	r := &c.Registries[0]
	pc := proxyConfig(r, nil, nil, nil)
	if l := pc.Listeners[0]; l.Commands != nil || l.Weight != 0 || l.Address != "tcp://127.0.0.1:0" {
		t.Errorf("got %+v", l)
	}
	l := pc.Listeners[1]
	for _, tt := range []struct {
		command frame.Command
		op      frame.Op
		want    bool
	}{
		{frame.CommandCheck, frame.OpNone, true}, {frame.CommandTransfer, frame.OpQuery, true},
		{frame.CommandTransfer, frame.OpRequest, false}, {frame.CommandCreate, frame.OpNone, false},
	} {
		if got := l.Commands.Has(tt.command, tt.op); got != tt.want || r.Listen[1].Allows(tt.command, tt.op) != tt.want || !r.Listen[0].Allows(tt.command, tt.op) {
			t.Errorf("%v %v: got %v, want %v", tt.command, tt.op, got, tt.want)
		}
	}
	if l.Weight != 7 || l.Mode != 0o600 || l.Address != "unix:///a" {
		t.Errorf("got %+v", l)
	}
	rules := pc.Upstream.Pool.Rules
	if len(rules) != 2 || !rules[0].Shadow || rules[1].Shadow || rules[0].Limit.N != 3 || !rules[0].Commands.Has(frame.CommandCheck, frame.OpNone) || rules[0].Commands.Has(frame.CommandInfo, frame.OpNone) {
		t.Errorf("got rules %+v", rules)
	}
	for _, name := range []string{"ee", "nz", "nomulus"} {
		p := config.ProfileOf(name)
		if up := upstreamConfig(&config.Registry{Profile: name}, nil); !reflect.DeepEqual(up.Throttled, p.Throttled) || !reflect.DeepEqual(up.Lost, p.Lost) {
			t.Errorf("%s: got patterns %v and %v", name, up.Throttled, up.Lost)
		}
	}
	if got := pc.Upstream.Throttled; len(got) != 1 || got[0] != (upstream.Pattern{Code: 2502}) {
		t.Errorf("got %+v", got)
	}
}
