package serve

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/frame"
)

// reloadStand is the program's service over a config file that the test writes, on unix sockets,
// before the built-in registry.
type reloadStand struct {
	t   *testing.T
	dir string
	s   *service
	log *clitest.Transcript
	cut int // of the log: what was there before the last reload

	prepare func(*service) // before it starts; nil: nothing is done
}

// startReloadStand starts the service with the given registries, and all else by its default but
// for the admin listener.
func startReloadStand(t *testing.T, registries ...string) *reloadStand {
	t.Helper()
	st := &reloadStand{t: t, dir: t.TempDir(), log: clitest.NewTranscript()}
	st.begin("", registries...)
	return st
}

// begin starts the service; top is as for write.
func (st *reloadStand) begin(top string, registries ...string) {
	t := st.t
	t.Helper()
	st.make(top, registries...)
	if st.prepare != nil {
		st.prepare(st.s)
	}
	cfg, err := config.Load(st.s.file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.s.close(); err != nil {
			t.Errorf("close: got %v", err)
		}
		if t.Failed() {
			t.Log(st.log.Text())
		}
	})
	st.s.locks = newLocks(st.s.file, cfg, nil, st.s.log)
	if err := st.s.start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
}

// make makes the service and its file, and starts nothing.
func (st *reloadStand) make(top string, registries ...string) {
	level := new(slog.LevelVar)
	st.s = newService(filepath.Join(st.dir, "c.yaml"), "devel", level, slog.New(newHandler(config.LogText, level, st.log)))
	st.write(top, registries...)
}

// registry is the mapping of one, which listens on a socket of its name.
func (st *reloadStand) registry(name string, more ...string) string {
	return fmt.Sprintf("{name: %s, address: sandbox, listen: [%q], clients: {max: 50}%s}", name, "unix://"+st.socket(name),
		strings.Join(append([]string{""}, more...), ", "))
}

func (st *reloadStand) socket(name string) string { return filepath.Join(st.dir, name+".sock") }

// write puts registries, each a name or a whole mapping, into the config file. top goes beside
// them.
func (st *reloadStand) write(top string, registries ...string) {
	st.t.Helper()
	text := "registries:\n"
	for _, r := range registries {
		if !strings.HasPrefix(r, "{") {
			r = st.registry(r)
		}
		text += "  - " + r + "\n"
	}
	if !strings.Contains(top, "admin:") {
		text += "admin: {listen: \"\"}\n"
	}
	clitest.WriteFile(st.t, st.dir, "c.yaml", text+top+"\n", 0o600)
}

// reload returns what it logs.
func (st *reloadStand) reload() string {
	st.t.Helper()
	st.cut = len(st.log.Text())
	st.s.reload(st.t.Context())
	return st.since()
}

func (st *reloadStand) since() string { return st.log.Text()[st.cut:] }

// logged waits until text is in the log.
func (st *reloadStand) logged(text string) {
	for !strings.Contains(st.log.Text(), text) {
		<-st.log.More
	}
}

func (st *reloadStand) want(log string, parts ...string) {
	st.t.Helper()
	for _, part := range parts {
		if !strings.Contains(log, part) {
			st.t.Errorf("got log\n%swant %q in it", log, part)
		}
	}
}

// names are those of the members, in their order.
func (st *reloadStand) names() string {
	var names []string
	for _, m := range st.s.members {
		names = append(names, m.cfg.Name)
	}
	return strings.Join(names, ",")
}

// connect is a client of a registry that has had its greeting.
func (st *reloadStand) connect(name string) net.Conn {
	st.t.Helper()
	conn, err := net.Dial("unix", st.socket(name))
	if err != nil {
		st.t.Fatal(err)
	}
	st.t.Cleanup(func() { conn.Close() })
	if _, err := clitest.ReadUnit(conn); err != nil {
		st.t.Fatal(err)
	}
	return conn
}

// check sends a command and wants code 1000.
func (st *reloadStand) check(conn net.Conn) {
	st.t.Helper()
	if _, err := conn.Write(clitest.Unit(clitest.CheckXML)); err != nil {
		st.t.Fatal(err)
	}
	answer, err := clitest.ReadUnit(conn)
	if err != nil {
		st.t.Fatal(err)
	}
	if code, msg, err := frame.ParseResult(answer); code != 1000 || err != nil {
		st.t.Errorf("got %d %q, %v, want 1000", code, msg, err)
	}
}

