package localca

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"time"

	"eppmux/cmd/eppmux/internal/config"
)

// Set is a folder with certificates of a sandbox: of its authority, and with keys for the registry
// and for a client.
type Set struct {
	roots  *x509.CertPool
	server *tls.Certificate
	Kept   bool // from an earlier run
}

// The files of a client in a set.
const (
	clientKeyFile = "client.key"
	clientFile    = "client.pem"
)

// Contents are the files of a set, in PEM.
type Contents struct{ CA, Server, ServerKey, Client, ClientKey []byte }

// setLeft is for how long, at least, a set must be valid to be used again.
const setLeft = 24 * time.Hour

// OpenSet is the set in dir, so that the configs of clients go on working after a restart. Where
// there is none that is whole, it is made of what fresh gives, in a folder that only the caller can
// read.
func OpenSet(dir string, fresh func() (*Contents, error)) (*Set, error) {
	if set, err := readSet(folder(dir), time.Now()); err == nil {
		set.Kept = true
		return set, nil
	}
	c, err := fresh()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	err = folder(dir).put([]file{
		{ServerKeyFile, c.ServerKey, 0o600}, {ServerFile, c.Server, 0o600},
		{clientKeyFile, c.ClientKey, 0o600}, {clientFile, c.Client, 0o600}, {CAFile, c.CA, 0o600},
	})
	if err != nil {
		return nil, err
	}
	return readSet(folder(dir), time.Now())
}

// readSet is the set in dir. It is an error unless all of it is there, is private, belongs together
// and is valid for long enough.
func readSet(dir folder, now time.Time) (*Set, error) {
	roots, err := config.LoadRoots(dir.in(CAFile))
	if err != nil {
		return nil, err
	}
	set := &Set{roots: roots}
	if set.server, err = set.pair(dir.in(ServerFile), dir.in(ServerKeyFile), now, x509.VerifyOptions{
		DNSName: "localhost", KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}); err != nil {
		return nil, err
	}
	_, err = set.pair(dir.in(clientFile), dir.in(clientKeyFile), now,
		x509.VerifyOptions{KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return set, err
}

// pair reads a certificate of the authority with its key.
func (s *Set) pair(certFile, keyFile string, now time.Time, as x509.VerifyOptions) (*tls.Certificate, error) {
	pair, err := config.LoadKeyPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	as.Roots = s.roots
	for _, as.CurrentTime = range []time.Time{now, now.Add(setLeft)} {
		if _, err := pair.Leaf.Verify(as); err != nil {
			return nil, err
		}
	}
	return pair, nil
}

// ServerTLS takes client certificates of the authority, as auth says.
func (s *Set) ServerTLS(auth tls.ClientAuthType) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*s.server}, ClientCAs: s.roots,
		ClientAuth: auth}
}
