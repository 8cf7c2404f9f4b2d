package localca

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
)

// The files of a host's folder, beside CAFile.
const (
	PeerKeyFile = "peer.key"
	PeerFile    = "peer.pem"
)

// Peer is a host of a cluster with its certificate.
type Peer struct {
	Host string // a name as PeerNames returns them; its folder
	*Certificate
}

// NewPeerAuthority makes the authority of a cluster. It can sign for any host, so that hosts can come:
// nobody trusts it but the hosts of the cluster, for lanes alone.
func NewPeerAuthority(now time.Time, days int) (*Authority, error) {
	return newAuthority("eppmux peer authority", now, days, func(*x509.Certificate) {})
}

// IssuePeer is Issue for a host of a cluster: as owner it is a server, as follower a client.
func (a *Authority) IssuePeer(host string, names []string, now time.Time, days int) (Peer, error) {
	made, err := a.issue("eppmux peer "+host, names, now, days, x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)
	return Peer{host, made}, err
}

// PeerPresent returns the path of one of the files that are there, of the authority or of one of the
// hosts; empty if none is.
func (d *Dir) PeerPresent(hosts []string) string {
	if there := d.Present(); there != "" {
		return there
	}
	for _, host := range hosts {
		if _, err := os.Lstat(d.in(host)); !errors.Is(err, fs.ErrNotExist) {
			return d.in(host)
		}
	}
	return ""
}

// NamesOf returns the names of a host's certificate in the folder; nil: it has none.
func (d *Dir) NamesOf(host string) ([]string, error) {
	file := folder(d.in(host)).in(PeerFile)
	data, _, err := cli.ReadFile(file, cli.MaxPEMFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	leaf, err := parseCert(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return PeerNames(namesIn(leaf))
}

// PutPeers writes the certificates and keys of hosts, each with its authority into a folder of its own,
// and the authority itself if that was made and not read. All are of one authority.
func (d *Dir) PutPeers(all []Peer) error {
	if ca := all[0].Authority; ca.pem.cert != nil {
		if err := d.put([]file{{CAKeyFile, ca.pem.key, 0o600}, {CAFile, ca.pem.cert, 0o644}}); err != nil {
			return err
		}
	}
	for _, p := range all {
		if err := os.MkdirAll(d.in(p.Host), 0o700); err != nil {
			return err
		}
		ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Authority.Cert.Raw})
		err := folder(d.in(p.Host)).put([]file{{CAFile, ca, 0o644}, {PeerKeyFile, p.pem.key, 0o600},
			{PeerFile, p.pem.cert, 0o644}})
		if err != nil {
			return err
		}
	}
	return nil
}
