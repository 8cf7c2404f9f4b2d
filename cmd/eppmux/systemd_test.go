package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"eppmux/sandbox"
)

var systemdTree = flag.String("systemd", "", "Debian tree in `DIR` whose systemd TestSystemd boots, as of "+
	"debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,iproute2,procps bookworm DIR")

// TestSystemd runs the package under a real systemd, in namespaces of its own: what becomes of a
// service when systemd itself starts, restarts, kills and removes it. It needs root and a tree, and
// changes neither the tree nor the host.
//
//	go test ./cmd/eppmux -run TestSystemd -v -systemd DIR
func TestSystemd(t *testing.T) {
	if *systemdTree == "" {
		t.Skip("needs root and a Debian tree: give -systemd DIR")
	}
	s := &systemd{machine: boot(t, *systemdTree), folder: t.TempDir()}
	registry, mapping := startRegistry(t, s.listen(), s.folder, []string{"tcp://127.0.0.1:7000"}, "")
	s.registry, s.config = registry, "registries:\n  - "+strings.Replace(mapping, "password_file: ", "password_file: $CREDENTIALS_DIRECTORY/", 1)+
		"\ncontrol: {socket: /run/eppmux/control.sock}\n"
	for i, version := range []string{"1.0.0", "1.0.1"} {
		dir := t.TempDir()
		build := exec.Command("go", "run", "./deploy/deb", "--version", version, "--out", dir)
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
		if err != nil || len(debs) != 1 {
			t.Fatalf("got %q, %v", debs, err)
		}
		s.debs[i] = "/" + filepath.Base(debs[0])
		s.copyIn(debs[0], s.debs[i])
	}
	for _, step := range []struct {
		name string
		do   func(*testing.T)
	}{
		{"installed", s.installed}, {"started", s.started}, {"shut in", s.shutIn}, {"real registry", s.realRegistry}, {"reload", s.reload},
		{"under load", s.underLoad}, {"killed", s.killed}, {"hung", s.hung}, {"faulty config", s.faultyConfig}, {"stopped", s.stopped},
		{"journal", s.journalIsClean}, {"removed", s.removed},
	} {
		if !t.Run(step.name, func(t *testing.T) { s.t = t; step.do(t) }) {
			t.Fatal("the next steps need this one")
		}
	}
}

// systemd is the state of TestSystemd between its steps.
type systemd struct {
	*machine
	debs     [2]string // in the machine: the package, and that of the next version
	registry *sandbox.Registry
	folder   string // here: what the registry was given
	config   string // that leads to it
}

const (
	installedConfig = "/etc/eppmux/config.yaml"
	dropIns         = "/etc/systemd/system/eppmux.service.d/"
)

func (s *systemd) installed(t *testing.T) {
	s.run("dpkg", "--install", s.debs[0])
	for _, unit := range []string{"eppmux.socket", "eppmux.service"} {
		enabled, _ := s.try("systemctl", "is-enabled", unit)
		active, _ := s.try("systemctl", "is-active", unit)
		if enabled != "disabled" || active != "inactive" {
			t.Errorf("%s: got %s and %s, want nothing done by the installation", unit, enabled, active)
		}
	}
}

func (s *systemd) started(t *testing.T) {
	s.run("systemctl", "enable", "--now", "eppmux.socket", "eppmux.service")
	status := s.run("systemctl", "status", "eppmux.socket", "eppmux.service")
	t.Log(status)
	if !strings.Contains(status, `Status: "serving sandbox"`) || strings.Count(status, "Active: active (running)") != 2 {
		t.Error("want both to run")
	}
	s.run("eppmux", "send", "check", "example.com")
	s.answersAll()
}

// answersAll holds what answers beside EPP, as root has it at hand.
func (s *systemd) answersAll() {
	s.t.Helper()
	s.wait("/readyz", func() bool { status, _ := s.get("/readyz"); return strings.Contains(status, " 200 ") })
	if status, body := s.get("/"); !strings.Contains(status, " 200 ") || !strings.Contains(body, "<title>") {
		s.t.Errorf("got %s, %.100q of the status page", status, body)
	}
	if out := s.run("eppmux", "ctl", "sessions"); !strings.Contains(out, "idle") {
		s.t.Errorf("got %s", out)
	}
	s.run("eppmux", "status")
}