func TestReloadWithoutAChange(t *testing.T) {
	st := startReloadStand(t, "a", "b")
	before := slices.Clone(st.s.members)
	log := st.reload()
	st.want(log, "level=INFO msg=reloaded unchanged=a,b\n")
	if !slices.Equal(before, st.s.members) {
		t.Error("got other members")
	}
	if got := st.s.live.reloads[reloadDone].Load(); got != 1 {
		t.Errorf("got %d reloads done, want 1", got)
	}
}

func TestReloadRefused(t *testing.T) {
	st := startReloadStand(t, "a")
	conn := st.connect("a")
	before, cfg := slices.Clone(st.s.members), st.s.cfg
	st.write("log: {level: loud}\nnonsense: "+clitest.Canary, "a", "b", "{name: C, password: "+clitest.Canary+"}")
	log := st.reload()
	st.want(log, `level=ERROR msg="reload refused; everything stays as it is"`, `log.level: must be debug`, "registries[2].name: must be", "nonsense: unknown key", "; ")
	if strings.Count(log, "level=ERROR") != 1 || strings.Contains(log, clitest.Canary) {
		t.Errorf("got log\n%swant one line, without the password", log)
	}
	if !slices.Equal(before, st.s.members) || st.s.cfg != cfg {
		t.Error("got a change")
	}
	os.Remove(st.s.file)
	st.want(st.reload(), "reload refused", "no such file")
	if got := st.s.live.reloads[reloadRefused].Load(); got != 2 {
		t.Errorf("got %d reloads refused, want 2", got)
	}
	st.check(conn)
}

// TestReloadAddsAndRemoves: the clients of what stays go on, those of what goes are closed when
// they have their answers.
func TestReloadAddsAndRemoves(t *testing.T) {
	st := startReloadStand(t, "a", "b")
	stays, goes := st.connect("a"), st.connect("b")
	st.check(stays)
	st.check(goes)
	st.write("", "c", "a")
	st.want(st.reload(), "msg=reloaded added=c removed=b unchanged=a\n")
	if got := st.names(); got != "c,a" {
		t.Errorf("got members %s, want those of the file in their order", got)
	}
	if _, err := goes.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("client of the one that goes: got %v, want its end", err)
	}
	st.logged("msg=\"registry has ended\" registry=b")
	if _, err := os.Stat(st.socket("b")); err == nil {
		t.Error("got the socket of the one that went")
	}
	st.check(stays)
	st.check(st.connect("c"))
	if got := len(st.s.live.now.Load().servers); got != 2 {
		t.Errorf("got %d servers in scrapes, want 2", got)
	}
}

// TestReloadComesBack: the new one of a name waits for the old one, on whose socket it listens.
func TestReloadComesBack(t *testing.T) {
	st := startReloadStand(t, "a", "b")
	for range 3 {
		st.write("", "a")
		st.want(st.reload(), "removed=b")
		st.write("", "a", "b")
		st.want(st.reload(), "added=b", "unchanged=a")
		st.check(st.connect("b"))
	}
	if got := len(st.s.retired); got != 0 {
		t.Errorf("got %d retired, want none kept", got)
	}
}

func TestReloadChanges(t *testing.T) {
	st := startReloadStand(t, "a", "b")
	conn := st.connect("a")
	st.check(conn)
	a := st.s.members[0]
	server, sandbox := a.server, a.sandbox
	st.write("", st.registry("a", "timeouts: {queue: 3s}"), "b")
	st.want(st.reload(), "msg=reloaded changed=a unchanged=b\n")
	if st.s.members[0] != a || a.server != server || a.sandbox != sandbox || a.cfg.Timeouts.Queue != 3*time.Second {
		t.Errorf("got another member, or %v", a.cfg.Timeouts)
	}
	st.check(conn)
	st.want(st.reload(), "msg=reloaded unchanged=a,b\n")
}

// TestReloadMovesListeners: one registry may take over the address that another one gives up, in
// whichever order the file has them; the clients of both stay.
func TestReloadMovesListeners(t *testing.T) {
	st := startReloadStand(t, "a", "b")
	on := func(name, socket string) string {
		return strings.Replace(st.registry(name), st.socket(name), st.socket(socket), 1)
	}
	first, second := st.connect("a"), st.connect("b")
	st.write("", on("a", "b"), on("b", "c"))
	st.want(st.reload(), "msg=reloaded changed=b,a\n")
	for _, conn := range []net.Conn{first, second, st.connect("b"), st.connect("c")} {
		st.check(conn)
	}
	if _, err := os.Stat(st.socket("a")); err == nil {
		t.Error("got the socket that was given up")
	}
	st.write("", on("a", "c"), on("b", "b"))
	log := st.reload()
	st.want(log, "msg=reloaded failed=a,b\n", "registry=a", "registry=b", "another process listens there")
	if strings.Count(log, "registry stays as it was") != 2 {
		t.Errorf("got log\n%swant that of an exchange, which cannot be done", log)
	}
	for _, conn := range []net.Conn{first, second, st.connect("b"), st.connect("c")} {
		st.check(conn)
	}
}

