package localca

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
)

// madeIn is a folder with an authority and a certificate, open.
func madeIn(t *testing.T) *Dir {
	t.Helper()
	d, err := Open(filepath.Join(t.TempDir(), "tls"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	ca, err := NewAuthority(localNames, time.Now(), 30)
	if err != nil {
		t.Fatal(err)
	}
	made, err := ca.Issue(localNames, time.Now(), 20)
	if err == nil {
		err = d.Put(made)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestOpenRefuses: a folder into which others can put files, and what is none.
func TestOpenRefuses(t *testing.T) {
	parent := t.TempDir()
	file := clitest.WriteFile(t, parent, "file", "", 0o600)
	for _, path := range []string{file, filepath.Join(file, "below")} {
		if _, err := Open(path); err == nil {
			t.Errorf("%s: got no error", path)
		}
	}
	for mode, want := range map[os.FileMode]bool{0o700: true, 0o755: true, 0o775: false, 0o777: false, 0o702: false, 0o720: false} {
		path := filepath.Join(parent, "d")
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		d, err := Open(path)
		if (err == nil) != want || err != nil && (!strings.HasPrefix(err.Error(), path+": ") || !strings.Contains(err.Error(), "chmod it to 0755")) {
			t.Errorf("%04o: got %v, want it accepted: %v", mode, err, want)
		}
		if d != nil {
			d.Close()
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAuthorityUnreadable goes through what may have become of the files of an authority.
func TestAuthorityUnreadable(t *testing.T) {
	for _, tt := range []struct {
		name string
		harm func(d *Dir) error
		want string
	}{
		{"no certificate", func(d *Dir) error { return os.Remove(d.in(CAFile)) }, "--renew needs the authority and its key"},
		{"no key", func(d *Dir) error { return os.Remove(d.in(CAKeyFile)) }, "--renew needs the authority and its key"},
		{"junk", func(d *Dir) error { return os.WriteFile(d.in(CAFile), []byte("junk"), 0o644) }, "PEM"},
		{"a key that others read", func(d *Dir) error { return os.Chmod(d.in(CAKeyFile), 0o644) }, "chmod it to 0600"},
		{"the key of another", func(d *Dir) error { return os.Rename(d.in(ServerKeyFile), d.in(CAKeyFile)) }, ""},
		{"no authority's certificate", func(d *Dir) error {
			return errors.Join(os.Rename(d.in(ServerKeyFile), d.in(CAKeyFile)), os.Rename(d.in(ServerFile), d.in(CAFile)))
		}, "is not the certificate of an authority"},
	} {
		d := madeIn(t)
		if err := tt.harm(d); err != nil {
			t.Fatal(err)
		}
		if a, err := d.Authority(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %+v, %v, want %q", tt.name, a, err, tt.want)
		}
	}
}

// TestNamesUnreadable: what may have become of a certificate.
func TestNamesUnreadable(t *testing.T) {
	d := madeIn(t)
	for _, content := range []string{"", "junk", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", string(clitest.ReadFile(t, d.in(ServerKeyFile)))} {
		if err := os.WriteFile(d.in(ServerFile), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if names, err := d.Names(); err == nil || !strings.HasPrefix(err.Error(), d.in(ServerFile)+": ") {
			t.Errorf("%.30q: got %q, %v", content, names, err)
		}
	}
	if err := os.Remove(d.in(ServerFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Names(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestPresent: any of the files is enough, a link that leads nowhere too.
func TestPresent(t *testing.T) {
	for _, name := range []string{CAKeyFile, CAFile, ServerKeyFile, ServerFile} {
		d, err := Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		clitest.WriteFile(t, string(d.folder), "other", "", 0o600)
		if got := d.Present(); got != "" {
			t.Errorf("got %q", got)
		}
		if err := os.Symlink("nowhere", d.in(name)); err != nil {
			t.Fatal(err)
		}
		if got := d.Present(); got != d.in(name) {
			t.Errorf("got %q, want %q", got, d.in(name))
		}
	}
}

// TestPutModes: keys are their owner's, certificates everybody's, and nothing else is left in the
// folder.
func TestPutModes(t *testing.T) {
	d := madeIn(t)
	entries, err := os.ReadDir(string(d.folder))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]fs.FileMode{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		got[e.Name()] = info.Mode()
	}
	want := map[string]fs.FileMode{CAKeyFile: 0o600, ServerKeyFile: 0o600, CAFile: 0o644, ServerFile: 0o644}
	if len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for name, mode := range want {
		if got[name] != mode {
			t.Errorf("%s: got %v, want %v", name, got[name], mode)
		}
	}
}

// TestPutFails: what is there stays as it was, up to the file that cannot take its place, and no file
// is left half-way.
func TestPutFails(t *testing.T) {
	dir := folder(t.TempDir())
	for _, name := range []string{"first", "third"} {
		clitest.WriteFile(t, string(dir), name, "old", 0o600)
	}
	if err := os.MkdirAll(filepath.Join(dir.in("second"), "full"), 0o700); err != nil { // no file can replace it
		t.Fatal(err)
	}
	content := []byte("new")
	err := dir.put([]file{{"first", content, 0o600}, {"second", content, 0o600}, {"third", content, 0o600}})
	if err == nil {
		t.Fatal("got no error")
	}
	for name, want := range map[string]string{"first": "new", "third": "old"} {
		if got := clitest.ReadFile(t, dir.in(name)); string(got) != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	entries, err := os.ReadDir(string(dir))
	if err != nil || len(entries) != 3 {
		t.Errorf("got %v, %v, want three", entries, err)
	}
	missing := folder(filepath.Join(string(dir), "missing"))
	if err := missing.put([]file{{"a", content, 0o600}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestOpenSetFails: a set that cannot be made, or put into its place, is an error.
func TestOpenSetFails(t *testing.T) {
	broken := errors.New("no entropy")
	dir := filepath.Join(t.TempDir(), "tls")
	if _, err := OpenSet(dir, func() (*Contents, error) { return nil, broken }); err != broken {
		t.Errorf("got %v, want %v", err, broken)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder was made for nothing")
	}
	file := clitest.WriteFile(t, t.TempDir(), "file", "", 0o600)
	if _, err := OpenSet(file, fresh); err == nil {
		t.Error("got a set in a file")
	}
	if _, err := OpenSet(dir, func() (*Contents, error) { return new(Contents), nil }); err == nil {
		t.Error("got a set of empty files")
	}
}

// TestValidity: certificates begin before now, end when they are to, and have serial numbers of their
// own.
func TestValidity(t *testing.T) {
	now := time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)
	seen := map[string]bool{}
	for _, days := range []int{1, 397, MaxDays} {
		ca, err := NewAuthority(localNames, now, days)
		if err != nil {
			t.Fatal(err)
		}
		made, err := ca.Issue([]string{"localhost", "::1"}, now, days)
		if err != nil {
			t.Fatal(err)
		}
		for _, cert := range []struct {
			name        string
			serial      []byte
			begin, end  time.Time
			isAuthority bool
		}{
			{"authority", ca.Cert.SerialNumber.Bytes(), ca.Cert.NotBefore, ca.Cert.NotAfter, ca.Cert.IsCA},
			{"certificate", made.Leaf.SerialNumber.Bytes(), made.Leaf.NotBefore, made.Leaf.NotAfter, !made.Leaf.IsCA},
		} {
			if !cert.begin.Equal(now.Add(-time.Hour)) || !cert.end.Equal(now.Add(time.Duration(days)*24*time.Hour)) || !cert.isAuthority {
				t.Errorf("%s of %d days: got %+v", cert.name, days, cert)
			}
			if len(cert.serial) != 15 || seen[string(cert.serial)] {
				t.Errorf("%s: got serial number %x, seen %v", cert.name, cert.serial, seen[string(cert.serial)])
			}
			seen[string(cert.serial)] = true
		}
		if !bytes.Equal(made.Leaf.AuthorityKeyId, ca.Cert.SubjectKeyId) {
			t.Errorf("got key id %x, want %x", made.Leaf.AuthorityKeyId, ca.Cert.SubjectKeyId)
		}
	}
	ca, err := NewAuthority(localNames, now, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ca.Issue(localNames, now.Add(48*time.Hour), 1); err == nil || !strings.Contains(err.Error(), "no client would accept") {
		t.Errorf("got %v of an authority that has ended", err)
	}
}