// shutIn: the process has the user and the rights that the unit says.
func (s *systemd) shutIn(t *testing.T) {
	pid := s.of("MainPID")
	status := s.run("cat", "/proc/"+pid+"/status")
	m := regexp.MustCompile(`(?m)^Uid:\t(\d+)\t`).FindStringSubmatch(status)
	if m == nil {
		t.Fatal(status)
	}
	// systemd.exec(5) has the range of DynamicUser=.
	if uid, err := strconv.Atoi(m[1]); err != nil || uid < 61184 || uid > 65519 {
		t.Errorf("got user %s, want one that exists only now", m[1])
	}
	for _, want := range []string{"CapEff:\t0000000000000000\n", "CapBnd:\t0000000000000000\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n"} {
		if !strings.Contains(status, want) {
			t.Errorf("got\n%s\nwant %q", status, want)
		}
	}
	t.Log(lastLine(s.run("systemd-analyze", "security", "--threshold="+exposureMax, "eppmux.service")))
}

// realRegistry: the password comes as a credential.
func (s *systemd) realRegistry(t *testing.T) {
	s.copyIn(filepath.Join(s.folder, "ca.pem"), "/etc/eppmux/ca.pem")
	s.write("/etc/eppmux/credentials/password", "demo-secret\n", 0o600)
	s.run("chmod", "0700", "/etc/eppmux/credentials")
	s.write(installedConfig, s.config, 0o644)
	s.write(dropIns+"credentials.conf", "[Service]\nLoadCredential=password:/etc/eppmux/credentials/password\n", 0o644)
	s.run("systemctl", "daemon-reload")
	s.run("systemctl", "restart", "eppmux.service")
	s.answersAll()
}

func (s *systemd) reload(t *testing.T) {
	s.write(installedConfig, s.config+"drain_timeout: 31s\n", 0o644)
	pid := s.of("MainPID")
	s.run("systemctl", "reload", "eppmux.service")
	s.wait("reload", func() bool { return strings.Contains(s.journal(), "msg=reloaded") })
	s.write(installedConfig, s.config+"nonsense: 1\n", 0o644)
	if out, err := s.try("systemctl", "reload", "eppmux.service"); err == nil || !strings.Contains(s.journal(), "nonsense: unknown key") {
		t.Errorf("got %v, %s, want a failed reload, and the reason in the journal:\n%s", err, out, s.journal())
	}
	s.write(installedConfig, s.config, 0o644)
	if got := s.of("MainPID"); got != pid || s.of("ActiveState") != "active" {
		t.Errorf("got process %s, want the reloads to keep %s", got, pid)
	}
}

// underLoad: the service is restarted and updated, while clients work. None is refused, and every
// command is executed once and answered.
func (s *systemd) underLoad(t *testing.T) {
	var stop atomic.Bool
	progress := make(chan struct{}, 1<<20) // a token for each domain; more than there will be
	var clients []*busyClient
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop.Store(true)
	for i := range 12 {
		c := &busyClient{name: fmt.Sprintf("c%d", i), network: "tcp", where: "127.0.0.1:7000", stop: &stop, progress: progress}
		clients = append(clients, c)
		wg.Go(func() { s.inside(c.work) })
	}
	// advance is until clients have got on since now, whichever process serves it: one that ends
	// before it has learnt the registry's greeting has none for those that wait.
	advance := func() {
		t.Helper()
		for len(progress) > 0 {
			<-progress
		}
		deadline := time.After(programTimeout)
		for range 20 * len(clients) {
			select {
			case <-progress:
			case <-deadline:
				t.Fatal("the clients do not get on")
			}
		}
	}
	for _, do := range [][]string{
		{"systemctl", "restart", "eppmux.service"}, {"systemctl", "reload", "eppmux.service"}, {"systemctl", "restart", "eppmux.service"},
		{"dpkg", "--install", "--force-confold", s.debs[1]}, {"systemctl", "restart", "eppmux.service"},
	} {
		advance()
		s.run(do...)
	}
	advance()
	stop.Store(true)
	wg.Wait()
	judgeClients(t, clients, s.registry)
	if status := s.run("eppmux", "status"); !strings.HasPrefix(status, "eppmux 1.0.1 ") {
		t.Errorf("got %q, want the version of the update", status)
	}
	if n := s.of("NRestarts"); n != "0" {
		t.Errorf("got %s restarts by systemd itself", n)
	}
}

// killed: after kill -9 systemd starts the service again; a client that comes meanwhile waits.
func (s *systemd) killed(t *testing.T) {
	s.comesBack(t, "kill", "-KILL", s.of("MainPID"))
}

// hung: a process that does nothing any more is ended by the watchdog, and started again.
func (s *systemd) hung(t *testing.T) {
	s.write(dropIns+"watchdog.conf", "[Service]\nWatchdogSec=2s\n", 0o644)
	s.run("systemctl", "daemon-reload")
	s.run("systemctl", "restart", "eppmux.service")
	s.comesBack(t, "kill", "-STOP", s.of("MainPID"))
	if out := s.run("journalctl", "-u", "eppmux.service"); !strings.Contains(out, "Watchdog timeout") {
		t.Errorf("got\n%s\nwant the watchdog's work", out)
	}
	if err := os.Remove(filepath.Join(s.root, dropIns, "watchdog.conf")); err != nil {
		t.Fatal(err)
	}
	s.run("systemctl", "daemon-reload")
	s.run("systemctl", "restart", "eppmux.service")
}

