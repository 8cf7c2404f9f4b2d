package sandbox

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"
)

func TestNewTLS(t *testing.T) {
	c, err := NewTLS()
	must(t, err)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(c.CAPEM) {
		t.Fatal("no authority")
	}
	for _, tt := range []struct {
		cert, key []byte
		usage     x509.ExtKeyUsage
		names     []string
	}{
		{c.ServerCertPEM, c.ServerKeyPEM, x509.ExtKeyUsageServerAuth, []string{"localhost", "127.0.0.1", "::1"}},
		{c.ClientCertPEM, c.ClientKeyPEM, x509.ExtKeyUsageClientAuth, []string{""}},
	} {
		pair, err := tls.X509KeyPair(tt.cert, tt.key)
		must(t, err)
		cert, err := x509.ParseCertificate(pair.Certificate[0])
		must(t, err)
		for _, name := range tt.names {
			if _, err := cert.Verify(x509.VerifyOptions{DNSName: name, Roots: pool, KeyUsages: []x509.ExtKeyUsage{tt.usage}}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestNewTLSPipe: the configs fit each other, with and without a client certificate, in TLS 1.2 and
// 1.3.
func TestNewTLSPipe(t *testing.T) {
	c, err := NewTLS()
	must(t, err)
	for _, server := range []*tls.Config{c.Server, c.ServerMutual} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			r := start(t, Config{})
			near, far := net.Pipe()
			go r.ServeConn(tls.Server(far, server))
			cfg := c.Client.Clone()
			cfg.MaxVersion = version
			conn := &client{t: t, conn: tls.Client(near, cfg), name: "tls"}
			conn.greet()
			conn.login("demo", "demo-secret").want(1000)
			conn.command("<logout/>").want(1500)
			near.Close()
			must(t, r.Close())
		}
	}
}
