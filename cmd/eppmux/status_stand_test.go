package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"eppmux/admin/status"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/sandbox"
)

// statusRegistry is a registry of a statusStand: a sandbox with its faults, the keys of its config,
// and its clients.
type statusRegistry struct {
	name    string
	sandbox sandbox.Config
	faults  string
	address string        // of something else than the sandbox; empty: of that
	foreign bool          // its certificate is of an authority that the config does not name
	more    []string      // keys of its mapping
	clients int           // that send commands all the time
	command string        // which; a %d in it is a number that rises
	pause   time.Duration // between two commands of a client

	script turn   // in place of a sandbox: its one connection
	taken  bool   // another host has one of its sessions
	later  string // faults of the sandbox in place of the first ones, when it has been seen to work
	play   func(st *statusStand, nc net.Conn)
}

// statusStand is the program as a process before sandboxes, with clients at work.
type statusStand struct {
	t       *testing.T
	dir     string
	admin   string // host:port
	program *program
	stderr  *valve                       // of the program; nil: it is read all the time
	served  map[string]*clitest.Registry // by name
	numbers atomic.Uint64
	ctx     context.Context // ends the clients, by cancel
	cancel  context.CancelFunc
	working sync.WaitGroup
}

func startStatusStand(t *testing.T, registries ...statusRegistry) *statusStand {
	t.Helper()
	st := prepareStatusStand(t)
	st.start(registries...)
	return st
}

// prepareStatusStand is a stand that has not started, for files that are to be put into its folder.
func prepareStatusStand(t *testing.T) *statusStand {
	t.Helper()
	st := &statusStand{t: t, dir: t.TempDir(), served: map[string]*clitest.Registry{}}
	st.ctx, st.cancel = context.WithCancel(context.Background())
	return st
}

func (st *statusStand) start(registries ...statusRegistry) {
	st.t.Helper()
	st.launch("", registries...)
	st.employ(registries...)
}

// launch starts the program with a config of further keys.
func (st *statusStand) launch(keys string, registries ...statusRegistry) {
	t := st.t
	t.Helper()
	made, other := clitest.NewTLS(t), clitest.NewTLS(t)
	clitest.WriteFile(t, st.dir, "ca.pem", string(made.CAPEM), 0o600)
	clitest.WriteFile(t, st.dir, "client.pem", string(made.ClientCertPEM), 0o600)
	clitest.WriteFile(t, st.dir, "client.key", string(made.ClientKeyPEM), 0o600)
	text := keys + "admin: {listen: \"" + freeAddress(t) + "\"}\ncontrol: {socket: \"" + filepath.Join(st.dir, "ctl") + "\"}\nregistries:\n"
	for _, r := range registries {
		address := r.address
		switch {
		case r.script != nil:
			address, _ = startScript(t, made, r.script)
		case address == "":
			certs := made
			if r.foreign {
				certs = other
			}
			served := clitest.StartRegistry(t, certs, r.config(t))
			if address = served.Address; r.taken {
				served.Occupy(t, made, "demo", "demo-secret")
			}
			st.served[r.name] = served
		}
		more := append([]string{""}, r.more...)
		text += fmt.Sprintf("  - {name: %s, address: %q, listen: [%q], login: {client_id: demo, password: demo-secret}, "+
			"tls: {ca_file: ca.pem, cert_file: client.pem, key_file: client.key}%s}\n", r.name, address, "unix://"+st.socket(r.name), strings.Join(more, ", "))
	}
	file := clitest.WriteFile(t, st.dir, "c.yaml", text, 0o600)
	st.program = startProgramAs(t, st.stderr.attach, "serve", "--config", file)
	st.admin = st.program.find(`msg="admin listening" listener=(\S+)`)
	st.program.find(`(msg="eppmux serves")`)
}

// employ lets clients work until the test ends.
func (st *statusStand) employ(registries ...statusRegistry) {
	t := st.t
	t.Helper()
	t.Cleanup(func() {
		st.cancel()
		st.working.Wait()
	})
	for _, r := range registries {
		if r.later != "" {
			st.served[r.name].SetFaults(clitest.Faults(t, r.later))
		}
		if r.play != nil {
			st.working.Go(func() { st.play(r) })
		}
		for range r.clients {
			st.working.Go(func() { st.work(r) })
		}
	}
}

