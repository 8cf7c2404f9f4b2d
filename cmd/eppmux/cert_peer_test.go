package main

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/config"
	"eppmux/cmd/eppmux/internal/localca"
)

// makePeers runs "eppmux cert" with hosts.
func makePeers(t *testing.T, dir string, args ...string) string {
	t.Helper()
	got := eppmux(t, append([]string{"cert", "--out", dir}, args...)...)
	if got.code != 0 || got.errs != "" {
		t.Fatalf("got %+v", got)
	}
	return got.out
}

// TestCertPeer: each host has a folder with what it needs, for its names alone, as server and as client.
func TestCertPeer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "peers")
	out := makePeers(t, dir, "--peer", "a=A.example.com,192.0.2.1", "--peer", "b.example.com", "--days", "10", "--ca-days", "20")
	for _, want := range []string{"host: \"a\"\n", `advertise: "a.example.com:7070"`, `advertise: "b.example.com:7070"`,
		`cert_file: "` + filepath.Join(dir, "a", localca.PeerFile) + `"`, `ca_file: "` + filepath.Join(dir, "b.example.com", localca.CAFile) + `"`} {
		if !strings.Contains(out, want) {
			t.Errorf("got\n%s\nwant %s", out, want)
		}
	}
	ca := certIn(t, dir, localca.CAFile)
	for host, names := range map[string][]string{"a": {"a.example.com", "192.0.2.1"}, "b.example.com": {"b.example.com"}} {
		at := filepath.Join(dir, host)
		for name, mode := range map[string]os.FileMode{localca.CAFile: 0o644, localca.PeerFile: 0o644, localca.PeerKeyFile: 0o600} {
			if info, err := os.Stat(filepath.Join(at, name)); err != nil || info.Mode() != mode {
				t.Errorf("%s of %s: got %v, %v, want mode %v", name, host, info, err, mode)
			}
		}
		if !certIn(t, at, localca.CAFile).Equal(ca) {
			t.Errorf("%s has another authority", host)
		}
		leaf := certIn(t, at, localca.PeerFile)
		for _, name := range names {
			if err := accepted(ca, leaf, name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, name := range []string{"localhost", "127.0.0.1", "c.example.com"} {
			if accepted(ca, leaf, name) == nil {
				t.Errorf("the certificate of %s is good for %s", host, name)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "a", localca.CAKeyFile)); err == nil {
		t.Error("a host has the authority's key")
	}
}

// TestCertPeerRenew: the authority stays, hosts keep their names, and others can come.
func TestCertPeerRenew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "peers")
	makePeers(t, dir, "--peer", "a=a.example.com,192.0.2.1", "--peer", "b")
	ca, a, b := certIn(t, dir, localca.CAFile), certIn(t, dir, "a/"+localca.PeerFile), certIn(t, dir, "b/"+localca.PeerFile)
	makePeers(t, dir, "--renew", "--peer", "a", "--peer", "c=c.example.com")
	if !certIn(t, dir, localca.CAFile).Equal(ca) || !certIn(t, dir, "b/"+localca.PeerFile).Equal(b) {
		t.Error("the authority has changed, or a host that was not named")
	}
	next := certIn(t, dir, "a/"+localca.PeerFile)
	if next.Equal(a) || accepted(ca, next, "a.example.com") != nil || accepted(ca, next, "192.0.2.1") != nil || accepted(ca, next, "a") == nil {
		t.Errorf("got %v, %v", next.DNSNames, next.IPAddresses)
	}
	if err := accepted(ca, certIn(t, dir, "c/"+localca.PeerFile), "c.example.com"); err != nil {
		t.Error(err)
	}
	makePeers(t, dir, "--renew", "--peer", "a=other.example.com")
	if next := certIn(t, dir, "a/"+localca.PeerFile); accepted(ca, next, "other.example.com") != nil || accepted(ca, next, "a.example.com") == nil {
		t.Errorf("got %v", next.DNSNames)
	}
	makePeers(t, dir, "--force", "--peer", "a")
	if certIn(t, dir, localca.CAFile).Equal(ca) {
		t.Error("--force has kept the authority")
	}
}

// TestCertPeerRefused: what cannot be meant, and what is there already.
func TestCertPeerRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "peers")
	makePeers(t, dir, "--peer", "a")
	before := filesIn(t, filepath.Join(dir, "a"))
	for _, tt := range []struct {
		args string
		want string
	}{
		{"--peer a", "ca.key is there"}, {"--peer b", "ca.key is there"},
		{"--renew --peer a --peer A", "a is there twice"}, {"--renew --peer a=", "must be the name or IP address of a host"},
		{"--renew --peer ../a", "must be the name or IP address of a host"}, {"--renew --peer a/b", "must be the name or IP address of a host"},
		{"--renew --peer a=*.example", "must be the name or IP address of a host"}, {"--renew --peer a --name b", "exclude each other"},
		{"--renew --peer a --ca-days 3", "--ca-days is for a new authority"}, {"--peer=", "must be the name or IP address of a host"},
	} {
		got := eppmux(t, append([]string{"cert", "--out", dir}, strings.Fields(tt.args)...)...)
		if got.code == 0 || !strings.Contains(got.errs, tt.want) {
			t.Errorf("%s: got %+v, want %q", tt.args, got, tt.want)
		}
	}
	for name, content := range filesIn(t, filepath.Join(dir, "a")) {
		if before[name] != content {
			t.Errorf("%s has changed", name)
		}
	}
	elsewhere := filepath.Join(t.TempDir(), "peers")
	if err := os.MkdirAll(filepath.Join(elsewhere, "a"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := eppmux(t, "cert", "--out", elsewhere, "--peer", "a"); got.code == 0 || !strings.Contains(got.errs, "is there") {
		t.Errorf("got %+v", got)
	}
}

// TestCertPeerTalk: two hosts verify each other with what was made for them.
func TestCertPeerTalk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "peers")
	makePeers(t, dir, "--peer", "a=a.example.com", "--peer", "b")
	load := func(host string) (tls.Certificate, *x509.CertPool) {
		at := filepath.Join(dir, host)
		pair, err := config.LoadKeyPair(filepath.Join(at, localca.PeerFile), filepath.Join(at, localca.PeerKeyFile))
		if err != nil {
			t.Fatal(err)
		}
		roots, err := config.LoadRoots(filepath.Join(at, localca.CAFile))
		if err != nil {
			t.Fatal(err)
		}
		return *pair, roots
	}
	owner, ownerRoots := load("a")
	follower, followerRoots := load("b")
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	served := make(chan error, 1) // the one result
	go func() {
		s := tls.Server(far, &tls.Config{Certificates: []tls.Certificate{owner}, ClientCAs: ownerRoots, ClientAuth: tls.RequireAndVerifyClientCert})
		_, err := io.WriteString(s, "x")
		served <- err
	}()
	c := tls.Client(near, &tls.Config{Certificates: []tls.Certificate{follower}, RootCAs: followerRoots, ServerName: "a.example.com"})
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
