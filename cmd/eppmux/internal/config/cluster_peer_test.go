package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/upstream/lane"
)

func TestPeerRules(t *testing.T) {
	f := clusterFiles(t)
	certify(t, f.folder, "server", x509.ExtKeyUsageServerAuth)
	certify(t, f.folder, "client", x509.ExtKeyUsageClientAuth)
	const makes = "is missing: hosts know each other by certificates of an authority of their own; \"eppmux cert --peer\" makes them"
	runRulesIn(t, f, sharedYAML, []rule{
		{`peer: {listen: "localhost:7070", FILES}`, ""},
		{`peer: {listen: "0.0.0.0:7070", advertise: "localhost:7070", FILES}`, ""},
		{`peer: {listen: "192.0.2.1:7070", advertise: "127.0.0.1:1", FILES}`, ""}, // a warning
		{`peer: {FILES}`, "cluster.peer.listen: is missing: host:port where other hosts reach this one"},
		{`peer: {listen: "127.0.0.1", advertise: "localhost:1", FILES}`, `cluster.peer.listen: must be host:port, got "127.0.0.1"`},
		{`peer: {listen: "127.0.0.1:0", advertise: "localhost:1", FILES}`, `cluster.peer.listen: the port must be 1 to 65535, got "0": others must know it`},
		{`peer: {listen: "a.example:7070", advertise: "localhost:1", FILES}`, `cluster.peer.listen: the host must be an IP address or localhost, got "a.example"`},
		{`peer: {listen: "0.0.0.0:7070", FILES}`, "cluster.peer.advertise: is missing: listen is every address of this host, and others need one of them"},
		{`peer: {listen: ":7070", FILES}`, "cluster.peer.advertise: is missing: listen is every address of this host"},
		{`peer: {listen: "[::]:7070", FILES}`, "cluster.peer.advertise: is missing: listen is every address of this host"},
		{`peer: {listen: "127.0.0.1:7070", advertise: localhost, FILES}`, `cluster.peer.advertise: must be host:port, got "localhost"`},

		{`peer: {listen: "127.0.0.1:7000", FILES}`, "cluster.peer.listen: registries[0].listen[0] listens there already"},
		{`peer: {listen: "0.0.0.0:7000", advertise: "localhost:1", FILES}`, "cluster.peer.listen: registries[0].listen[0] listens there already"},
		{`peer: {listen: "127.0.0.1:7001", FILES}`, "cluster.peer.listen: admin.listen listens there already"},

		{`peer: {listen: "127.0.0.1:7070", cert_file: a.pem, key_file: a.key}`, "cluster.peer.ca_file: " + makes},
		{`peer: {listen: "127.0.0.1:7070", ca_file: a.pem, key_file: a.key}`, "cluster.peer.cert_file: " + makes},
		{`peer: {listen: "127.0.0.1:7070", ca_file: a.pem, cert_file: a.pem}`, "cluster.peer.key_file: " + makes},
		{`peer: {listen: "127.0.0.1:7070", ca_file: pw, cert_file: a.pem, key_file: a.key}`, "cluster.peer.ca_file: pw holds no certificate in PEM"},
		{`peer: {listen: "127.0.0.1:7070", ca_file: a.pem, cert_file: a.pem, key_file: b.key}`, "cluster.peer.key_file: b.key does not go with a.pem"},
		{`peer: {listen: "127.0.0.1:7070", ca_file: a.pem, cert_file: b.pem, key_file: b.key}`,
			"cluster.peer.cert_file: b.pem is not certified for a server by ca_file: x509: certificate signed by unknown authority"},
		{`peer: {listen: "127.0.0.1:7070", ca_file: server.pem, cert_file: server.pem, key_file: server.key}`,
			"cluster.peer.cert_file: server.pem is not certified for a client by ca_file: x509: certificate specifies an incompatible key usage"},
		{`peer: {listen: "127.0.0.1:7070", ca_file: client.pem, cert_file: client.pem, key_file: client.key}`,
			"cluster.peer.cert_file: client.pem is not certified for a server by ca_file: x509: certificate specifies an incompatible key usage"},
		{`peer: {listen: "127.0.0.1:7070", advertise: "b.example:7070", FILES}`,
			"cluster.peer.cert_file: a.pem is not for b.example, where others find this host: x509: "},
	})
	// Two faults: nobody has a certificate for every address.
	_, err := parseConfig("c.yaml", []byte(sharedYAML(`peer: {listen: "127.0.0.1:7070", advertise: "0.0.0.0:1", FILES}`)), f)
	if want := `cluster.peer.advertise: must be an address that others can connect to, got "0.0.0.0:1"`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// certify writes a certificate of its own authority for 127.0.0.1 that is for one use, with its key.
func certify(t *testing.T, dir, name string, use x509.ExtKeyUsage) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(365 * day),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{use},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	clitest.WriteFile(t, dir, name+".pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), 0o644)
	clitest.WriteFile(t, dir, name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})), 0o600)
}

