package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// rig is a registry and eppmux in front of it, each a process, with every kind of listener and with
// metrics.
type rig struct {
	t      *testing.T
	dir    string // certificates, config, unix socket
	file   string // the config, in dir
	stats  string // of the registry, HTTP
	plain  string // listeners of eppmux
	secure string
	socket string
	admin  string
	mux    *program
	client *tls.Config // for secure
}

// newRig runs both; flags are more of the sandbox's, keys more of the config's registry, which may
// have clients' ones behind "clients:".
func newRig(t *testing.T, bin string, flags []string, keys, clients string) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), file: "config.yaml"}
	s := launch(t, bin, append([]string{"sandbox", "--listen", "127.0.0.1:0", "--tls", r.dir, "--mutual", "--stats-listen", "127.0.0.1:0"}, flags...)...)
	address := s.find(`(127\.0\.0\.1:\d+)`)
	r.stats = s.find(`(127\.0\.0\.1:\d+)`)
	r.write("password", "demo-secret\n")
	r.socket = filepath.Join(r.dir, "epp.sock")
	r.write(r.file, r.config(address, keys, clients))
	var err error
	if r.client, err = clientTLS(filepath.Join(r.dir, "ca.pem"), "", ""); err != nil {
		t.Fatal(err)
	}
	return r
}

// twin is another eppmux in front of the same registry, with the same config but for its unix
// socket. It has a state folder of its own: else it would not use an account that another uses.
func (r *rig) twin() *rig {
	r.t.Helper()
	other := *r
	other.file, other.socket = "twin.yaml", filepath.Join(r.dir, "twin.sock")
	state := filepath.Join(r.dir, "twin")
	if err := os.Mkdir(state, 0o700); err != nil {
		r.t.Fatal(err)
	}
	other.write(other.file, strings.Replace(r.text(r.file), r.socket, other.socket, 1)+"state: {dir: "+state+"}\n")
	return &other
}

func (r *rig) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) text(name string) string {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(b)
}

func (r *rig) config(address, keys, clients string) string {
	return fmt.Sprintf(`registries:
  - name: test
    listen: ["tcp://127.0.0.1:0", "tls://127.0.0.1:0", "unix://%s"]
    address: %s
    tls: {server_name: localhost, ca_file: ca.pem, cert_file: client.pem, key_file: client.key}
    login: {client_id: demo, password_file: password}
    clients: {tls: {cert_file: server.pem, key_file: server.key}%s}
    %s
admin: {listen: "127.0.0.1:0"}
`, r.socket, address, clients, keys)
}

// serve starts eppmux; shell, if there is one, is run before it in the same process.
func (r *rig) serve(bin, shell string) {
	r.t.Helper()
	config := filepath.Join(r.dir, r.file)
	if shell == "" {
		r.mux = launch(r.t, bin, "serve", "--config", config)
	} else {
		r.mux = launch(r.t, "/bin/sh", "-c", shell+` && exec "$0" serve --config "$1"`, bin, config)
	}
	r.plain = r.mux.find(`msg=listening .*listener=tcp://(\S+)`)
	r.secure = r.mux.find(`msg=listening .*listener=tls://(\S+)`)
	r.admin = r.mux.find(`msg="admin listening" listener=(\S+)`)
	r.waitFor("a session", func() bool { return r.scrape()[`eppmux_sessions{registry="test",state="idle"}`] > 0 })
}

// waitFor polls until cond, for thirty seconds at most.
func (r *rig) waitFor(what string, cond func() bool) {
	r.t.Helper()
	for begin := time.Now(); !cond(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > 30*time.Second {
			r.t.Fatalf("still waiting for %s", what)
		}
	}
}

// scrape reads eppmux's metrics.
func (r *rig) scrape() samples {
	r.t.Helper()
	all, err := scrape(r.admin)
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

// get reads a page of the admin listener.
func (r *rig) get(path string) (code int, body string) {
	r.t.Helper()
	c := http.Client{Timeout: 20 * time.Second}
	resp, err := c.Get("http://" + r.admin + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// closes are the ends of clients by reason, without those for which there was none.
func (s samples) closes() map[string]int {
	const head, tail = `eppmux_client_closes_total{reason="`, `",registry="test"}`
	by := map[string]int{}
	for name, v := range s {
		if rest, ok := strings.CutPrefix(name, head); ok && v > 0 {
			if reason, ok := strings.CutSuffix(rest, tail); ok {
				by[reason] = int(v)
			}
		}
	}
	return by
}

// resident is the memory of eppmux in octets, as the kernel counts it.
func (r *rig) resident() int {
	r.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.mux.cmd.Process.Pid))
	if err != nil {
		r.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var kib int
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	r.t.Fatal("no VmRSS")
	return 0
}

// dial connects to a listener: the plain one, or with TLS.
func (r *rig) dial(secure bool) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	if secure {
		return tls.DialWithDialer(&d, "tcp", r.secure, r.client)
	}
	return d.Dial("tcp", r.plain)
}
