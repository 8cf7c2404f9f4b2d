package config

import (
	"crypto/x509"
	"fmt"
	"time"

	"eppmux/admin/status"
)

// day is a day on which the clocks do not change.
const day = 24 * time.Hour

// ExpiryStep returns how near the end of a certificate is, by the measure of the log.
func ExpiryStep(cert *x509.Certificate, now time.Time) status.ExpiryStep {
	return status.ExpiryStepOf(cert.NotAfter.Sub(now), cert.NotAfter.Sub(cert.NotBefore))
}

// Ending returns when a certificate ends, as a part of a sentence.
func Ending(cert *x509.Certificate, now time.Time) string {
	end := cert.NotAfter.UTC().Format("2006-01-02 15:04 UTC")
	switch left := cert.NotAfter.Sub(now); {
	case left <= 0:
		return "expired on " + end
	case left < 2*day:
		return fmt.Sprintf("expires in %d hours, on %s", left/time.Hour, end)
	default:
		return fmt.Sprintf("expires in %d days, on %s", left/day, end)
	}
}

// OwnCertificate is one of our certificates: one that we show to a registry, to clients, to clients of
// the gateway, to other hosts of the cluster or to its engine.
type OwnCertificate struct {
	Registry string // empty: it is the cluster's or the gateway's
	key      string // of the file, in the mapping of the registry, the cluster or the gateway
	gateway  bool   // it is the gateway's
	File     string
	Pair     *KeyPair
}

// ShownTo returns who sees the certificate, in the words of metrics.
func (o *OwnCertificate) ShownTo() string {
	if o.gateway {
		return "gateway"
	}
	switch o.key {
	case "tls.cert_file":
		return "registry"
	case "clients.tls.cert_file":
		return "clients"
	case "peer.cert_file":
		return "peers"
	}
	return "engine"
}

// Certificates returns our certificates that r uses.
func (r *Registry) Certificates() []OwnCertificate {
	var own []OwnCertificate
	if k := r.TLS.Certificate; k != nil {
		own = append(own, OwnCertificate{Registry: r.Name, key: "tls.cert_file", File: r.TLS.CertFile, Pair: k})
	}
	if k := r.Clients.TLS.Certificate; k != nil {
		own = append(own, OwnCertificate{Registry: r.Name, key: "clients.tls.cert_file",
			File: r.Clients.TLS.CertFile, Pair: k})
	}
	return own
}

// Certificates returns our certificates that the cluster uses; none for nil.
func (cl *Cluster) Certificates() []OwnCertificate {
	if cl == nil {
		return nil
	}
	own := []OwnCertificate{{key: "peer.cert_file", File: cl.Peer.CertFile, Pair: cl.Peer.Certificate}}
	if a := cl.access(); a != nil && a.Certificate != nil {
		own = append(own, OwnCertificate{key: cl.Engine() + ".cert_file", File: a.CertFile, Pair: a.Certificate})
	}
	return own
}

// Certificates returns our certificates that the gateway uses; none for nil.
func (g *Gateway) Certificates() []OwnCertificate {
	if g == nil || g.TLS.Certificate == nil {
		return nil
	}
	return []OwnCertificate{{key: "tls.cert_file", gateway: true, File: g.TLS.CertFile, Pair: g.TLS.Certificate}}
}

// warnExpiry adds a warning for each certificate of the mapping at path whose end is near or over.
func warnExpiry(l *faultList, path string, own []OwnCertificate, now time.Time) {
	for _, o := range own {
		leaf := o.Pair.Leaf()
		if ExpiryStep(leaf, now) != status.ExpiryFar {
			l.put(Fault{l.line(join(path, o.key)), join(path, o.key), o.File + " " + Ending(leaf, now)})
		}
	}
}
