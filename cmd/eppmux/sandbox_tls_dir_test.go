package main

import (
	"bytes"
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/sandbox"
)

var tlsFiles = []string{"ca.pem", "server.pem", "server.key", "client.pem", "client.key"}

// contents is all that a set consists of.
func contents(t *testing.T, dir string) []byte {
	t.Helper()
	var all []byte
	for _, name := range tlsFiles {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	return all
}

// TestTLSIsKept: a set is used again as long as it is whole, and made anew otherwise.
func TestTLSIsKept(t *testing.T) {
	other, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		harm func(dir string) error
		kept bool
	}{
		{"whole", func(string) error { return nil }, true},
		{"no authority", func(dir string) error { return os.Remove(filepath.Join(dir, "ca.pem")) }, false},
		{"no client key", func(dir string) error { return os.Remove(filepath.Join(dir, "client.key")) }, false},
		{"key open to others", func(dir string) error { return os.Chmod(filepath.Join(dir, "server.key"), 0o644) }, false},
		{"another authority", func(dir string) error { return replaceFile(filepath.Join(dir, "ca.pem"), other.CAPEM) }, false},
		{"another server key", func(dir string) error { return replaceFile(filepath.Join(dir, "server.key"), other.ServerKeyPEM) }, false},
		{"another client", func(dir string) error {
			if err := replaceFile(filepath.Join(dir, "client.pem"), other.ClientCertPEM); err != nil {
				return err
			}
			return replaceFile(filepath.Join(dir, "client.key"), other.ClientKeyPEM)
		}, false},
		{"client for server", func(dir string) error {
			if err := os.Rename(filepath.Join(dir, "client.pem"), filepath.Join(dir, "server.pem")); err != nil {
				return err
			}
			return os.Rename(filepath.Join(dir, "client.key"), filepath.Join(dir, "server.key"))
		}, false},
		{"junk", func(dir string) error { return replaceFile(filepath.Join(dir, "ca.pem"), []byte("junk")) }, false},
	} {
		dir := filepath.Join(t.TempDir(), "tls")
		first, err := ownTLS(dir)
		if err != nil || first.kept {
			t.Fatalf("%s: got %+v, %v, want it made", tt.name, first, err)
		}
		before := contents(t, dir)
		if err := tt.harm(dir); err != nil {
			t.Fatal(err)
		}
		again, err := ownTLS(dir)
		if err != nil || again.kept != tt.kept || tt.kept != bytes.Equal(contents(t, dir), before) {
			t.Errorf("%s: got %+v, %v, want it kept: %v", tt.name, again, err, tt.kept)
		}
		for _, name := range tlsFiles {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %s: got %v, %v", tt.name, name, info, err)
			}
		}
		if third, err := ownTLS(dir); err != nil || !third.kept {
			t.Errorf("%s: got %+v, %v, want it kept the next time", tt.name, third, err)
		}
	}
}

// TestTLSLife: a set is good until a day before its end.
func TestTLSLife(t *testing.T) {
	dir := t.TempDir()
	set, err := ownTLS(dir)
	if err != nil {
		t.Fatal(err)
	}
	end := set.server.Leaf.NotAfter
	for _, tt := range []struct {
		now  time.Time
		good bool
	}{
		{end.Add(-24*time.Hour - time.Minute), true}, {end.Add(-24*time.Hour + time.Minute), false}, {end.Add(24 * time.Hour), false},
		{set.server.Leaf.NotBefore.Add(-time.Minute), false},
	} {
		if _, err := readTLS(dir, tt.now); (err == nil) != tt.good {
			t.Errorf("%v before the end: got %v, want it good: %v", end.Sub(tt.now), err, tt.good)
		}
	}
	if c := set.serverTLS(tls.RequireAndVerifyClientCert); c.ClientAuth != tls.RequireAndVerifyClientCert || c.ClientCAs != set.roots {
		t.Errorf("got %+v", c)
	}
}

// TestSandboxRestart: what trusts the first run trusts the second.
func TestSandboxRestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	ca := filepath.Join(t.TempDir(), "ca.pem") // as a client has copied it
	for i, says := range []string{"certificates in " + dir + "; ", "certificates in " + dir + ", from an earlier run; "} {
		p := startSandbox(t, "--tls", dir, "--mutual", "--listen", "127.0.0.1:0")
		to := "tls://127.0.0.1:" + p.line("listening on tls://127.0.0.1:")
		p.line(says)
		p.line("account demo")
		p.line("account other")
		if i == 0 {
			if err := os.WriteFile(ca, clitest.ReadFile(t, filepath.Join(dir, "ca.pem")), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got := eppmux(t, "send", "--to", to, "--ca", ca, "--cert", filepath.Join(dir, "client.pem"), "--key", filepath.Join(dir, "client.key"), "hello")
		if got.code != 0 {
			t.Errorf("run %d: got %+v", i+1, got)
		}
		p.end()
	}
}
