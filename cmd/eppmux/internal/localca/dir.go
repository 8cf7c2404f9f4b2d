package localca

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/config"
)

// The files of an authority and of the certificate that it signs.
const (
	CAKeyFile     = "ca.key"
	CAFile        = "ca.pem"
	ServerKeyFile = "server.key"
	ServerFile    = "server.pem"
)

// Dir is a folder with an authority and a certificate for listeners. One process at a time has it,
// by a lock.
type Dir struct {
	folder
	held *os.File // the folder, with a lock
}

// Open opens the folder, and makes it if it is not there. It refuses a folder into which others can
// put files: they could put a certificate of theirs there. Close must be called.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, err
	}
	held, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	d := &Dir{folder(path), held}
	if err := d.own(); err != nil {
		held.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// own takes the lock, and checks who can put files into the folder.
func (d *Dir) own() error {
	err := syscall.Flock(int(d.held.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errors.New("another eppmux cert is at work in it")
	}
	if err != nil {
		return err
	}
	info, err := d.held.Stat()
	if err != nil {
		return err
	}
	return cli.OwnFolder(info)
}

// Close gives the lock back.
func (d *Dir) Close() { d.held.Close() }

// Present returns the path of one of the files that are there; empty if none is.
func (d *Dir) Present() string {
	for _, name := range []string{CAKeyFile, CAFile, ServerKeyFile, ServerFile} {
		if _, err := os.Lstat(d.in(name)); !errors.Is(err, fs.ErrNotExist) {
			return d.in(name)
		}
	}
	return ""
}

// Authority reads the authority from the folder.
func (d *Dir) Authority() (*Authority, error) {
	pair, err := config.LoadKeyPair(d.in(CAFile), d.in(CAKeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; --renew needs the authority and its key", err)
	}
	if err != nil {
		return nil, err
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok || !pair.Leaf.IsCA {
		return nil, fmt.Errorf("%s: is not the certificate of an authority", d.in(CAFile))
	}
	return &Authority{Cert: pair.Leaf, key: key}, nil
}

// Names returns the names of the certificate in the folder, with those that every one has.
func (d *Dir) Names() ([]string, error) {
	data, _, err := cli.ReadFile(d.in(ServerFile), cli.MaxPEMFile)
	if err != nil {
		return nil, err
	}
	leaf, err := parseCert(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.in(ServerFile), err)
	}
	return HostNames(namesIn(leaf))
}

// namesIn returns the names of a certificate.
func namesIn(leaf *x509.Certificate) []string {
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// Put writes a certificate and its key, and those of its authority if that was made and not read. A
// certificate takes its place after its key, so a reader that sees the certificate finds the key.
// Everybody may read what is not a key.
func (d *Dir) Put(made *Certificate) error {
	var files []file
	if ca := made.Authority; ca.pem.cert != nil {
		files = append(files, file{CAKeyFile, ca.pem.key, 0o600}, file{CAFile, ca.pem.cert, 0o644})
	}
	return d.put(append(files, file{ServerKeyFile, made.pem.key, 0o600}, file{ServerFile, made.pem.cert, 0o644}))
}

// parseCert reads the first block of PEM, which must be a certificate.
func parseCert(data []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("holds no certificate in PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}
