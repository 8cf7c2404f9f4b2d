package localca

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
)

// TestDir: what is put into the folder is found there by the next one, and a new certificate leaves
// the authority as it is.
func TestDir(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "tls")
	names, err := HostNames([]string{"epp.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Present(); got != "" {
		t.Errorf("got %s in a new folder", got)
	}
	if _, err := Open(path); err == nil {
		t.Error("the folder was given to two")
	}
	ca, err := NewAuthority(names, time.Now(), 20)
	if err != nil {
		t.Fatal(err)
	}
	put := func(ca *Authority) {
		t.Helper()
		made, err := ca.Issue(names, time.Now(), 10)
		if err == nil {
			err = d.Put(made)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put(ca)
	d.Close()
	if d, err = Open(path); err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got := d.Present(); got != filepath.Join(path, CAKeyFile) {
		t.Errorf("got %q present", got)
	}
	if got, err := d.Names(); err != nil || !slices.Equal(got, names) {
		t.Errorf("got names %q, %v, want %q", got, err, names)
	}
	read := func(name string) string { return string(clitest.ReadFile(t, filepath.Join(path, name))) }
	before := [2]string{read(CAFile), read(ServerFile)}
	if ca, err = d.Authority(); err != nil {
		t.Fatal(err)
	}
	put(ca)
	if after := [2]string{read(CAFile), read(ServerFile)}; after[0] != before[0] || after[1] == before[1] {
		t.Error("the authority has changed, or its certificate has not")
	}
}
