package config

import (
	"fmt"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
)

// knownHash is of "demo-secret ä".
const knownHash = "pbkdf2-sha256$10000$c2l4dGVlbiBvY3RldHMhIQ$ovesOjWVCjVTV8t9RIiieWzod3TcuE4rfuZ+Y1p9OEw"

func TestUsers(t *testing.T) {
	dir := t.TempDir()
	clitest.WriteFile(t, dir, "hash", knownHash+"\n", 0o600)
	clitest.WriteFile(t, dir, "open", knownHash+"\n", 0o640)
	clitest.WriteFile(t, dir, "password", clitest.Canary+"\n", 0o600)
	for _, tt := range []struct {
		users string
		fault string // empty: none
	}{
		{"[{client_id: a, password_hash: " + knownHash + "}, {client_id: b, password_hash_file: hash}]", ""},
		{"[]", "users: needs at least one: login is verify"},
		{"[{password_hash_file: hash}]", "users[0].client_id: is missing"},
		{`[{client_id: " a", password_hash_file: hash}]`, "users[0].client_id: must not begin or end with a blank"},
		{"[{client_id: a, password_hash_file: hash}, {client_id: a, password_hash_file: hash}]", `users[1].client_id: "a" is in registries[0].clients.users[0] already`},
		{"[{client_id: a}]", "users[0]: needs one of password_hash and password_hash_file"},
		{"[{client_id: a, password_hash_file: hash, password_hash: " + knownHash + "}]", "users[0]: needs exactly one of password_hash and password_hash_file, has both"},
		{"[{client_id: a, password_hash_file: none}]", "users[0].password_hash_file: open "},
		{"[{client_id: a, password_hash_file: open}]", "users[0].password_hash_file: open: group or others can reach it"},
		{"[{client_id: a, password_hash_file: password}]", "users[0].password_hash_file: must be pbkdf2-sha256$ITERATIONS$SALT$HASH"},
		{"[{client_id: a, password_hash: " + clitest.Canary + "}]", "users[0].password_hash: must be pbkdf2-sha256$ITERATIONS$SALT$HASH"},
		{"[{client_id: a, password_hash: " + strings.Replace(knownHash, "10000", "9", 1) + "}]", "users[0].password_hash: the number of iterations must be 10000 to 5000000"},
		{"[{client_id: a, password: x}]", "users[0].password: unknown key"},
	} {
		file := clitest.WriteFile(t, dir, "c.yaml", clitest.SandboxYAML("clients: {login: verify, users: "+tt.users+"}"), 0o600)
		cfg, err := Load(file)
		if tt.fault == "" {
			if err != nil || len(cfg.Registries[0].Clients.Hashes()) != 2 || len(cfg.Warnings) > 0 {
				t.Errorf("%s: got %v, %+v", tt.users, err, cfg)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), "registries[0].clients."+tt.fault) || clitest.FindSecret(err.Error()) != "" {
			t.Errorf("%s: got %v, want %s", tt.users, err, tt.fault)
		}
	}
}

// TestUsersWarnings: users that nobody asks for, and hashes that others can read.
func TestUsersWarnings(t *testing.T) {
	dir := t.TempDir()
	clitest.WriteFile(t, dir, "hash", knownHash+"\n", 0o600)
	users := "users: [{client_id: a, password_hash: " + knownHash + "}, {client_id: b, password_hash_file: hash}]"
	cfg, err := Load(clitest.WriteFile(t, dir, "c.yaml", clitest.SandboxYAML("clients: {login: accept, "+users+"}"), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(cfg.Warnings, "\n")
	if len(cfg.Warnings) != 2 || !strings.Contains(got, "clients.users: warning: has no effect while clients.login is accept") ||
		!strings.Contains(got, "clients.users[0].password_hash: warning: stands in this file, and group or others can reach it") {
		t.Errorf("got %s", got)
	}
	if cfg.Registries[0].Clients.Hashes() != nil {
		t.Error("got hashes, want none where any login is taken")
	}
	if shown := fmt.Sprintf("%+v %#v", cfg.Registries[0].Clients, cfg.Registries[0].Clients); strings.Contains(shown, "ovesO") {
		t.Errorf("got %s", shown)
	}
}
