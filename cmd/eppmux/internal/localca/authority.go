package localca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"
)

// MaxDays is a hundred years: a longer validity would leave the dates that certificates can hold.
const MaxDays = 36500

// Authority is an authority with its key. Immutable.
type Authority struct {
	Cert *x509.Certificate
	key  crypto.Signer
	pem  pair // the zero pair if it was read from a folder
}

// Certificate is a certificate that an authority has signed, with its key.
type Certificate struct {
	Authority *Authority
	Leaf      *x509.Certificate
	Names     []string // of Leaf
	pem       pair
}

// pair is a certificate and its key in PEM.
type pair struct{ cert, key []byte }

// NewAuthority makes an authority that can sign for names, and below DNS names, but for no other
// host: a thief of its key cannot deceive its clients about any. Its subject is unlike that of any
// other authority.
func NewAuthority(names []string, now time.Time, days int) (*Authority, error) {
	return newAuthority("eppmux local authority", now, days, func(tmpl *x509.Certificate) {
		tmpl.PermittedDNSDomainsCritical = true
		dns, ips := splitNames(names)
		tmpl.PermittedDNSDomains = dns
		for _, ip := range ips {
			bits := 8 * len(ip)
			tmpl.PermittedIPRanges = append(tmpl.PermittedIPRanges, &net.IPNet{IP: ip, Mask: net.CIDRMask(bits, bits)})
		}
	})
}

// newAuthority makes an authority whose certificate is as limit leaves it.
func newAuthority(name string, now time.Time, days int, limit func(*x509.Certificate)) (*Authority, error) {
	tmpl, err := template(now, days)
	if err != nil {
		return nil, err
	}
	tmpl.Subject.CommonName = fmt.Sprintf("%s %x", name, tmpl.SerialNumber.Bytes()[:4])
	tmpl.IsCA, tmpl.BasicConstraintsValid, tmpl.MaxPathLenZero = true, true, true
	tmpl.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	limit(tmpl)
	a := new(Authority)
	if a.Cert, a.key, a.pem, err = sign(tmpl, nil); err != nil {
		return nil, err
	}
	return a, nil
}

// Issue makes a key and a certificate of it for names. It ends no later than the authority. Issue
// fails if a client that trusts the authority would refuse the certificate.
func (a *Authority) Issue(names []string, now time.Time, days int) (*Certificate, error) {
	return a.issue("eppmux", names, now, days, x509.ExtKeyUsageServerAuth)
}

// issue is Issue for the usages, which are all verified.
func (a *Authority) issue(subject string, names []string, now time.Time, days int,
	usages ...x509.ExtKeyUsage) (*Certificate, error) {
	tmpl, err := template(now, days)
	if err != nil {
		return nil, err
	}
	tmpl.Subject.CommonName = subject
	tmpl.KeyUsage = x509.KeyUsageDigitalSignature
	tmpl.ExtKeyUsage = usages
	tmpl.DNSNames, tmpl.IPAddresses = splitNames(names)
	if tmpl.NotAfter.After(a.Cert.NotAfter) {
		tmpl.NotAfter = a.Cert.NotAfter
	}
	c := &Certificate{Authority: a, Names: names}
	if c.Leaf, _, c.pem, err = sign(tmpl, a); err != nil {
		return nil, err
	}
	for _, usage := range usages {
		if err := a.accepts(c.Leaf, names, usage, now); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// sign makes a key and a certificate of it after tmpl. The authority by signs it; if by is nil, the
// certificate signs itself.
func sign(tmpl *x509.Certificate, by *Authority) (cert *x509.Certificate, key crypto.Signer, made pair, err error) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, made, fmt.Errorf("make key: %w", err)
	}
	if by == nil {
		by = &Authority{Cert: tmpl, key: own}
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, by.Cert, own.Public(), by.key)
	if err != nil {
		return nil, nil, made, fmt.Errorf("sign certificate: %w", err)
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		return nil, nil, made, fmt.Errorf("parse certificate: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		return nil, nil, made, fmt.Errorf("encode key: %w", err)
	}
	made.cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	made.key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	return cert, own, made, nil
}

// accepts verifies leaf for each of the names and a usage, as another host does that trusts a alone.
func (a *Authority) accepts(leaf *x509.Certificate, names []string, usage x509.ExtKeyUsage, now time.Time) error {
	roots := x509.NewCertPool()
	roots.AddCert(a.Cert)
	for _, name := range names {
		_, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: now,
			KeyUsages: []x509.ExtKeyUsage{usage}})
		var invalid x509.CertificateInvalidError
		switch {
		case errors.As(err, &invalid) && invalid.Reason == x509.CANotAuthorizedForThisName:
			return fmt.Errorf("the authority cannot sign for all of %s; --force makes one that can: %w",
				strings.Join(names, ", "), err)
		case err != nil:
			return fmt.Errorf("no client would accept the certificate for %s: %w", name, err)
		}
	}
	return nil
}

// template has a serial number of 15 octets, of which the first is not 0, and the validity. It
// begins an hour before now, since clocks differ.
func template(now time.Time, days int) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 119))
	if err != nil {
		return nil, fmt.Errorf("make serial number: %w", err)
	}
	serial.SetBit(serial, 119, 1)
	return &x509.Certificate{
		SerialNumber: serial,
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(time.Duration(days) * 24 * time.Hour),
		Subject:      pkix.Name{},
	}, nil
}
