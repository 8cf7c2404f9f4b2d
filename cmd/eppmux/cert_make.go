package main

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
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
)

// maxCertDays keeps dates within what certificates can say.
const maxCertDays = 36500

// localNames are those that every certificate for listeners has.
var localNames = []string{"localhost", "127.0.0.1", "::1"}

// certName is what DNS allows, in lower case; a name that is not ASCII is written in its xn-- form.
var certName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$`)

// hostNames are localNames and then more, each once.
func hostNames(more []string) ([]string, error) {
	all := slices.Clone(localNames)
	for _, name := range more {
		name = strings.TrimSuffix(strings.ToLower(name), ".")
		if a, err := netip.ParseAddr(name); err == nil && a.Zone() == "" && !a.IsUnspecified() {
			name = a.Unmap().String()
		} else if err == nil || len(name) > 253 || !certName.MatchString(name) || digitsAndDots.MatchString(name) {
			return nil, fmt.Errorf("must be the name or IP address of a host, got %s", cli.Quote(name))
		}
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all, nil
}

// digitsAndDots is no name: it was meant to be an address.
var digitsAndDots = regexp.MustCompile(`^[0-9.]+$`)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
	pem  [2][]byte // certificate and key
}

// localCerts is what one run has made, in PEM.
type localCerts struct {
	authority *x509.Certificate
	leaf      *x509.Certificate
	names     []string // of leaf

	ca, caKey []byte
	cert, key []byte
}

// newAuthority makes one that can sign for names alone, and below DNS names, so that whoever gets
// hold of its key can deceive its clients about no other host. Its subject is never that of another
// one.
func newAuthority(names []string, now time.Time, days int) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	tmpl, err := certTemplate(now, days)
	if err != nil {
		return nil, err
	}
	tmpl.Subject.CommonName = fmt.Sprintf("eppmux local authority %x", tmpl.SerialNumber.Bytes()[:4])
	tmpl.IsCA, tmpl.BasicConstraintsValid, tmpl.MaxPathLenZero = true, true, true
	tmpl.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	tmpl.PermittedDNSDomainsCritical = true
	dns, ips := splitNames(names)
	tmpl.PermittedDNSDomains = dns
	for _, ip := range ips {
		bits := 8 * len(ip)
		tmpl.PermittedIPRanges = append(tmpl.PermittedIPRanges, &net.IPNet{IP: ip, Mask: net.CIDRMask(bits, bits)})
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse authority: %w", err)
	}
	keyPEM, err := encodeKey(key)
	return &authority{cert, key, [2][]byte{encodeCert(der), keyPEM}}, err
}

// issue makes a key and a certificate of it for names, which ends no later than the authority. It
// is an error where a client that trusts the authority would not accept it.
func (a *authority) issue(names []string, now time.Time, days int) (*localCerts, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	tmpl, err := certTemplate(now, days)
	if err != nil {
		return nil, err
	}
	tmpl.Subject.CommonName = "eppmux"
	tmpl.KeyUsage = x509.KeyUsageDigitalSignature
	tmpl.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	tmpl.DNSNames, tmpl.IPAddresses = splitNames(names)
	if tmpl.NotAfter.After(a.cert.NotAfter) {
		tmpl.NotAfter = a.cert.NotAfter
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse certificate: %w", err)
	}
	if err := a.accepts(leaf, names, now); err != nil {
		return nil, err
	}
	keyPEM, err := encodeKey(key)
	return &localCerts{a.cert, leaf, names, a.pem[0], a.pem[1], encodeCert(der), keyPEM}, err
}

// accepts verifies as a client does.
func (a *authority) accepts(leaf *x509.Certificate, names []string, now time.Time) error {
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	for _, name := range names {
		_, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: now})
		var invalid x509.CertificateInvalidError
		switch {
		case errors.As(err, &invalid) && invalid.Reason == x509.CANotAuthorizedForThisName:
			return fmt.Errorf("the authority cannot sign for all of %s; --force makes one that can: %w", strings.Join(names, ", "), err)
		case err != nil:
			return fmt.Errorf("no client would accept the certificate for %s: %w", name, err)
		}
	}
	return nil
}

// certTemplate has a serial number, whose first octet is not 0, and the validity: from an hour
// before now, since clocks differ.
func certTemplate(now time.Time, days int) (*x509.Certificate, error) {
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

func splitNames(names []string) (dns []string, ips []net.IP) {
	for _, name := range names {
		ip := net.ParseIP(name)
		switch four := ip.To4(); {
		case ip == nil:
			dns = append(dns, name)
		case four != nil:
			ips = append(ips, four)
		default:
			ips = append(ips, ip)
		}
	}
	return dns, ips
}

func encodeCert(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