// comesBack does what ends the process.
func (s *systemd) comesBack(t *testing.T, args ...string) {
	t.Helper()
	pid, n := s.of("MainPID"), s.of("NRestarts")
	s.run(args...)
	s.wait("end of the process", func() bool { return s.of("MainPID") != pid })
	s.run("eppmux", "send", "check", "example.com")
	before, _ := strconv.Atoi(n)
	if got := s.of("NRestarts"); got != strconv.Itoa(before+1) {
		t.Errorf("got %s restarts after %d, want one more", got, before)
	}
	s.answersAll()
}

// faultyConfig: while the config cannot be used clients wait, and are answered when it is mended.
func (s *systemd) faultyConfig(t *testing.T) {
	s.write(installedConfig, s.config+"nonsense: 1\n", 0o644)
	if out, err := s.try("systemctl", "restart", "eppmux.service"); err == nil {
		t.Errorf("got no error: %s", out)
	}
	answered := make(chan string, 1) // one result
	go func() {
		out, err := s.try("eppmux", "send", "check", "example.com")
		answered <- fmt.Sprint(err, " ", out)
	}()
	s.wait("two more attempts", func() bool { n, _ := strconv.Atoi(s.of("NRestarts")); return n >= 2 })
	s.write(installedConfig, s.config, 0o644)
	if got := <-answered; !strings.HasPrefix(got, "<nil> ") {
		t.Errorf("got %s", got)
	}
	if out := s.run("systemctl", "is-active", "eppmux.socket"); out != "active" {
		t.Errorf("got %s of the socket", out)
	}
}

// stopped: nothing is left that runs, listens or lies in /run. The socket unit can be restarted,
// and that does it to the service too.
func (s *systemd) stopped(t *testing.T) {
	pid := s.of("MainPID")
	s.run("systemctl", "restart", "eppmux.socket")
	s.run("eppmux", "send", "check", "example.com")
	if got := s.of("MainPID"); got == pid {
		t.Error("the service was not restarted with the socket")
	}
	s.run("systemctl", "stop", "eppmux.socket")
	s.wait("stop", func() bool { return s.of("ActiveState") == "inactive" })
	if got := s.of("Result"); got != "success" {
		t.Errorf("got %s", got)
	}
	s.nothingRuns()
	s.run("systemctl", "start", "eppmux.socket")
	s.run("eppmux", "send", "check", "example.com") // the client starts the service
	s.answersAll()
}

func (s *systemd) nothingRuns() {
	s.t.Helper()
	if out := s.run("ss", "-Hltn"); strings.Contains(out, ":7000") || strings.Contains(out, ":7001") {
		s.t.Errorf("somebody listens:\n%s", out)
	}
	for _, path := range []string{"/run/eppmux", "/run/private/eppmux", "/run/credentials/eppmux.service", "/sys/fs/cgroup/system.slice/eppmux.service"} {
		if s.there(path) {
			s.t.Errorf("%s is left", path)
		}
	}
}

// journalIsClean: nothing that eppmux may not do is among what it does, and it could tell systemd
// all.
func (s *systemd) journalIsClean(t *testing.T) {
	out := s.run("journalctl", "-o", "cat", "-u", "eppmux.service")
	for _, not := range []string{"not permitted", "ermission denied", "service manager", "panic", "status=31/SYS", "Failed to set up"} {
		for line := range strings.Lines(out) {
			if strings.Contains(line, not) {
				t.Errorf("the journal has %s", line)
			}
		}
	}
}

// removed: the package takes with it what is its own, and stops what runs.
func (s *systemd) removed(t *testing.T) {
	s.run("systemctl", "start", "eppmux.service")
	s.run("dpkg", "--remove", "eppmux")
	s.nothingRuns()
	if !s.there(installedConfig) {
		t.Error("the config is gone")
	}
	s.run("dpkg", "--purge", "eppmux")
	left := s.run("find", "/etc", "/usr", "/var", "/run", "-iname", "*eppmux*", "-not", "-path", "/var/log/dpkg.log")
	for path := range strings.Lines(left) {
		// The step above has put it there, as an operator does.
		if path = strings.TrimSpace(path); path != "/etc/eppmux" && !strings.HasPrefix(path, strings.TrimRight(dropIns, "/")) {
			t.Errorf("%s is left", path)
		}
	}
	if units := s.run("systemctl", "list-units", "--all", "--no-legend", "eppmux*"); units != "" {
		t.Errorf("systemd still knows\n%s", units)
	}
}
