package serve

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"eppmux/cluster"
	"eppmux/cluster/clustertest"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/frame"
	"eppmux/sandbox"
)

// town is a cluster of services in this process, over a store in memory, before registries on ports of their
// own.
type town struct {
	t          *testing.T
	store      *clustertest.Store
	made       *sandbox.TLS
	registries map[string]*clitest.Registry
	hosts      map[string]*townHost
}

// townHost is one service of a town while it serves.
type townHost struct {
	*reloadStand
	town   *town
	name   string
	peer   string // host:port of its listener for lanes
	cancel context.CancelFunc
	ended  chan error // the one result of serve; nil: it was taken
	open   openStore
}

func newTown(t *testing.T, registries ...string) *town {
	t.Helper()
	before := len(goroutines())
	w := &town{t: t, store: clustertest.NewStore(1), made: clitest.NewTLS(t),
		registries: make(map[string]*clitest.Registry), hosts: make(map[string]*townHost)}
	t.Cleanup(func() {
		if !t.Failed() { // behind the registries and the hosts
			w.until("goroutines end", func() bool { return len(goroutines()) <= before })
		}
		if all := goroutines(); t.Failed() && len(all) > before {
			t.Logf("%d goroutines, %d before\n%s", len(all), before, strings.Join(all, "\n\n"))
		}
	})
	for _, name := range registries {
		w.registries[name] = clitest.StartRegistry(t, w.made, sandbox.Config{MaxSessions: 1, Latency: 5 * time.Millisecond})
	}
	return w
}

// goroutines are the stacks of all, but for those that are there once for the process: workers of gnet, and
// what takes signals.
func goroutines() []string {
	buf := make([]byte, 4<<20)
	all := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	return slices.DeleteFunc(all, func(s string) bool {
		return strings.Contains(s, "ants/v2") || strings.Contains(s, "os/signal")
	})
}

// until waits until is.
func (w *town) until(what string, is func() bool) {
	w.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(90 * time.Second)
	defer late.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-late.C:
			w.t.Fatalf("it took too long until %s", what)
		}
	}
}

// freeAddress is a port of the loopback that is free now: hosts of a cluster must know those of others.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// newHost makes a host, which is not begun.
func (w *town) newHost(name string) *townHost {
	w.t.Helper()
	h := &townHost{reloadStand: &reloadStand{t: w.t, dir: w.t.TempDir(), log: clitest.NewTranscript()}, town: w,
		name: name, peer: freeAddress(w.t)}
	for file, text := range map[string][]byte{"ca.pem": w.made.CAPEM, "c.pem": w.made.ClientCertPEM, "c.key": w.made.ClientKeyPEM} {
		clitest.WriteFile(w.t, h.dir, file, string(text), 0o600)
	}
	if first := w.firstDir(); first == "" {
		clitest.WritePair(w.t, h.dir, "peer")
	} else { // one certificate will do for all
		for _, file := range []string{"peer.pem", "peer.key"} {
			clitest.WriteFile(w.t, h.dir, file, string(clitest.ReadFile(w.t, first+"/"+file)), 0o600)
		}
	}
	h.open = h.townStore
	w.hosts[name] = h
	return h
}

// townStore is the store of the town, where the config has one.
func (h *townHost) townStore(c *config.Cluster, _ *slog.Logger) (cluster.Engine, error) {
	if c.Static != nil {
		return nil, nil
	}
	return h.town.store.Engine(h.name), nil
}

func (w *town) firstDir() string {
	for _, h := range w.hosts {
		return h.dir
	}
	return ""
}

// real is the mapping of a registry of the town, with more keys.
func (h *townHost) real(name string, more ...string) string {
	login := "login: {client_id: demo, password: demo-secret}"
	if slices.ContainsFunc(more, func(s string) bool { return strings.HasPrefix(s, "login:") }) {
		login = "poll: shared"
	}
	return fmt.Sprintf("{name: %s, address: %q, listen: [%q], clients: {max: 50}, tls: {ca_file: ca.pem, cert_file: c.pem, key_file: c.key}, "+
		"sessions: {max: 1}, %s%s}", name, h.town.registries[name].Address, "unix://"+h.socket(name), login,
		strings.Join(append([]string{""}, more...), ", "))
}

// section is the cluster of this host, with more keys.
func (h *townHost) section(more string) string {
	return fmt.Sprintf("drain_timeout: 20s\ncluster:\n  name: prod\n  host: %s\n  %s\n"+
		"  peer: {listen: %q, ca_file: peer.pem, cert_file: peer.pem, key_file: peer.key}\n", h.name, more, h.peer)
}

// byStore are keys of a cluster that has a store.
const byStore = "ttl: 5s\n  redis: {address: \"127.0.0.1:1\"}"

// begin begins to serve. top and registries are as for write; the store is the town's.
func (h *townHost) begin(top string, registries ...string) {
	h.t.Helper()
	cfg := h.prepare(top, registries...)
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel, h.ended = cancel, make(chan error, 1)
	go func() { h.ended <- h.s.serve(ctx, cfg) }()
	h.t.Cleanup(func() {
		if h.ended != nil {
			h.stop()
		}
		if h.t.Failed() {
			h.t.Logf("host %s\n%s", h.name, h.log.Text())
		}
	})
	h.logged("eppmux serves")
}

