package main

import (
	"crypto/x509"
	"encoding/pem"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/cmd/eppmux/internal/localca"
)

// makeCerts runs "eppmux cert" with a new folder and returns that and what was printed.
func makeCerts(t *testing.T, more ...string) (dir, out string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "made", "tls")
	got := eppmux(t, append([]string{"cert", "--out", dir}, more...)...)
	if got.code != 0 || got.errs != "" {
		t.Fatalf("got %+v", got)
	}
	return dir, got.out
}

func certIn(t *testing.T, dir, name string) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(clitest.ReadFile(t, filepath.Join(dir, name)))
	if block == nil {
		t.Fatalf("%s is not in PEM", name)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// accepted verifies the server's certificate as a client does that trusts ca.
func accepted(ca, server *x509.Certificate, name string) error {
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	_, err := server.Verify(x509.VerifyOptions{DNSName: name, Roots: roots})
	return err
}

// filesIn are the names and contents in dir.
func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		all[e.Name()] = string(clitest.ReadFile(t, filepath.Join(dir, e.Name())))
	}
	return all
}

func TestCert(t *testing.T) {
	dir, _ := makeCerts(t, "--name", "EPP.example.com.", "--name", "192.0.2.7", "--name", "localhost", "--days", "10", "--ca-days", "20")
	for name, mode := range map[string]os.FileMode{localca.CAFile: 0o644, localca.CAKeyFile: 0o600, localca.ServerFile: 0o644, localca.ServerKeyFile: 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: got %v, %v, want mode %v", name, info, err, mode)
		}
	}
	if got := filesIn(t, dir); len(got) != 4 {
		t.Errorf("got %d files, want 4", len(got))
	}
	ca, server := certIn(t, dir, localca.CAFile), certIn(t, dir, localca.ServerFile)
	if !ca.IsCA || !ca.MaxPathLenZero || ca.MaxPathLen != 0 || ca.KeyUsage&x509.KeyUsageCertSign == 0 || server.IsCA {
		t.Errorf("got authority %+v, certificate %+v", ca, server)
	}
	for cert, days := range map[*x509.Certificate]int{ca: 20, server: 10} {
		if left := time.Until(cert.NotAfter); left > time.Duration(days)*24*time.Hour || left < time.Duration(days)*24*time.Hour-time.Hour || time.Until(cert.NotBefore) > -time.Minute {
			t.Errorf("got %v to %v, want %d days from now", cert.NotBefore, cert.NotAfter, days)
		}
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "epp.example.com", "192.0.2.7"} {
		if err := accepted(ca, server, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := accepted(ca, server, "example.com"); err == nil {
		t.Error("the certificate is good for another name")
	}
	if _, err := config.LoadKeyPair(filepath.Join(dir, localca.ServerFile), filepath.Join(dir, localca.ServerKeyFile)); err != nil {
		t.Error(err)
	}
}

// TestCertOpenSSL: another implementation holds the authority against its strictest rules.
func TestCertOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		lacking(t, "openssl", err)
	}
	dir, _ := makeCerts(t, "--name", "epp.example.com")
	for name, want := range map[string]bool{"epp.example.com": true, "localhost": true, "example.com": false} {
		out, err := exec.Command("openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", name,
			"-CAfile", filepath.Join(dir, localca.CAFile), filepath.Join(dir, localca.ServerFile)).CombinedOutput()
		if (err == nil) != want {
			t.Errorf("%s: got %v, want it good: %v\n%s", name, err, want, out)
		}
	}
}

