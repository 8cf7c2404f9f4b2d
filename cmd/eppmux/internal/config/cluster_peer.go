package config

import (
	"crypto/x509"
	"errors"
	"net"
	"net/netip"

	"eppmux/cmd/eppmux/internal/cli"
)

// peer checks how other hosts reach this one. It is not a ruler, since it depends on the cluster.
func (cl *Cluster) peer(c *checker, path string) {
	p := &cl.Peer
	cl.peerListen(c, path)
	cl.advertise(c, path)
	for _, f := range []struct{ key, file string }{
		{"ca_file", p.CAFile}, {"cert_file", p.CertFile}, {"key_file", p.KeyFile},
	} {
		if f.file == "" {
			c.add(join(path, f.key), "is missing: hosts know each other by certificates of an authority of their own; "+
				"\"eppmux cert --peer\" makes them")
		}
	}
	if p.CAFile != "" {
		p.Roots = c.roots(join(path, "ca_file"), p.CAFile)
	}
	if p.CertFile != "" && p.KeyFile != "" {
		p.Certificate = c.certificate(path, p.CertFile, p.KeyFile)
	}
	if p.Roots != nil && p.Certificate != nil {
		cl.certified(c, path)
	}
}

// peerListen checks where this host takes lanes. The address may be any: whoever reaches it needs a
// certificate. A host that never owns an account needs none.
func (cl *Cluster) peerListen(c *checker, path string) {
	p, at := &cl.Peer, join(path, "listen")
	switch {
	case c.hasFault(at):
	case p.Listen == "" && !cl.Follows():
		c.add(at, "is missing: host:port where other hosts reach this one")
	case p.Listen == "":
		if p.Advertise != "" {
			c.add(join(path, "advertise"), "needs listen")
		}
	default:
		ip, ok := c.listenAddress(at, p.Listen)
		if ok && ip.Port() == 0 {
			c.add(at, "the port must be 1 to 65535, got \"0\": others must know it")
		} else if ok {
			c.take(takenAddress{key: at, tcp: ip})
		}
	}
}

// advertise checks where others find this host. If the file does not say, it is where static finds
// the owner, or where this host listens. Nobody looks for a host that never owns an account.
func (cl *Cluster) advertise(c *checker, path string) {
	p, at := &cl.Peer, join(path, "advertise")
	switch {
	case p.Listen == "" || c.hasFault(at):
	case p.Advertise == "" && (cl.Follows() || c.hasFault(join(path, "listen"))):
	case p.Advertise == "" && cl.Static != nil && cl.Static.Peer != "":
		p.Advertise = cl.Static.Peer
	case p.Advertise == "" && wildcard(p.Listen):
		c.add(at, "is missing: listen is every address of this host, and others need one of them")
	case p.Advertise == "":
		p.Advertise = p.Listen
	case c.hostPort(at, p.Advertise, "host:port") && wildcard(p.Advertise):
		c.add(at, "must be an address that others can connect to, got %s", cli.Quote(p.Advertise))
	}
}

// wildcard reports whether the host of host:port is every address of a machine.
func wildcard(hostPort string) bool {
	host, _, _ := net.SplitHostPort(hostPort)
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

// certified checks that other hosts will take the certificate of this one, for a client where it opens
// lanes, and for a server at its address where it takes them. That it has ended is a warning elsewhere.
func (cl *Cluster) certified(c *checker, path string) {
	p, at := &cl.Peer, join(path, "cert_file")
	pair := p.Certificate.Certificate()
	opts := x509.VerifyOptions{Roots: p.Roots, Intermediates: x509.NewCertPool()}
	for _, der := range pair.Certificate[1:] {
		if more, err := x509.ParseCertificate(der); err == nil {
			opts.Intermediates.AddCert(more)
		}
	}
	verify := func(use x509.ExtKeyUsage, as string) {
		opts.KeyUsages = []x509.ExtKeyUsage{use}
		if _, err := pair.Leaf.Verify(opts); err != nil && !ended(err) {
			c.add(at, "%s is not certified for a %s by ca_file: %v", p.CertFile, as, err)
		}
	}
	if !cl.Follows() {
		verify(x509.ExtKeyUsageServerAuth, "server")
		host, _, _ := net.SplitHostPort(cl.reached())
		if err := pair.Leaf.VerifyHostname(host); host != "" && err != nil {
			c.add(at, "%s is not for %s, where others find this host: %v", p.CertFile, host, err)
		}
	}
	if cl.Static == nil || cl.Follows() {
		verify(x509.ExtKeyUsageClientAuth, "client")
	}
}

// reached returns host:port where others find this host, if it can be an owner.
func (cl *Cluster) reached() string {
	if cl.Static != nil && cl.Static.Peer != "" {
		return cl.Static.Peer
	}
	return cl.Peer.Advertise
}

// ended reports whether a certificate is refused for its time only.
func ended(err error) bool {
	var invalid x509.CertificateInvalidError
	return errors.As(err, &invalid) && invalid.Reason == x509.Expired
}