// prepare makes the service.
func (h *townHost) prepare(top string, registries ...string) *config.Config {
	h.t.Helper()
	h.log = clitest.NewTranscript()
	level := new(slog.LevelVar)
	h.s = newService(h.dir+"/c.yaml", "1.2.3", level, slog.New(newHandler(config.LogText, level, h.log)))
	h.s.openStore = h.open
	h.write(top, registries...)
	cfg, err := config.Load(h.s.file)
	if err != nil {
		h.t.Fatal(err)
	}
	h.s.locks = newLocks(h.s.file, cfg, nil, h.s.log)
	return cfg
}

// stop ends it as SIGTERM does.
func (h *townHost) stop() {
	h.t.Helper()
	h.cancel()
	err := <-h.ended
	if h.ended = nil; err != nil {
		h.t.Errorf("%s: got %v", h.name, err)
	}
}

// do runs f on the goroutine of serve.
func (h *townHost) do(f func(ctx context.Context)) {
	h.t.Helper()
	if err := h.s.do(h.t.Context(), f); err != nil {
		h.t.Fatal(err)
	}
}

// reload returns what it logs.
func (h *townHost) reload(top string, registries ...string) (log string) {
	h.t.Helper()
	h.write(top, registries...)
	h.do(func(context.Context) { log = h.reloadStand.reload() })
	return log
}

// verb runs one as the control socket does.
func (h *townHost) verb(name, registry, to string) (string, error) {
	a, err := controlVerbs[name](h.s, h.t.Context(), Request{Registry: registry, To: to})
	return strings.Join(a.Done, "; "), err
}

// account is what the host says of a registry's account.
func (h *townHost) account(registry string) (st cluster.AccountState) {
	snapshot, err := h.s.inCluster()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, a := range snapshot.Accounts {
		if a.Name == registry {
			return a
		}
	}
	return st
}

// owned waits until one host owns the registry and the others know it, and returns that.
func (w *town) owned(registry string, among ...*townHost) (owner *townHost) {
	w.t.Helper()
	w.until(registry+" is owned by one host", func() bool {
		owner = nil
		for _, h := range among {
			if a := h.account(registry); a.Role == cluster.RoleOwner {
				owner = h
			}
		}
		for _, h := range among {
			if owner == nil || h.account(registry).Owner.Host != owner.name {
				return false
			}
		}
		return true
	})
	return owner
}

// ready waits until the host is ready to serve.
func (h *townHost) ready(registry string) {
	h.t.Helper()
	h.town.until(h.name+" is ready", func() bool {
		for _, r := range h.s.monitor.Ready() {
			if r.Registry == registry {
				return r.OK
			}
		}
		return false
	})
}

// dial is a client that waits for its greeting with its first command.
func (h *townHost) dial(registry string) net.Conn {
	h.t.Helper()
	nc, err := net.Dial("unix", h.socket(registry))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(90 * time.Second)); err != nil {
		h.t.Fatal(err)
	}
	if _, err := clitest.ReadUnit(nc); err != nil {
		h.t.Fatalf("%s: greeting: %v", h.name, err)
	}
	return nc
}

// ask sends a check, and answer reads what comes back.
func (h *townHost) ask(nc net.Conn) {
	h.t.Helper()
	if _, err := nc.Write(clitest.Unit(clitest.CheckXML)); err != nil {
		h.t.Fatal(err)
	}
}

func (h *townHost) answer(nc net.Conn) {
	h.t.Helper()
	answer, err := clitest.ReadUnit(nc)
	if err != nil {
		h.t.Errorf("%s: %v", h.name, err)
		return
	}
	if code, msg, err := frame.ParseResult(answer); code != 1000 || err != nil {
		h.t.Errorf("%s: got %d %q, %v, want 1000", h.name, code, msg, err)
	}
}

// works wants a command of a client of the host to be answered.
func (h *townHost) works(registry string) {
	h.t.Helper()
	nc := h.dial(registry)
	defer nc.Close()
	h.ask(nc)
	h.answer(nc)
}

// kept wants the registry to have seen what it allows, and sessions that were logged out.
func (w *town) kept(registry string) {
	w.t.Helper()
	c := w.registries[registry].Counters()
	if c.Breaches.Total() != 0 || c.Logins != c.Logouts {
		w.t.Errorf("%s: got %d logins, %d logouts, breaches %+v", registry, c.Logins, c.Logouts, c.Breaches)
	}
}

// gone wants nothing of the host to be left in its folder and on its port.
func (h *townHost) gone(registries ...string) {
	h.t.Helper()
	for _, name := range registries {
		if _, err := os.Stat(h.socket(name)); err == nil {
			h.t.Errorf("%s: %s is left behind", h.name, h.socket(name))
		}
	}
	ln, err := net.Listen("tcp", h.peer)
	if err != nil {
		h.t.Errorf("%s: the listener for lanes is left behind: %v", h.name, err)
		return
	}
	ln.Close()
}

// files are those in the state folder, by the ends of their names.
func (h *townHost) files(t *testing.T, begins, ends string) (found []string) {
	t.Helper()
	entries, err := os.ReadDir(h.dir + "/state")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), begins) && strings.HasSuffix(e.Name(), ends) {
			found = append(found, h.dir+"/state/"+e.Name())
		}
	}
	return found
}
