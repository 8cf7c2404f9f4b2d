package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// clusterSpec is what a cluster of a test is made of.
type clusterSpec struct {
	registrySpec
	hosts   int
	clients int           // of each host
	ttl     time.Duration // 0: the hosts know nothing of each other
	engine  string        // as startEngine has it; with a ttl
	bin     func(host int) string
	address string // of the registry as hosts see it; empty: its own
	keys    string // more keys of the config's registry
	unruly  bool   // the hosts have no limit
}

// clusterRig is a registry, hosts, an engine and clients. The goroutine of the test owns it.
type clusterRig struct {
	t        *testing.T
	spec     clusterSpec
	bin      string
	dir      string
	registry *registry
	hosts    []*host
	peers    []*relay // before the peer listener of each host
	stores   []*relay // of each host, before the engine
	engine   *engineServer
	crowd    *crowd
	began    time.Time
	refused  int // logins above the number of sessions that are allowed
	figures  *clusterFigures
	lag      *lag

	// spoilAnswers, if set, stands between clients and hosts; see interpose.
	spoilAnswers func(unit []byte, near *unitWriter)
}

func newClusterRig(t *testing.T, spec clusterSpec) *clusterRig {
	t.Helper()
	c := &clusterRig{t: t, spec: spec, bin: build(t), dir: shortDir(t)}
	c.lag = newLag()
	t.Cleanup(c.lag.end)
	c.registry = newRegistry(t, c.bin, spec.registrySpec)
	if c.spec.address == "" {
		c.spec.address = c.registry.address
	}
	if err := os.WriteFile(filepath.Join(c.dir, "password"), []byte("demo-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if spec.ttl > 0 {
		peerCerts(t, c.dir, "a", "b", "c")
		c.engine = startEngine(t, spec.engine)
	}
	for i := range spec.hosts {
		bin := c.bin
		if spec.bin != nil {
			bin = spec.bin(i)
		}
		c.hosts = append(c.hosts, newHost(t, bin, c.dir, i, c.config))
	}
	return c
}

// config is that of one host.
func (c *clusterRig) config(h *host) string {
	limits := "[]"
	if c.spec.rate > 0 && !c.spec.unruly {
		limits = fmt.Sprintf("[{limit: %d, per: %v, burst: 10}]", c.spec.rate, c.spec.window())
	}
	pem := func(name string) string { return filepath.Join(c.registry.dir, name) }
	text := fmt.Sprintf(`registries:
  - name: test
    listen: ["tcp://127.0.0.1:0"]
    address: %s
    source_address: %s
    tls: {server_name: localhost, ca_file: %s, cert_file: %s, key_file: %s}
    login: {client_id: demo, password_file: password}
    sessions: {min: %d, max: %[6]d}
    timeouts: {queue: %v, command: 10s}
    rate_limits: %s
    %s
admin: {listen: "127.0.0.1:0"}
control: {socket: %s}
state: {dir: %s}
audit: {file: %s}
`, c.spec.address, h.source, pem("ca.pem"), pem("client.pem"), pem("client.key"), c.spec.sessions, c.queue(), limits, c.spec.keys,
		h.socket, filepath.Join(c.dir, h.name), h.audit)
	if c.spec.ttl == 0 {
		return text
	}
	peer := newRelay(c.t, h.peer, c.hostOf)
	store := newRelay(c.t, c.engine.Addr, func(net.Conn) string { return h.name })
	c.peers, c.stores = append(c.peers, peer), append(c.stores, store)
	return text + fmt.Sprintf(`cluster:
  name: rig
  host: %s
  %s
  ttl: %v
  peer: {listen: "%s", advertise: "%s", ca_file: peer-ca.pem, cert_file: %[1]s.pem, key_file: %[1]s.key}
`, h.name, c.engine.config(store.addr()), c.spec.ttl, h.peer, peer.addr())
}

// queue is how long commands may wait: longer than two takeovers.
func (c *clusterRig) queue() time.Duration { return 4*c.spec.ttl + 4*c.spec.window() }

// patience is how long a client waits for an answer: for the queue, and a command and its repetition
// at two hosts.
func (c *clusterRig) patience() time.Duration { return c.queue() + 30*time.Second }

// start runs all hosts, the first one first so that it owns the account, and then the clients. It
// waits until commands are answered.
func (c *clusterRig) start() {
	c.t.Helper()
	for _, h := range c.hosts {
		h.start()
		if c.owner() == nil {
			c.waitFor("a first owner", func() bool { return c.owner() != nil })
		}
	}
	if c.spoilAnswers != nil {
		c.interpose()
	}
	c.crowd = newCrowd(c.hosts, c.spec.clients, c.patience())
	c.waitFor("answers", func() bool { return c.registry.counters().Logins > 0 && len(c.journal()) > 10*c.spec.hosts })
	time.Sleep(time.Second) // until the steady state: the first second of a limit is another one
	c.began = time.Now()
}

func (c *clusterRig) waitFor(what string, cond func() bool) {
	c.t.Helper()
	for begin := time.Now(); !cond(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > 60*time.Second {
			c.t.Fatalf("still waiting for %s", what)
		}
	}
}

// sources are the hosts by the addresses from which they come to the registry.
func (c *clusterRig) sources() map[string]string {
	m := map[string]string{}
	for _, h := range c.hosts {
		m[h.source] = h.name
	}
	return m
}

func (c *clusterRig) journal() []journalLine { return c.registry.lines(c.sources()) }

// owner is the host that has written to the registry last, and did not log out; nil: there is none.
func (c *clusterRig) owner() *host {
	all := c.journal()
	for i := len(all) - 1; i >= 0; i-- {
		if l := &all[i]; l.Event == "message" && l.Command != "logout" && l.Code < 2000 {
			return c.host(l.host)
		}
	}
	return nil
}

func (c *clusterRig) host(name string) *host {
	for _, h := range c.hosts {
		if h.name == name {
			return h
		}
	}
	return nil
}

// other is a host that runs and is not h.
func (c *clusterRig) other(h *host) *host {
	for _, o := range c.hosts {
		if o != h && o.running() && !o.stopped {
			return o
		}
	}
	c.t.Fatal("no other host runs")
	return nil
}

// hostOf is the host whose process has the other end of a connection; empty where that is not known,
// since only root may look.
func (c *clusterRig) hostOf(nc net.Conn) string {
	inode := socketInode(nc)
	if inode == "" {
		return ""
	}
	for _, h := range c.hosts {
		dir := fmt.Sprintf("/proc/%d/fd/", h.pid())
		files, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, f := range files {
			if to, err := os.Readlink(dir + f.Name()); err == nil && to == "socket:["+inode+"]" {
				return h.name
			}
		}
	}
	return ""
}

// socketInode is the inode of the other end of a connection on this machine.
func socketInode(nc net.Conn) string {
	far, near := nc.RemoteAddr().(*net.TCPAddr), nc.LocalAddr().(*net.TCPAddr)
	text, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return ""
	}
	local, remote := fmt.Sprintf(":%04X", far.Port), fmt.Sprintf(":%04X", near.Port)
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) > 9 && strings.HasSuffix(f[1], local) && strings.HasSuffix(f[2], remote) {
			return f[9]
		}
	}
	return ""
}

