package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
)

// KeyPair is a certificate with its key, in two files. It reads them again when they change: nobody
// has to tell eppmux that the certificate has been renewed. Its methods may be called from any
// goroutine.
type KeyPair struct {
	// Immutable once it is in use.
	certFile, keyFile string
	now               func() time.Time
	log               *slog.Logger // silent until LogTo

	current atomic.Pointer[tls.Certificate] // never nil; its Leaf is set

	// looking is true while a goroutine looks at the files. The goroutine that swapped it to true
	// owns the fields behind it.
	looking atomic.Bool
	looked  time.Time // when the files were looked at last
	seen    [2]stamp  // of the files that were read last, good or broken
}

// lookEvery is how often, at most, the files are looked at.
const lookEvery = time.Second

// stamp tells one content of a file from another. The zero stamp is that of a missing file.
type stamp struct {
	inode uint64
	size  int64
	mtime time.Time
}

// stampOf returns the stamp of a file.
func stampOf(info fs.FileInfo) stamp {
	s := stamp{size: info.Size(), mtime: info.ModTime()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		s.inode = st.Ino
	}
	return s
}

// newKeyPair returns the KeyPair of files whose content is pair. The content was read when the
// files were as in seen. The pair must have its Leaf.
func newKeyPair(certFile, keyFile string, pair *tls.Certificate, seen [2]stamp) *KeyPair {
	k := &KeyPair{certFile: certFile, keyFile: keyFile, now: time.Now, log: slog.New(slog.DiscardHandler), seen: seen}
	k.current.Store(pair)
	return k
}

// LogTo sets where changes are logged, before the first use. A nil KeyPair has nothing to log.
func (k *KeyPair) LogTo(log *slog.Logger) {
	if k != nil {
		k.log = log
	}
}

// Certificate returns the pair that is in the files now, or the last one that was good. A new one
// that is broken is logged once.
func (k *KeyPair) Certificate() *tls.Certificate {
	if !k.looking.Swap(true) {
		k.look()
		k.looking.Store(false)
	}
	return k.current.Load()
}

// Leaf returns the certificate that Certificate returned last.
func (k *KeyPair) Leaf() *x509.Certificate { return k.current.Load().Leaf }

// look reads the files if they have changed.
func (k *KeyPair) look() {
	now := k.now()
	if now.Sub(k.looked) < lookEvery {
		return
	}
	k.looked = now
	seen := k.stamps()
	if seen == k.seen {
		return
	}
	k.seen = seen // before the reading: a change meanwhile is read the next time
	pair, err := LoadKeyPair(k.certFile, k.keyFile)
	if err != nil {
		k.log.Error("certificate has changed and is not usable; the old one stays in use",
			"file", k.certFile, "err", err.Error())
		return
	}
	if slices.EqualFunc(pair.Certificate, k.current.Load().Certificate, slices.Equal) {
		return
	}
	k.current.Store(pair)
	k.log.Info("certificate has changed and is in use from now on", "file", k.certFile, "until", pair.Leaf.NotAfter)
}

// stamps returns those of the two files as they are now.
func (k *KeyPair) stamps() (s [2]stamp) {
	for i, file := range []string{k.certFile, k.keyFile} {
		if info, err := os.Stat(file); err == nil {
			s[i] = stampOf(info)
		}
	}
	return s
}

// LoadKeyPair reads a certificate and its key. The rules are those for files that a config names:
// only the owner may reach the key.
func LoadKeyPair(certFile, keyFile string) (*tls.Certificate, error) {
	cert, _, err := cli.ReadFile(certFile, cli.MaxPEMFile)
	if err != nil {
		return nil, err
	}
	key, info, err := cli.ReadFile(keyFile, cli.MaxPEMFile)
	if err != nil {
		return nil, err
	}
	if err := privateAt(keyFile, info); err != nil {
		return nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	return parseKeyPair(cert, key)
}

// parseKeyPair parses a certificate and its key, both in PEM, and sets the Leaf.
func parseKeyPair(cert, key []byte) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return nil, err
		}
	}
	return &pair, nil
}

// LoadRoots reads the certificates of authorities from a file in PEM.
func LoadRoots(file string) (*x509.CertPool, error) {
	data, _, err := cli.ReadFile(file, cli.MaxPEMFile)
	if err != nil {
		return nil, err
	}
	pool, err := parseRoots(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return pool, nil
}

func parseRoots(data []byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, errors.New("holds no certificate in PEM")
	}
	return pool, nil
}

// SameAs reports whether k and o are read from the same files and hold the same certificate. Nil is
// the same as nil only.
func (k *KeyPair) SameAs(o *KeyPair) bool {
	if k == nil || o == nil {
		return k == o
	}
	return k.certFile == o.certFile && k.keyFile == o.keyFile &&
		slices.EqualFunc(k.current.Load().Certificate, o.current.Load().Certificate, slices.Equal)
}
