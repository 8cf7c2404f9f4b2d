package localca

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"time"

	"eppmux/cmd/eppmux/internal/config"
)

// Set has the certificates of a sandbox: of its authority, and with keys, of the registry and of a
// client. Immutable.
type Set struct {
	roots  *x509.CertPool
	server *tls.Certificate
	Kept   bool // it was there, from an earlier run
}

// The files of a client in a set.
const (
	clientKeyFile = "client.key"
	clientFile    = "client.pem"
)

// Contents has the files of a set, in PEM.
type Contents struct{ CA, Server, ServerKey, Client, ClientKey []byte }

// setLeft is how long a set must still be valid to be used again.
const setLeft = 24 * time.Hour

// OpenSet returns the set in dir, so that configs of clients go on working after a restart. If
// there is none that readSet accepts, it writes the files that fresh returns, for the owner only,
// into dir, which it makes if need be.
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

// readSet reads the set in dir. It fails unless all files are there, the keys are private, the
// certificates are of the authority, and all are valid for setLeft from now.
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

// pair reads a certificate with its key, and verifies it against the authority.
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

// ServerTLS is the TLS of the registry. It takes client certificates of the authority, as auth
// says.
func (s *Set) ServerTLS(auth tls.ClientAuthType) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*s.server}, ClientCAs: s.roots,
		ClientAuth: auth}
}
