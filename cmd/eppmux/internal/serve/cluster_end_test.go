package serve

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
)

// TestClusterEnds: without a store the ids of a host come from its state folder, as on one host. A host that still owns an account when it ends gives it up in good order. Nothing is left
// undone, so the end is no failure, and the next start need not wait for a lease that nobody has.
func TestClusterEnds(t *testing.T) {
	dir := t.TempDir()
	clitest.WritePair(t, dir, "peer")
	clitest.WriteFile(t, dir, "password", "secret", 0o600)
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := os.Mkdir(in("state"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := clitest.WriteFile(t, dir, "c.yaml", fmt.Sprintf(`
registries:
  - {name: real, listen: [%q], address: "127.0.0.1:1", login: {client_id: me, password_file: %q}}
cluster:
  {name: test, host: a, static: {owner: a, peer: "127.0.0.1:7070"},
  peer: {listen: "127.0.0.1:7070", ca_file: %[3]q, cert_file: %[3]q, key_file: %[4]q}}
state: {dir: %[5]q}
admin: {listen: ""}
`, "unix://"+in("real.sock"), in("password"), in("peer.pem"), in("peer.key"), in("state")), 0o600)
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Cluster.Peer.Listen = "127.0.0.1:0"
	log := clitest.NewTranscript()
	level := new(slog.LevelVar)
	s := newService(file, "devel", level, slog.New(newHandler(config.LogText, level, log)))
	s.locks = newLocks(file, cfg, nil, s.log)
	if err := s.start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if s.trids == nil || s.members[0].trids != s.trids.trids {
		t.Error("transaction ids are told apart by chance")
	}
	if err := s.drain(); err != nil {
		t.Errorf("drain: got %v", err)
	}
	if err := s.close(); err != nil {
		t.Errorf("close: got %v; the log is\n%s", err, log.Text())
	}
}
