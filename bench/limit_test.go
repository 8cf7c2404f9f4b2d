package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// pair is a registry and eppmux in front of it, each a process.
type pair struct {
	dir      string
	address  string // of the registry
	stats    string // of the registry, HTTP
	listener string // of eppmux
	proxy    *program
}

// startPair runs both; registry are more flags of the sandbox, rest more keys of the config's
// registry.
func startPair(t *testing.T, registry []string, rest string) *pair {
	t.Helper()
	bin := build(t)
	p := &pair{dir: t.TempDir()}
	s := launch(t, bin, append([]string{"sandbox", "--listen", "127.0.0.1:0", "--tls", p.dir, "--mutual", "--stats-listen", "127.0.0.1:0"}, registry...)...)
	p.address = s.find(`(127\.0\.0\.1:\d+)`)
	p.stats = s.find(`(127\.0\.0\.1:\d+)`)
	if err := os.WriteFile(filepath.Join(p.dir, "password"), []byte("demo-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(p.dir, "config.yaml")
	text := fmt.Sprintf(`registries:
  - name: test
    listen: ["tcp://127.0.0.1:0"]
    address: %s
    tls: {server_name: localhost, ca_file: ca.pem, cert_file: client.pem, key_file: client.key}
    login: {client_id: demo, password_file: password}
    %s
admin: {listen: ""}
`, p.address, rest)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	m := launch(t, bin, "serve", "--config", config)
	p.proxy = m
	p.listener = m.find(`msg=listening .*listener=tcp://(\S+)`)
	m.find(`(session opened)`)
	return p
}

// TestLimit: three hundred eager clients use a limit of 100 a second, and the registry, which
// counts by its own clock, never sees more.
func TestLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	t.Parallel()
	p := startPair(t, []string{"--rate", "100/1s", "--latency", "5ms"},
		`sessions: {min: 3, max: 3}
    timeouts: {queue: 60s}
    rate_limits: [{limit: 100, per: 1s, burst: 10}]`)
	r := load(t, "--to", p.listener, "--clients", "300", "--for", "8s", "--warm-up", "2s")
	t.Logf("%.2f commands a second", r.PerSec)
	if r.PerSec < 50 { // 97 and more, unless the machine has other things to do
		t.Errorf("%.2f commands a second under a limit of 100", r.PerSec)
	}
	if b := breaches(t, p.stats); b != "" {
		t.Errorf("the registry counts breaches: %s", b)
	}
}
