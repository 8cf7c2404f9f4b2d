package main

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"eppmux/cmd/eppmux/internal/localca"
)

// peerNames is a host of --peer.
type peerNames struct {
	host  string
	names []string // nil: none were said
}

// peersOf reads the values of --peer.
func peersOf(values []string) ([]peerNames, error) {
	var all []peerNames
	for _, v := range values {
		host, list, said := strings.Cut(v, "=")
		one, err := localca.PeerNames([]string{host})
		if err != nil {
			return nil, err
		}
		p := peerNames{host: one[0]}
		if said {
			if p.names, err = localca.PeerNames(strings.Split(list, ",")); err != nil {
				return nil, err
			}
		}
		if slices.ContainsFunc(all, func(other peerNames) bool { return other.host == p.host }) {
			return nil, fmt.Errorf("%s is there twice", p.host)
		}
		all = append(all, p)
	}
	return all, nil
}

// makePeers makes the certificates of hosts, and their authority if need be. It writes files only when
// all is made.
func (c *certRun) makePeers(dir *localca.Dir, hosts []peerNames) ([]localca.Peer, error) {
	ca, err := c.peerAuthority(dir, hosts)
	if err != nil {
		return nil, err
	}
	var made []localca.Peer
	for _, h := range hosts {
		if h.names == nil && c.renew {
			if h.names, err = dir.NamesOf(h.host); err != nil {
				return nil, err
			}
		}
		if h.names == nil {
			h.names = []string{h.host}
		}
		p, err := ca.IssuePeer(h.host, h.names, c.now, c.days)
		if err != nil {
			return nil, err
		}
		made = append(made, p)
	}
	return made, dir.PutPeers(made)
}

// peerAuthority is the authority in dir with --renew, and a new one otherwise.
func (c *certRun) peerAuthority(dir *localca.Dir, hosts []peerNames) (*localca.Authority, error) {
	if c.renew {
		return c.authority(dir)
	}
	var names []string
	for _, h := range hosts {
		names = append(names, h.host)
	}
	if there := dir.PeerPresent(names); there != "" && !c.replaces {
		return nil, isThere(there)
	}
	return localca.NewPeerAuthority(c.now, c.caDays)
}

// peerAdvice says what is in dir now and what is left for the user to do.
func peerAdvice(made []localca.Peer, dir string) string {
	var b strings.Builder
	ca := made[0].Authority.Cert
	fmt.Fprintf(&b, `The authority %s is valid until %s. Who has a certificate of it may become
owner or follower of any account of the cluster: keep %s off the hosts.
`, filepath.Join(dir, localca.CAFile), date(ca.NotAfter), localca.CAKeyFile)
	for _, p := range made {
		at := filepath.Join(dir, p.Host)
		fmt.Fprintf(&b, `
%s is for host %s as %s, until %s. Copy it to that host, where a running
eppmux takes a new certificate by itself. In the config file there:

    cluster:
      host: %q
      peer:
        listen: ":7070"
        advertise: %q
        ca_file: %q
        cert_file: %q
        key_file: %q
`, at, p.Host, strings.Join(p.Names, ", "), date(p.Leaf.NotAfter), p.Host, net.JoinHostPort(p.Names[0], "7070"),
			filepath.Join(at, localca.CAFile), filepath.Join(at, localca.PeerFile),
			filepath.Join(at, localca.PeerKeyFile))
	}
	return b.String()
}