// TestExpiredPeer: a certificate that has ended is a warning, as any other, and no fault.
func TestExpiredPeer(t *testing.T) {
	f := clusterFiles(t)
	now := time.Now()
	clitest.WritePairFor(t, f.folder, "a", now.Add(-100*day), now.Add(-day))
	c, err := parseConfig("c.yaml", []byte(sharedYAML("")), f)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(c.Warnings, "\n")
	if want := "c.yaml:4: cluster.peer.cert_file: warning: a.pem expired on "; !strings.Contains(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	own := c.Cluster.Certificates()
	if len(own) != 1 || own[0].ShownTo() != "peers" || own[0].Registry != "" || own[0].File != "a.pem" {
		t.Errorf("got %+v, want the peer's", own)
	}
	var none *Cluster
	if own := none.Certificates(); own != nil {
		t.Errorf("got %+v of no cluster", own)
	}
}

func TestEngineCertificates(t *testing.T) {
	f := clusterFiles(t)
	now := time.Now()
	clitest.WritePairFor(t, f.folder, "b", now.Add(-100*day), now.Add(5*day))
	for _, tt := range []struct{ line, want string }{
		{`etcd: {endpoints: ["https://e:2379"], cert_file: b.pem, key_file: b.key}`, "cluster.etcd.cert_file: warning: b.pem expires in "},
		{`redis: {address: "r:6379", tls: true, cert_file: b.pem, key_file: b.key}`, "cluster.redis.cert_file: warning: b.pem expires in "},
	} {
		c, err := parseConfig("c.yaml", []byte(sharedYAML(tt.line)), f)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(c.Warnings, "\n"); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.line, got, tt.want)
		}
		if own := c.Cluster.Certificates(); len(own) != 2 || own[1].ShownTo() != "engine" {
			t.Errorf("%s: got %+v, want that for the engine", tt.line, own)
		}
	}
}

// shake lets two sides speak TLS over loopback, and returns what each makes of it.
func shake(t *testing.T, server, client *tls.Config) (shown string, serverErr, clientErr error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	a, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, c := range []net.Conn{a, b} {
		c.SetDeadline(time.Now().Add(20 * time.Second))
	}
	ended := make(chan error, 1) // one error, of the server's handshake
	go func() {
		s := tls.Server(a, server)
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte{0})
		} else {
			a.Close()
		}
		ended <- err
	}()
	c := tls.Client(b, client)
	if clientErr = c.Handshake(); clientErr == nil {
		shown = c.ConnectionState().PeerCertificates[0].Subject.CommonName
		_, clientErr = c.Read(make([]byte, 1)) // a refusal of our certificate comes behind the handshake
	}
	b.Close()
	return shown, <-ended, clientErr
}

func TestPeerTLS(t *testing.T) {
	f := clusterFiles(t)
	c, err := parseConfig("c.yaml", []byte(sharedYAML("")), f)
	if err != nil {
		t.Fatal(err)
	}
	server, client := c.Cluster.PeerTLS()
	client.ServerName = "127.0.0.1"
	if shown, s, c := shake(t, server, client); s != nil || c != nil || shown != "a" {
		t.Fatalf("got %v and %v with the certificate of %q", s, c, shown)
	}
	for name, spoil := range map[string]func(server, client *tls.Config){
		"no client certificate": func(_, c *tls.Config) { c.GetClientCertificate = nil },
		"client of another authority": func(_, c *tls.Config) {
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				return LoadKeyPair(filepath.Join(f.folder, "b.pem"), filepath.Join(f.folder, "b.key"))
			}
		},
		"server of another authority": func(s, _ *tls.Config) {
			s.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
				return LoadKeyPair(filepath.Join(f.folder, "b.pem"), filepath.Join(f.folder, "b.key"))
			}
		},
		"client of another name":        func(_, c *tls.Config) { c.ServerName = "b.example" },
		"client with TLS 1.2 only":      func(_, c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 },
		"server with TLS 1.2 only":      func(s, _ *tls.Config) { s.MinVersion, s.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 },
		"client of another protocol":    func(_, c *tls.Config) { c.NextProtos = []string{"h2"} },
		"client that names no protocol": func(_, c *tls.Config) { c.NextProtos, c.VerifyConnection = nil, nil },
		"server that names no protocol": func(s, _ *tls.Config) { s.NextProtos, s.VerifyConnection = nil, nil },
	} {
		s, c := server.Clone(), client.Clone()
		spoil(s, c)
		if _, serverErr, clientErr := shake(t, s, c); serverErr == nil && clientErr == nil {
			t.Errorf("%s: got a connection of %s", name, lane.Protocol)
		}
	}
}

// TestPeerTLSFollowsItsFiles: a renewed certificate is shown without a restart, on both sides.
func TestPeerTLSFollowsItsFiles(t *testing.T) {
	f := clusterFiles(t)
	c, err := parseConfig("c.yaml", []byte(sharedYAML("")), f)
	if err != nil {
		t.Fatal(err)
	}
	pair, at := c.Cluster.Peer.Certificate, time.Now()
	pair.now = func() time.Time { return at }
	server, client := c.Cluster.PeerTLS()
	for _, ext := range []string{".key", ".pem"} {
		if err := os.Rename(filepath.Join(f.folder, "b"+ext), filepath.Join(f.folder, "a"+ext)); err != nil {
			t.Fatal(err)
		}
	}
	at = at.Add(lookEvery)
	s, err := server.GetCertificate(nil)
	if err != nil || s.Leaf.Subject.CommonName != "b" {
		t.Errorf("server: got %v, %v, want the new certificate", s.Leaf.Subject, err)
	}
	cl, err := client.GetClientCertificate(nil)
	if err != nil || cl.Leaf.Subject.CommonName != "b" {
		t.Errorf("client: got %v, %v, want the new certificate", cl.Leaf.Subject, err)
	}
}
