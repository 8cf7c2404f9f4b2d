package main

import (
	"html"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"eppmux/admin/status"
	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
)

// hostStand is a program whose host suffers: its disk, its descriptors, its end.
type hostStand struct {
	*statusStand
	registry statusRegistry
}

func prepareHostStand(t *testing.T) *hostStand {
	t.Helper()
	h := &hostStand{statusStand: prepareStatusStand(t)}
	h.stderr = newValve(t)
	h.registry = statusRegistry{name: "h0", more: []string{"sessions: {min: 1, max: 1}", "clients: {max: 50}"}}
	return h
}

const auditKeys = "audit: {file: a.jsonl, frames: true, on_error: block}\ndrain_timeout: 1m\n"

func (h *hostStand) launch() {
	h.t.Helper()
	h.statusStand.launch(auditKeys, h.registry)
	h.employ(h.registry)
}

// suffer goes through all that a host can do, one after the other; the last is its end.
func (h *hostStand) suffer(alerts *alertWatch) {
	t := h.t
	t.Helper()
	nc := h.client()
	h.wants("ok", `^all well`, status.OK, "eppmux_sessions")

	// Row 34: no file can grow, as on a disk that is full.
	full := h.limit(unix.RLIMIT_FSIZE)
	if got := string(h.ask(nc, createText)); !strings.Contains(got, "not sent to registry; safe to retry; the audit log cannot be written") {
		t.Errorf("got %s", got)
	}
	h.wants("row 34, block", `^audit log cannot be written for [\d.]+ m?s: .*file too large; transforms are not sent, queries are$`, status.Broken, "eppmux_audit_failing")
	h.configure("on_error: block", "on_error: warn")
	h.wants("row 34, warn", `^audit log cannot be written for [\d.]+ \w+: .*; transforms are sent, and recorded later as far as there is room$`, status.Look, "eppmux_audit_errors_total")
	big := strings.Replace(createText, "<d:pw>secret-1", "<!--"+strings.Repeat("x", 250_000)+"--><d:pw>secret-1", 1)
	for range 60 {
		h.ask(nc, big)
	}
	h.wants("row 34, gap", `^audit log has a gap: \d+ lines? lost, the last \d+ m?s ago$`, status.Look, "eppmux_audit_lost_total")
	full()

	// Nobody reads the log.
	h.stderr.stick(0)
	h.loseLog()
	h.stderr.open()

	h.configure("clients: {max: 50}", "clients: {max: none}")
	if !h.until(func(s *status.Status) bool {
		return len(s.Events) > 0 && s.Events[0].Text == "reload refused; everything stays as it is"
	}) {
		t.Errorf("got %+v, want a reload that was refused", h.status().Events)
	}

	// Row 33: no descriptor is left.
	h.starve()
	h.wants("row 33", `^clients could not be taken in, \d+ times in the last ten minutes: too many open files; who is connected goes on$`, status.Look, "eppmux_accept_errors_total")
	for deadline := time.Now().Add(time.Minute); alerts.look() && !(alerts.has("h0", "ClientsNotTaken") && alerts.has(h.admin, "AuditFails AuditGap LogGap ReloadFailed")) && time.Now().Before(deadline); {
		h.rest(200 * time.Millisecond) // before the end
	}

	// Row 26: SIGTERM, while a command is in flight. Row 27: kill -9.
	h.served["h0"].SetFaults(clitest.Faults(t, "silent:cmd=check"))
	if err := h.send(nc, checkText); err != nil {
		t.Fatal(err)
	}
	if !h.until(func(s *status.Status) bool { return s.Registries[0].Sessions.Busy == 1 }) {
		t.Error("the command is not in flight")
	}
	_ = h.program.cmd.Process.Signal(syscall.SIGTERM)
	h.wants("row 26", `^eppmux is stopping: what waits is answered, nothing new is taken$`, status.Broken, "eppmux_queue_length", "eppmux_sessions")
	_ = h.program.cmd.Process.Kill()
	<-h.program.ended
	if got := eppmux(t, "status", "--admin", h.admin); got.code != cli.ExitFailed || !strings.Contains(got.errs, "connection refused; is eppmux running, with this admin.listen?") {
		t.Errorf("row 27: got %+v", got)
	}
	for deadline := time.Now().Add(time.Minute); alerts.look() && !alerts.has(h.admin, "Down") && time.Now().Before(deadline); {
		h.rest(200 * time.Millisecond)
	}
}

// client is a connection with its greeting read.
func (h *hostStand) client() net.Conn {
	h.t.Helper()
	nc, err := net.Dial("unix", h.socket("h0"))
	if err == nil {
		h.t.Cleanup(func() { nc.Close() })
		_, err = clitest.ReadUnit(nc)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return nc
}

// wants waits for a finding that says so, on the page and in the table too, and one of the series
// to have moved.
func (h *hostStand) wants(what, want string, g status.Gravity, series ...string) {
	t := h.t
	t.Helper()
	re, text := regexp.MustCompile(want), regexp.MustCompile(strings.TrimSuffix(strings.TrimPrefix(want, "^"), "$"))
	if !h.until(func(s *status.Status) bool {
		for _, f := range s.Registries[0].Findings {
			if re.MatchString(f.Text) && f.Gravity == g {
				return true
			}
		}
		return false
	}) {
		t.Errorf("%s: got %+v, want %v %s", what, h.status().Registries[0].Findings, g, want)
		return
	}
	page, table := html.UnescapeString(string(h.get("/"))), eppmux(t, "status", "--admin", h.admin).out
	if !text.MatchString(page) || !text.MatchString(table) {
		t.Errorf("%s: page or table does not say %s\n%s", what, want, table)
	}
	metrics := string(h.get("/metrics"))
	for _, s := range series {
		if moves(metrics, "", s) {
			return
		}
	}
	t.Errorf("%s: %q do not move", what, series)
}

// configure changes a word of the config and has it read again.
func (h *hostStand) configure(from, to string) {
	h.t.Helper()
	file := filepath.Join(h.dir, "c.yaml")
	text := strings.Replace(string(clitest.ReadFile(h.t, file)), from, to, 1)
	clitest.WriteFile(h.t, h.dir, "c.yaml", text, 0o600)
	if err := h.program.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		h.t.Fatal(err)
	}
}

// starve lets the program open no file more while a client connects, until it has found out.
func (h *hostStand) starve() {
	t := h.t
	t.Helper()
	restore := h.limit(unix.RLIMIT_NOFILE)
	nc, err := net.Dial("unix", h.socket("h0"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	h.program.find(`(msg="accept failed; waiting")`)
	restore()
	if _, err := clitest.ReadUnit(nc); err != nil {
		t.Errorf("the client that waited: %v", err)
	}
}

// limit allows the program nothing more of a resource, until restore is called.
func (h *hostStand) limit(resource int) (restore func()) {
	t := h.t
	t.Helper()
	pid := h.program.cmd.Process.Pid
	var before unix.Rlimit
	if err := unix.Prlimit(pid, resource, nil, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Prlimit(pid, resource, &unix.Rlimit{Cur: 1, Max: before.Max}, nil); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := unix.Prlimit(pid, resource, &before, nil); err != nil {
			t.Error(err)
		}
	}
}
