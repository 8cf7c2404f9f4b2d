package loop

import (
	"errors"
	"fmt"
	"net"
	"reflect"
)

// The alerts of TLS that are told apart, RFC 8446 section 6 and RFC 5246 section 7.2.
const (
	alertHandshakeFailure     = 40
	alertNoCertificate        = 41
	alertBadCertificate       = 42
	alertUnsupportedCert      = 43
	alertCertificateRevoked   = 44
	alertCertificateExpired   = 45
	alertCertificateUnknown   = 46
	alertUnknownCA            = 48
	alertAccessDenied         = 49
	alertProtocolVersion      = 70
	alertInsufficientSecurity = 71
	alertInternalError        = 80
	alertNoRenegotiation      = 100
	alertUnrecognizedName     = 112
	alertCertificateRequired  = 116
)

// Alerted reports whether err is an alert that the other side's TLS has sent.
func Alerted(err error) bool { return alertOf(err, "remote error") >= 0 }

// Renegotiation reports whether err is our refusal of a new TLS handshake within a connection, RFC
// 5246 section 7.4.1.1: crypto/tls ends the connection by it.
func Renegotiation(err error) bool { return alertOf(err, "local error") == alertNoRenegotiation }

// alertOf returns the number of the alert in err, which crypto/tls wraps in a net.OpError with that
// Op; -1 where there is none. Its type for alerts is a uint8 that is not exported.
func alertOf(err error, op string) int {
	e := (*net.OpError)(nil)
	if !errors.As(err, &e) || e.Op != op {
		return -1
	}
	if v := reflect.ValueOf(e.Err); v.Kind() == reflect.Uint8 {
		return int(v.Uint())
	}
	return 0
}

// Handshake is what is known of a client's TLS handshake besides its error.
type Handshake struct {
	Who  string // the other side, in words: "the registry"
	Name string // the name that it was asked for, SNI
	Bare bool   // it has asked for a certificate of ours, and there was none; see NoteAsked
}

// Explain says what the alert in err means and what decides about it; empty where err is no alert of
// the other side. A handshake failure has many causes: it is put down to a certificate only where
// one was asked for and not given, since servers before TLS 1.3 have no other alert for that.
func (h *Handshake) Explain(err error) string {
	switch code := alertOf(err, "remote error"); code {
	case -1:
		return ""
	case alertHandshakeFailure:
		if h.Bare {
			return h.Who + " wants a certificate of ours, see tls.cert_file"
		}
		return h.Who + " finds no TLS version, cipher or curve that we share: ask what it takes"
	case alertNoCertificate, alertCertificateRequired:
		return h.Who + " wants a certificate of ours, see tls.cert_file"
	case alertBadCertificate, alertUnsupportedCert, alertCertificateUnknown, alertAccessDenied:
		if h.Bare {
			return h.Who + " wants a certificate of ours, see tls.cert_file"
		}
		return h.Who + " does not accept our certificate"
	case alertCertificateRevoked:
		return h.Who + " does not accept our certificate: it is revoked"
	case alertCertificateExpired:
		return h.Who + " does not accept our certificate: it has expired"
	case alertUnknownCA:
		return h.Who + " does not accept our certificate: it does not know the authority that signed it, or a " +
			"certificate between the two is missing in tls.cert_file"
	case alertProtocolVersion:
		return h.Who + " takes none of our TLS versions, 1.2 and 1.3, see tls.min_version"
	case alertInsufficientSecurity:
		return h.Who + " wants stronger ciphers than ours"
	case alertUnrecognizedName:
		return fmt.Sprintf("%s does not serve the name %q, see tls.server_name", h.Who, h.Name)
	case alertInternalError:
		return h.Who + " has failed, by its own account"
	}
	return h.Who + " has ended the TLS connection"
}
