package main

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
)

// The tests in this file hold what lies in deploy against the program and the tools that read it.

// root is that of the project.
const root = "../.."

// exposureMax is how exposed the service may be by the measure of systemd-analyze, in tenths: 100
// is everything. It has to reach the network, and to tell users of a unix socket apart.
const exposureMax = "16"

// TestUnits: systemd has nothing to say against the units, and finds the service shut in.
func TestUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		lacking(t, "systemd-analyze", err)
	}
	dir := t.TempDir()
	var units []string
	for _, name := range []string{"eppmux.service", "eppmux.socket"} {
		text, err := os.ReadFile(filepath.Join(root, "deploy", "systemd", name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(name, "service") && bytes.Count(text, []byte("/usr/bin/eppmux ")) != 2 {
			t.Errorf("%s: want the program twice", name)
		}
		// The program need not be installed here.
		text = bytes.ReplaceAll(text, []byte("/usr/bin/eppmux "), []byte("/bin/true "))
		units = append(units, clitest.WriteFile(t, dir, name, string(text), 0o644))
	}
	if out, err := exec.Command("systemd-analyze", append([]string{"verify", "--man=no", "--recursive-errors=no"}, units...)...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("verify: %v\n%s", err, out)
	}
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold="+exposureMax, units[0]).CombinedOutput()
	t.Log(lastLine(string(out)))
	if err != nil {
		t.Errorf("security: %v\n%s", err, out)
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// TestUnitsFitTheConfig: the socket unit opens what the shipped config listens on, and the service
// asks for what the program speaks.
func TestUnitsFitTheConfig(t *testing.T) {
	cfg, err := config.Load(filepath.Join(root, "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	socket, err := os.ReadFile(filepath.Join(root, "deploy", "systemd", "eppmux.socket"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^ListenStream=(.*)$`).FindAllSubmatch(socket, -1)
	if len(m) != 1 || string(m[0][1]) != cfg.Registries[0].Listen[0].Address {
		t.Errorf("got %q, want %s alone", m, cfg.Registries[0].Listen[0].Address)
	}
	service, err := os.ReadFile(filepath.Join(root, "deploy", "systemd", "eppmux.service"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Type=notify\n", "WatchdogSec=", "DynamicUser=yes\n", "ProtectSystem=strict\n", "StateDirectory=eppmux\n", "#LoadCredential=", "ExecReload=/usr/bin/eppmux ctl reload --socket ${RUNTIME_DIRECTORY}/control.sock\n", "PartOf=eppmux.socket\n"} {
		if !bytes.Contains(service, []byte(want)) {
			t.Errorf("the service lacks %q", want)
		}
	}
}

// TestWatchdogIsRestarted: the watchdog's SIGABRT ends a Go program with an exit code, as a panic
// does, and that one must not be among those after which systemd leaves it at that.
func TestWatchdogIsRestarted(t *testing.T) {
	file := clitest.WriteFile(t, t.TempDir(), "c.yaml", "admin: {listen: \"\"}\nregistries: [{name: a, address: sandbox, listen: [\"tcp://127.0.0.1:0\"], clients: {max: 9}}]\n", 0o600)
	p := startProgram(t, "serve", "--config", file)
	p.find(`(msg="eppmux serves")`)
	if err := p.cmd.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	code := p.cmd.ProcessState.ExitCode()
	if p.cmd.ProcessState.Success() || !strings.Contains(p.log.Text(), "SIGABRT") {
		t.Errorf("got exit code %d, want the end of a hung program, with its goroutines", code)
	}
	service, err := os.ReadFile(filepath.Join(root, "deploy", "systemd", "eppmux.service"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(service, []byte("\nRestart=on-failure\n")) {
		t.Error("the service is not restarted on failure")
	}
	for _, m := range regexp.MustCompile(`(?m)^(?:RestartPrevent|Success)ExitStatus=(.*)$`).FindAllSubmatch(service, -1) {
		if slices.Contains(strings.Fields(string(m[1])), strconv.Itoa(code)) {
			t.Errorf("%s: it has ended with %d", m[0], code)
		}
	}
}

// TestStaticProgram: built as the Dockerfile and the package do, the program needs nothing of the
// system around it. It runs as a user without rights where there is no other file than its config.
func TestStaticProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "eppmux")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "./cmd/eppmux")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the program has %v: it is not static", p.Type)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can change the root folder")
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(filepath.Join(root, "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(":7000", ":0", ":7001", ":0").Replace(string(config))
	clitest.WriteFile(t, dir, "config.yaml", text, 0o644)
	inside := func(cmd *exec.Cmd) {
		cmd.Path, cmd.Dir = "/eppmux", "/"
		cmd.Env = nil
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: dir, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	}
	p := startProgramAs(t, inside, "serve", "--config", "/config.yaml")
	p.find(`(msg="session opened")`)
	p.end()
}

// TestDockerfile: no engine builds the image in each run, so this holds what it says against the
// project.
func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "deploy", "docker", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	var stages int
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "FROM":
			stages++
		case "COPY":
			if err := copies(strings.Fields(rest)); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		case "ENTRYPOINT", "CMD":
			var args []string
			if err := json.Unmarshal([]byte(rest), &args); err != nil || len(args) == 0 {
				t.Errorf("%s: got %v; the image has no shell, so it must be a list", line, err)
			}
		case "RUN":
			if stages != 1 {
				t.Errorf("%s: nothing can run in an empty image", line)
			}
		case "WORKDIR", "USER", "EXPOSE", "STOPSIGNAL", "ENV":
		default:
			t.Errorf("unknown instruction %q", word)
		}
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(mod)[1]
	if !bytes.Contains(text, append([]byte("\nFROM golang:"), version...)) || !bytes.Contains(text, []byte("\nFROM scratch\n")) || stages != 2 {
		t.Errorf("want golang:%s and scratch as the two stages", version)
	}
	if !regexp.MustCompile(`\nFROM golang:\d+\.\d+\.\d+-\w+@sha256:[0-9a-f]{64} AS build\n`).Match(text) {
		t.Error("the base image is not named by its digest")
	}
	// What is handed on has the licences of what is linked in, as deploy/deb makes them.
	licences := regexp.MustCompile(`\nRUN go run \./deploy/deb --copyright (\S+)\n`).FindSubmatch(text)
	if licences == nil || !bytes.Contains(text, append([]byte("\nCOPY --from=build "), append(licences[1], " /usr/share/doc/eppmux/copyright\n"...)...)) {
		t.Error("the image has no licences")
	}
	config := regexp.MustCompile(`\nCOPY config\.yaml (\S+)\n`).FindSubmatch(text)
	if config == nil || !bytes.Contains(text, append([]byte("-X main.defaultConfigFile="), append(config[1], '"')...)) {
		t.Errorf("got the config at %q, and a program that looks elsewhere", config)
	}
	// Containers that share the folder of the sockets find each other there.
	runtime := regexp.MustCompile(`\nENV RUNTIME_DIRECTORY=(\S+)\n`).FindSubmatch(text)
	if runtime == nil || !bytes.Contains(text, append([]byte("/out/run "), append(runtime[1], '\n')...)) {
		t.Errorf("got RUNTIME_DIRECTORY %q, want the folder that the user owns", runtime)
	}
	user := regexp.MustCompile(`\nUSER (\S+)\n`).FindSubmatch(text)
	if user == nil || !bytes.Contains(text, append([]byte("--chown="), append(user[1], ' ')...)) {
		t.Errorf("got user %q, and folders of somebody else", user)
	}
}

// copies checks that the files that COPY takes from the project are there.
func copies(args []string) error {
	if strings.HasPrefix(args[0], "--from=") {
		return nil
	}
	var errs []error
	for _, from := range args[:len(args)-1] {
		_, err := os.Stat(filepath.Join(root, from))
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
