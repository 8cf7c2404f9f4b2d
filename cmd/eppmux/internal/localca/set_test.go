package localca

import (
	"bytes"
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"
	"time"

	"eppmux/sandbox"
)

var setFiles = []string{"ca.pem", "server.pem", "server.key", "client.pem", "client.key"}

// fresh is what a sandbox makes.
func fresh() (*Contents, error) {
	made, err := sandbox.NewTLS()
	if err != nil {
		return nil, err
	}
	return &Contents{made.CAPEM, made.ServerCertPEM, made.ServerKeyPEM, made.ClientCertPEM, made.ClientKeyPEM}, nil
}

// replace puts one file into dir, for its owner alone.
func replace(dir, name string, content []byte) error {
	return folder(dir).put([]file{{name, content, 0o600}})
}

// contents is all that a set consists of.
func contents(t *testing.T, dir string) []byte {
	t.Helper()
	var all []byte
	for _, name := range setFiles {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	return all
}

// TestSetIsKept: a set is used again as long as it is whole, and made anew otherwise.
func TestSetIsKept(t *testing.T) {
	other, err := fresh()
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
		{"another authority", func(dir string) error { return replace(dir, "ca.pem", other.CA) }, false},
		{"another server key", func(dir string) error { return replace(dir, "server.key", other.ServerKey) }, false},
		{"another client", func(dir string) error {
			if err := replace(dir, "client.pem", other.Client); err != nil {
				return err
			}
			return replace(dir, "client.key", other.ClientKey)
		}, false},
		{"client for server", func(dir string) error {
			if err := os.Rename(filepath.Join(dir, "client.pem"), filepath.Join(dir, "server.pem")); err != nil {
				return err
			}
			return os.Rename(filepath.Join(dir, "client.key"), filepath.Join(dir, "server.key"))
		}, false},
		{"junk", func(dir string) error { return replace(dir, "ca.pem", []byte("junk")) }, false},
	} {
		dir := filepath.Join(t.TempDir(), "tls")
		first, err := OpenSet(dir, fresh)
		if err != nil || first.Kept {
			t.Fatalf("%s: got %+v, %v, want it made", tt.name, first, err)
		}
		before := contents(t, dir)
		if err := tt.harm(dir); err != nil {
			t.Fatal(err)
		}
		again, err := OpenSet(dir, fresh)
		if err != nil || again.Kept != tt.kept || tt.kept != bytes.Equal(contents(t, dir), before) {
			t.Errorf("%s: got %+v, %v, want it kept: %v", tt.name, again, err, tt.kept)
		}
		for _, name := range setFiles {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %s: got %v, %v", tt.name, name, info, err)
			}
		}
		if third, err := OpenSet(dir, fresh); err != nil || !third.Kept {
			t.Errorf("%s: got %+v, %v, want it kept the next time", tt.name, third, err)
		}
	}
}

// TestSetLife: a set is good until a day before its end.
func TestSetLife(t *testing.T) {
	dir := t.TempDir()
	set, err := OpenSet(dir, fresh)
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
		if _, err := readSet(folder(dir), tt.now); (err == nil) != tt.good {
			t.Errorf("%v before the end: got %v, want it good: %v", end.Sub(tt.now), err, tt.good)
		}
	}
	if c := set.ServerTLS(tls.RequireAndVerifyClientCert); c.ClientAuth != tls.RequireAndVerifyClientCert || c.ClientCAs != set.roots {
		t.Errorf("got %+v", c)
	}
}
