package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
)

// running is a service with a control socket while it serves, in this process.
type running struct {
	*reloadStand
	cancel context.CancelFunc
	ended  chan error // the one result of Run
}

// startRunning begins to serve registries, each a name or a whole mapping. top goes beside them.
func startRunning(t *testing.T, top string, registries ...string) *running {
	t.Helper()
	r := &running{reloadStand: &reloadStand{t: t, dir: t.TempDir(), log: clitest.NewTranscript()}, ended: make(chan error, 1)}
	top = fmt.Sprintf("control: {socket: %q}\n%s", filepath.Join(r.dir, "ctl"), top)
	r.write(top, registries...)
	file := filepath.Join(r.dir, "c.yaml")
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() {
		log := StartLog(cfg.Log.Format, r.log)
		err := Run(ctx, Options{File: file, Config: cfg, Version: "1.2.3", Log: log})
		log.Close()
		r.ended <- err
	}()
	t.Cleanup(func() {
		cancel()
		if r.ended != nil {
			<-r.ended
		}
		if t.Failed() {
			t.Log(r.log.Text())
		}
	})
	r.logged(`msg="eppmux serves" version=1.2.3`)
	return r
}

// end ends it and returns what it has logged.
func (r *running) end() string {
	r.t.Helper()
	r.cancel()
	err := <-r.ended
	if r.ended = nil; err != nil {
		r.t.Errorf("got %v", err)
	}
	return r.log.Text()
}

// do sends a request to the control socket, as octets.
func (r *running) do(method, path, body string) (int, http.Header, Answer) {
	r.t.Helper()
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(r.dir, "ctl"))
		}}}
	req, err := http.NewRequest(method, "http://eppmux"+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	got, err := client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer got.Body.Close()
	var a Answer
	if err := json.NewDecoder(got.Body).Decode(&a); err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	return got.StatusCode, got.Header, a
}

// verb runs one that must succeed, or fail with that text.
func (r *running) verb(name string, req Request, fault string) Answer {
	r.t.Helper()
	body, err := json.Marshal(req)
	if err != nil {
		r.t.Fatal(err)
	}
	code, _, a := r.do(http.MethodPost, "/"+name, string(body))
	want := http.StatusOK
	if fault != "" {
		want = http.StatusConflict
	}
	if code != want || (a.Error != "") != (fault != "") || !strings.Contains(a.Error, fault) {
		r.t.Errorf("%s %s: got %d, %+v, want %d, %q", name, body, code, a, want, fault)
	}
	return a
}

// TestRun goes through the life of the program: it serves, reads its file again at SIGHUP, is asked
// how it is, and drains.
func TestRun(t *testing.T) {
	m := clitest.NewManager(t, filepath.Join(t.TempDir(), "notify"))
	t.Setenv("NOTIFY_SOCKET", m.Conn.LocalAddr().String())
	r := startRunning(t, "drain_timeout: 40s", "a")
	m.Want("READY=1\nSTATUS=serving a")
	conn := r.connect("a")
	r.write("drain_timeout: 41s\n"+fmt.Sprintf("control: {socket: %q}", filepath.Join(r.dir, "ctl")), "a", "b")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	m.Want(`RELOADING=1\nMONOTONIC_USEC=\d+\nSTATUS=reloading`)
	m.Want("READY=1\nSTATUS=serving a, b")
	r.logged("msg=reloaded added=b unchanged=a settings=drain_timeout")
	r.connect("b")
	if a := r.verb("sessions", Request{}, ""); len(a.Sessions) == 0 {
		t.Errorf("got %+v, want sessions", a)
	}
	log := r.end()
	m.Want("STOPPING=1\nEXTEND_TIMEOUT_USEC=56000000\nSTATUS=draining")
	r.want(log, "msg=draining within=41s")
	if _, err := clitest.ReadUnit(conn); err == nil {
		t.Error("the client is still connected")
	}
	for _, name := range []string{"ctl", "a.sock", "b.sock"} {
		if _, err := os.Stat(filepath.Join(r.dir, name)); err == nil {
			t.Errorf("%s is left behind", name)
		}
	}
}