// TestCertRenew: the authority stays, with its key and the trust in it; the names stay, unless
// others are said.
func TestCertRenew(t *testing.T) {
	dir, _ := makeCerts(t, "--name", "epp.example.com", "--name", "2001:db8::7")
	ca, first, before := certIn(t, dir, localca.CAFile), certIn(t, dir, localca.ServerFile), filesIn(t, dir)
	for _, tt := range []struct {
		args []string
		good []string
		bad  []string
	}{
		{nil, []string{"localhost", "127.0.0.1", "epp.example.com", "2001:db8::7"}, []string{"x.example"}},
		{[]string{"--name", "a.epp.example.com"}, []string{"localhost", "a.epp.example.com"}, []string{"epp.example.com", "2001:db8::7"}},
		{nil, []string{"::1", "a.epp.example.com"}, []string{"epp.example.com"}},
	} {
		got := eppmux(t, append([]string{"cert", "--out", dir, "--renew"}, tt.args...)...)
		if got.code != 0 || !strings.Contains(got.out, "server.pem is renewed, for localhost, ") {
			t.Fatalf("%q: got %+v", tt.args, got)
		}
		after, server := filesIn(t, dir), certIn(t, dir, localca.ServerFile)
		if after[localca.CAFile] != before[localca.CAFile] || after[localca.CAKeyFile] != before[localca.CAKeyFile] || len(after) != 4 {
			t.Errorf("%q: the authority has changed, or %d files are not 4", tt.args, len(after))
		}
		if after[localca.ServerFile] == before[localca.ServerFile] || after[localca.ServerKeyFile] == before[localca.ServerKeyFile] || server.SerialNumber.Cmp(first.SerialNumber) == 0 {
			t.Errorf("%q: the certificate, its key or its number has not changed", tt.args)
		}
		for _, name := range tt.good {
			if err := accepted(ca, server, name); err != nil {
				t.Errorf("%q: %s: %v", tt.args, name, err)
			}
		}
		for _, name := range tt.bad {
			if err := accepted(ca, server, name); err == nil {
				t.Errorf("%q: %s is accepted", tt.args, name)
			}
		}
		before = after
	}
}

// TestCertForce: all is new, and the old authority is good for nothing any more.
func TestCertForce(t *testing.T) {
	dir, _ := makeCerts(t)
	old, before := certIn(t, dir, localca.CAFile), filesIn(t, dir)
	if got := eppmux(t, "cert", "--out", dir, "--force"); got.code != 0 || !strings.Contains(got.out, "Made in ") {
		t.Fatalf("got %+v", got)
	}
	for name, content := range filesIn(t, dir) {
		if content == before[name] {
			t.Errorf("%s has not changed", name)
		}
	}
	if err := accepted(old, certIn(t, dir, localca.ServerFile), "localhost"); err == nil {
		t.Error("the old authority accepts the new certificate")
	}
}