// finish ends the clients, and collects what the judge needs.
func (c *clusterRig) finish() *evidence {
	c.t.Helper()
	e := &evidence{sent: c.crowd.ended(), breaches: c.registry.counters().Breaches, journal: c.journal(), audits: map[string][]auditMark{},
		refused: c.refused, rate: c.spec.rate, per: c.spec.window(), deadline: c.patience(), sharing: c.spec.ttl > 0}
	for _, h := range c.hosts {
		e.audits[h.name] = auditMarks(c.t, h.audit)
	}
	return e
}

// readdress gives the hosts another address for the registry, before they start.
func (c *clusterRig) readdress(address string) {
	c.t.Helper()
	for _, h := range c.hosts {
		text, err := os.ReadFile(h.config)
		if err != nil {
			c.t.Fatal(err)
		}
		text = []byte(strings.Replace(string(text), "address: "+c.spec.address+"\n", "address: "+address+"\n", 1))
		if err := os.WriteFile(h.config, text, 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
}

// interpose has clients go through a spoiler to their hosts, which run.
func (c *clusterRig) interpose() {
	c.t.Helper()
	for _, h := range c.hosts {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			c.t.Fatal(err)
		}
		to, at := h.address(), ln.Addr().String()
		s := newSpoiler(c.t, ln, func() (net.Conn, error) { return net.Dial("tcp", to) })
		s.answer = c.spoilAnswers
		s.run()
		h.at.Store(&at)
	}
}