func (r *statusRegistry) config(t *testing.T) sandbox.Config {
	t.Helper()
	cfg := r.sandbox
	cfg.Faults = clitest.Faults(t, r.faults)
	if cfg.MaxSessions == 0 {
		cfg.MaxSessions = -1
	}
	return cfg
}

// freeAddress is one of this machine on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func (st *statusStand) socket(name string) string { return filepath.Join(st.dir, name+".sock") }

// work is one client: it sends the command of r again and again, over new connections where one
// ends, until the stand ends.
func (st *statusStand) work(r statusRegistry) {
	for st.ctx.Err() == nil {
		st.connected(r, func(nc net.Conn) { st.converse(nc, r) })
		st.rest(50 * time.Millisecond)
	}
}

// connected connects a client, until it has talked or the stand ends.
func (st *statusStand) connected(r statusRegistry, talk func(net.Conn)) {
	nc, err := (&net.Dialer{}).DialContext(st.ctx, "unix", st.socket(r.name))
	if err != nil {
		return
	}
	defer nc.Close()
	defer context.AfterFunc(st.ctx, func() { nc.Close() })()
	talk(nc)
}

func (st *statusStand) converse(nc net.Conn, r statusRegistry) {
	if _, err := clitest.ReadUnit(nc); err != nil {
		return
	}
	for st.ctx.Err() == nil {
		text := r.command
		if strings.Contains(text, "%d") {
			text = fmt.Sprintf(text, st.numbers.Add(1))
		}
		if _, err := nc.Write(clitest.Unit(text)); err != nil {
			return
		}
		if _, err := clitest.ReadUnit(nc); err != nil {
			return
		}
		st.rest(r.pause)
	}
}

// rest waits, or until the stand ends.
func (st *statusStand) rest(d time.Duration) {
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case <-late.C:
	case <-st.ctx.Done():
	}
}

// get asks the admin listener.
func (st *statusStand) get(path string) []byte {
	st.t.Helper()
	c := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for try := 0; ; try++ {
		r, err := c.Get("http://" + st.admin + path)
		if err != nil {
			st.t.Fatal(err)
		}
		b, err := io.ReadAll(r.Body)
		r.Body.Close()
		switch {
		case err == nil && r.StatusCode == http.StatusOK:
			return b
		case r.StatusCode != http.StatusServiceUnavailable || try == 20: // eight scrapes at once are enough
			st.t.Fatalf("%s: got %s, %v\n%s", path, r.Status, err, b)
		}
		st.rest(300 * time.Millisecond)
	}
}

func (st *statusStand) status() (s status.Status) {
	st.t.Helper()
	if err := json.Unmarshal(st.get("/status.json"), &s); err != nil {
		st.t.Fatal(err)
	}
	return s
}

// until asks for the status again and again until it is as wanted; false: it never was, for a
// minute.
func (st *statusStand) until(wanted func(*status.Status) bool) bool {
	st.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); st.rest(300 * time.Millisecond) {
		if s := st.status(); wanted(&s) {
			return true
		}
	}
	return false
}

// Commands for the clients of a stand.
const (
	checkText  = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><check><d:check xmlns:d="urn:ietf:params:xml:ns:domain-1.0"><d:name>a%d.example</d:name></d:check></check><clTRID>C-1</clTRID></command></epp>`
	createText = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><create><d:create xmlns:d="urn:ietf:params:xml:ns:domain-1.0"><d:name>new%d.example</d:name><d:authInfo><d:pw>secret-1</d:pw></d:authInfo></d:create></create><clTRID>C-2</clTRID></command></epp>`
	infoText   = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><info><d:info xmlns:d="urn:ietf:params:xml:ns:domain-1.0"><d:name>none%d.example</d:name></d:info></info><clTRID>C-3</clTRID></command></epp>`
)
