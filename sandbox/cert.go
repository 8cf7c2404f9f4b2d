package sandbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// TLS is a certificate authority made for one run. It has issued a certificate for a registry on
// this host and one for a client. All keys are ECDSA P-256 and exist in memory only.
type TLS struct {
	// Server is for tls.NewListener. It asks for a client certificate but does not demand one.
	Server *tls.Config
	// ServerMutual is Server with a client certificate of this authority demanded.
	ServerMutual *tls.Config
	// Client trusts the authority and shows the client certificate. Its ServerName is localhost.
	Client *tls.Config

	CAPEM                       []byte
	ServerCertPEM, ServerKeyPEM []byte
	ClientCertPEM, ClientKeyPEM []byte
}

// certLife is the life of a certificate. It begins an hour before the certificate is made, so that
// clocks may differ.
const certLife = 30 * 24 * time.Hour

// NewTLS makes a new authority and its certificates. The server's certificate is for localhost,
// 127.0.0.1 and ::1.
func NewTLS() (*TLS, error) {
	ca, err := newIssuer()
	if err != nil {
		return nil, err
	}
	server, serverCert, serverKey, err := ca.issue(&x509.Certificate{
		Subject:     pkix.Name{CommonName: "localhost"},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return nil, err
	}
	client, clientCert, clientKey, err := ca.issue(&x509.Certificate{
		Subject:     pkix.Name{CommonName: "sandbox client"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	t := &TLS{
		Server: &tls.Config{
			MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{server}, ClientCAs: pool,
			ClientAuth: tls.VerifyClientCertIfGiven,
		},
		Client: &tls.Config{
			MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{client}, RootCAs: pool,
			ServerName: "localhost",
		},
		CAPEM:         pemBlock("CERTIFICATE", ca.cert.Raw),
		ServerCertPEM: serverCert, ServerKeyPEM: serverKey,
		ClientCertPEM: clientCert, ClientKeyPEM: clientKey,
	}
	t.ServerMutual = t.Server.Clone()
	t.ServerMutual.ClientAuth = tls.RequireAndVerifyClientCert
	return t, nil
}

// issuer is a certificate authority.
type issuer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newIssuer() (*issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	tmpl := &x509.Certificate{
		Subject: pkix.Name{CommonName: "sandbox authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if err := complete(tmpl); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse authority: %w", err)
	}
	return &issuer{cert, key}, nil
}

// issue makes a key and signs a certificate for it. It fills in what tmpl leaves out.
func (is *issuer) issue(tmpl *x509.Certificate) (pair tls.Certificate, certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair, nil, nil, fmt.Errorf("make key: %w", err)
	}
	tmpl.KeyUsage = x509.KeyUsageDigitalSignature
	if err := complete(tmpl); err != nil {
		return pair, nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, is.cert, key.Public(), is.key)
	if err != nil {
		return pair, nil, nil, fmt.Errorf("sign certificate: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return pair, nil, nil, fmt.Errorf("encode key: %w", err)
	}
	certPEM, keyPEM = pemBlock("CERTIFICATE", der), pemBlock("PRIVATE KEY", keyDER)
	pair, err = tls.X509KeyPair(certPEM, keyPEM)
	return pair, certPEM, keyPEM, err
}

// complete sets serial number and validity.
func complete(tmpl *x509.Certificate) error {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return fmt.Errorf("make serial number: %w", err)
	}
	tmpl.SerialNumber = serial
	tmpl.NotBefore = time.Now().Add(-time.Hour)
	tmpl.NotAfter = tmpl.NotBefore.Add(certLife)
	return nil
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