// TestBuiltInKeepsWhatItHas: the built-in registry stays over a reload, with all that is in it and
// with its rules.
func TestBuiltInKeepsWhatItHas(t *testing.T) {
	st := startReloadStand(t, "a")
	st.write("", st.registry("a", "sessions: {max: 9}"))
	st.want(st.reload(), "changed=a", "goes on granting as many sessions as sessions.max was at its start; restart to change that")
	st.write("", st.registry("a", "login: {client_id: someone}"))
	st.want(st.reload(), "changed=a", "goes on knowing the login of its start only")
	st.write("", st.registry("a", "sessions: {max: 2}"))
	if log := st.reload(); strings.Contains(log, "goes on") {
		t.Errorf("got %q, want no warning of that kind", log)
	}
}

// TestReloadSeesFiles: what the file refers to counts as a part of it.
func TestReloadSeesFiles(t *testing.T) {
	st := startReloadStand(t, "a")
	more := []string{"login: {client_id: demo, password_file: pw}"}
	clitest.WriteFile(t, st.dir, "pw", "demo-secret", 0o600)
	clitest.WritePair(t, st.dir, "x")
	tls := fmt.Sprintf("{name: t, address: sandbox, listen: [\"tls://127.0.0.1:0\", %q], clients: {max: 50, tls: {cert_file: x.pem, key_file: x.key}}, tls: {ca_file: x.pem, cert_file: x.pem, key_file: x.key}}", "unix://"+st.socket("t"))
	st.write("", st.registry("a", more...), tls)
	st.want(st.reload(), "added=t changed=a")
	st.want(st.reload(), "unchanged=a,t\n")
	m := st.s.members[1]
	down := m.down

	clitest.WriteFile(t, st.dir, "pw", "demo-secret\n", 0o600)
	st.want(st.reload(), "unchanged=a,t\n") // the newline is no part of it
	clitest.WriteFile(t, st.dir, "pw", "other-secret", 0o600)
	st.want(st.reload(), "changed=a unchanged=t\n")
	st.write("", st.registry("a", more...), strings.Replace(tls, "max: 50", "max: 60", 1))
	st.want(st.reload(), "changed=t unchanged=a\n")
	if m.down != down {
		t.Error("got another TLS config, want that of before while the certificate is the same")
	}
	clitest.WritePair(t, st.dir, "x")
	st.want(st.reload(), "changed=t unchanged=a\n")
	if m.down == down {
		t.Error("got the TLS config of before, want one with the new certificate")
	}
	if strings.Contains(st.log.Text(), "secret") {
		t.Error("got a password in the log")
	}
}

// TestReloadAnotherKind: a registry that was the built-in one and becomes a real one is another.
func TestReloadAnotherKind(t *testing.T) {
	st := startReloadStand(t, "a")
	old := st.s.members[0]
	st.write("", fmt.Sprintf("{name: a, address: \"127.0.0.1:1\", listen: [%q], clients: {max: 50}, login: {client_id: x, password: secret}}", "unix://"+st.socket("a")))
	st.want(st.reload(), "added=a removed=a")
	if got := st.s.members[0]; got == old || got.sandbox != nil || got.up == nil {
		t.Error("got the member of before")
	}
}

