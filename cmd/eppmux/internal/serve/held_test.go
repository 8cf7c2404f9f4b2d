package serve

import (
	"bytes"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"eppmux/admin"
	"eppmux/admin/status"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/loop/gnetloop"
	"eppmux/proxy"
	"eppmux/sandbox"
	"eppmux/upstream"
)

// TestVerdictHeld: row 35 of docs/faults.md, in this process, with a bound that is reached sooner
// than that of the config.
func TestVerdictHeld(t *testing.T) {
	made := clitest.NewTLS(t)
	r := clitest.StartRegistry(t, made, sandbox.Config{})
	dir := t.TempDir()
	clitest.WriteFile(t, dir, "ca.pem", string(made.CAPEM), 0o600)
	clitest.WriteFile(t, dir, "c.pem", string(made.ClientCertPEM), 0o600)
	clitest.WriteFile(t, dir, "c.key", string(made.ClientKeyPEM), 0o600)
	cfg, err := config.Load(clitest.WriteFile(t, dir, "c.yaml", "registries: [{name: a, address: "+r.Address+", listen: [\"unix:///a\"], login: {client_id: demo, password: demo-secret}, "+
		"tls: {ca_file: ca.pem, cert_file: c.pem, key_file: c.key}, clients: {max: 50, max_frame: 65536, max_ahead: 131072}}]\n", 0o600))
	if err != nil {
		t.Fatal(err)
	}
	reg := &cfg.Registries[0]
	l, err := gnetloop.New(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	account := upstream.NewAccount(upstreamConfig(reg, reg.TLSConfig()), l)
	pc := proxyConfig(reg, nil)
	socket := t.TempDir() + "/s"
	pc.Listeners, pc.MaxMemory = []proxy.Listener{{Address: "unix://" + socket}}, 100_000
	server := proxy.New(pc, account)
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	account.Start()
	server.Serve()
	subjects := []status.Subject{{Looker: admin.Served(server), MaxSessions: 1, MaxClients: 50}}
	m := status.NewMonitor(status.MonitorConfig{Subjects: func() []status.Subject { return subjects }})
	t.Cleanup(func() {
		m.Stop()
		server.Close()
		account.Close()
		if err := l.Stop(); err != nil {
			t.Error(err)
		}
	})
	dial := func() net.Conn {
		nc, err := net.Dial("unix", socket)
		if err == nil {
			t.Cleanup(func() { nc.Close() })
			_, err = clitest.ReadUnit(nc)
		}
		if err != nil {
			t.Fatal(err)
		}
		return nc
	}
	big := clitest.Unit(strings.Replace(clitest.CheckXML, "example.com", strings.Repeat("x", 60_000), 1))
	for range 2 { // one alone has room
		_, _ = dial().Write(big[:59_000])
	}
	deadline := time.Now().Add(time.Minute)
	good := dial()
	if _, err := good.Write(clitest.Unit(clitest.CheckXML)); err != nil {
		t.Fatal(err)
	}
	if answer, err := clitest.ReadUnit(good); err != nil || !bytes.Contains(answer, []byte(`code="1000"`)) {
		t.Fatalf("got %s, %v", answer, err)
	}
	want := regexp.MustCompile(`^too much is held for all clients together: [\d.]+ MiB of 0.1; beyond that those that hold most give way, and 1 client was closed$`)
	for ; time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if f := m.Status().Registries[0].Findings[0]; f.Gravity == status.Look && want.MatchString(f.Text) {
			return
		}
	}
	t.Errorf("got %+v", m.Status().Registries[0].Findings)
}
