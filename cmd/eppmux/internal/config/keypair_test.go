package config

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
)

// pairStand is a KeyPair over files, with a clock and a log.
type pairStand struct {
	t    *testing.T
	dir  string
	pair *KeyPair
	at   time.Time
	log  bytes.Buffer
}

func newPairStand(t *testing.T) *pairStand {
	t.Helper()
	s := &pairStand{t: t, dir: t.TempDir(), at: time.Now()}
	clitest.WritePair(t, s.dir, "a")
	c, err := loadString(t, s.dir, clitest.SandboxYAML("clients: {tls: {cert_file: a.pem, key_file: a.key}}"))
	if err != nil {
		t.Fatal(err)
	}
	s.pair = c.Registries[0].Clients.TLS.Certificate
	s.pair.now = func() time.Time { return s.at }
	s.pair.LogTo(slog.New(slog.NewTextHandler(&s.log, nil)))
	return s
}

// replace puts a new pair of files in place of the old.
func (s *pairStand) replace() {
	s.t.Helper()
	clitest.WritePair(s.t, s.dir, "b")
	for _, ext := range []string{".key", ".pem"} {
		if err := os.Rename(filepath.Join(s.dir, "b"+ext), filepath.Join(s.dir, "a"+ext)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// get is the certificate a second later, as its octets, and what was logged meanwhile.
func (s *pairStand) get() (der, log string) {
	s.at = s.at.Add(lookEvery)
	s.log.Reset()
	der = string(s.pair.Certificate().Certificate[0])
	return der, s.log.String()
}

func TestKeyPairIsReread(t *testing.T) {
	s := newPairStand(t)
	first, log := s.get()
	if log != "" {
		t.Errorf("got log %q, want none while nothing changes", log)
	}
	s.replace()
	if s.log.Reset(); string(s.pair.Certificate().Certificate[0]) != first {
		t.Error("got the new one within the second in which the files were looked at")
	}
	second, log := s.get()
	if second == first || !strings.Contains(log, "level=INFO") || !strings.Contains(log, "in use from now on") {
		t.Errorf("got the old one: %v, log %q", second == first, log)
	}
	if !s.pair.Leaf().NotAfter.Equal(s.pair.Certificate().Leaf.NotAfter) {
		t.Errorf("got end %v", s.pair.Leaf().NotAfter)
	}
	if third, log := s.get(); third != second || log != "" {
		t.Errorf("got another one, or log %q", log)
	}
}

// TestKeyPairKeepsTheOldOne: whatever is wrong with the new files, the old pair stays, and one line
// says so.
func TestKeyPairKeepsTheOldOne(t *testing.T) {
	for name, spoil := range map[string]func(s *pairStand){
		"gone": func(s *pairStand) { os.Remove(filepath.Join(s.dir, "a.pem")) },
		"half": func(s *pairStand) { clitest.WriteFile(s.t, s.dir, "a.pem", "-----BEGIN CERT", 0o600) },
		"key of another": func(s *pairStand) {
			clitest.WritePair(s.t, s.dir, "b")
			os.Rename(filepath.Join(s.dir, "b.key"), filepath.Join(s.dir, "a.key"))
		},
		"key open to others": func(s *pairStand) {
			s.replace()
			os.Chmod(filepath.Join(s.dir, "a.key"), 0o644)
		},
	} {
		s := newPairStand(t)
		first, _ := s.get()
		spoil(s)
		got, log := s.get()
		if got != first || strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, "the old one stays in use") {
			t.Errorf("%s: got the old one: %v, log %q", name, got == first, log)
		}
		if got, log := s.get(); got != first || log != "" {
			t.Errorf("%s: a second later: got the old one: %v, log %q, want no second line", name, got == first, log)
		}
		os.Remove(filepath.Join(s.dir, "a.key"))
		s.replace()
		if got, log := s.get(); got == first || !strings.Contains(log, "level=INFO") {
			t.Errorf("%s: mended: got the old one: %v, log %q", name, got == first, log)
		}
	}
}

// TestKeyPairHandshakes: both kinds of listener and dialler take the certificate from the files,
// from many goroutines.
func TestKeyPairHandshakes(t *testing.T) {
	s := newPairStand(t)
	r := Registry{Clients: Clients{TLS: ClientsTLS{Certificate: s.pair}}, TLS: RegistryTLS{Certificate: s.pair, MinVersion: TLS12}}
	s.replace()
	s.at = s.at.Add(lookEvery)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			down, err := r.Clients.TLSConfig().GetCertificate(&tls.ClientHelloInfo{})
			up, err2 := r.TLSConfig().GetClientCertificate(&tls.CertificateRequestInfo{})
			if err != nil || err2 != nil || down == nil || up == nil {
				t.Errorf("got %v, %v", err, err2)
			}
		})
	}
	all.Wait()
	if !strings.Contains(s.log.String(), "level=INFO") || strings.Count(s.log.String(), "\n") != 1 {
		t.Errorf("got log %q, want one line", s.log.String())
	}
}

func TestSameAs(t *testing.T) {
	a, b := newPairStand(t), newPairStand(t)
	again := newKeyPair(a.pair.certFile, a.pair.keyFile, a.pair.current.Load(), [2]stamp{})
	if !a.pair.SameAs(again) || a.pair.SameAs(b.pair) || a.pair.SameAs(nil) || (*KeyPair)(nil).SameAs(a.pair) || !(*KeyPair)(nil).SameAs(nil) {
		t.Error("got it wrong")
	}
}

func TestLoadRoots(t *testing.T) {
	dir := t.TempDir()
	clitest.WritePair(t, dir, "a")
	clitest.WriteFile(t, dir, "noise", "no PEM here", 0o600)
	for _, tt := range []struct {
		file string
		want string // empty: no error
	}{
		{"a.pem", ""},
		{"a.key", "a.key: holds no certificate in PEM"},
		{"noise", "noise: holds no certificate in PEM"},
		{"missing", "no such file"},
	} {
		roots, err := LoadRoots(filepath.Join(dir, tt.file))
		switch {
		case tt.want == "" && (err != nil || roots == nil):
			t.Errorf("%s: got %v, %v, want the authority", tt.file, roots, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: got %v, want %q", tt.file, err, tt.want)
		}
	}
}
