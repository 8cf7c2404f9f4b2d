package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"reflect"
	"slices"

	"eppmux/upstream/lane"
)

// PeerTLS returns how the hosts of the cluster speak TLS with each other, new values each time: of
// the side that takes lanes, and of the side that opens them. Each side shows its certificate, a new
// one as soon as its files have changed, and demands one of the cluster's authority and the protocol
// of lanes. The ServerName of the client is the caller's to set, in a clone.
func (cl *Cluster) PeerTLS() (server, client *tls.Config) {
	p := &cl.Peer
	base := tls.Config{
		MinVersion:       tls.VersionTLS13,
		NextProtos:       []string{lane.Protocol},
		VerifyConnection: speaksLanes,
	}
	server = base.Clone()
	server.ClientAuth = tls.RequireAndVerifyClientCert
	server.ClientCAs = p.Roots
	server.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return p.Certificate.Certificate(), nil
	}
	client = base.Clone()
	client.RootCAs = p.Roots
	client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return p.Certificate.Certificate(), nil
	}
	return server, client
}

// speaksLanes refuses a peer that has named no protocol: crypto/tls takes it for one that does not
// care.
func speaksLanes(s tls.ConnectionState) error {
	if s.NegotiatedProtocol != lane.Protocol {
		return fmt.Errorf("the peer does not speak %s", lane.Protocol)
	}
	return nil
}

// TLSConfig returns the TLS config for https:// endpoints, a new value each time; nil: there are
// none. Where ServerName is empty it is the host of the endpoint.
func (e *Etcd) TLSConfig() *tls.Config {
	if !slices.ContainsFunc(e.Endpoints, func(endpoint string) bool {
		u, err := url.Parse(endpoint)
		return err == nil && u.Scheme == "https"
	}) {
		return nil
	}
	return e.tlsConfig()
}

// TLSConfig returns the TLS config for the servers and sentinels, a new value each time; nil: no TLS.
// Where ServerName is empty it is the host of the address that is dialed.
func (r *Redis) TLSConfig() *tls.Config {
	if !r.TLS {
		return nil
	}
	return r.tlsConfig()
}

func (a *EngineAccess) tlsConfig() *tls.Config {
	c := &tls.Config{ServerName: a.ServerName, RootCAs: a.Roots, MinVersion: tls.VersionTLS12}
	if pair := a.Certificate; pair != nil {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return pair.Certificate(), nil
		}
	}
	return c
}

// SameCluster reports whether a and b take part in the same cluster in the same way, so that a
// running program needs no restart to go from one to the other. What registries say of themselves
// does not count. Passwords and authorities count by their content, certificates by their files,
// which are read again when they change.
func SameCluster(a, b *Config) bool {
	x, y := a.Cluster, b.Cluster
	if x == nil || y == nil {
		return x == y
	}
	return slices.EqualFunc(x.authorities(), y.authorities(), sameRoots) &&
		reflect.DeepEqual(x.withoutLoaded(), y.withoutLoaded())
}

// access returns how c connects to its engine; nil: it has none.
func (cl *Cluster) access() *EngineAccess {
	switch {
	case cl.Etcd != nil:
		return &cl.Etcd.EngineAccess
	case cl.Redis != nil:
		return &cl.Redis.EngineAccess
	}
	return nil
}

// authorities returns those of the peers, then those of the engine.
func (cl *Cluster) authorities() []*x509.CertPool {
	both := []*x509.CertPool{cl.Peer.Roots, nil}
	if a := cl.access(); a != nil {
		both[1] = a.Roots
	}
	return both
}

// withoutLoaded returns a copy without the fields that cannot be compared by value.
func (cl *Cluster) withoutLoaded() Cluster {
	o := *cl
	o.Peer.Roots, o.Peer.Certificate = nil, nil
	if cl.Etcd != nil {
		etcd := *cl.Etcd
		o.Etcd = &etcd
	}
	if cl.Redis != nil {
		redis := *cl.Redis
		o.Redis = &redis
	}
	if a := o.access(); a != nil {
		a.Roots, a.Certificate = nil, nil
	}
	return o
}

// sameRoots reports whether a and b have the same certificates; nil is that of the system.
func sameRoots(a, b *x509.CertPool) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(b)
}