// TestReloadTakenAddress: what cannot be done leaves the others alone, and is tried again by the
// next reload.
func TestReloadTakenAddress(t *testing.T) {
	st := startReloadStand(t, "a")
	ln, err := net.Listen("unix", st.socket("b"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	st.write("", "a", "b", "c")
	st.want(st.reload(), `level=ERROR msg="registry could not be started" registry=b`, "another process listens there", "msg=reloaded added=c unchanged=a failed=b\n")
	if got := st.names(); got != "a,c" {
		t.Errorf("got members %s", got)
	}
	if got := st.s.live.reloads[reloadPartly].Load(); got != 1 {
		t.Errorf("got %d reloads partly done, want 1", got)
	}
	ln.Close()
	st.want(st.reload(), "msg=reloaded added=b unchanged=a,c\n")
	st.check(st.connect("b"))
}

func TestReloadSettings(t *testing.T) {
	st := startReloadStand(t, "a")
	st.write("log: {level: debug, format: json}\ndrain_timeout: 7s", "a")
	st.want(st.reload(), "log.format changes at a restart only", "msg=reloaded unchanged=a settings=log.level,drain_timeout\n")
	if st.s.level.Level() != slog.LevelDebug || st.s.cfg.DrainTimeout != 7*time.Second {
		t.Errorf("got %v, %v", st.s.level, st.s.cfg.DrainTimeout)
	}
	st.write("log: {level: error}", "a", "b")
	if log := st.reload(); strings.Contains(log, "reloaded") || st.s.cfg.DrainTimeout != 30*time.Second {
		t.Errorf("got log %q and %v, want nothing below an error, and the default", log, st.s.cfg.DrainTimeout)
	}
}

// TestReloadAdmin: the admin listener moves, and what it shows follows the members.
func TestReloadAdmin(t *testing.T) {
	st := startReloadStand(t, "a")
	page := func(path string) string {
		t.Helper()
		r, err := http.Get("http://" + st.s.admin.server.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	st.write("admin: {listen: \"127.0.0.1:0\"}", "a")
	st.want(st.reload(), "settings=admin.listen")
	first := st.s.admin
	if got := page("/metrics"); !strings.Contains(got, `eppmux_clients{registry="a"}`) || !strings.Contains(got, `eppmux_reloads_total{result="done"} 1`) {
		t.Errorf("got %s", got)
	}
	st.write("admin: {listen: \"127.0.0.1:0\"}", "b")
	st.want(st.reload(), "added=b removed=a")
	if got := page("/metrics"); st.s.admin != first || strings.Contains(got, `registry="a"`) || !strings.Contains(got, `eppmux_clients{registry="b"}`) {
		t.Errorf("got %s", got)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	st.write(fmt.Sprintf("admin: {listen: %q}", taken.Addr()), "b")
	st.want(st.reload(), `level=ERROR msg="admin listener stays as it was"`, "failed=admin.listen")
	if st.s.admin != first {
		t.Error("got another admin listener")
	}
	page("/healthz")
	st.write("admin: {listen: \"\"}", "b")
	st.want(st.reload(), "settings=admin.listen")
	if st.s.admin != nil {
		t.Error("got an admin listener")
	}
}

// TestVacate: a registry waits for the end of the sessions that its account had before.
func TestVacate(t *testing.T) {
	account := config.Registry{Address: "epp.example:700", Login: config.Login{ClientID: "x"}, Listen: []config.Listen{{Network: "tcp", Address: "127.0.0.1:7000"}}}
	listens := func(l config.Listen) *config.Registry {
		return &config.Registry{Address: config.SandboxAddress, Listen: []config.Listen{l}}
	}
	for _, tt := range []struct {
		r    *config.Registry
		want bool
	}{
		{&account, true},
		{&config.Registry{Address: "epp.example:700", Login: config.Login{ClientID: "x"}}, true},
		{&config.Registry{Address: "epp.example:700", Login: config.Login{ClientID: "y"}}, false},
		{&config.Registry{Address: "epp2.example:700", Login: config.Login{ClientID: "x"}}, false},
		{listens(config.Listen{Network: "tcp", Address: "[::]:7000"}), true},
		{listens(config.Listen{Network: "tcp", Address: "127.0.0.1:7001"}), false},
		{listens(config.Listen{Network: "unix", Address: "/127.0.0.1:7000"}), false},
	} {
		if got := inTheWay(&account, tt.r); got != tt.want {
			t.Errorf("%+v: got %v, want %v", tt.r, got, tt.want)
		}
	}
	zero, sock := config.Listen{Network: "tcp", Address: "127.0.0.1:0"}, config.Listen{Network: "unix", Address: "/a"}
	if zero.Meets(zero) || !sock.Meets(sock) {
		t.Error("got it wrong for port 0 or a socket")
	}

	s := newService("", "devel", new(slog.LevelVar), slog.New(slog.DiscardHandler))
	old := &retirement{cfg: account, gone: make(chan struct{})}
	s.retired = []*retirement{old}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.vacate(ctx, &account); err != context.Canceled {
		t.Errorf("got %v, want it to wait until the context is done", err)
	}
	if err := s.vacate(ctx, listens(sock)); err != nil || len(s.retired) != 1 {
		t.Errorf("not in the way: got %v, %d retired", err, len(s.retired))
	}
	close(old.gone)
	if err := s.vacate(t.Context(), &account); err != nil || len(s.retired) != 0 {
		t.Errorf("gone: got %v, %d retired", err, len(s.retired))
	}
}
