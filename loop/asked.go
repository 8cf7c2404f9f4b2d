package loop

import "crypto/tls"

// NoteAsked returns a config for a client's handshake that sets *asked when the server asks for a
// certificate and cfg has none. *asked is set by the goroutine of the handshake.
func NoteAsked(cfg *tls.Config, asked *bool) *tls.Config {
	if cfg.GetClientCertificate != nil || len(cfg.Certificates) > 0 {
		return cfg
	}
	cfg = cfg.Clone()
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		*asked = true
		return new(tls.Certificate), nil // none, as without this function
	}
	return cfg
}