// TestRunFails: a program that cannot start what its config asks for ends, and leaves nothing open.
func TestRunFails(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	listen := fmt.Sprintf("listen: [%q]", "unix://"+filepath.Join(dir, "epp.sock"))
	for _, tt := range []struct{ name, registry, top, want string }{
		{"listener", fmt.Sprintf("listen: [%q]", "tcp://"+taken.Addr().String()), "admin: {listen: \"\"}", "address already in use"},
		{"admin", listen, fmt.Sprintf("admin: {listen: %q}", taken.Addr()), "address already in use"},
		{"control", listen, fmt.Sprintf("admin: {listen: \"\"}\ncontrol: {socket: %q}", filepath.Join(dir, "none", "ctl")), "no such file"},
		{"audit", listen, fmt.Sprintf("admin: {listen: \"\"}\naudit: {file: %q}", filepath.Join(dir, "folder", "log")), "no such file"},
	} {
		if err := os.MkdirAll(filepath.Join(dir, "folder"), 0o700); err != nil {
			t.Fatal(err)
		}
		file := clitest.WriteFile(t, dir, "c.yaml", fmt.Sprintf("registries: [{name: a, address: sandbox, %s, clients: {max: 9}}]\n%s\n", tt.registry, tt.top), 0o600)
		cfg, err := config.Load(file)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if err := os.Remove(filepath.Join(dir, "folder")); err != nil { // after the check
			t.Fatal(err)
		}
		text := clitest.NewTranscript()
		log := StartLog(cfg.Log.Format, text)
		err = Run(t.Context(), Options{File: file, Config: cfg, Version: "1", Log: log})
		log.Close()
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q\n%s", tt.name, err, tt.want, text.Text())
		}
		if _, err := os.Stat(filepath.Join(dir, "epp.sock")); err == nil {
			t.Errorf("%s: the listener is left behind", tt.name)
		}
	}
	t.Setenv("LISTEN_PID", fmt.Sprint(os.Getpid()))
	t.Setenv("LISTEN_FDS", "few")
	log := StartLog(config.LogText, clitest.NewTranscript())
	defer log.Close()
	if err := Run(t.Context(), Options{Config: new(config.Config), Log: log}); err == nil || !strings.Contains(err.Error(), "LISTEN_FDS") {
		t.Errorf("got %v, want the fault of the environment", err)
	}
}

// TestStatusPages: the admin listener of a running program says that it serves, and after a drain by
// an operator what is missing.
func TestStatusPages(t *testing.T) {
	r := startRunning(t, "admin: {listen: \"127.0.0.1:0\"}", "a", "b")
	_, rest, _ := strings.Cut(r.log.Text(), `msg="admin listening" listener=`)
	at, _, _ := strings.Cut(rest, "\n")
	get := func(path string) (int, string) {
		t.Helper()
		got, err := http.Get("http://" + at + path)
		if err != nil {
			t.Fatal(err)
		}
		defer got.Body.Close()
		text, err := io.ReadAll(got.Body)
		if err != nil {
			t.Fatal(err)
		}
		return got.StatusCode, string(text)
	}
	if code, text := get("/healthz"); code != http.StatusOK {
		t.Errorf("/healthz: got %d, %s", code, text)
	}
	for path, want := range map[string]string{"/metrics": "eppmux_", "/status.json": `"name":`} {
		if code, text := get(path); code != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%s: got %d, %.200s, want %q", path, code, text, want)
		}
	}
	r.verb("drain", Request{Registry: "b"}, "")
	if _, text := get("/status.json"); !strings.Contains(text, `"b"`) {
		t.Errorf("got %.300s, want the drained registry named", text)
	}
}