// TestCertRefuses: what is refused is said, and nothing has changed.
func TestCertRefuses(t *testing.T) {
	chmod := func(name string, mode os.FileMode) func(string) error {
		return func(dir string) error { return os.Chmod(filepath.Join(dir, name), mode) }
	}
	remove := func(name string) func(string) error {
		return func(dir string) error { return os.Remove(filepath.Join(dir, name)) }
	}
	as := func(name, other string) func(string) error {
		return func(dir string) error {
			data, err := os.ReadFile(filepath.Join(dir, other))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
			}
			return err
		}
	}
	for _, tt := range []struct {
		name string
		harm func(dir string) error
		args []string
		code int
		says string
	}{
		{"files are there", nil, nil, cli.ExitFailed, "ca.key is there; --renew makes a new certificate from its authority, --force makes all anew"},
		{"one file is there", func(dir string) error {
			for _, name := range []string{localca.CAKeyFile, localca.CAFile, localca.ServerFile} {
				if err := remove(name)(dir); err != nil {
					return err
				}
			}
			return nil
		}, nil, cli.ExitFailed, "server.key is there"},
		{"another name", nil, []string{"--renew", "--name", "bank.example"}, cli.ExitFailed, "cannot sign for all of localhost, 127.0.0.1, ::1, bank.example; --force"},
		{"no authority", remove(localca.CAFile), []string{"--renew"}, cli.ExitFailed, "--renew needs the authority and its key"},
		{"no key", remove(localca.CAKeyFile), []string{"--renew"}, cli.ExitFailed, "--renew needs the authority and its key"},
		{"key open to others", chmod(localca.CAKeyFile, 0o640), []string{"--renew"}, cli.ExitFailed, "ca.key: group or others can reach it (mode 0640); chmod it to 0600"},
		{"another key", as(localca.CAKeyFile, localca.ServerKeyFile), []string{"--renew"}, cli.ExitFailed, "does not match"},
		{"no authority's certificate", func(dir string) error {
			if err := as(localca.CAFile, localca.ServerFile)(dir); err != nil {
				return err
			}
			return as(localca.CAKeyFile, localca.ServerKeyFile)(dir)
		}, []string{"--renew"}, cli.ExitFailed, "is not the certificate of an authority"},
		{"no old certificate", remove(localca.ServerFile), []string{"--renew"}, cli.ExitFailed, "say for which names the new one is, with --name"},
		{"others can write", chmod(".", 0o775), []string{"--renew"}, cli.ExitFailed, "group or others can put files there (mode 0775); chmod it to 0755"},
		{"both", nil, []string{"--renew", "--force"}, cli.ExitUsage, "--renew and --force exclude each other"},
		{"authority's days", nil, []string{"--renew", "--ca-days", "9"}, cli.ExitUsage, "--ca-days is for a new authority"},
		{"no days", nil, []string{"--force", "--days", "0"}, cli.ExitUsage, "--days: must be 1 to 36500, got 0"},
		{"an address with a slip", nil, []string{"--force", "--name", "10.0.0.256"}, cli.ExitUsage, `--name: must be the name or IP address of a host, got "10.0.0.256"`},
		{"an argument", nil, []string{"x"}, cli.ExitUsage, "unknown command"},
	} {
		dir, _ := makeCerts(t)
		if tt.harm != nil {
			if err := tt.harm(dir); err != nil {
				t.Fatal(err)
			}
		}
		before := filesIn(t, dir)
		got := eppmux(t, append([]string{"cert", "--out", dir}, tt.args...)...)
		if got.code != tt.code || !strings.Contains(got.errs, tt.says) || got.out != "" {
			t.Errorf("%s: got %+v, want exit %d and %q", tt.name, got, tt.code, tt.says)
		}
		if after := filesIn(t, dir); !maps.Equal(before, after) {
			t.Errorf("%s: files have changed", tt.name)
		}
	}
}

func TestCertNoFolder(t *testing.T) {
	file := clitest.WriteFile(t, t.TempDir(), "file", "", 0o600)
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		if got := eppmux(t, "cert", "--out", dir); got.code != cli.ExitFailed || !strings.Contains(got.errs, "not a directory") {
			t.Errorf("%s: got %+v", dir, got)
		}
	}
	if got := eppmux(t, "cert"); got.code != cli.ExitUsage || !strings.Contains(got.errs, `required flag(s) "out" not set`) {
		t.Errorf("got %+v", got)
	}
}

// TestCertOneAtATime: a second run in the same folder is refused, not interleaved.
func TestCertOneAtATime(t *testing.T) {
	dir := t.TempDir()
	held, err := localca.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := eppmux(t, "cert", "--out", dir); got.code != cli.ExitFailed || !strings.Contains(got.errs, "another eppmux cert is at work in it") {
		t.Errorf("got %+v", got)
	}
	held.Close()
	if got := eppmux(t, "cert", "--out", dir); got.code != 0 {
		t.Errorf("got %+v", got)
	}
}

// TestCertExpiredAuthority: no certificate is made that ends before it begins.
func TestCertExpiredAuthority(t *testing.T) {
	dir, _ := makeCerts(t)
	held, err := localca.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	c := certRun{dir: dir, days: 10, renew: true, now: time.Now().Add((caDays + 1) * 24 * time.Hour)}
	if _, err := c.make(held, []string{"localhost"}); err == nil || !strings.Contains(err.Error(), "the authority has expired on ") {
		t.Errorf("got %v", err)
	}
}
