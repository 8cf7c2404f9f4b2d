package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
)

// TestCredentials: what a service manager passes is found in its folder and, there alone, may have
// the mode that an access list shows.
func TestCredentials(t *testing.T) {
	dir, passed := t.TempDir(), t.TempDir()
	if err := os.Chmod(passed, 0o700); err != nil {
		t.Fatal(err)
	}
	clitest.WritePair(t, passed, "client")
	file := clitest.WriteFile(t, dir, "c.yaml", clitest.RegistryYAML("login: {client_id: x, password_file: $CREDENTIALS_DIRECTORY/password}",
		"tls: {cert_file: $CREDENTIALS_DIRECTORY/client.pem, key_file: $CREDENTIALS_DIRECTORY/client.key}"), 0o644)
	for _, tt := range []struct {
		folder string
		mode   os.FileMode
		want   string
	}{
		{passed, 0o400, ""},
		{passed, 0o440, ""},
		{passed, 0o460, "group or others can reach it (mode 0460)"},
		{passed, 0o444, "group or others can reach it (mode 0444)"},
		{"", 0o400, "login.password_file: $CREDENTIALS_DIRECTORY/password: CREDENTIALS_DIRECTORY is not set"},
	} {
		t.Setenv("CREDENTIALS_DIRECTORY", tt.folder)
		if err := os.Chmod(filepath.Join(passed, "client.key"), tt.mode); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(filepath.Join(passed, "password"))
		clitest.WriteFile(t, passed, "password", clitest.Canary+"\n", tt.mode)
		cfg, err := Load(file)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q, mode %04o: got %v, want %q", tt.folder, tt.mode, err, tt.want)
			continue
		}
		if err == nil && (cfg.Registries[0].Login.Password.Reveal() != clitest.Canary || cfg.Registries[0].TLS.Certificate == nil) {
			t.Errorf("mode %04o: got %+v", tt.mode, cfg.Registries[0])
		}
		if err != nil {
			continue
		}
		if _, err := LoadKeyPair(filepath.Join(passed, "client.pem"), filepath.Join(passed, "client.key")); err != nil {
			t.Errorf("mode %04o: read again: %v", tt.mode, err)
		}
	}
	// Elsewhere the mode of an access list is that of a file open to the group.
	t.Setenv("CREDENTIALS_DIRECTORY", passed)
	key := filepath.Join(dir, "client.key")
	clitest.WritePair(t, dir, "client")
	if err := os.Chmod(key, 0o440); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKeyPair(filepath.Join(dir, "client.pem"), key); err == nil {
		t.Error("got no error for a key that is open to the group")
	}
}
