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

// OwnCertificate is one of our certificates: one that we show to a registry or to clients.
type OwnCertificate struct {
	Registry string
	key      string // of the file, in the mapping of the registry
	File     string
	Pair     *KeyPair
}

// ShownTo returns who sees the certificate, in the words of metrics.
func (o *OwnCertificate) ShownTo() string {
	if o.key == "tls.cert_file" {
		return "registry"
	}
	return "clients"
}

// Certificates returns our certificates that r uses.
func (r *Registry) Certificates() []OwnCertificate {
	var own []OwnCertificate
	if k := r.TLS.Certificate; k != nil {
		own = append(own, OwnCertificate{r.Name, "tls.cert_file", r.TLS.CertFile, k})
	}
	if k := r.Clients.TLS.Certificate; k != nil {
		own = append(own, OwnCertificate{r.Name, "clients.tls.cert_file", r.Clients.TLS.CertFile, k})
	}
	return own
}

// warnExpiry adds a warning for each certificate of r whose end is near or over.
func warnExpiry(l *faultList, path string, r *Registry, now time.Time) {
	for _, o := range r.Certificates() {
		leaf := o.Pair.Leaf()
		if ExpiryStep(leaf, now) != status.ExpiryFar {
			l.put(Fault{l.line(join(path, o.key)), join(path, o.key), o.File + " " + Ending(leaf, now)})
		}
	}
}
