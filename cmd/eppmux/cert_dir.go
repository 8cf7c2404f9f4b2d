package main

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/config"
)

// The files of "eppmux cert", in the order in which they take their places: each certificate after
// its key, so that whoever sees a certificate finds its key.
const (
	caKeyFile     = "ca.key"
	caFile        = "ca.pem"
	serverKeyFile = "server.key"
	serverFile    = "server.pem"
)

var certFiles = []string{caKeyFile, caFile, serverKeyFile, serverFile}

// certDir is the folder of the files. One process at a time has it.
type certDir struct {
	path string
	held *os.File // the folder, with a lock
}

// openCertDir makes the folder if need be. One in which others can put files of theirs is refused:
// they could put a certificate of theirs there.
func openCertDir(path string) (*certDir, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, err
	}
	held, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(held.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errors.New("another eppmux cert is at work in it")
	}
	if err == nil {
		err = closedFolder(held)
	}
	if err != nil {
		held.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &certDir{path, held}, nil
}

// closedFolder is an error unless root and ourselves alone can change what is in the folder.
func closedFolder(folder *os.File) error {
	info, err := folder.Stat()
	if err != nil {
		return err
	}
	return cli.OwnFolder(info)
}

// close gives the lock back.
func (d *certDir) close() { d.held.Close() }

func (d *certDir) in(name string) string { return filepath.Join(d.path, name) }

// present is one of the files that is there; empty: none.
func (d *certDir) present() string {
	for _, name := range certFiles {
		if _, err := os.Lstat(d.in(name)); !errors.Is(err, fs.ErrNotExist) {
			return d.in(name)
		}
	}
	return ""
}

// authority reads the one that is there.
func (d *certDir) authority() (*authority, error) {
	pair, err := config.LoadKeyPair(d.in(caFile), d.in(caKeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; --renew needs the authority and its key", err)
	}
	if err != nil {
		return nil, err
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok || !pair.Leaf.IsCA {
		return nil, fmt.Errorf("%s: is not the certificate of an authority", d.in(caFile))
	}
	return &authority{cert: pair.Leaf, key: key}, nil
}

// names are those of the certificate that is there.
func (d *certDir) names() ([]string, error) {
	data, _, err := cli.ReadFile(d.in(serverFile), cli.MaxPEMFile)
	if err != nil {
		return nil, err
	}
	leaf, err := parseCert(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.in(serverFile), err)
	}
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return hostNames(names)
}

// put writes files, each whole: those that a running eppmux reads are replaced by renaming. What is
// no key everybody may read. When it fails half-way through the renaming, some are the new ones.
func (d *certDir) put(contents map[string][]byte) (err error) {
	var ready []preparedFile
	defer func() {
		for _, f := range ready {
			_ = os.Remove(f.temp)
		}
	}()
	for _, name := range certFiles {
		content, ok := contents[name]
		if !ok {
			continue
		}
		temp, err := d.prepare(name, content)
		if err != nil {
			return err
		}
		ready = append(ready, preparedFile{temp, d.in(name)})
	}
	for len(ready) > 0 {
		if err := os.Rename(ready[0].temp, ready[0].place); err != nil {
			return err
		}
		ready = ready[1:]
	}
	return d.held.Sync()
}

// preparedFile is on the disk and not in its place.
type preparedFile struct{ temp, place string }

// prepare writes a file beside its place.
func (d *certDir) prepare(name string, content []byte) (temp string, err error) {
	f, err := os.CreateTemp(d.path, ".new-") // mode 0600
	if err != nil {
		return "", err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if name == caFile || name == serverFile {
		if err := f.Chmod(0o644); err != nil {
			return "", err
		}
	}
	if _, err := f.Write(content); err != nil {
		return "", err
	}
	return f.Name(), f.Sync()
}

// parseCert reads the first certificate in PEM.
func parseCert(data []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("holds no certificate in PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}
