package main

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"time"

	"eppmux/cmd/eppmux/internal/config"
	"eppmux/sandbox"
)

// tlsSet is what --tls DIR holds: an authority, and certificates of it for the registry and for a
// client.
type tlsSet struct {
	roots  *x509.CertPool
	server *tls.Certificate
	kept   bool // from an earlier run
}

// tlsLeft is for how long, at least, a set must be valid to be used again.
const tlsLeft = 24 * time.Hour

// ownTLS is the set in dir, so that the configs of clients go on working after a restart, or a new
// one.
func ownTLS(dir string) (*tlsSet, error) {
	if set, err := readTLS(dir, time.Now()); err == nil {
		set.kept = true
		return set, nil
	}
	made, err := sandbox.NewTLS()
	if err != nil {
		return nil, err
	}
	if err := writeTLS(dir, made); err != nil {
		return nil, err
	}
	return readTLS(dir, time.Now())
}

// readTLS is the set in dir. It is an error unless all of it is there, is private, belongs together
// and is valid for long enough.
func readTLS(dir string, now time.Time) (*tlsSet, error) {
	in := func(name string) string { return filepath.Join(dir, name) }
	roots, err := config.LoadRoots(in("ca.pem"))
	if err != nil {
		return nil, err
	}
	set := &tlsSet{roots: roots}
	if set.server, err = set.pair(in("server.pem"), in("server.key"), now, x509.VerifyOptions{
		DNSName: "localhost", KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}); err != nil {
		return nil, err
	}
	_, err = set.pair(in("client.pem"), in("client.key"), now, x509.VerifyOptions{KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return set, err
}

// pair reads a certificate of the authority with its key.
func (s *tlsSet) pair(certFile, keyFile string, now time.Time, as x509.VerifyOptions) (*tls.Certificate, error) {
	pair, err := config.LoadKeyPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	as.Roots = s.roots
	for _, as.CurrentTime = range []time.Time{now, now.Add(tlsLeft)} {
		if _, err := pair.Leaf.Verify(as); err != nil {
			return nil, err
		}
	}
	return pair, nil
}

// serverTLS takes client certificates of the authority, as auth says.
func (s *tlsSet) serverTLS(auth tls.ClientAuthType) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*s.server}, ClientCAs: s.roots, ClientAuth: auth}
}

// writeTLS puts the certificates and keys where only the caller can read them.
func writeTLS(dir string, made *sandbox.TLS) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"ca.pem": made.CAPEM, "server.pem": made.ServerCertPEM, "server.key": made.ServerKeyPEM,
		"client.pem": made.ClientCertPEM, "client.key": made.ClientKeyPEM,
	} {
		if err := replaceFile(filepath.Join(dir, name), content); err != nil {
			return err
		}
	}
	return nil
}
